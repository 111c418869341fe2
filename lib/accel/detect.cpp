// See detect.hpp.
#include "accel/detect.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>

#include <fmt/core.h>

#include "accel/partitions.hpp"
#include "accel/pattern.hpp"
#include "accel/pci.hpp"
#include "accel/values.hpp"
#include "base/fd.hpp"
#include "base/quantity.hpp"

namespace sluice::accel {

namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;

bool begins_with_any(const std::vector<Text>& prefixes, std::string_view text) {
  return std::ranges::any_of(prefixes,
                             [&](const Text& prefix) { return text.starts_with(prefix.view()); });
}

bool matches(const TableVendor& row, const PciFunction& function) {
  if (!row.pci_vendors.empty() &&
      std::ranges::find(row.pci_vendors, function.vendor) == row.pci_vendors.end()) {
    return false;
  }
  if (!row.pci_classes.empty() && !begins_with_any(row.pci_classes, function.device_class)) {
    return false;
  }
  return row.pci_devices.empty() || begins_with_any(row.pci_devices, function.device);
}

const Model* model_of(const TableVendor& row, const PciFunction& function) {
  const auto model = std::ranges::find_if(
      row.models, [&](const Model& one) { return one.id.view() == function.device; });
  return model == row.models.end() ? nullptr : &*model;
}

std::vector<Text> existing(const std::string& root, const std::vector<Text>& patterns) {
  std::vector<Text> found;
  for (const Text& one : patterns) {
    for (const PathMatch& match : expand(root, one, {})) {
      const Text path = root + match.path;
      if (std::ranges::find(found, path) == found.end()) found.push_back(path);
    }
  }
  return found;
}

// What detection knows of one device on the way to a model::Device.
struct Seen {
  const PciFunction* function = nullptr;
  const Model* model = nullptr;
  std::uint32_t rank = 0;  // among the vendor's, by PCI address
  Bindings bound;
  model::Device device;
};

class VendorScan {
 public:
  VendorScan(const TableVendor& row, const std::string& root) : row_(row), root_(root) {}

  // Takes the functions of this vendor; empty if it has none here, or no driver.
  std::vector<Seen> devices(const std::vector<const PciFunction*>& functions, Detected& out);
  [[nodiscard]] Vendor vendor() const;

 private:
  void choose_pattern();
  void number_by_order(std::vector<Seen>& seen) const;
  void fill_in(Seen& seen) const;
  [[nodiscard]] std::uint32_t count_of(const Seen& seen) const;
  [[nodiscard]] std::string existing_program() const;

