// Partitions: parts of a device that are granted like devices (NVIDIA's MIG, Ascend's virtual NPUs,
// Cambricon's instances). A device that has any is offered only in parts. Private to lib/accel.
#pragma once

#include <string>
#include <vector>

#include "accel/pattern.hpp"
#include "accel/table.hpp"
#include "model/device.hpp"

namespace sluice::accel {

struct WholeDevice {
  const model::Device& device;
  const Bindings& bound;
};
// In the order of their numbers; none where the table knows no partitions or the device has none.
[[nodiscard]] std::vector<model::Device> partitions_of(const TableVendor& row,
                                                       const std::string& root,
                                                       const WholeDevice& whole);

}  // namespace sluice::accel
