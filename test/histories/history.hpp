// History: a random site and what happens there, with all checks after each event.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "test/histories/picture.hpp"
#include "test/histories/site.hpp"
#include "test/support/core_builders.hpp"

namespace sluice::histories {

// What the histories contained, so that it is visible what the checks have seen.
enum class Seen : std::uint8_t {
  steady_sites,
  sites_with_pieces,
  sites_with_limits,
  sites_with_priorities,
  sites_with_preemption,
  sites_with_reservations,
  sites_with_licenses,
  jobs,
  arrays,
  components,
  gpu_jobs,
  whole_node_jobs,
  jobs_in_several_partitions,
  jobs_with_licenses,
  jobs_with_dependencies,
  jobs_in_reservations,
  starts_in_reservations,
  starts_of_components,
  suspensions,
  requeues,
  node_failures,
  changes_of_limits,
  planned_starts,
  starts_to_plan,
  count
};
inline constexpr std::size_t kSeen = static_cast<std::size_t>(Seen::count);
[[nodiscard]] const char* seen_name(std::size_t seen);

// How much was looked at.
struct Counts {
  std::array<std::uint64_t, kSeen> seen{};
  std::uint64_t events = 0;
  std::uint64_t starts = 0;
  std::uint64_t reasons = 0;
  std::uint64_t refusals = 0;  // limits as reasons
  std::uint64_t delays = 0;    // comparisons with a cluster without lower jobs
  std::uint64_t futures = 0;   // histories that were continued in a copy
  std::uint64_t preemptions = 0;
  std::uint64_t restarts = 0;
  std::uint64_t cuts = 0;  // passes that were interrupted by the next event
};

class History {
 public:
  History(std::uint64_t seed, bool trace);
  // Plays it; what went wrong, or nothing.
  [[nodiscard]] Problem play(int events);
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  void step();
  void submit();
  void submit_whole(core::SubmitJob first);
  [[nodiscard]] test::JobBuilder draw_job();
  void draw_standing(test::JobBuilder& job);
  void draw_conditions(test::JobBuilder& job);
  void end_some();
  void act();
  void disturb();
  void update();
  void node_event();
  void edit_accounts();
  void edit_reservation();
  void edit_partition();
  void restart();
  void pass(std::int64_t seconds);
  void release_all();

  void apply(const core::Event& event, const std::string& what);
  void plan_and_check();
  void look_ahead(const Picture& before, const core::StoredState& state, const Picture& after);
  void count(const Picture& before, const Picture& after);
  void count_site();
  void count_job(const model::Job* was, const model::Job& job);
  void saw(Seen what, bool really = true) {
    if (really) ++counts_.seen[static_cast<std::size_t>(what)];
  }
  void note(const std::string& what);
  [[nodiscard]] model::JobPtr some_job(bool running);

  Random random_;
  bool trace_;
  Picture last_;  // after the last event
  Site site_;
  test::World world_;
  Problem problem_;
  Counts counts_;
  int reservations_made_ = 0;
  JobId last_seen_;  // jobs up to it are counted
};

}  // namespace sluice::histories
