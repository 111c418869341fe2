// NodeRelease: a node has come clean of an attempt that is over and still holds others. The job's
// record doesn't tell: of a job of ten thousand nodes it would be written ten thousand times.
#pragma once

#include <cstdint>

#include "base/ids.hpp"
#include "base/text.hpp"

namespace sluice::model {

struct NodeRelease {
  JobId job;
  std::uint32_t attempt = 0;
  Text node;  // its name

  auto operator<=>(const NodeRelease&) const = default;
};

}  // namespace sluice::model
