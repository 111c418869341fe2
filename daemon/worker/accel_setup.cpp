// See accel_setup.hpp.
#include "daemon/worker/accel_setup.hpp"

#include <algorithm>

#include "base/file.hpp"

namespace sluice::worker {

namespace {

// From the operating system's numbers to ours. The files of a pretended host have its own numbers,
// which we take as they are.
void map_cpus(std::vector<model::NodeGres>& all, const CpuMap& map, bool pretended) {
  for (model::NodeGres& gres : all) {
    for (model::Device& device : gres.devices) {
      base::Bitmap ours(map.cpus());
      for (std::uint32_t cpu = 0; cpu < map.cpus(); ++cpu) {
        const std::uint32_t os = pretended || map.os.empty() ? cpu : map.os[cpu % map.os.size()];
        if (os < device.cpus.size() && device.cpus.test(os)) ours.set(cpu);
      }
      device.cpus = ours.members().empty() ? base::Bitmap() : std::move(ours);
    }
  }
}

bool fits(const model::NodeGres& given, const model::NodeGres& found) {
  return given.name == found.name && (given.type.empty() || given.type == found.type);
}

// Appends devices [first, …) of `from` until `into` has its count.
void take_devices(model::NodeGres& into, const model::NodeGres& from) {
  if (!into.vendor.empty() && into.vendor != from.vendor) return;
  const std::size_t before = into.devices.size();
  for (std::size_t i = 0; i < from.devices.size() && into.devices.size() < into.count; ++i) {
    into.vendor = from.vendor;
    into.files.push_back(from.files[i]);
    into.devices.push_back(from.devices[i]);
    std::vector<std::uint32_t>& links = into.devices.back().links;
    links.insert(links.begin(), before, 0);  // to those of another type: none known
  }
}

model::NodeGres with_devices(model::NodeGres given, const std::vector<model::NodeGres>& found) {
  for (const model::NodeGres& one : found) {
    if (fits(given, one)) take_devices(given, one);
  }
  for (model::Device& device : given.devices) {
    if (!device.links.empty()) device.links.resize(given.devices.size(), 0);
  }
  if (!given.devices.empty()) given.count = given.devices.size();
  return given;
}

// Files that detection knows bring their devices' facts; one that it doesn't know is only a file.
model::NodeGres with_facts(model::NodeGres given, const std::vector<model::NodeGres>& found) {
  std::vector<model::Device> devices;
  for (const Text& file : given.files) {
    const model::NodeGres* home = nullptr;
    for (const model::NodeGres& one : found) {
      const auto place = std::ranges::find(one.files, file);
      if (place == one.files.end() || one.name != given.name) continue;
      home = &one;
      devices.push_back(one.devices[static_cast<std::size_t>(place - one.files.begin())]);
      devices.back().links.clear();  // they go by the places of the other list
      break;
    }
    if (home == nullptr || (!given.vendor.empty() && given.vendor != home->vendor)) {
      given.vendor = "";
      return given;
    }
    given.vendor = home->vendor;
  }
  given.devices = std::move(devices);
  return given;
}

}  // namespace

std::string table_path(const std::string& configured) {
  if (!configured.empty()) return configured;
  for (const std::string& path : {std::string("/etc/sluice/accelerators.yaml"),
                                  program_folder() + "/../share/sluice/accelerators.yaml"}) {
    if (base::file_exists(path)) return path;
  }
  return {};
}

std::vector<model::NodeGres> merge_gres(const std::vector<model::NodeGres>& given,
                                        const std::vector<model::NodeGres>& found) {
  std::vector<model::NodeGres> all;
  for (const model::NodeGres& one : given) {
    all.push_back(one.files.empty() ? with_devices(one, found) : with_facts(one, found));
  }
  for (const model::NodeGres& one : found) {
    const bool configured =
        std::ranges::find(given, one.name, &model::NodeGres::name) != given.end();
    if (!configured) all.push_back(one);
  }
  return all;
}

Result<HostAccelerators> find_accelerators(const AgentConfig& config, const CpuMap& map) {
  HostAccelerators out;
  out.gres = config.facts.gres;
  if (!config.autodetect) return out;
  const std::string path = table_path(config.accelerator_table);
  if (path.empty()) {
    out.notes.emplace_back("no accelerator table is installed: no devices are looked for");
    return out;
  }
  Result<accel::Table> table = accel::load_table(path);
  if (!table) return tl::unexpected(table.error());
  accel::Detected found = accel::detect(*table, config.accelerator_root);
  map_cpus(found.gres, map, !config.accelerator_root.empty());
  out.gres = merge_gres(config.facts.gres, found.gres);
  out.notes = std::move(found.notes);
  for (const model::NodeGres& given : config.facts.gres) {
    const auto merged = std::ranges::find_if(out.gres, [&](const model::NodeGres& one) {
      return one.name == given.name && one.type == given.type;
    });
    if (merged != out.gres.end() && merged->count < given.count) {
      out.notes.push_back("gres " + given.name.str() + ": " + std::to_string(given.count) +
                          " configured, " + std::to_string(merged->count) + " found");
    }
  }
  for (accel::Vendor& vendor : found.vendors) {
    const bool used =
        std::ranges::find(out.gres, vendor.name, &model::NodeGres::vendor) != out.gres.end();
    if (used) out.vendors.push_back(std::move(vendor));
  }
  return out;
}

}  // namespace sluice::worker
