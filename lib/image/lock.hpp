// Lock: a flock that is given back when it goes out of scope, or when its process dies. Lock files
// are made where they are missing and stay: removing them would let two hold one lock.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "image/deadline.hpp"

namespace sluice::image {

enum class LockKind : std::uint8_t { shared, exclusive };

class Lock {
 public:
  // Waits for it; ErrorCode::busy when the time is over.
  [[nodiscard]] static Result<Lock> take(const std::string& path, LockKind kind, Deadline deadline);
  // Nothing if somebody holds it.
  [[nodiscard]] static Result<std::optional<Lock>> try_take(const std::string& path, LockKind kind);

 private:
  explicit Lock(base::UniqueFd fd) : fd_(std::move(fd)) {}
  base::UniqueFd fd_;
};

}  // namespace sluice::image
