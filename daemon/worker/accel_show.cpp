// See accel_show.hpp.
#include "daemon/worker/accel_show.hpp"

#include <algorithm>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "accel/cdi_spec.hpp"
#include "accel/detect.hpp"
#include "accel/table.hpp"
#include "daemon/worker/accel_setup.hpp"

namespace sluice::worker {

namespace {

using Json = nlohmann::ordered_json;

// Slurm writes a device's link to itself as -1.
std::string links_text(const model::Device& device, std::size_t self) {
  std::string text;
  for (std::size_t i = 0; i < device.links.size(); ++i) {
    text += text.empty() ? "" : ",";
    text += i == self ? "-1" : std::to_string(device.links[i]);
  }
  return text;
}

std::string line_of(const model::NodeGres& gres, std::size_t index) {
  const model::Device& device = gres.devices[index];
  std::string line = fmt::format("Name={} Type={} File={}", gres.name.view(), gres.type.view(),
                                 device.file.view());
  if (!device.cpus.members().empty()) line += " Cores=" + device.cpus.to_ranges();
  if (!device.links.empty()) line += " Links=" + links_text(device, index);
  line += fmt::format(" # vendor {} number {}", gres.vendor.view(), device.number);
  if (!device.bus_id.empty()) line += fmt::format(" bus {}", device.bus_id.view());
  if (device.numa != model::kNoNuma) line += fmt::format(" numa {}", device.numa);
  if (!device.uuid.empty()) line += fmt::format(" uuid {}", device.uuid.view());
  if (!device.parent.empty()) line += fmt::format(" part of {}", device.parent.view());
  for (const Text& file : device.companions) line += fmt::format(" with {}", file.view());
  if (!device.fault.empty()) line += fmt::format(" FAULT: {}", device.fault.view());
  return line + "\n";
}

std::string lines_of(const accel::Detected& found) {
  std::string text;
  for (const std::string& note : found.notes) text += "# " + note + "\n";
  for (const accel::Vendor& vendor : found.vendors) {
    text += fmt::format("# {}: CDI kind {}", vendor.name.view(), vendor.cdi_kind.view());
    for (const Text& file : vendor.control_files) text += fmt::format(", needs {}", file.view());
    for (const auto& variable : vendor.variables) {
      text += fmt::format(", sets {}", variable.name.view());
    }
    if (!vendor.tool.command.empty()) {
      text += fmt::format(", asks {}", vendor.tool.command[0].view());
    }
    text += "\n";
  }
  for (const model::NodeGres& gres : found.gres) {
    for (std::size_t i = 0; i < gres.devices.size(); ++i) text += line_of(gres, i);
  }
  return text;
}

Json texts(const std::vector<Text>& list) {
  Json out = Json::array();
  for (const Text& one : list) out.push_back(one.str());
  return out;
}

Json device_json(const model::Device& device) {
  Json out = {{"file", device.file.str()},   {"companions", texts(device.companions)},
              {"number", device.number},     {"bus_id", device.bus_id.str()},
              {"uuid", device.uuid.str()},   {"parent", device.parent.str()},
              {"memory_mib", device.memory}, {"cpus", device.cpus.to_ranges()},
              {"links", device.links},       {"fault", device.fault.str()}};
  if (device.numa != model::kNoNuma) out["numa"] = device.numa;
  return out;
}

std::string json_of(const accel::Detected& found) {
  Json gres = Json::array();
  for (const model::NodeGres& one : found.gres) {
    Json devices = Json::array();
    for (const model::Device& device : one.devices) devices.push_back(device_json(device));
    gres.push_back({{"name", one.name.str()},
                    {"type", one.type.str()},
                    {"count", one.count},
                    {"vendor", one.vendor.str()},
                    {"devices", std::move(devices)}});
  }
  Json vendors = Json::array();
  for (const accel::Vendor& vendor : found.vendors) {
    Json variables = Json::array();
    for (const auto& variable : vendor.variables) variables.push_back(variable.name.str());
    vendors.push_back({{"name", vendor.name.str()},
                       {"control_files", texts(vendor.control_files)},
                       {"libraries", texts(vendor.libraries)},
                       {"variables", std::move(variables)},
                       {"constants", texts(vendor.constants)},
                       {"cdi_kind", vendor.cdi_kind.str()},
                       {"tool", texts(vendor.tool.command)}});
  }
  const Json out = {{"gres", gres}, {"vendors", vendors}, {"notes", found.notes}};
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<std::string> cdi_of(const accel::Detected& found, const std::string& name) {
  const auto vendor = std::ranges::find_if(
      found.vendors, [&](const accel::Vendor& one) { return one.name.view() == name; });
  if (vendor == found.vendors.end()) {
    return fail(ErrorCode::not_found, "no devices of " + name + " on this host");
  }
  std::vector<model::Device> devices;
  for (const model::NodeGres& gres : found.gres) {
    if (gres.vendor.view() != name) continue;
    for (const model::Device& device : gres.devices) {
      if (device.fault.empty()) devices.push_back(device);
    }
  }
  return accel::write_cdi_spec(accel::generate_cdi_spec(*vendor, devices));
}

}  // namespace

Result<std::string> show_accelerators(const AccelShowOptions& options) {
  const std::string path = table_path(options.table);
  if (path.empty()) return fail(ErrorCode::not_found, "no accelerator table is installed");
  const Result<accel::Table> table = accel::load_table(path);
  if (!table) return tl::unexpected(table.error());
  const accel::Detected found = accel::detect(*table, options.root);
  if (!options.cdi.empty()) return cdi_of(found, options.cdi);
  return options.json ? json_of(found) : lines_of(found);
}

}  // namespace sluice::worker
