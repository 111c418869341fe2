// A hook of the administrator (prolog, epilog): a program run as the daemon's user with an
// environment made from nothing, in a session of its own, killed when it takes too long.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "net/loop.hpp"

namespace sluice::worker {

class Hook {
 public:
  struct Spec {
    std::string program;
    std::vector<std::string> environment;
    std::int64_t timeout_ms = 300'000;
  };
  // `done` comes once, later: an error says how the program failed.
  static std::unique_ptr<Hook> start(net::Loop& loop, Spec spec, std::function<void(Status)> done);
  ~Hook();
  [[nodiscard]] bool over() const { return over_; }

 private:
  Hook() = default;
  void finished();

  std::string program_;
  pid_t pid_ = -1;
  base::UniqueFd pidfd_;
  net::Watch watch_;
  net::Timer timer_;
  bool over_ = false;
  bool late_ = false;
  std::function<void(Status)> done_;
};

}  // namespace sluice::worker
