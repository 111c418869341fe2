// See energy.hpp.
#include "daemon/worker/host/energy.hpp"

#include <dirent.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/file.hpp"
#include "base/quantity.hpp"
#include "base/strings.hpp"

namespace sluice::worker {

namespace {

constexpr std::string_view kZone = "intel-rapl:";  // AMD's too
constexpr std::size_t kMostBytes = 256;

std::optional<std::uint64_t> number_in(const std::string& path) {
  const Result<std::string> text = base::read_file(path, kMostBytes);
  if (!text) return std::nullopt;
  const Result<std::uint64_t> number = base::parse_unsigned(base::trim(*text));
  return number ? std::optional(*number) : std::nullopt;
}

bool is_counted(const std::string& zone) {
  const Result<std::string> name = base::read_file(zone + "/name", kMostBytes);
  if (!name) return false;
  const std::string_view word = base::trim(*name);
  return word.starts_with("package-") || word == "dram";
}

std::vector<std::string> zones_in(const std::string& folder) {
  std::vector<std::string> zones;
  DIR* listing = ::opendir(folder.c_str());
  if (listing == nullptr) return zones;
  while (const dirent* entry = ::readdir(listing)) {
    const std::string_view name = entry->d_name;
    if (name.starts_with(kZone)) zones.push_back(folder + "/" + entry->d_name);
  }
  ::closedir(listing);
  std::ranges::sort(zones);
  return zones;
}

}  // namespace

EnergyMeter::EnergyMeter(const std::string& folder) {
  for (const std::string& zone : zones_in(folder)) {
    if (!is_counted(zone)) continue;
    const auto now = number_in(zone + "/energy_uj");
    const auto range = number_in(zone + "/max_energy_range_uj");
    if (now) counters_.push_back({zone + "/energy_uj", range.value_or(0), *now});
  }
}

void EnergyMeter::read() {
  for (Counter& counter : counters_) {
    const auto now = number_in(counter.path);
    if (!now) continue;
    if (*now >= counter.last_uj) {
      sum_uj_ += *now - counter.last_uj;
    } else if (counter.range_uj >= counter.last_uj) {
      sum_uj_ += counter.range_uj - counter.last_uj + *now;
    }
    counter.last_uj = *now;
  }
}

}  // namespace sluice::worker
