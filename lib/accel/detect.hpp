// Detection: which accelerators a host has, by its PCI functions, device files and small files of
// /sys and /proc alone. No vendor's library is loaded and no device is opened, so nothing here can
// hang on a sick one.
// Not for core: reads files.
#pragma once

#include <string>
#include <vector>

#include "accel/table.hpp"
#include "accel/vendor.hpp"
#include "base/result.hpp"
#include "model/node.hpp"

namespace sluice::accel {

struct Detected {
  // One for each GRES name, type and vendor, in the order of the PCI addresses. A model that the
  // table doesn't know has the vendor's name as its type. Device::cpus are the operating system's
  // numbers still: the caller maps them. A device whose file is missing, or is no device, is there
  // with a fault.
  std::vector<model::NodeGres> gres;
  std::vector<Vendor> vendors;     // those that `gres` names, with the files that exist here
  std::vector<std::string> notes;  // what was seen and left out, and why
};

// `root`: "" or "/" for this host, else a folder that stands for a host (device files may then be
// ordinary files; all paths in the result begin with it).
[[nodiscard]] Detected detect(const Table& table, const std::string& root);

// Looks again which control files exist.
void refresh_control_files(Vendor& vendor);

// Why a device can't be granted by its file alone; empty: nothing against it.
[[nodiscard]] std::string file_fault(const std::string& path, const std::string& root);

}  // namespace sluice::accel
