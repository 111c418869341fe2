// See queries.hpp.
#include "daemon/controller/queries.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_set>
#include <utility>

#include "base/hostlist.hpp"
#include "daemon/controller/job_rows.hpp"
#include "daemon/controller/service/job_filter.hpp"
#include "wire/codec.hpp"

namespace sluice::controller {

namespace {

constexpr std::size_t kPieceBytes = 1024 * 1024;

// A batch script's step is reported only when it has gone on for a moment. Until then its record
// follows from the job's.
model::Step young_batch_step(const model::Job& job) {
  const model::NodeShare& share = job.allocation->shares.front();
  model::Step step;
  step.job = job.id;
  step.attempt = {job.uid, job.attempt};
  step.number = base::kBatchStep;
  step.name = "batch";
  step.nodes = share.name;
  step.node_count = 1;
  step.tasks = 1;
  step.cpus = share.cpu_count;
  step.memory = share.memory;
  step.start = job.start;
  step.time_limit = model::kUnlimited;
  step.uid = job.spec->uid;
  step.partition = job.partition;
  return step;
}

bool runs_a_script(const model::Job& job) {
  return job.state == model::JobState::running && job.spec->kind == model::JobKind::batch &&
         job.het_offset == 0 && (job.flags & model::kFlagConfiguring) == 0 && job.allocation &&
         !job.allocation->shares.empty();
}

// The jobs asked for by number, in order, where their numbers tell who is meant: neither an array
// nor a part of something. Nothing: everybody has to be looked at.
std::optional<std::vector<model::JobPtr>> named_jobs(const Snapshot& snapshot,
                                                     const wire::JobFilter& filter) {
  if (filter.jobs.empty()) return std::nullopt;
  std::map<JobId, model::JobPtr> named;
  for (const wire::JobRef& ref : filter.jobs) {
    if (ref.component != model::kNoTask || !ref.tasks.empty()) return std::nullopt;
    model::JobPtr job = snapshot.find(ref.job);
    if (!job || job->array_job.is_set() || job->het_job.is_set()) return std::nullopt;
    named.emplace(ref.job, std::move(job));
  }
  std::vector<model::JobPtr> jobs;
  for (auto& [id, job] : named) jobs.push_back(std::move(job));
  return jobs;
}

class JobsQuery : public Query {
 public:
  JobsQuery(SnapshotPtr snapshot, JobsAsked asked)
      : snapshot_(std::move(snapshot)),
        request_(std::move(asked.request)),
        sight_(std::move(asked.sight)),
        inputs_(std::move(asked.inputs)) {}

  Piece next() override {
    if (const auto named = named_jobs(*snapshot_, request_.filter)) {
      for (const model::JobPtr& job : *named) consider(job);
      chunk_ = snapshot_->chunks.size();
    }
    while (chunk_ < snapshot_->chunks.size() && rows_.size() < kPieceBytes) {
      for (const model::JobPtr& job : snapshot_->chunks[chunk_]->jobs) consider(job);
      ++chunk_;
    }
    const bool last = chunk_ == snapshot_->chunks.size();
    if (last && request_.steps) {
      for (const model::StepPtr& step : snapshot_->steps) {
        if (!found_.contains(step->job.value)) continue;
        if (step->number == base::kBatchStep) scripts_.erase(step->job);
        rows_.add(*step);
      }
      for (const auto& [id, job] : scripts_) rows_.add(young_batch_step(*job));
    }
    return {wire::JobsReply::kType, rows_.take(last), last};
  }

 private:
  void consider(const model::JobPtr& job) {
    if (!matches(*job, request_.filter) || !sight_.sees(*job)) return;
    add(*job);
    if (!request_.steps) return;
    found_.insert(job->id.value);
    if (runs_a_script(*job)) scripts_.emplace(job->id, job);
  }
  void add(const model::Job& job) {
    const std::uint32_t priority =
        inputs_ == nullptr ? job.priority : core::shown_priority(job, *inputs_);
    if (priority == job.priority) return rows_.add(job);
    model::Job shown = job;
    shown.priority = priority;
    rows_.add(shown);
  }

  SnapshotPtr snapshot_;
  wire::QueryJobs request_;
  Sight sight_;
  core::PriorityInputsPtr inputs_;
  JobRows rows_;
  std::size_t chunk_ = 0;
  std::unordered_set<std::uint32_t> found_;
  std::map<JobId, model::JobPtr> scripts_;  // running, whose steps have not been seen
};

class NodesQuery : public Query {
 public:
  NodesQuery(SnapshotPtr snapshot, wire::QueryNodes request)
      : snapshot_(std::move(snapshot)), request_(std::move(request)) {}

