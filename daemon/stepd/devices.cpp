// See the header.
#include "daemon/stepd/devices.hpp"

#include <algorithm>
#include <array>
#include <tuple>

#include "base/quantity.hpp"
#include "base/strings.hpp"
#include "model/gres.hpp"
#include "model/shards.hpp"

namespace sluice::stepd {
namespace {

using accel::Naming;
using base::Environment;

constexpr std::string_view kGpu = "gpu";
constexpr std::array<std::string_view, 4> kGpuVariables = {
    "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "ZE_AFFINITY_MASK"};
constexpr std::array<std::string_view, 4> kAccelVariables = {
    "SLUICE_ACCEL_VENDOR", "SLUICE_ACCEL_NAME", "SLUICE_ACCEL_TYPE", "SLUICE_ACCEL_COUNT"};

void append(std::string& list, std::string_view word) {
  if (!list.empty()) list += ',';
  list += word;
}

// "/dev/nvidia3" -> 3: Slurm's number of a device that has a file.
std::optional<std::uint32_t> trailing_number(std::string_view path) {
  const std::size_t last = path.find_last_not_of("0123456789");
  const std::string_view digits = path.substr(last == std::string_view::npos ? 0 : last + 1);
  const auto number = base::parse_u32(digits);
  if (!number) return std::nullopt;
  return *number;
}

// What was granted of accelerators, each kind once: "gpu,npu", "a100,910b", "2,1".
struct Granted {
  Text vendor;
  Text name;
  Text type;
  std::uint64_t count = 0;
};

std::vector<Granted> granted_kinds(const std::vector<HeldDevice>& all) {
  std::vector<Granted> kinds;
  for (const HeldDevice& held : all) {
    if (held.vendor.empty()) continue;
    const auto same = [&](const Granted& kind) {
      return kind.name == held.name && kind.type == held.type && kind.vendor == held.vendor;
    };
    auto found = std::ranges::find_if(kinds, same);
    if (found == kinds.end()) {
      kinds.push_back({held.vendor, held.name, held.type, 0});
      found = kinds.end() - 1;
    }
    ++found->count;
  }
  return kinds;
}

void set_count(Environment& environment, const model::NodeShare& share, std::string_view gres,
               std::string_view variable) {
  std::uint64_t count = 0;
  for (const model::GresShare& each : share.gres) {
    if (each.name.view() == gres) count += each.count;
  }
  environment.unset(variable);
  if (count > 0) environment.set(variable, std::to_string(count));
}

void set_granted(Environment& environment, const std::vector<HeldDevice>& all) {
  for (const std::string_view name : kAccelVariables) environment.unset(name);
  std::array<std::string, 4> lists;
  for (const Granted& kind : granted_kinds(all)) {
    append(lists[0], kind.vendor.view());
    append(lists[1], kind.name.view());
    append(lists[2], kind.type.view());
    append(lists[3], std::to_string(kind.count));
  }
  if (lists[0].empty()) return;
  for (std::size_t i = 0; i < lists.size(); ++i) environment.set(kAccelVariables[i], lists[i]);
}

}  // namespace

StepDevices::StepDevices(const worker::StepSettings& settings, const model::NodeShare& share)
    : settings_(settings) {
  renumbered_ = settings.confine_devices && !settings.cgroups.devices.empty();
  for (const model::GresShare& gres : share.gres) add(gres);
  order();
}

// Of whose GPUs the job has only a part: it sees each such GPU, as one that it has whole.
void StepDevices::add_shared(const model::GresShare& shards) {
  for (std::size_t n = 0; n < settings_.gres.size(); ++n) {
    const model::NodeGres& kind = settings_.gres[n];
    if (!model::may_hold(shards, kind)) continue;
    model::GresShare part{kind.name, kind.type, base::Bitmap(shards.indices.size()), 0};
    const std::size_t first = model::first_index(settings_.gres, n);
    shards.indices.for_each([&](std::size_t gpu) {
      if (gpu >= first && gpu < first + kind.files.size()) part.indices.set(gpu);
    });
    add(part);
  }
}

void StepDevices::add(const model::GresShare& share) {
  if (model::is_shards(share)) return add_shared(share);
  const auto kind = std::ranges::find_if(settings_.gres, [&](const model::NodeGres& each) {
    return each.name == share.name && each.type == share.type;
  });
  const bool known = kind != settings_.gres.end();
  const std::size_t first =
      known ? model::first_index(settings_.gres,
                                 static_cast<std::size_t>(kind - settings_.gres.begin()))
            : 0;
  share.indices.for_each([&](std::size_t place) {  // over all types of the name
    if (place < first) return;
    const std::size_t index = place - first;
    HeldDevice held;
    held.name = share.name;
    held.type = share.type;
    held.index = static_cast<std::uint32_t>(index);
    held.number = static_cast<std::uint32_t>(place);
    if (known) {
      held.vendor = kind->vendor;
      const auto number =
          index < kind->files.size() ? trailing_number(kind->files[index].view()) : std::nullopt;
      if (number) held.number = *number;
      if (index < kind->devices.size()) held.device = &kind->devices[index];
      if (held.device != nullptr) held.number = held.device->number;
    }
    all_.push_back(std::move(held));
  });
}

// Device::number is what the vendor's programs count by.
void StepDevices::order() {
  const auto place = [this](const Text& name) {
    return std::ranges::find_if(settings_.gres, [&](const auto& g) { return g.name == name; }) -
           settings_.gres.begin();
  };
  const auto key = [&](const HeldDevice& held) {
    return std::tuple(place(held.name), held.vendor.view(), held.number, held.type.view(),
                      held.index);
  };
  std::ranges::stable_sort(
      all_, [&](const HeldDevice& a, const HeldDevice& b) { return key(a) < key(b); });
}

std::vector<std::size_t> StepDevices::of(std::string_view name) const {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < all_.size(); ++i) {
    if (all_[i].name.view() == name) found.push_back(i);
  }
  return found;
}

const accel::Vendor* StepDevices::vendor_of(const HeldDevice& held) const {
  if (held.vendor.empty()) return nullptr;
  const auto found =
      std::ranges::find_if(settings_.vendors, [&](const auto& v) { return v.name == held.vendor; });
  return found == settings_.vendors.end() ? nullptr : &*found;
}

bool StepDevices::has_kind(std::string_view name) const {
  const auto same = [&](const auto& each) { return each.name.view() == name; };
  return std::ranges::any_of(settings_.gres, same) || std::ranges::any_of(all_, same);
}

std::uint32_t StepDevices::visible_number(std::size_t position) const {
  if (!renumbered_) return all_[position].number;
  const accel::Vendor* const vendor = vendor_of(all_[position]);
  std::uint32_t before = 0;
  for (std::size_t i = 0; i < position; ++i) {
    const bool same_space =
        vendor != nullptr ? vendor_of(all_[i]) == vendor
                          : all_[i].name == all_[position].name && vendor_of(all_[i]) == nullptr;
    before += same_space ? 1 : 0;
  }
  return before;
}

std::string StepDevices::value_of(const accel::VisibilityVariable& variable,
                                  std::size_t position) const {
  const HeldDevice& held = all_[position];
  const model::Device* const device = held.device;
  // A partition is known by its own name only: numbers are those of whole devices.
  const bool partition = device != nullptr && !device->parent.empty() && !device->uuid.empty();
  const bool named = device != nullptr && !device->uuid.empty();
  if ((variable.naming == Naming::uuid && named) || partition) return device->uuid.str();
  const bool placed = device != nullptr && !device->bus_id.empty();
  if (variable.naming == Naming::bus_id && placed) return device->bus_id.str();
  if (variable.naming == Naming::number) return std::to_string(held.number);
  return std::to_string(visible_number(position));
}

void StepDevices::clear_variables(Environment& environment) const {
  if (has_kind(kGpu)) {
    for (const std::string_view name : kGpuVariables) environment.unset(name);
  }
  for (const accel::Vendor& vendor : settings_.vendors) {
    for (const accel::VisibilityVariable& variable : vendor.variables) {
      environment.unset(variable.name.view());
    }
  }
  environment.unset("SLURM_STEP_GPUS");
}

void StepDevices::set_generic(Environment& environment, const Sight& sight) const {
  std::string list;
  for (const std::size_t position : of(kGpu)) {
    if (vendor_of(all_[position]) != nullptr || !sight[position]) continue;
    append(list, std::to_string(visible_number(position)));
  }
  if (list.empty()) return;
  for (const std::string_view name : kGpuVariables) environment.set(name, list);
}

void StepDevices::set_vendor(Environment& environment, const accel::Vendor& vendor,
                             const Sight& sight) const {
  bool any = false;
  for (const accel::VisibilityVariable& variable : vendor.variables) {
    std::string list;
    for (std::size_t i = 0; i < all_.size(); ++i) {
      if (sight[i] && vendor_of(all_[i]) == &vendor) append(list, value_of(variable, i));
    }
    if (list.empty()) continue;
    environment.set(variable.name.view(), list);
    any = true;
  }
  for (const Text& constant : vendor.constants) {
    const base::Cut parts = base::cut(constant.view(), '=');
    if (any && parts.found) environment.set(parts.before, parts.after);
  }
}

void StepDevices::set_variables(Environment& environment, const Sight& sight) const {
  clear_variables(environment);
  set_generic(environment, sight);
  for (const accel::Vendor& vendor : settings_.vendors) set_vendor(environment, vendor, sight);
}

std::string StepDevices::gpu_numbers(const Sight& sight) const {
  std::vector<std::uint32_t> numbers;
  for (const std::size_t position : of(kGpu)) {
    if (sight[position]) numbers.push_back(all_[position].number);
  }
  std::ranges::sort(numbers);
  std::string list;
  for (const std::uint32_t number : numbers) append(list, std::to_string(number));
  return list;
}

void set_device_variables(Environment& environment, const StepView& step) {
  const model::NodeShare& share = step.node().share;
  const StepDevices devices(step.settings, share);
  devices.set_variables(environment, devices.everything());
  set_granted(environment, devices.all());
  set_count(environment, share, kGpu, "SLURM_GPUS_ON_NODE");
  set_count(environment, share, model::kShard, "SLURM_SHARDS_ON_NODE");
  const std::string list = devices.gpu_numbers(devices.everything());
  if (step.is_batch()) {
    if (!list.empty()) environment.set("SLURM_JOB_GPUS", list);
    return;
  }
  if (!list.empty()) environment.set("SLURM_STEP_GPUS", list);
  // Only what began as a batch or interactive job has it; here it is this node's.
  if (!environment.has("SLURM_JOB_GPUS") || !step.job().allocation) return;
  for (const model::NodeShare& whole : step.job().allocation->shares) {
    if (whole.name.view() != step.settings.node_name) continue;
    const StepDevices of_job(step.settings, whole);
    environment.set("SLURM_JOB_GPUS", of_job.gpu_numbers(of_job.everything()));
  }
}

}  // namespace sluice::stepd
