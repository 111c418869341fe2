// World: one simulated cluster of one seed. The real controller and the real node daemons run on
// simulated machines; users ask for things; trouble comes. First all of it together, then the
// trouble stops, an administrator clears up, and everything has to settle within a bound (I11).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/settings.hpp"
#include "test/sim/controller_host.hpp"
#include "test/sim/disk.hpp"
#include "test/sim/faults.hpp"
#include "test/sim/judge.hpp"
#include "test/sim/node_host.hpp"
#include "test/sim/pipes.hpp"
#include "test/sim/random.hpp"
#include "test/sim/timeline.hpp"
#include "test/sim/trace.hpp"
#include "test/sim/users.hpp"

namespace sluice::sim {

struct WorldOptions {
  std::uint64_t seed = 0;
  bool skip_durable_commit = false;
  Lines lines = Lines::none;
};

struct Outcome {
  std::optional<std::string> violation;
  std::uint64_t digest = 0;
  Counts counts;
};

class World {
 public:
  explicit World(const WorldOptions& options);
  ~World();
  World(World&&) = delete;

  [[nodiscard]] Outcome run();

  void count(Fault fault, std::uint64_t times = 1) {
    counts.faults[static_cast<std::size_t>(fault)] += times;
  }
  // Unlike any other in this world.
  std::uint64_t next_number() { return ++last_number_; }
  [[nodiscard]] NodeHost& node(NodeIndex index) { return *nodes[index.value]; }
  [[nodiscard]] NodeHost* find_node(const std::string& name);
  // What a user's program does.
  [[nodiscard]] std::pair<Task, Micros> make_task(const model::Job& job, bool is_script);
  [[nodiscard]] wire::StepRequest make_step_request(const model::Job& job);

  // Members in the order in which they may refer to each other; the timeline's events go last.
  Timeline timeline;
  Random random;
  Trace trace;
  Counts counts;
  Weather weather;
  core::SettingsPtr settings;
  std::vector<wire::KeyValue> node_settings;
  std::vector<wire::HostRow> hosts;
  std::uint32_t report_interval_s = 10;
  std::uint64_t plan_budget = 20'000;
  Judge judge;
  Disk disk;
  Pipes pipes;
  ControllerHost controller;
  std::vector<std::unique_ptr<NodeHost>> nodes;
  std::unique_ptr<Users> users;

 private:
  void make_settings();
  void make_preemption(model::Settings& made);
  void trouble();
  void one_trouble();
  void some_node_trouble();
  void calm_down();
  [[nodiscard]] std::string unsettled() const;
  [[nodiscard]] std::string node_states() const;
  bool run_until(Micros end);

  Micros trouble_ends_ = 0;
  std::uint64_t last_number_ = 0;
};

}  // namespace sluice::sim
