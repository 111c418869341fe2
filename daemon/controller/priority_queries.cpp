// See priority_queries.hpp. Held jobs have no priority and are left out; a job that waits for
// several partitions has a row for each.
#include "daemon/controller/priority_queries.hpp"

#include <algorithm>
#include <utility>

#include "base/strings.hpp"
#include "wire/account_messages.hpp"
#include "wire/codec.hpp"

namespace sluice::controller {

namespace {

constexpr std::size_t kRowsPerPiece = 4096;

std::uint32_t clamped(std::int64_t value) {
  constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(value, 0, kMost));
}

wire::PriorityRow row_of(const core::PriorityInputs& inputs, const core::PriorityScore& score) {
  const model::PrioritySettings& weights = inputs.settings;
  wire::PriorityRow row;
  row.priority = score.priority;
  row.age = clamped(score.age);
  row.association = clamped(score.association);
  row.fairshare = clamped(score.fairshare);
  row.job_size = clamped(score.job_size);
  row.partition_factor = clamped(score.partition);
  row.qos = clamped(score.qos);
  row.age_part = clamped(core::points(weights.weight_age, score.age));
  row.association_part = clamped(core::points(weights.weight_association, score.association));
  row.fairshare_part = clamped(core::points(weights.weight_fairshare, score.fairshare));
  row.job_size_part = clamped(core::points(weights.weight_job_size, score.job_size));
  row.partition_part = clamped(core::points(weights.weight_partition, score.partition));
  row.qos_part = clamped(core::points(weights.weight_qos, score.qos));
  row.tres_factors = score.tres;
  for (std::size_t i = 0; i < score.tres.size() && i < inputs.tres_weights.size(); ++i) {
    const std::int64_t part = core::points(inputs.tres_weights[i], score.tres[i].count);
    row.tres_parts.push_back({score.tres[i].id, part});
  }
  row.nice = score.nice;
  row.site = score.site;
  return row;
}

class PrioritiesQuery : public Query {
 public:
  PrioritiesQuery(SnapshotPtr snapshot, core::PriorityInputsPtr inputs, Sight sight)
      : snapshot_(std::move(snapshot)), inputs_(std::move(inputs)), sight_(std::move(sight)) {}

  Piece next() override {
    wire::PrioritiesReply message;
    if (std::exchange(first_, false) && inputs_ != nullptr) message.tres = inputs_->tres;
    while (chunk_ < snapshot_->chunks.size() && message.rows.size() < kRowsPerPiece) {
      for (const model::JobPtr& job : snapshot_->chunks[chunk_]->jobs) add(*job, message);
      ++chunk_;
    }
    message.last = chunk_ == snapshot_->chunks.size();
    return {wire::PrioritiesReply::kType, wire::encode(message), message.last};
  }

 private:
  void add(const model::Job& job, wire::PrioritiesReply& message) const {
    const bool ranked = job.state == model::JobState::pending && job.priority != 0;
    if (!ranked || inputs_ == nullptr || !sight_.sees(job)) return;
    const core::RankedJob who = core::ranked_job(job, *inputs_);
    for (const std::string_view name : base::split_nonempty(job.partition, ',')) {
      for (std::uint32_t p = 0; p < inputs_->partitions.size(); ++p) {
        if (inputs_->partitions[p].name.view() != name) continue;
        wire::PriorityRow row = row_of(*inputs_, core::score(*inputs_, who, PartitionIndex(p)));
        row.job = job.id;
        row.partition = inputs_->partitions[p].name;
        if (job.priority_fixed) row.priority = job.priority;
        message.rows.push_back(std::move(row));
        message.jobs_user.push_back(job.spec->user);
        message.jobs_account.push_back(job.request->account);
        message.jobs_qos.push_back(job.qos);
      }
    }
  }

  SnapshotPtr snapshot_;
  core::PriorityInputsPtr inputs_;
  Sight sight_;
  bool first_ = true;
  std::size_t chunk_ = 0;
};

}  // namespace

std::unique_ptr<Query> query_priorities(SnapshotPtr snapshot, core::PriorityInputsPtr inputs,
                                        Sight sight) {
  return std::make_unique<PrioritiesQuery>(std::move(snapshot), std::move(inputs),
                                           std::move(sight));
}

}  // namespace sluice::controller
