// How GRES are written: as TRES ("gres/gpu=3,gres/gpu:a100=2": all of a name, then its types), as
// a node has them and as a job holds them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "model/allocation.hpp"
#include "model/node.hpp"

namespace sluice::report {

// Sums by name and by type, in the order in which they came.
class GresSums {
 public:
  void add(std::string_view name, std::string_view type, std::uint64_t count);
  // Each with a comma in front; empty: nothing was added.
  [[nodiscard]] std::string tres() const;

 private:
  struct Sum {
    std::string name;
    std::string type;
    std::uint64_t count = 0;
  };
  static void add_to(std::vector<Sum>& sums, std::string_view name, std::string_view type,
                     std::uint64_t count);
  std::vector<Sum> names_;
  std::vector<Sum> types_;
};

// "gpu:a100:2(S:0-1),license:1", with the sockets beside which the devices sit, if that is known;
// empty if the node has none.
[[nodiscard]] std::string gres_text(const model::Node& node);
// ",gres/gpu=4,gres/gpu:a100=2": what the node has, and what jobs hold of it.
[[nodiscard]] std::string configured_gres_tres(const model::Node& node);
[[nodiscard]] std::string used_gres_tres(const model::Node& node);

}  // namespace sluice::report
