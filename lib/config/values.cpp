// See values.hpp.
#include "config/values.hpp"

#include <algorithm>

#include "base/duration.hpp"
#include "base/quantity.hpp"
#include "base/strings.hpp"
#include "model/types.hpp"

namespace sluice::config {

namespace {

Status expected(const char* form) { return fail(ErrorCode::invalid_argument, form); }

bool is_unlimited(const std::string& text) {
  return base::iequals(text, "UNLIMITED") || base::iequals(text, "INFINITE");
}

Result<std::string> joined(const YamlValue& value, const Place& place) {
  if (value.kind == YamlValue::Kind::scalar) return value.text;
  if (value.kind == YamlValue::Kind::empty) return std::string();
  if (value.kind == YamlValue::Kind::map) return wrong(place, "a value", "a mapping");
  std::string text;
  for (const YamlValue& item : value.items) {
    if (item.kind != YamlValue::Kind::scalar) return wrong(place, "a list of plain values", "");
    if (!text.empty()) text += ",";
    text += item.text;
  }
  return text;
}

}  // namespace

Status read_keys(const YamlValue& map, const std::string& file, const std::vector<Key>& keys,
                 std::span<const std::string_view> others) {
  for (const auto& [name, value] : map.entries) {
    if (std::ranges::find(others, name) != others.end()) continue;
    const Place place{file, value.line, name};
    const auto key = std::ranges::find(keys, std::string_view(name), &Key::name);
    if (key == keys.end()) {
      return fail(ErrorCode::invalid_argument,
                  file + ":" + std::to_string(value.line) + ": unknown key " + name);
    }
    Result<std::string> content = joined(value, place);
    if (!content) return tl::unexpected(content.error());
    if (const Status set = key->set(*content); !set)
      return wrong(place, set.error().text, *content);
  }
  return {};
}

Setter number(std::uint32_t& out) {
  return [&out](const std::string& value) -> Status {
    const Result<std::uint32_t> parsed = base::parse_u32(value);
    if (!parsed) return expected("a whole number");
    out = *parsed;
    return {};
  };
}

Setter number_or_unlimited(std::uint32_t& out) {
  return [&out](const std::string& value) -> Status {
    if (is_unlimited(value)) {
      out = model::kUnlimited;
      return {};
    }
    const Result<std::uint32_t> parsed = base::parse_u32(value);
    if (!parsed) return expected("a whole number or UNLIMITED");
    out = *parsed;
    return {};
  };
}

Setter seconds(std::uint32_t& out) {
  return [&out](const std::string& value) -> Status {
    const Result<std::uint32_t> parsed = base::parse_u32(value);
    if (!parsed) return expected("a number of seconds");
    out = *parsed;
    return {};
  };
}

// Slurm's Purge…After: months unless it says otherwise; a month is 30 days.
Setter age(std::int64_t& out) {
  return [&out](const std::string& value) -> Status {
    constexpr std::int64_t kHour = 3600;
    struct Unit {
      std::string_view name;
      std::int64_t seconds;
    };
    constexpr Unit kUnits[] = {{"hours", kHour}, {"days", 24 * kHour}, {"months", 720 * kHour}};
    out = 0;
    if (base::iequals(value, "none")) return {};
    const std::size_t digits = std::min(value.find_first_not_of("0123456789"), value.size());
    const Result<std::uint32_t> count = base::parse_u32(std::string_view(value).substr(0, digits));
    const std::string_view word = std::string_view(value).substr(digits);
    for (const Unit& unit : kUnits) {
      const bool meant = word.empty() ? unit.name == "months" : base::abbreviates(word, unit.name);
      if (count && *count != 0 && meant) out = *count * unit.seconds;
    }
    return out != 0 ? Status{} : expected("a time as 12hours, 30days, 12months or NONE");
  };
}

Setter minutes(std::uint32_t& out) {
  return [&out](const std::string& value) -> Status {
    const Result<std::int64_t> parsed = base::parse_duration(value);
    if (!parsed) return expected("a time (minutes, h:m:s, d-h:m:s) or UNLIMITED");
    out = *parsed == base::kUnlimited ? model::kUnlimited
                                      : static_cast<std::uint32_t>(base::to_minutes_up(*parsed));
    return {};
  };
}

Setter memory(std::uint64_t& out) {
  return [&out](const std::string& value) -> Status {
    const Result<std::uint64_t> parsed = base::parse_memory_mib(value);
    if (!parsed) return expected("an amount of memory (MiB, or with K, M, G, T)");
    out = *parsed;
    return {};
  };
}

Setter yes_no(bool& out) {
  return [&out](const std::string& value) -> Status {
    for (const std::string_view yes : {"yes", "true", "1", "on"}) {
      if (base::iequals(value, yes)) {
        out = true;
        return {};
      }
    }
    for (const std::string_view no : {"no", "false", "0", "off"}) {
      if (base::iequals(value, no)) {
        out = false;
        return {};
      }
    }
    return expected("yes or no");
  };
}

Setter text(Text& out) {
  return [&out](const std::string& value) -> Status {
    out = value;
    return {};
  };
}

Setter text(std::string& out) {
  return [&out](const std::string& value) -> Status {
    out = value;
    return {};
  };
}

Setter list_or_all(Text& out) {
  return [&out](const std::string& value) -> Status {
    out = base::iequals(value, "ALL") ? Text() : Text(value);
    return {};
  };
}

Setter job_defaults(Text& out) {
  return [&out](const std::string& value) -> Status {
    std::vector<std::string> parts;
    if (Status split = words(parts)(value); !split) return split;
    std::string made;
    for (const std::string& part : parts) {
      const base::Cut pair = base::cut(part, '=');
      const bool cpus = base::iequals(pair.before, "DefCpuPerGPU");
      const bool memory = base::iequals(pair.before, "DefMemPerGPU");
      const Result<std::uint64_t> amount =
          memory ? base::parse_memory_mib(pair.after) : base::parse_count(pair.after);
      if ((!cpus && !memory) || !amount || *amount == 0) {
        return expected("DefCpuPerGPU=count, DefMemPerGPU=memory");
      }
      made += (made.empty() ? "" : ",") + std::string(cpus ? "DefCpuPerGPU=" : "DefMemPerGPU=") +
              std::to_string(*amount);
    }
    out = made;
    return {};
  };
}

Setter words(std::vector<std::string>& out) {
  return [&out](const std::string& value) -> Status {
    out.clear();
    std::size_t start = 0;
    while (start <= value.size()) {
      const std::size_t comma = std::min(value.find(',', start), value.size());
      if (comma > start) out.push_back(value.substr(start, comma - start));
      start = comma + 1;
    }
    return {};
  };
}

}  // namespace sluice::config
