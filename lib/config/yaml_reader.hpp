// A thin layer over yaml-cpp: a mapping whose keys must all be known, values that remember where
// they stand, and errors that say file, line, key and what was expected. yaml-cpp's exceptions end
// here. For lib/config, and for the other YAML files that lib/ reads.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace sluice::config {

// A scalar as text, or a list of scalars, or a list of mappings.

struct YamlValue {
  enum class Kind { scalar, list, map, empty };
  Kind kind = Kind::empty;
  int line = 0;                                            // from 1
  std::string text;                                        // of a scalar
  std::vector<YamlValue> items;                            // of a list
  std::vector<std::pair<std::string, YamlValue>> entries;  // of a map
};

// The whole document; syntax errors, duplicate keys and non-mappings at the top are errors.
[[nodiscard]] Result<YamlValue> read_yaml(const std::string& text, const std::string& name);

// Where an error is: the file and the key.
struct Place {
  std::string file;
  int line = 0;
  std::string key;
};
[[nodiscard]] tl::unexpected<Error> wrong(const Place& place, std::string_view expected,
                                          std::string_view found);

}  // namespace sluice::config
