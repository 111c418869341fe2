// Reading mappings of a YAML document, row by row: each key has a reader that knows what may stand
// there; a key without a row is an error. Private to lib/accel.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "config/yaml_reader.hpp"

namespace sluice::accel {

using config::Place;
using config::YamlValue;

using ValueReader = std::function<Status(const YamlValue&, const Place&)>;
struct YamlRow {
  std::string_view key;
  ValueReader read;
};

// `place.key` names the mapping in the error if it isn't one.
[[nodiscard]] Status read_map(const YamlValue& value, const Place& place,
                              std::span<const YamlRow> rows);
// Calls `read` for each entry of a list.
[[nodiscard]] Status read_list(const YamlValue& value, const Place& place, const ValueReader& read);

// A text that isn't empty, lists of such texts, and so on. The targets outlive the readers.
[[nodiscard]] ValueReader text(Text& out);
[[nodiscard]] ValueReader any_text(Text& out);            // may be empty
[[nodiscard]] ValueReader texts(std::vector<Text>& out);  // a single text is a list of one
[[nodiscard]] ValueReader number(std::uint32_t& out);
[[nodiscard]] ValueReader yes_no(bool& out);

// What stands there, for "expected …, not …".
[[nodiscard]] std::string found_text(const YamlValue& value);

}  // namespace sluice::accel
