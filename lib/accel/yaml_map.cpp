// See yaml_map.hpp.
#include "accel/yaml_map.hpp"

#include <algorithm>

#include "base/quantity.hpp"
#include "base/strings.hpp"

namespace sluice::accel {

namespace {

using Kind = YamlValue::Kind;

Place inside(const Place& place, std::string_view key, int line) {
  return {place.file, line,
          place.key.empty() ? std::string(key) : place.key + "." + std::string(key)};
}

}  // namespace

std::string found_text(const YamlValue& value) {
  switch (value.kind) {
    case Kind::scalar: return value.text;
    case Kind::list: return "a list";
    case Kind::map: return "a mapping";
    case Kind::empty: break;
  }
  return "nothing";
}

Status read_map(const YamlValue& value, const Place& place, std::span<const YamlRow> rows) {
  if (value.kind != Kind::map) return config::wrong(place, "a mapping", found_text(value));
  for (const auto& [name, entry] : value.entries) {
    const Place here = inside(place, name, entry.line);
    const auto row = std::ranges::find(rows, std::string_view(name), &YamlRow::key);
    if (row == rows.end()) {
      std::string known;
      for (const YamlRow& one : rows) known += (known.empty() ? "" : ", ") + std::string(one.key);
      return config::wrong(here, "a known key (" + known + ")", name);
    }
    if (Status read = row->read(entry, here); !read) return read;
  }
  return {};
}

Status read_list(const YamlValue& value, const Place& place, const ValueReader& read) {
  if (value.kind != Kind::list) return config::wrong(place, "a list", found_text(value));
  for (const YamlValue& item : value.items) {
    if (Status done = read(item, {place.file, item.line, place.key}); !done) return done;
  }
  return {};
}

ValueReader text(Text& out) {
  return [&out](const YamlValue& value, const Place& place) -> Status {
    if (value.kind != Kind::scalar || value.text.empty()) {
      return config::wrong(place, "a text", found_text(value));
    }
    out = value.text;
    return {};
  };
}

ValueReader any_text(Text& out) {
  return [&out](const YamlValue& value, const Place& place) -> Status {
    if (value.kind != Kind::scalar) return config::wrong(place, "a text", found_text(value));
    out = value.text;
    return {};
  };
}

ValueReader texts(std::vector<Text>& out) {
  return [&out](const YamlValue& value, const Place& place) -> Status {
    out.clear();
    if (value.kind == Kind::scalar) {
      out.emplace_back(value.text);
      return {};
    }
    return read_list(value, place, [&out](const YamlValue& item, const Place& here) -> Status {
      Text one;
      if (Status read = any_text(one)(item, here); !read) return read;
      out.push_back(std::move(one));
      return {};
    });
  };
}

ValueReader number(std::uint32_t& out) {
  return [&out](const YamlValue& value, const Place& place) -> Status {
    const Result<std::uint32_t> parsed = base::parse_u32(value.text);
    if (value.kind != Kind::scalar || !parsed) {
      return config::wrong(place, "a whole number", found_text(value));
    }
    out = *parsed;
    return {};
  };
}

ValueReader yes_no(bool& out) {
  return [&out](const YamlValue& value, const Place& place) -> Status {
    const bool yes = value.text == "yes" || value.text == "true";
    if (value.kind != Kind::scalar || (!yes && value.text != "no" && value.text != "false")) {
      return config::wrong(place, "yes or no", found_text(value));
    }
    out = yes;
    return {};
  };
}

}  // namespace sluice::accel
