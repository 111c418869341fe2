// What a vendor's tool prints of its devices, as values. The tool is a program that lives for a
// moment (tool_run.hpp starts it): its libraries never enter a process of ours.
//
// The format is a matter of the table: which characters end a column, what each column is, how many
// lines tell of one device. A row is only taken where every column that names the device (number,
// uuid, bus_id) reads as one, so headings, rules and footers drop out by themselves.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "accel/vendor.hpp"
#include "base/result.hpp"
#include "base/text.hpp"
#include "model/device.hpp"

namespace sluice::accel {

// One device as the tool sees it; what its columns don't say (or say as "N/A") is missing.
struct ToolRow {
  std::optional<std::uint32_t> number;
  Text uuid;
  Text bus_id;                               // as "0000:3b:00.0"
  std::optional<std::uint32_t> utilization;  // percent
  std::optional<std::uint64_t> memory_used;  // MiB
  std::optional<std::uint64_t> memory_total;
  std::optional<std::uint32_t> power_w;
  std::optional<std::uint32_t> temperature;  // degrees Celsius
  Text health;
  Text fault;  // empty: sound

  bool operator==(const ToolRow&) const = default;
};

// An error where no line reads as a device: the tool isn't what the table takes it for.
[[nodiscard]] Result<std::vector<ToolRow>> parse_tool_output(const Tool& tool,
                                                             std::string_view output);

// The row of a device: by bus_id, else by uuid, else by number, whatever both sides know. Null: the
// tool doesn't list it.
[[nodiscard]] const ToolRow* row_of(const std::vector<ToolRow>& rows, const model::Device& device);

// "00000000:3B:00.0", "3b:00.0", "0000:3B:00.0" -> "0000:3b:00.0"; empty if it isn't an address.
[[nodiscard]] std::string normal_bus_id(std::string_view text);

}  // namespace sluice::accel
