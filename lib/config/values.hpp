// Values of sluice.yaml: one table row per key says how its text is read and where it goes. Private
// to lib/config.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "config/yaml_reader.hpp"

namespace sluice::config {

// Takes a value's text; the error is what was expected.
using Setter = std::function<Status(const std::string&)>;

struct Key {
  std::string_view name;
  Setter set;
};

// Every key of the map must be in the table (or in `others`, which the caller reads); lists of
// scalars are joined by commas, as Slurm writes lists.
[[nodiscard]] Status read_keys(const YamlValue& map, const std::string& file,
                               const std::vector<Key>& keys,
                               std::span<const std::string_view> others);

[[nodiscard]] Setter number(std::uint32_t& out);
[[nodiscard]] Setter number_or_unlimited(std::uint32_t& out);
[[nodiscard]] Setter seconds(std::uint32_t& out);  // "30", Slurm's plain seconds
[[nodiscard]] Setter age(
    std::int64_t& out);  // seconds; "12hours", "30days", "12months", "12", NONE
[[nodiscard]] Setter minutes(std::uint32_t& out);  // Slurm's time spellings; UNLIMITED
[[nodiscard]] Setter memory(std::uint64_t& out);   // MiB; "4G"
[[nodiscard]] Setter yes_no(bool& out);
[[nodiscard]] Setter text(Text& out);
[[nodiscard]] Setter text(std::string& out);
[[nodiscard]] Setter list_or_all(Text& out);  // "ALL" becomes empty
// "DefCpuPerGPU=4,DefMemPerGPU=2G", with memory in MiB then.
[[nodiscard]] Setter job_defaults(Text& out);
[[nodiscard]] Setter words(std::vector<std::string>& out);  // comma separated

}  // namespace sluice::config