  Piece next() override {
    std::unordered_set<std::string> names;
    if (!request_.names.empty()) {
      Result<std::vector<std::string>> wanted = base::parse_hosts(request_.names);
      if (wanted) names.insert(wanted->begin(), wanted->end());
    }
    wire::Writer writer;
    while (at_ < snapshot_->nodes.size() && writer.size() < kPieceBytes) {
      const model::Node& node = *snapshot_->nodes[at_++];
      if (!request_.names.empty() && !names.contains(node.name.str())) continue;
      wire::detail::write_message(writer, 1, node);
    }
    const bool last = at_ == snapshot_->nodes.size();
    if (last) writer.varint(2, 1);
    return {wire::NodesReply::kType, writer.take(), last};
  }

 private:
  SnapshotPtr snapshot_;
  wire::QueryNodes request_;
  std::size_t at_ = 0;
};

class PartitionsQuery : public Query {
 public:
  PartitionsQuery(SnapshotPtr snapshot, wire::QueryPartitions request)
      : snapshot_(std::move(snapshot)), request_(std::move(request)) {}

  Piece next() override {
    wire::PartitionsReply message;
    for (const model::PartitionPtr& partition : snapshot_->partitions) {
      if (request_.name.empty() || request_.name == partition->name) {
        message.partitions.push_back(*partition);
      }
    }
    return {wire::PartitionsReply::kType, wire::encode(message), true};
  }

 private:
  SnapshotPtr snapshot_;
  wire::QueryPartitions request_;
};

store::HistoryFilter history_filter(const wire::QueryHistory& request) {
  store::HistoryFilter filter;
  for (const wire::JobRef& ref : request.filter.jobs) filter.jobs.push_back({ref.job, ref.tasks});
  filter.uids = request.filter.uids;
  filter.accounts = request.filter.accounts;
  filter.partitions = request.filter.partitions;
  filter.names = request.filter.names;
  filter.qos = request.filter.qos;
  filter.nodes = request.filter.nodes;
  filter.wckeys = request.filter.wckeys;
  filter.associations = request.filter.associations;
  filter.states = request.filter.states;
  filter.from = request.from;
  filter.to = request.to;
  filter.duplicates = request.duplicates;
  filter.with_steps = request.steps;
  return filter;
}

// The database is walked in one go; what was found waits here for the client. History rows are a
// few hundred bytes each.
class HistoryQuery : public Query {
 public:
  HistoryQuery(store::Reader reader, const wire::QueryHistory& request, Sight sight)
      : reader_(std::move(reader)), filter_(history_filter(request)), sight_(std::move(sight)) {}

  Piece next() override {
    if (!read_) {
      read_ = true;
      const Status status = reader_.history(filter_, [this](const store::HistoryRow& row) {
        if (!sight_.sees(*row.job)) return true;
        rows_.add(*row.job);
        for (const model::StepPtr& step : row.steps) rows_.add(*step);
        if (rows_.size() > kPieceBytes) pieces_.push_back(rows_.take(false));
        return true;
      });
      if (!status) return failure(status.error());
      pieces_.push_back(rows_.take(true));
    }
    Piece piece{wire::HistoryReply::kType, std::move(pieces_[at_++]), false};
    piece.last = at_ == pieces_.size();
    return piece;
  }

 private:
  static Piece failure(const Error& error) {
    wire::ErrorReply message;
    message.code = error.code;
    message.text = error.text;
    return {wire::ErrorReply::kType, wire::encode(message), true};
  }

  store::Reader reader_;
  store::HistoryFilter filter_;
  Sight sight_;
  JobRows rows_;
  std::vector<std::string> pieces_;
  std::size_t at_ = 0;
  bool read_ = false;
};

}  // namespace

std::unique_ptr<Query> query_jobs(SnapshotPtr snapshot, JobsAsked asked) {
  return std::make_unique<JobsQuery>(std::move(snapshot), std::move(asked));
}
std::unique_ptr<Query> query_nodes(SnapshotPtr snapshot, wire::QueryNodes request) {
  return std::make_unique<NodesQuery>(std::move(snapshot), std::move(request));
}
std::unique_ptr<Query> query_partitions(SnapshotPtr snapshot, wire::QueryPartitions request) {
  return std::make_unique<PartitionsQuery>(std::move(snapshot), std::move(request));
}
std::unique_ptr<Query> query_history(store::Reader reader, const wire::QueryHistory& request,
                                     Sight sight) {
  return std::make_unique<HistoryQuery>(std::move(reader), request, std::move(sight));
}

}  // namespace sluice::controller
