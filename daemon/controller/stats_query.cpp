// See stats_query.hpp. Jobs are counted here, on a pool thread: there may be a million.
#include "daemon/controller/stats_query.hpp"

#include <utility>

#include "model/task_set.hpp"
#include "wire/codec.hpp"

namespace sluice::controller {

namespace {

class StatsQuery : public Query {
 public:
  StatsQuery(SnapshotPtr snapshot, wire::StatsReply reply)
      : snapshot_(std::move(snapshot)), reply_(std::move(reply)) {}

  Piece next() override {
    wire::JobStats& jobs = reply_.scheduler.jobs;
    jobs.seen = reply_.scheduler.now;
    snapshot_->for_each_job([&](const model::JobPtr& job) {
      if (job->state == model::JobState::running) ++jobs.running;
      if (job->state != model::JobState::pending) return;
      jobs.pending += job->array_rest ? model::task_count(*job->array_rest) : 1;
    });
    return {wire::StatsReply::kType, wire::encode(reply_), true};
  }

 private:
  SnapshotPtr snapshot_;
  wire::StatsReply reply_;
};

}  // namespace

std::unique_ptr<Query> query_stats(SnapshotPtr snapshot, wire::StatsReply reply) {
  return std::make_unique<StatsQuery>(std::move(snapshot), std::move(reply));
}

}  // namespace sluice::controller
