// What is known to be wrong with versions of crun and runc. Pure.
#pragma once

#include <string>
#include <string_view>

namespace sluice::stepd {

// For the first line of `crun --version` or `runc --version`, with the revision of Debian's package
// if it shows one. Empty: nothing known.
[[nodiscard]] std::string runtime_warning(std::string_view version_text);

}  // namespace sluice::stepd
