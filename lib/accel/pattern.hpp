// Paths with gaps: "/dev/nvidia{N}", "/sys/bus/pci/devices/{bdf}/drm/renderD{R}". A gap whose value
// is known is filled in; one that isn't stands for a decimal number, which is found by looking at
// what there is. A '*' stands for anything within one name, and its text is forgotten.
// Not for core: reads folders.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::accel {

using Bindings = std::map<std::string, std::string, std::less<>>;

// The names of the gaps in order, "N", "bdf".
[[nodiscard]] std::vector<std::string> gaps(std::string_view pattern);
// False for an open or empty brace.
[[nodiscard]] bool well_formed(std::string_view pattern);
// The text, if all gaps are known.
[[nodiscard]] std::optional<std::string> fill(std::string_view pattern, const Bindings& known);

struct PathMatch {
  std::string path;  // without the root
  Bindings bound;    // known ones and those found
};
// What exists below `root` ("" for the host itself), in the order of the numbers found. Folders
// with more entries than anything we look at has are read up to a limit.
[[nodiscard]] std::vector<PathMatch> expand(const std::string& root, std::string_view pattern,
                                            const Bindings& known);

// Names of a folder's entries, sorted; none if it can't be read.
[[nodiscard]] std::vector<std::string> entries_of(const std::string& folder);

}  // namespace sluice::accel
