// `sluice why JOB` and `sluice why-placed JOB`: the controller's own explanation, in words.
#pragma once

#include <string>

#include "base/result.hpp"
#include "model/explanation.hpp"
#include "model/job.hpp"

namespace sluice::cli {

struct WhyOptions {
  std::string job;  // "17", "17_3"
  bool json = false;
  bool placed = false;      // why-placed
  bool no_changes = false;  // don't look for requests that would start sooner
};
[[nodiscard]] Result<std::string> why_report(const WhyOptions& options);

// Pure: what is printed.
[[nodiscard]] std::string why_text(const model::Explanation& why, const model::Job& job);
[[nodiscard]] std::string why_placed_text(const model::Explanation& why, const model::Job& job);
[[nodiscard]] std::string why_json(const model::Explanation& why, const model::Job& job);

}  // namespace sluice::cli
