// See pci.hpp.
#include "accel/pci.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>

#include <fmt/core.h>

#include "accel/pattern.hpp"
#include "accel/tool.hpp"
#include "base/file.hpp"
#include "base/quantity.hpp"
#include "base/strings.hpp"
#include "model/device.hpp"

namespace sluice::accel {

namespace {

constexpr std::size_t kMaxFunctions = 4096;
constexpr std::size_t kMaxCpus = 16'384;
constexpr std::size_t kMaxValue = 64 * 1024;
constexpr std::string_view kXgmi = "11";  // HSA_IOLINKTYPE_XGMI

// "0x10de" -> "10de"
std::string hex_value(const std::string& path) {
  std::string text = read_value(path);
  if (text.starts_with("0x")) text.erase(0, 2);
  return base::to_lower(text);
}

base::Bitmap cpus_of(const std::string& folder) {
  Result<base::Bitmap> parsed =
      base::Bitmap::from_ranges(read_value(folder + "/local_cpulist"), kMaxCpus);
  if (!parsed) return {};
  const std::vector<std::uint32_t> members = parsed->members();
  parsed->resize(members.empty() ? 0 : std::size_t{members.back()} + 1);
  return std::move(*parsed);
}

// /sys/bus/pci/devices/X is a link to /sys/devices/pci0000:3a/0000:3a:00.0/…/X.
std::vector<std::string> way_of(const std::string& folder) {
  std::array<char, PATH_MAX> path{};
  if (::realpath(folder.c_str(), path.data()) == nullptr) return {};
  const std::string_view whole = path.data();
  const std::size_t start = whole.rfind("/pci");
  std::vector<std::string> way;
  if (start == std::string_view::npos) return way;
  for (const std::string_view name : base::split_nonempty(whole.substr(start), '/')) {
    way.emplace_back(name);
  }
  return way;
}

// "name value" lines of a topology file.
std::string property(std::string_view text, std::string_view name) {
  for (const std::string_view line : base::split_nonempty(text, '\n')) {
    const base::Cut cut = base::cut(line, ' ');
    if (cut.before == name) return std::string(base::trim(cut.after));
  }
  return {};
}

std::uint64_t number_property(std::string_view text, std::string_view name) {
  const Result<std::uint64_t> value = base::parse_unsigned(property(text, name));
  return value ? *value : 0;
}

// Links of the vendor's own; those over PCIe we know ourselves.
std::vector<std::uint32_t> fabric_of(const std::string& folder) {
  std::vector<std::uint32_t> nodes;
  for (const std::string_view kind : {"/io_links", "/p2p_links"}) {
    const std::string links = folder + std::string(kind);
    for (const std::string& name : entries_of(links)) {
      const std::string text = read_value(links + "/" + name + "/properties");
      if (property(text, "type") != kXgmi) continue;
      nodes.push_back(static_cast<std::uint32_t>(number_property(text, "node_to")));
    }
  }
  return nodes;
}

}  // namespace

std::string read_value(const std::string& path) {
  const Result<std::string> content = base::read_kernel_file(path, kMaxValue);
  return content ? std::string(base::trim(*content)) : std::string();
}

std::vector<PciFunction> read_pci(const std::string& root) {
  const std::string base_folder = root + "/sys/bus/pci/devices";
  std::vector<PciFunction> functions;
  for (const std::string& name : entries_of(base_folder)) {
    if (functions.size() >= kMaxFunctions) break;
    PciFunction function;
    function.bus_id = normal_bus_id(name);
    if (function.bus_id.empty()) continue;
    const std::string folder = base_folder + "/" + name;
    function.vendor = hex_value(folder + "/vendor");
    function.device = hex_value(folder + "/device");
    function.device_class = hex_value(folder + "/class");
    const Result<std::uint32_t> numa = base::parse_u32(read_value(folder + "/numa_node"));
    function.numa = numa ? *numa : model::kNoNuma;  // the kernel's -1: not said
    function.cpus = cpus_of(folder);
    function.way = way_of(folder);
    functions.push_back(std::move(function));
  }
  std::ranges::sort(functions, [](const PciFunction& a, const PciFunction& b) {
    return std::pair(a.bus_id.size(), a.bus_id) < std::pair(b.bus_id.size(), b.bus_id);
  });
  return functions;
}

std::uint32_t pci_link(const PciFunction& a, const PciFunction& b) {
  std::size_t shared = 0;
  while (shared < a.way.size() && shared < b.way.size() && a.way[shared] == b.way[shared]) {
    ++shared;
  }
  if (a.bus_id == b.bus_id || shared == 0) return 0;
  // The complex itself is the first name; a root port that both share has a switch behind it.
  return shared > 1 ? kSwitchLink : kComplexLink;
}

std::vector<KfdNode> read_kfd(const std::string& root) {
  std::vector<KfdNode> nodes;
  for (const PathMatch& match : expand(root, "/sys/class/kfd/kfd/topology/nodes/{K}", {})) {
    const std::string folder = root + match.path;
    const std::string text = read_value(folder + "/properties");
    if (number_property(text, "simd_count") == 0) continue;  // a node of CPUs
    const std::uint64_t location = number_property(text, "location_id");
    KfdNode node;
    node.node = base::parse_u32(match.bound.at("K")).value_or(0);
    node.bus_id = fmt::format("{:04x}:{:02x}:{:02x}.{:x}", number_property(text, "domain"),
                              (location >> 8) & 0xff, (location >> 3) & 0x1f, location & 7);
    node.fabric = fabric_of(folder);
    nodes.push_back(std::move(node));
  }
  return nodes;
}

}  // namespace sluice::accel
