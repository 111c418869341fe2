// Whether devices are sound, by what the runs of their vendor's tool told so far. A tool that fails
// says nothing of the devices at first; one that used to work and then fails several times in a row
// means that no device of the vendor can be trusted. One that never worked is not ours to judge by.
// Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "accel/tool.hpp"

namespace sluice::accel {

class VendorJudge {
 public:
  // The outcome of one more run.
  void take(const Result<std::vector<ToolRow>>& outcome);
  // Empty: nothing against it.
  [[nodiscard]] std::string fault_of(const model::Device& device) const;
  // For the log: the last run's error, if it was the first after a success or after nothing.
  [[nodiscard]] const std::string& news() const { return news_; }

 private:
  static constexpr unsigned kPatience = 3;

  std::vector<ToolRow> rows_;
  std::string error_;
  std::string news_;
  unsigned failures_ = 0;
  bool worked_ = false;
};

}  // namespace sluice::accel
