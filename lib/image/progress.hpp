// Progress: how far an image is, as lines "PHASE DONE TOTAL" (bytes) on a descriptor, at most a few
// a second. Phases: pulling, fetching, unpacking, ready. Nobody reads it: nothing is lost.
#pragma once

#include <cstdint>
#include <string>

namespace sluice::image {

class Progress {
 public:
  Progress() = default;  // says nothing
  // Borrows the descriptor. A reader that went away is ignored.
  explicit Progress(int fd) : fd_(fd) {}

  void report(const char* phase, std::uint64_t done, std::uint64_t total);

 private:
  int fd_ = -1;
  std::string phase_;
  std::uint64_t done_ = 0;
  std::uint64_t said_ms_ = 0;
};

}  // namespace sluice::image
