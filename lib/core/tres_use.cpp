// See tres_use.hpp.
#include "core/tres_use.hpp"

#include <algorithm>
#include <string>

#include "base/quantity.hpp"
#include "base/strings.hpp"

namespace sluice::core {

namespace {

using model::TresCounts;
using model::TresKind;
using model::TresTable;

__extension__ using Signed = __int128;
constexpr std::int64_t kMillion = 1'000'000;
constexpr std::int64_t kMostWhole = 1'000'000'000'000;

// "0.25", "-1.5": millionths; further digits are cut off.
Result<std::int64_t> parse_millionths(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const base::Cut parts = base::cut(text, '.');
  const auto wrong = [&] {
    return fail(ErrorCode::invalid_argument, "a weight such as 1.0 or 0.25G");
  };
  if (parts.before.empty() && parts.after.empty()) return wrong();
  const Result<std::uint64_t> whole =
      parts.before.empty() ? Result<std::uint64_t>(0)
                           : base::parse_unsigned(parts.before, std::uint64_t{kMostWhole});
  std::string digits(parts.after.substr(0, 6));
  digits.resize(6, '0');
  const Result<std::uint64_t> rest = base::parse_unsigned(digits);
  if (!whole || !rest) return wrong();
  if (parts.after.find_first_not_of("0123456789") != std::string_view::npos) return wrong();
  const std::int64_t value =
      static_cast<std::int64_t>(*whole) * kMillion + static_cast<std::int64_t>(*rest);
  return negative ? -value : value;
}

Result<TresWeight> parse_weight(const TresTable& table, std::string_view entry) {
  const base::Cut parts = base::cut(entry, '=');
  const TresKind* kind = model::find_tres_kind(table, base::trim(parts.before));
  if (kind == nullptr || !parts.found) {
    return fail(ErrorCode::invalid_argument,
                "'" + std::string(entry) + "' is no weight of a TRES that is counted");
  }
  TresWeight weight{.id = kind->id};
  std::string_view number = base::trim(parts.after);
  constexpr std::string_view kSuffixes = "KMGTP";
  const std::size_t unit =
      number.empty() ? std::string_view::npos : kSuffixes.find(base::to_upper(number).back());
  if (unit != std::string_view::npos) {
    number.remove_suffix(1);
    // A count's unit is one, memory's the MiB.
    const int power = static_cast<int>(unit) - (kind->id == model::kTresMemory ? 1 : -1);
    for (int i = 0; i < power; ++i) weight.per *= 1024;
    if (power < 0) weight.times = 1024;
  }
  const Result<std::int64_t> value = parse_millionths(number);
  if (!value) return tl::unexpected(value.error());
  weight.millionths = *value;
  return weight;
}

std::int64_t clamped(Signed value) {
  constexpr Signed kMost = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::clamp(value, -kMost, kMost));
}

// The GRES kind counts all types, or the one that it names ("gpu:a100").
bool counts_gres(const TresKind& kind, std::string_view name, std::string_view type) {
  if (kind.type.view() != "gres") return false;
  const base::Cut parts = base::cut(kind.name.view(), ':');
  return base::iequals(parts.before, name) && (!parts.found || base::iequals(parts.after, type));
}

// "matlab:2,ansys", also with '='.
void add_licenses(TresCounts& counts, const TresTable& table, std::string_view text) {
  if (text.empty()) return;
  for (const std::string_view entry : base::split_nonempty(text, ',')) {
    const std::size_t mark = entry.find_first_of(":=");
    const std::string_view name = entry.substr(0, mark);
    std::int64_t count = 1;
    if (mark != std::string_view::npos) {
      const Result<std::uint32_t> parsed = base::parse_u32(entry.substr(mark + 1));
      count = parsed ? *parsed : 1;
    }
    for (const TresKind& kind : table) {
      if (kind.type.view() != "license" || !base::iequals(kind.name, name)) continue;
      model::add_tres(counts, kind.id, count);
    }
  }
}

std::int64_t gres_count(const model::GresRequest& asked, std::int64_t nodes, std::int64_t tasks) {
  const auto count = static_cast<std::int64_t>(asked.count);
  switch (asked.scope) {
    case model::GresScope::node: return count * nodes;
    case model::GresScope::task: return count * tasks;
    case model::GresScope::socket: return count * nodes;  // at least one socket on each
    case model::GresScope::job: return count;
  }
  return count;
}

}  // namespace

