// See the header. crun is not affected by runc's holes of 2024 and 2025; what it had of its own is
// older.
#include "daemon/worker/host/runtime_warning.hpp"

#include <array>
#include <charconv>
#include <cstdint>

#include <fmt/core.h>

#include "base/strings.hpp"

namespace sluice::stepd {
namespace {

using Version = std::array<std::uint32_t, 3>;

struct Hole {
  std::string_view program;
  Version from;
  Version fixed;
  std::string_view name;
  std::string_view debian;  // a package revision that has the fix all the same
};

constexpr std::array<Hole, 4> kHoles = {{
    {"crun", {0, 0, 0}, {1, 4, 4}, "CVE-2022-27650", ""},
    {"runc", {0, 0, 0}, {1, 1, 12}, "CVE-2024-21626", "1.1.5+ds1-1+deb12u1"},
    {"runc", {0, 0, 0}, {1, 2, 8}, "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881", ""},
    {"runc", {1, 3, 0}, {1, 3, 3}, "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881", ""},
}};

// "1.1.5+ds1" -> 1, 1, 5. What isn't there is 0.
Version version_of(std::string_view text) {
  Version version{};
  for (std::uint32_t& part : version) {
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, part);
    if (error != std::errc()) break;
    text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
    if (!text.starts_with('.')) break;
    text.remove_prefix(1);
  }
  return version;
}

}  // namespace

std::string runtime_warning(std::string_view version_text) {
  const auto words = base::split_nonempty(version_text.substr(0, version_text.find('\n')), ' ');
  if (words.size() < 3 || words[1] != "version") return {};
  const Version version = version_of(words[2]);
  std::string names;
  std::string fixed;
  for (const Hole& hole : kHoles) {
    if (hole.program != words[0]) continue;
    if (version < hole.from || version >= hole.fixed) continue;
    const bool patched =
        !hole.debian.empty() && version_text.find(hole.debian) != std::string_view::npos;
    if (patched || names.find(hole.name) != std::string::npos) continue;
    if (!names.empty()) names += ", ";
    names += hole.name;
    fixed = fmt::format("{}.{}.{}", hole.fixed[0], hole.fixed[1], hole.fixed[2]);
  }
  if (names.empty()) return {};
  return fmt::format(
      "{} {} is of a version known for {} (fixed in {}); a distribution's package may have the fix "
      "without the number",
      words[0], words[2], names, fixed);
}

}  // namespace sluice::stepd
