// --json and --yaml: whether, and in which form, a command prints a document.
#pragma once

#include <cstdint>

namespace sluice::opt {

enum class Dump : std::uint8_t { none, json, yaml };

}  // namespace sluice::opt
