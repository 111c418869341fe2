// See the header.
#include "daemon/stepd/container_environment.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "base/strings.hpp"

namespace sluice::stepd {
namespace {

bool always_ours(std::string_view name) {
  static constexpr std::array<std::string_view, 4> kPrefixes = {"SLURM_", "SLURMD_", "SLUICE_",
                                                                "PMI"};
  return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

// Names whose value isn't the one that the user exported.
std::set<std::string, std::less<>> set_by_us(const base::Environment& environment,
                                             std::span<const Text> exported) {
  std::set<std::string_view> known;
  for (const Text& entry : exported) known.insert(entry.view());
  std::set<std::string, std::less<>> ours;
  for (const std::string& entry : environment.entries()) {
    if (!known.contains(entry)) ours.emplace(base::cut(entry, '=').before);
  }
  return ours;
}

}  // namespace

void merge_container_environment(base::Environment& environment, const ContainerVariables& from) {
  const auto ours = set_by_us(environment, from.exported);
  for (const Text& entry : from.image) {
    const base::Cut parts = base::cut(entry.view(), '=');
    if (!parts.found || parts.before.empty() || always_ours(parts.before)) continue;
    // A default of ours (TMPDIR) is as good as the image's.
    if (ours.contains(parts.before)) continue;
    const bool host_wins =
        std::any_of(from.host_first.begin(), from.host_first.end(),
                    [&](const Text& name) { return name.view() == parts.before; });
    if (host_wins && environment.has(parts.before)) continue;
    environment.set(parts.before, parts.after);
  }
  for (const Text& entry : from.devices) {
    const base::Cut parts = base::cut(entry.view(), '=');
    if (parts.found && !parts.before.empty()) environment.set(parts.before, parts.after);
  }
}

}  // namespace sluice::stepd
