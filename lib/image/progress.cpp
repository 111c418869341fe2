// See the header.
#include "image/progress.hpp"

#include <fmt/core.h>

#include "base/clock.hpp"
#include "base/fd.hpp"

namespace sluice::image {
namespace {

constexpr std::uint64_t kPauseMs = 200;

}  // namespace

void Progress::report(const char* phase, std::uint64_t done, std::uint64_t total) {
  if (fd_ < 0) return;
  const std::uint64_t now = base::monotonic_ms();
  const bool ends = total != 0 && done == total;
  const bool news = phase != phase_ || (ends && done != done_);
  if (!news && (done == done_ || now - said_ms_ < kPauseMs)) return;
  phase_ = phase;
  done_ = done;
  said_ms_ = now;
  if (!base::write_all(fd_, fmt::format("{} {} {}\n", phase, done, total))) fd_ = -1;
}

}  // namespace sluice::image
