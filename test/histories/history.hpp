// History: a random site and what happens there, with all checks after each event.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "test/histories/picture.hpp"
#include "test/histories/site.hpp"
#include "test/support/core_builders.hpp"

namespace sluice::histories {

// How much was looked at.
struct Counts {
  std::uint64_t events = 0;
  std::uint64_t starts = 0;
  std::uint64_t reasons = 0;
  std::uint64_t refusals = 0;  // limits as reasons
  std::uint64_t delays = 0;    // comparisons with a cluster without lower jobs
  std::uint64_t futures = 0;   // histories that were continued in a copy
  std::uint64_t preemptions = 0;
  std::uint64_t restarts = 0;
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
  void note(const std::string& what);
  [[nodiscard]] model::JobPtr some_job(bool running);

  Random random_;
  bool trace_;
  Site site_;
  test::World world_;
  Problem problem_;
  Counts counts_;
  int reservations_made_ = 0;
};

}  // namespace sluice::histories
