// `sluice sim --from-state`: when would the jobs that wait start, as the cluster is configured and
// under a changed configuration. Works on a copy; the cluster is only asked.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace sluice::cli {

struct WhatIfOptions {
  std::string dir;             // of `sluice up`; empty: the cluster that all commands speak to
  std::string config;          // the changed sluice.yaml; empty: none
  std::string runs = "limit";  // how long jobs run: "limit", "mean", or a percentage "40%"
  std::uint32_t days = 30;     // how far to look
  std::string csv;             // a file to write; empty: none
};

// The table to print.
[[nodiscard]] Result<std::string> what_if(const WhatIfOptions& options);

}  // namespace sluice::cli
