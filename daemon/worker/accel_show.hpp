// `sluiced -G` and `sluiced --cdi VENDOR`: what this host's daemon would report of accelerators, as
// lines of gres.conf or as JSON, and the CDI specification that it would make.
#pragma once

#include <string>

#include "base/result.hpp"

namespace sluice::worker {

struct AccelShowOptions {
  std::string root;   // a folder that stands for a host
  std::string table;  // the accelerator table; empty: the installed one
  bool json = false;
  std::string cdi;  // a vendor's name: its CDI specification instead
};

// The whole text to print.
[[nodiscard]] Result<std::string> show_accelerators(const AccelShowOptions& options);

}  // namespace sluice::worker
