// `scontrol show topology [switch or node]`.
#include <algorithm>

#include <fmt/core.h>

#include "base/hostlist.hpp"
#include "cli/scontrol/show.hpp"
#include "wire/topology_messages.hpp"

namespace sluice::cli {

namespace {

std::vector<std::string> names_in(const Text& list) {
  Result<std::vector<std::string>> names = base::parse_hosts(list);
  return names ? std::move(*names) : std::vector<std::string>{};
}

bool has_node(const model::Switch& leaf, const std::string& name) {
  const std::vector<std::string> names = names_in(leaf.nodes);
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string switch_text(const model::Switch& shown) {
  std::string text = fmt::format("SwitchName={} Level={} LinkSpeed={} Nodes={}", shown.name.view(),
                                 shown.level, shown.link_speed, shown.nodes.view());
  if (!shown.switches.empty()) text += fmt::format(" Switches={}", shown.switches.view());
  return text;
}

std::string block_text(const model::Switch& shown, std::size_t index, std::uint32_t size) {
  return fmt::format("BlockName={} BlockIndex={} Nodes={} BlockSize={}", shown.name.view(), index,
                     shown.nodes.view(), size);
}

}  // namespace

int show_topology(Console& console, const std::string& name) {
  const auto reply = console.call<wire::TopologyReply>(wire::QueryTopology{});
  if (!reply) return console.error(reply.error().text);
  const model::Topology& topology = reply->topology;
  if (topology.kind == model::TopologyKind::none) {
    return console.error("No topology information available");
  }
  const bool named =
      std::ranges::any_of(topology.switches, [&](const auto& s) { return s.name.view() == name; });
  bool shown = false;
  for (std::size_t s = 0; s < topology.switches.size(); ++s) {
    const model::Switch& each = topology.switches[s];
    if (!name.empty() && !(named ? each.name.view() == name : has_node(each, name))) continue;
    shown = true;
    const bool tree = topology.kind == model::TopologyKind::tree;
    const std::uint32_t size = topology.block_sizes.empty() ? 0 : topology.block_sizes.front();
    console.say(tree ? switch_text(each) : block_text(each, s, size));
  }
  if (shown) return 0;
  static_cast<void>(console.error("Topology information contains no switch or node named " + name));
  return 0;  // as in Slurm
}

}  // namespace sluice::cli
