// Rows of slurm.conf become mappings under our names. Each key is taken, or passed over because
// it is about how daemons are run, or noted because nothing here corresponds to it; any other is
// an error. Private to lib/config.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/slurm_text.hpp"
#include "config/yaml_reader.hpp"

namespace sluice::config {

// What has a bearing in Slurm and none here, for the reader.
class LeftOut {
 public:
  explicit LeftOut(std::vector<std::string>& notes) : notes_(notes) {}
  // "FILE:LINE: WHAT: WHY"
  void add(const Place& place, std::string_view why);

 private:
  std::vector<std::string>& notes_;
};

struct SlurmKeys {
  std::span<const std::string_view> taken;    // our names
  std::span<const std::string_view> passed;   // Slurm's names, in any case
  std::span<const std::string_view> missing;  // Slurm's names
};

// The value of an entry; a later one takes the place of an earlier one.
void put(YamlValue& map, std::string_view key, std::string_view value, int line);

// Adds the row's pairs to `map`.
[[nodiscard]] Status translate_row(const SlurmLine& row, const std::string& file,
                                   const SlurmKeys& keys, LeftOut& left_out, YamlValue& map);

// Of all of slurm.conf, without what is settled by hand.
[[nodiscard]] const SlurmKeys& slurm_global_keys();

// A NodeName or PartitionName row, with what its DEFAULT rows say filled in.
[[nodiscard]] Result<YamlValue> slurm_node(SlurmLine row, const std::string& file,
                                           LeftOut& left_out);
[[nodiscard]] Result<YamlValue> slurm_partition(SlurmLine row, const std::string& file,
                                                LeftOut& left_out);

}  // namespace sluice::config
