// Nodes: what the daemons of a played site's nodes do and say, without faults of their own: they
// prepare what they are told, run it as long as the scenario says, stand still while it is
// suspended, and end it when they are told to.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/settings.hpp"
#include "test/sim/timeline.hpp"
#include "wire/node_messages.hpp"

namespace sluice::books {

using sim::Micros;

// How the processes of a job behave.
struct Behaviour {
  Micros run = 0;
  std::uint32_t exit_code = 0;
  bool out_of_memory = false;
  bool launch_fails = false;
};

// What a node says to the controller.
struct Said {
  NodeIndex node;
  wire::MessageType type = {};
  std::string payload;
};

class Nodes {
 public:
  Nodes(sim::Timeline& timeline, model::SettingsPtr settings, std::function<void(const Said&)> say);

  void behave(const std::string& job, const Behaviour& how) { behaviours_[job] = how; }
  [[nodiscard]] wire::NodeHello hello(NodeIndex node) const;
  void take(NodeIndex node, wire::MessageType type, std::string_view payload);
  // All that ran there is gone.
  void lose(NodeIndex node);

 private:
  struct Run {
    JobId job;
    Behaviour how;
    bool has_script = false;
    bool alone = false;  // on one node, and no component of another
    bool frozen = false;
    Micros ends = 0;
    Micros left = 0;           // while frozen
    std::uint64_t number = 0;  // of the timer in force
  };
  using Key = std::pair<NodeIndex, Attempt>;

  void launch(NodeIndex node, const wire::LaunchJob& order);
  void terminate(NodeIndex node, const wire::TerminateJob& order);
  void freeze(const Key& key);
  void thaw(const Key& key);
  void set_end(const Key& key, Run& run, Micros when);
  void end(const Key& key);
  template <class Message>
  void say(NodeIndex node, const Message& message, Micros delay);

  sim::Timeline& timeline_;
  model::SettingsPtr settings_;
  std::function<void(const Said&)> say_;
  std::map<std::string, Behaviour> behaviours_;
  std::map<Key, Run> runs_;
  std::vector<std::uint32_t> boots_;
  std::uint64_t timers_ = 0;
  std::uint64_t serial_ = 0;
};

}  // namespace sluice::books
