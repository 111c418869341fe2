// See tres.hpp. Lists are ascending by id, so all look-ups are by halving.
#include "model/tres.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <fmt/core.h>

#include "base/quantity.hpp"
#include "base/strings.hpp"

namespace sluice::model {

namespace {

constexpr std::size_t kMaxTresName = 128;

struct FirstTres {
  TresId id;
  std::string_view type;
  std::string_view name;
};
constexpr auto kFirst = std::to_array<FirstTres>({{kTresCpu, "cpu", ""},
                                                  {kTresMemory, "mem", ""},
                                                  {kTresEnergy, "energy", ""},
                                                  {kTresNode, "node", ""},
                                                  {kTresBilling, "billing", ""},
                                                  {kTresFsDisk, "fs", "disk"},
                                                  {kTresVmem, "vmem", ""},
                                                  {kTresPages, "pages", ""}});

auto place_of(auto& counts, TresId id) {
  return std::lower_bound(counts.begin(), counts.end(), id,
                          [](const TresCount& count, TresId wanted) { return count.id < wanted; });
}

// A kind that a configuration may add; what else Slurm knows (burst buffers, interconnects) isn't
// measured here.
Result<TresKind> new_kind(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string type = base::to_lower(text.substr(0, slash));
  const std::string_view name =
      slash == std::string_view::npos ? std::string_view() : text.substr(slash + 1);
  if (type != "gres" && type != "license") {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is no TRES; expected gres/NAME or license/NAME", text));
  }
  const bool is_plain =
      !name.empty() && name.size() <= kMaxTresName && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-' || c == '.' || c == ':' || c == '@';
      });
  if (!is_plain) {
    return fail(ErrorCode::invalid_argument, fmt::format("'{}' names no TRES", text));
  }
  return TresKind{0, type, name};
}

const TresKind* kind_of_id(const TresTable& table, TresId id) {
  const auto kind = std::ranges::lower_bound(table, id, {}, &TresKind::id);
  return kind != table.end() && kind->id == id ? &*kind : nullptr;
}

// A kind by its name, or by its number as Slurm also writes it ("1=4").
const TresKind* kind_called(const TresTable& table, std::string_view name) {
  if (const TresKind* kind = find_tres_kind(table, name)) return kind;
  const Result<std::uint32_t> id = base::parse_u32(name);
  return id ? kind_of_id(table, *id) : nullptr;
}

Result<std::int64_t> parse_tres_count(TresId id, std::string_view text) {
  if (text == "-1") return -1;
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const Result<std::uint64_t> count =
      id == kTresMemory ? base::parse_memory_mib(text) : base::parse_unsigned(text, kMost);
  if (!count || *count > kMost) {
    return fail(ErrorCode::invalid_argument, fmt::format("invalid TRES count '{}'", text));
  }
  return static_cast<std::int64_t>(*count);
}

}  // namespace

std::string tres_name(const TresKind& kind) {
  return kind.name.empty() ? kind.type.str()
                           : fmt::format("{}/{}", kind.type.view(), kind.name.view());
}

const TresCount* find_tres(const TresCounts& counts, TresId id) {
  const auto place = place_of(counts, id);
  return place != counts.end() && place->id == id ? &*place : nullptr;
}

std::int64_t tres_count(const TresCounts& counts, TresId id) {
  const TresCount* found = find_tres(counts, id);
  return found != nullptr ? found->count : 0;
}

void set_tres(TresCounts& counts, TresId id, std::int64_t count) {
  const auto place = place_of(counts, id);
  if (place != counts.end() && place->id == id) {
    place->count = count;
  } else {
    counts.insert(place, TresCount{id, count});
  }
}

void add_tres(TresCounts& counts, TresId id, std::int64_t count) {
  const auto place = place_of(counts, id);
  if (place != counts.end() && place->id == id) {
    place->count += count;
  } else {
    counts.insert(place, TresCount{id, count});
  }
}

TresTable first_tres() {
  TresTable table;
  table.reserve(kFirst.size());
  for (const FirstTres& kind : kFirst) table.push_back({kind.id, kind.type, kind.name});
  return table;
}

const TresKind* find_tres_kind(const TresTable& table, std::string_view name) {
  const auto found = std::ranges::find_if(
      table, [&](const TresKind& kind) { return base::iequals(tres_name(kind), name); });
  return found != table.end() ? &*found : nullptr;
}

Result<TresTable> with_tres(TresTable table, std::string_view comma_separated) {
  for (const std::string_view part : base::split(comma_separated, ',')) {
    const std::string_view name = base::trim(part);
    if (name.empty() || find_tres_kind(table, name) != nullptr) continue;
    Result<TresKind> kind = new_kind(name);
    if (!kind) return tl::unexpected(kind.error());
    kind->id = std::max(kFirstConfiguredTres, table.empty() ? 0 : table.back().id + 1);
    table.push_back(std::move(*kind));
  }
  return table;
}

Result<TresCounts> parse_tres(const TresTable& table, std::string_view text) {
  TresCounts counts;
  if (base::trim(text).empty()) return counts;
  for (const std::string_view part : base::split(text, ',')) {
    const std::string_view entry = base::trim(part);
    const std::size_t equals = entry.find('=');
    if (entry.empty() || equals == std::string_view::npos) {
      return fail(ErrorCode::invalid_argument, fmt::format("'{}': expected TRES=COUNT", entry));
    }
    const std::string_view name = entry.substr(0, equals);
    const TresKind* kind = kind_called(table, name);
    if (kind == nullptr) {
      return fail(ErrorCode::invalid_argument, fmt::format("no TRES is known as '{}'", name));
    }
    const Result<std::int64_t> count = parse_tres_count(kind->id, entry.substr(equals + 1));
    if (!count) return tl::unexpected(count.error());
    set_tres(counts, kind->id, *count);
  }
  return counts;
}

std::string tres_text(const TresTable& table, const TresCounts& counts) {
  std::string text;
  for (const TresKind& kind : table) {
    const TresCount* found = find_tres(counts, kind.id);
    if (found == nullptr) continue;
    if (!text.empty()) text += ',';
    const bool is_memory = kind.id == kTresMemory && found->count >= 0;
    text += tres_name(kind) + '=';
    text += is_memory
                ? base::format_exact(static_cast<std::uint64_t>(found->count), base::Unit::mega)
                : std::to_string(found->count);
  }
  return text;
}

}  // namespace sluice::model