  const TableVendor& row_;
  const std::string& root_;
  Text pattern_;  // of the device file
  std::vector<PathMatch> existing_;
  std::vector<KfdNode> kfd_;
};

void VendorScan::choose_pattern() {
  pattern_ = row_.files.front();
  for (const Text& alternative : row_.files) {
    existing_ = expand(root_, alternative, {});
    if (existing_.empty()) continue;
    pattern_ = alternative;
    return;
  }
}

// Without a rule for {N}: as many files as functions, so both in their order; otherwise some file
// is missing, and the best guess is that numbers count the functions.
void VendorScan::number_by_order(std::vector<Seen>& seen) const {
  for (std::size_t i = 0; i < seen.size(); ++i) {
    if (seen[i].bound.contains("N")) continue;
    const bool paired = existing_.size() == seen.size() && existing_[i].bound.contains("N");
    seen[i].bound["N"] = paired ? existing_[i].bound.at("N") : std::to_string(i);
  }
}

std::uint32_t VendorScan::count_of(const Seen& seen) const {
  if (row_.count_by == CountBy::file) {
    return base::parse_u32(seen.bound.at("N")).value_or(seen.rank);
  }
  if (row_.count_by == CountBy::kfd) {
    const auto node = std::ranges::find(kfd_, seen.function->bus_id, &KfdNode::bus_id);
    if (node != kfd_.end()) return static_cast<std::uint32_t>(node - kfd_.begin());
  }
  return seen.rank;
}

void VendorScan::fill_in(Seen& seen) const {
  model::Device& device = seen.device;
  device.bus_id = seen.function->bus_id;
  device.numa = seen.function->numa;
  device.cpus = seen.function->cpus;
  device.number = count_of(seen);
  if (const auto uuid = read_rule(root_, row_.uuid, seen.bound)) {
    device.uuid = *uuid;
    seen.bound["uuid"] = *uuid;
  }
  if (seen.model != nullptr) device.memory = seen.model->memory;
  if (const auto bytes = read_rule(root_, row_.memory, seen.bound)) {
    if (const auto number = base::parse_unsigned(*bytes)) device.memory = *number / kMiB;
  }
  const auto file = fill(pattern_, seen.bound);
  device.file = root_ + file.value_or(pattern_.str());
  device.fault = file ? file_fault(device.file.str(), root_) : "its device file can't be told";
  for (const Text& companion : row_.companions) {
    const auto path = fill(companion, seen.bound);
    if (path && file_fault(root_ + *path, root_).empty())
      device.companions.push_back(root_ + *path);
  }
}

std::vector<Seen> VendorScan::devices(const std::vector<const PciFunction*>& functions,
                                      Detected& out) {
  choose_pattern();
  const Vendor here = vendor();
  if (existing_.empty() && here.control_files.empty()) {
    out.notes.push_back(fmt::format("{}: {} on the PCI bus, but no device file: no driver loaded?",
                                    row_.vendor.name.view(), functions.size()));
    return {};
  }
  if (row_.count_by == CountBy::kfd || row_.kfd_links) kfd_ = read_kfd(root_);
  std::vector<Seen> seen;
  for (const PciFunction* function : functions) {
    Seen one{function, model_of(row_, *function), static_cast<std::uint32_t>(seen.size()), {}, {}};
    one.bound["bdf"] = function->bus_id;
    read_numbers(root_, row_.numbers, one.bound);
    seen.push_back(std::move(one));
  }
  number_by_order(seen);
  for (Seen& one : seen) fill_in(one);
  return seen;
}

// A pretended host has tools of its own, except the shell.
std::string VendorScan::existing_program() const {
  for (const Text& program : row_.programs) {
    const bool shell = program == "/bin/sh";
    for (const PathMatch& match : expand(shell ? "" : root_, program, {})) {
      return (shell ? "" : root_) + match.path;
    }
  }
  return {};
}

Vendor VendorScan::vendor() const {
  Vendor vendor = row_.vendor;
  vendor.root = root_;
  vendor.control_patterns = row_.vendor.control_files;
  refresh_control_files(vendor);
  vendor.libraries = existing(root_, row_.vendor.libraries);
  const std::string program = existing_program();
  if (program.empty()) {
    vendor.tool.command.clear();
  } else {
    vendor.tool.command.front() = program;
  }
  return vendor;
}

std::uint32_t link_between(const Seen& a, const Seen& b, const std::vector<KfdNode>& kfd) {
  if (a.function == b.function) return 0;
  if (a.model != nullptr && a.model == b.model && a.model->linked) return kFabricLink;
  const auto from = std::ranges::find(kfd, a.function->bus_id, &KfdNode::bus_id);
  const auto to = std::ranges::find(kfd, b.function->bus_id, &KfdNode::bus_id);
  if (from != kfd.end() && to != kfd.end() &&
      std::ranges::find(from->fabric, to->node) != from->fabric.end()) {
    return kFabricLink;
  }
  return pci_link(*a.function, *b.function);
}

struct Group {
  Text type;
  std::vector<Seen> members;
};

void add_to_group(std::vector<Group>& groups, const Text& type, Seen seen) {
  auto group = std::ranges::find(groups, type, &Group::type);
  if (group == groups.end()) group = groups.insert(groups.end(), {type, {}});
  group->members.push_back(std::move(seen));
}

model::NodeGres gres_of(const Group& group, const TableVendor& row,
                        const std::vector<KfdNode>& kfd) {
  model::NodeGres gres;
  gres.name = row.vendor.gres;
  gres.type = group.type;
  gres.vendor = row.vendor.name;
  gres.count = group.members.size();
  for (const Seen& member : group.members) {
    model::Device device = member.device;
    std::uint32_t greatest = 0;
    for (const Seen& other : group.members) {
      device.links.push_back(link_between(member, other, kfd));
      greatest = std::max(greatest, device.links.back());
    }
    if (greatest == 0) device.links.clear();
    gres.files.push_back(device.file);
    gres.devices.push_back(std::move(device));
  }
  return gres;
}

void scan_vendor(const TableVendor& row, const std::string& root,
                 const std::vector<const PciFunction*>& functions, Detected& out) {
  VendorScan scan(row, root);
  std::vector<Seen> seen = scan.devices(functions, out);
  if (seen.empty()) return;
  std::vector<Group> groups;
  for (Seen& one : seen) {
    const Text type = one.model != nullptr ? one.model->type : row.vendor.name;
    std::vector<model::Device> parts = partitions_of(row, root, {one.device, one.bound});
    if (parts.empty()) add_to_group(groups, type, std::move(one));
    const Text part_type = type.str() + "." + row.partitions.type.str();
    for (model::Device& part : parts) {
      part.fault = file_fault(part.file.str(), root);
      add_to_group(groups, part_type, {one.function, one.model, one.rank, {}, std::move(part)});
    }
  }
  const std::vector<KfdNode> kfd = row.kfd_links ? read_kfd(root) : std::vector<KfdNode>();
  for (const Group& group : groups) out.gres.push_back(gres_of(group, row, kfd));
  out.vendors.push_back(scan.vendor());
}

}  // namespace

std::string file_fault(const std::string& path, const std::string& root) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return path + ": " + base::errno_text(errno);
  const bool device = S_ISCHR(info.st_mode);
  if (!device && (root.empty() || !S_ISREG(info.st_mode))) return path + ": not a device";
  return {};
}

void refresh_control_files(Vendor& vendor) {
  vendor.control_files = existing(vendor.root.str(), vendor.control_patterns);
}

Detected detect(const Table& table, const std::string& root_given) {
  const std::string root = root_given.substr(0, root_given.find_last_not_of('/') + 1);
  const std::vector<PciFunction> functions = read_pci(root);
  std::vector<bool> taken(functions.size(), false);
  Detected out;
  for (const TableVendor& row : table.vendors) {
    std::vector<const PciFunction*> mine;
    for (std::size_t i = 0; i < functions.size(); ++i) {
      if (taken[i] || !matches(row, functions[i])) continue;
      taken[i] = true;
      mine.push_back(&functions[i]);
    }
    if (!mine.empty()) scan_vendor(row, root, mine, out);
  }
  return out;
}

}  // namespace sluice::accel
