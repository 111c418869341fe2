// The PCI functions of a host as sysfs shows them, and how near two of them are.
// Not for core: reads files.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bitmap.hpp"

namespace sluice::accel {

struct PciFunction {
  std::string bus_id;            // "0000:3b:00.0"
  std::string vendor;            // "10de"
  std::string device;            // "20b0"
  std::string device_class;      // "030200"
  std::uint32_t numa = 0;        // model::kNoNuma: not said
  base::Bitmap cpus;             // OS numbers of the CPUs beside it; empty: not said
  std::vector<std::string> way;  // from the root complex down: "pci0000:3a", "0000:3a:00.0", …
};

// In the order of their addresses. None if there is no sysfs.
[[nodiscard]] std::vector<PciFunction> read_pci(const std::string& root);

// Weights of links (model::Device::links).
inline constexpr std::uint32_t kFabricLink = 100;
inline constexpr std::uint32_t kSwitchLink = 20;   // below one PCIe switch
inline constexpr std::uint32_t kComplexLink = 10;  // below one PCIe root complex
[[nodiscard]] std::uint32_t pci_link(const PciFunction& a, const PciFunction& b);

// The content without blanks around it; empty if it can't be read.
[[nodiscard]] std::string read_value(const std::string& path);

// What the kfd driver (AMD's, and those made after it) tells of its nodes with compute units.
struct KfdNode {
  std::uint32_t node = 0;
  std::string bus_id;
  std::vector<std::uint32_t> fabric;  // nodes that a link of the vendor's own leads to
};
[[nodiscard]] std::vector<KfdNode> read_kfd(const std::string& root);

}  // namespace sluice::accel