Result<TresWeights> parse_tres_weights(const TresTable& table, std::string_view text) {
  TresWeights weights;
  for (const std::string_view entry : base::split_nonempty(text, ',')) {
    Result<TresWeight> weight = parse_weight(table, base::trim(entry));
    if (!weight) return tl::unexpected(weight.error());
    weights.push_back(*weight);
  }
  std::ranges::stable_sort(weights, {}, &TresWeight::id);
  return weights;
}

std::int64_t weighted_millionths(const TresWeight& weight, std::int64_t count) {
  return clamped(Signed{count} * weight.millionths * weight.times / weight.per);
}

TresCounts allocated_tres(const model::Allocation& allocation, const TresTable& table) {
  TresCounts counts;
  counts.reserve(4);  // mostly CPUs, memory, nodes, and what is billed
  std::int64_t memory = 0;
  for (const model::NodeShare& share : allocation.shares) {
    memory += static_cast<std::int64_t>(share.memory);
    for (const model::GresShare& gres : share.gres) {
      for (const TresKind& kind : table) {
        if (!counts_gres(kind, gres.name, gres.type)) continue;
        model::add_tres(counts, kind.id, static_cast<std::int64_t>(gres.count));
      }
    }
  }
  model::set_tres(counts, model::kTresCpu, allocation.cpus);
  if (memory != 0) model::set_tres(counts, model::kTresMemory, memory);
  model::set_tres(counts, model::kTresNode, static_cast<std::int64_t>(allocation.shares.size()));
  add_licenses(counts, table, allocation.licenses);
  return counts;
}

std::int64_t requested_cpus(const model::Request& request) {
  const std::int64_t nodes = std::max(1U, request.min_nodes);
  const std::int64_t tasks = std::max<std::int64_t>(request.tasks, nodes);
  const std::int64_t cpus = nodes * std::max(1U, request.min_cpus_per_node);
  return request.overcommit ? cpus : std::max(cpus, tasks * std::max(1U, request.cpus_per_task));
}

TresCounts requested_tres(const model::Request& request, const TresTable& table) {
  const std::int64_t nodes = std::max(1U, request.min_nodes);
  const std::int64_t tasks = std::max<std::int64_t>(request.tasks, nodes);
  const std::int64_t cpus = requested_cpus(request);
  TresCounts counts;
  model::set_tres(counts, model::kTresCpu, cpus);
  const auto memory = static_cast<std::int64_t>(request.memory_per_node) * nodes +
                      static_cast<std::int64_t>(request.memory_per_cpu) * cpus;
  if (memory != 0) model::set_tres(counts, model::kTresMemory, memory);
  model::set_tres(counts, model::kTresNode, nodes);
  for (const model::GresRequest& asked : request.gres) {
    for (const TresKind& kind : table) {
      if (!counts_gres(kind, asked.name, asked.type)) continue;
      model::add_tres(counts, kind.id, gres_count(asked, nodes, tasks));
    }
  }
  add_licenses(counts, table, request.licenses);
  return counts;
}

std::int64_t billed(const TresCounts& counts, const TresWeights& weights, const TresTable& table,
                    std::uint32_t flags) {
  if (weights.empty()) return model::tres_count(counts, model::kTresCpu);
  Signed most = 0;
  Signed local = 0;
  Signed gres = 0;
  Signed global = 0;
  for (const TresWeight& weight : weights) {
    const std::int64_t part = weighted_millionths(weight, model::tres_count(counts, weight.id));
    const auto kind = std::ranges::lower_bound(table, weight.id, {}, &TresKind::id);
    const std::string_view type = kind == table.end() ? std::string_view() : kind->type.view();
    if (type == "license") {
      global += part;
      continue;
    }
    const bool beside = type == "gres" && (flags & model::kPriorityMaxTresGres) != 0;
    if (beside) {
      gres += part;
    } else {
      local += part;
      most = std::max<Signed>(most, part);
    }
  }
  const bool take_most = (flags & (model::kPriorityMaxTres | model::kPriorityMaxTresGres)) != 0;
  return std::max<std::int64_t>(0,
                                clamped(((take_most ? most : local) + gres + global) / kMillion));
}

}  // namespace sluice::core
