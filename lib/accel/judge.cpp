// See judge.hpp.
#include "accel/judge.hpp"

namespace sluice::accel {

void VendorJudge::take(const Result<std::vector<ToolRow>>& outcome) {
  news_.clear();
  if (outcome) {
    rows_ = *outcome;
    worked_ = true;
    failures_ = 0;
    error_.clear();
    return;
  }
  if (failures_ == 0) news_ = outcome.error().text;
  error_ = outcome.error().text;
  if (failures_ < kPatience) ++failures_;
}

std::string VendorJudge::fault_of(const model::Device& device) const {
  if (!worked_) return {};
  if (failures_ >= kPatience) return error_;
  const ToolRow* row = row_of(rows_, device);
  if (row == nullptr) return "not listed by the vendor's tool";
  return row->fault.str();
}

}  // namespace sluice::accel
