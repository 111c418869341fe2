// See partitions.hpp.
#include "accel/partitions.hpp"

#include "accel/values.hpp"
#include "base/quantity.hpp"

namespace sluice::accel {

namespace {

// Where partitions are numbered through all devices: whether this one is of that device.
bool belongs(const PartitionRule& rule, const PathMatch& match, const Bindings& whole) {
  if (rule.per_device == 0) return true;
  const auto own = match.bound.find("P");
  const auto device = base::parse_u32(whole.at("N"));
  if (own == match.bound.end() || !device) return false;
  const std::uint32_t number = base::parse_u32(own->second).value_or(0);
  return number >= rule.first && (number - rule.first) / rule.per_device == *device;
}

}  // namespace

std::vector<model::Device> partitions_of(const TableVendor& row, const std::string& root,
                                         const WholeDevice& whole) {
  const PartitionRule& rule = row.partitions;
  std::vector<model::Device> parts;
  if (rule.found.empty()) return parts;
  for (const PathMatch& match : expand(root, rule.found, whole.bound)) {
    if (!belongs(rule, match, whole.bound)) continue;
    Bindings bound = match.bound;
    read_numbers(root, rule.numbers, bound);
    const auto file = fill(rule.file, bound);
    model::Device part = whole.device;
    part.fault = "";
    part.companions.clear();
    part.memory = 0;
    part.parent = whole.device.uuid.empty() ? whole.device.bus_id : whole.device.uuid;
    part.uuid = fill(rule.uuid, bound).value_or("");
    part.file = root + file.value_or(rule.file.str());
    if (bound.contains("P")) part.number = base::parse_u32(bound.at("P")).value_or(part.number);
    if (rule.whole_file) {
      part.companions = whole.device.companions;
      part.companions.insert(part.companions.begin(), whole.device.file);
    }
    for (const Text& companion : rule.companions) {
      if (const auto path = fill(companion, bound)) part.companions.push_back(root + *path);
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace sluice::accel
