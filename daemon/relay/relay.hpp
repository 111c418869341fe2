// Relay: a courier and a thread for each target, from one configuration.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/result.hpp"
#include "config/relay_target.hpp"
#include "daemon/relay/courier.hpp"

namespace sluice::relay {

struct RelayOptions {
  std::string dir;     // of the cursors
  std::string socket;  // the controller's
};

class Relay {
 public:
  // All that can be wrong with targets, their secrets and cursors is found here.
  [[nodiscard]] static Result<std::unique_ptr<Relay>> create(
      const RelayOptions& options, const std::vector<config::RelayTarget>& targets);
  ~Relay();  // stops; waits for what is under way, for a moment
  void start();

 private:
  struct Line {
    std::unique_ptr<Stream> stream;
    std::unique_ptr<Target> target;
    std::unique_ptr<Courier> courier;
    std::thread thread;
  };
  Relay() = default;

  Stop stop_;
  std::vector<Line> lines_;
};

}  // namespace sluice::relay
