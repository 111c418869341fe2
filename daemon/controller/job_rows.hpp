// JobRows: many job records in one message, each distinct spec and request once. The indices go on
// over all pieces of one answer, so the client keeps what earlier pieces brought.
// Pure: no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/job.hpp"
#include "model/step.hpp"
#include "wire/codec.hpp"

namespace sluice::controller {

class JobRows {
 public:
  void add(const model::Job& job);
  void add(const model::Step& step);
  [[nodiscard]] std::size_t size() const { return writer_.size(); }
  // The piece so far, encoded as wire::JobsReply (and wire::HistoryReply, whose fields are the
  // same); begins the next.
  [[nodiscard]] std::string take(bool last);

 private:
  wire::Writer writer_;
  std::unordered_map<const void*, std::uint32_t> specs_;
  std::unordered_map<const void*, std::uint32_t> requests_;
  std::vector<std::shared_ptr<const void>> kept_;  // so that an address is never used again
};

}  // namespace sluice::controller
