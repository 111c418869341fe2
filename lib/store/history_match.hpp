// Which attempts a HistoryFilter means, by Slurm's rules for sacct. The window [from, to] selects
// what existed in it: submitted before its end and not over before its begin. With states it
// selects by the state in the window: PENDING and RUNNING if the attempt was that at some time in
// it, an end state if it was reached in it. Pure.
#pragma once

#include "model/job.hpp"
#include "store/store.hpp"

namespace sluice::store {

// False if that alone tells that the attempt can't match: for what is known before its record is
// read. Most of a long queue is passed over by the first.
[[nodiscard]] bool may_match(model::WallTime submit, model::JobState state,
                             const HistoryFilter& filter);
[[nodiscard]] bool spec_matches(const model::JobSpec& spec, const HistoryFilter& filter);
[[nodiscard]] bool request_matches(const model::Request& request, const HistoryFilter& filter);
// The rest: partition, nodes, window and states.
[[nodiscard]] bool job_matches(const model::Job& job, const HistoryFilter& filter);
// One of `filter.jobs`, or there is none.
[[nodiscard]] bool is_meant(const model::Job& job, const HistoryFilter& filter);

}  // namespace sluice::store
