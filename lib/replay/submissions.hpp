// Submissions: a log of what was submitted to a cluster, each with all its own options, driven
// through core::Cluster in virtual time with the cluster's nodes, partitions, accounts and limits.
// Where a trace (trace.hpp) knows counts of processors only, this knows requests.
//
// The cluster is the real one; the clock and the nodes are played: a job's processes end by
// themselves after the time that the log gives, nodes do at once what they are told, and none of
// them fails. A job that would run longer than its limit is ended by the cluster. What preemption
// requeues runs its whole time again; what it suspends goes on later.
//
// All of one instant happens together: what ends, then what is submitted, then one planning pass.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "core/cluster.hpp"
#include "replay/replay.hpp"
#include "replay/trace.hpp"

namespace sluice::replay {

struct Submission {
  std::int64_t id = 0;       // of the log, for what is written
  std::int64_t at_ms = 0;    // from the log's beginning
  std::int64_t run_ms = -1;  // of the job, or of each task of an array; negative: to its limit
  model::JobSpecPtr spec;    // with the user's identity
  model::RequestPtr request;
};

// The log's beginning on the clock of the replay: what dates in the submissions are relative to.
inline constexpr model::WallTime kLogBegin = 946'684'800 * model::kSecond;

// Every submission moved by at most so much, either way; in order of time.
[[nodiscard]] std::vector<Submission> shaken(std::vector<Submission> log, std::int64_t shake_s,
                                             std::uint64_t seed);

// A time during which a job held the same of the same nodes: a run of it, or a part of one between
// suspensions.
struct Stretch {
  std::size_t submission = 0;  // its place in the log
  model::JobPtr job;           // as it was when this began
  std::int64_t start_ms = 0;
  std::int64_t end_ms = -1;
  model::JobState became = model::JobState::running;  // what it was afterwards
};

struct Replayed {
  // One for each job and each task of an array, in order of submission; in whole seconds, with the
  // processors that were allocated. Of several runs the last one counts.
  std::vector<TraceJob> jobs;
  Played played;                       // parallel; -1: refused, or never started
  std::vector<model::JobPtr> waiting;  // that never started, with their reasons, by id
  std::uint64_t requeued = 0;          // runs that were ended to be begun again
  std::uint64_t timed_out = 0;         // jobs that were ended at their limits
  // Only where asked for: in order of their beginnings; those who wait or ended without one, as
  // they were at last; and who was refused, with the reason. Places are those in the log.
  std::vector<Stretch> stretches;
  std::vector<std::pair<std::size_t, model::JobPtr>> never_began;
  std::vector<std::pair<std::size_t, std::string>> refusals;
};
enum class Keep : std::uint8_t { starts, stretches };

// Time goes on until nothing is left that could start: nobody runs, and those who wait have done so
// for thirty days since anything happened. Fails where the settings can't be used.
[[nodiscard]] Result<Replayed> play_submissions(const std::vector<Submission>& log,
                                                const core::SettingsPtr& settings,
                                                const model::AccountsPtr& accounts,
                                                Keep keep = Keep::starts);

}  // namespace sluice::replay
