// The form of slurm.conf, gres.conf and topology.conf: lines of Key=Value, perhaps with blanks
// around '=', values perhaps in double quotes, '#' begins a comment, a backslash at the end
// continues the line. Private to lib/config.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/yaml_reader.hpp"

namespace sluice::config {

struct SlurmPair {
  std::string key;
  std::string value;
};

struct SlurmLine {
  int line = 0;  // from 1; where it begins
  std::vector<SlurmPair> pairs;
};

// `name` stands in messages. What isn't Key=Value is an error.
[[nodiscard]] Result<std::vector<SlurmLine>> read_slurm_text(std::string_view text,
                                                             const std::string& name);

// Equal but for case and underscores: "DefMemPerCPU" and "def_mem_per_cpu".
[[nodiscard]] bool same_key(std::string_view slurm, std::string_view ours);
// The value of a key; null: not in the line.
[[nodiscard]] const std::string* find_pair(const SlurmLine& line, std::string_view key);

}  // namespace sluice::config
