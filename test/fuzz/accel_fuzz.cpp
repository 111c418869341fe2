// The accelerator table, CDI specifications and what vendors' tools print. A specification that was
// read is written so that it reads as the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "accel/cdi_spec.hpp"
#include "accel/table.hpp"
#include "accel/tool.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  const std::string text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(accel::parse_table(text, "t.yaml").has_value());
  static_cast<void>(accel::parse_cdi_spec(text, "f.json").has_value());
  if (const auto spec = accel::parse_cdi_spec(text, "f.yaml")) {
    const auto again = accel::parse_cdi_spec(accel::write_cdi_spec(*spec), "f.yaml");
    if (!again || again->devices.size() != spec->devices.size()) std::abort();
  }
  accel::Tool tool;
  tool.separator = "| ";
  tool.columns = {"number", "bus_id", "utilization", "memory_used", "health"};
  tool.lines = 2;
  static_cast<void>(accel::parse_tool_output(tool, text).has_value());
  return 0;
}
