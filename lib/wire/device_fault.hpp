// DeviceFault: what a node's daemon has against one of its accelerators.
#pragma once

#include <cstdint>

#include "base/text.hpp"

namespace sluice::wire {

// An accelerator that is out of service; `index` is its place among the node's devices of that GRES
// name and type.
struct DeviceFault {
  Text name;
  Text type;
  std::uint32_t index = 0;
  Text fault;

  bool operator==(const DeviceFault&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "name", self.name);
    visit(2, "type", self.type);
    visit(3, "index", self.index);
    visit(4, "fault", self.fault);
  }
};

}  // namespace sluice::wire
