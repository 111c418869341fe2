// See gres_text.hpp.
#include "report/gres_text.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "base/quantity.hpp"
#include "base/strings.hpp"

namespace sluice::report {

namespace {

// Sockets beside which devices of the kind sit; size 0: it isn't known of some.
base::Bitmap sockets_of(const model::NodeGres& gres, const model::NodeFacts& facts) {
  const std::size_t per_socket = std::size_t{facts.cores_per_socket} * facts.threads_per_core;
  base::Bitmap sockets(facts.sockets);
  if (gres.devices.empty() || per_socket == 0) return {};
  for (const model::Device& device : gres.devices) {
    if (device.cpus.none()) return {};
    device.cpus.for_each([&](std::size_t cpu) {
      if (cpu / per_socket < sockets.size()) sockets.set(cpu / per_socket);
    });
  }
  return sockets;
}

// The parts of a list, at commas outside brackets: "gpu:a100:2(IDX:0,2),npu:0".
std::vector<std::string_view> parts_of(std::string_view text) {
  std::vector<std::string_view> parts;
  int depth = 0;
  std::size_t from = 0;
  for (std::size_t at = 0; at <= text.size(); ++at) {
    const char c = at < text.size() ? text[at] : ',';
    if (c == '(') ++depth;
    if (c == ')') --depth;
    if (c != ',' || depth > 0) continue;
    if (at > from) parts.push_back(text.substr(from, at - from));
    from = at + 1;
  }
  return parts;
}

}  // namespace

void GresSums::add_to(std::vector<Sum>& sums, std::string_view name, std::string_view type,
                      std::uint64_t count) {
  const auto known = std::ranges::find_if(
      sums, [&](const Sum& sum) { return sum.name == name && sum.type == type; });
  if (known == sums.end()) {
    sums.push_back({std::string(name), std::string(type), count});
  } else {
    known->count += count;
  }
}

void GresSums::add(std::string_view name, std::string_view type, std::uint64_t count) {
  if (count == 0) return;
  add_to(names_, name, "", count);
  if (!type.empty()) add_to(types_, name, type, count);
}

std::string GresSums::tres() const {
  std::string text;
  for (const Sum& all : names_) {
    text += fmt::format(",gres/{}={}", all.name, all.count);
    for (const Sum& part : types_) {
      if (part.name == all.name) {
        text += fmt::format(",gres/{}:{}={}", part.name, part.type, part.count);
      }
    }
  }
  return text;
}

std::string gres_text(const model::Node& node) {
  std::string text;
  for (const model::NodeGres& gres : node.facts.gres) {
    if (!text.empty()) text += ',';
    text += gres.name.view();
    if (!gres.type.empty()) text += ":" + gres.type.str();
    text += fmt::format(":{}", gres.count);
    const base::Bitmap sockets = sockets_of(gres, node.facts);
    if (sockets.any()) text += fmt::format("(S:{})", sockets.to_ranges());
  }
  return text;
}

std::string configured_gres_tres(const model::Node& node) {
  GresSums sums;
  for (const model::NodeGres& gres : node.facts.gres) {
    sums.add(gres.name.view(), gres.type.view(), gres.count);
  }
  return sums.tres();
}

std::string used_gres_tres(const model::Node& node) {
  GresSums sums;
  for (std::string_view part : parts_of(node.gres_used.view())) {
    part = base::cut(part, '(').before;
    const auto words = base::split(part, ':');
    const auto count = base::parse_count(words.back());
    if (words.size() < 2 || !count) continue;
    sums.add(words.front(), words.size() == 3 ? words[1] : std::string_view(), *count);
  }
  return sums.tres();
}

}  // namespace sluice::report
