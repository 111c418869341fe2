// See job_stream.hpp.
#include "cli/common/job_stream.hpp"

#include <poll.h>

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "base/clock.hpp"

namespace sluice::cli {

namespace {

constexpr std::int64_t kFirstPauseMs = 20;
constexpr std::int64_t kLongestPauseMs = 500;

// Sends the request and gives each piece to the assembler, which says whether it was the last.
template <class Reply, class Request, class Assembler>
Status each_piece(Client& client, const Request& request, Assembler& assembler) {
  Result<Session> session = client.session();
  if (!session) return tl::unexpected(session.error());
  if (Status sent = session->send(request); !sent) return sent;
  while (true) {
    Result<Reply> piece = session->receive_as<Reply>(kAnswerMs);
    if (!piece) return tl::unexpected(piece.error());
    Result<bool> last = assembler.take(*piece);
    if (!last) return tl::unexpected(last.error());
    if (*last) return {};
  }
}

// Reading may be repeated: when the controller goes away in the middle, the answer is asked for
// anew from the one that follows.
template <class Reply, class Assembler, class Request>
auto assemble(Client& client, const Request& request) -> Result<decltype(Assembler().finish())> {
  const std::uint64_t until = base::monotonic_ms() + static_cast<std::uint64_t>(kRetryMs);
  std::int64_t pause_ms = kFirstPauseMs;
  while (true) {
    Assembler assembler;
    const Status done = each_piece<Reply>(client, request, assembler);
    if (done) return assembler.finish();
    const bool again = done.error().code == ErrorCode::unavailable;
    if (!again || base::monotonic_ms() >= until) {
      return tl::unexpected(as_seen_by_user(done.error()));
    }
    ::poll(nullptr, 0, static_cast<int>(pause_ms));
    pause_ms = std::min(pause_ms * 2, kLongestPauseMs);
  }
}

// Indices of specs and requests count on over all pieces.
class JobAssembler {
 public:
  template <class Reply>
  Result<bool> take(Reply& piece) {
    for (model::JobSpec& spec : piece.specs) {
      specs_.push_back(std::make_shared<const model::JobSpec>(std::move(spec)));
    }
    for (model::Request& request : piece.requests) {
      requests_.push_back(std::make_shared<const model::Request>(std::move(request)));
    }
    for (wire::JobRow& row : piece.jobs) {
      if (row.spec >= specs_.size() || row.request >= requests_.size()) {
        return fail(ErrorCode::protocol, "an answer names what it has not brought");
      }
      row.job.spec = specs_[row.spec];
      row.job.request = requests_[row.request];
      answer_.jobs.push_back(std::make_shared<const model::Job>(std::move(row.job)));
    }
    for (model::Step& step : piece.steps) {
      answer_.steps.push_back(std::make_shared<const model::Step>(std::move(step)));
    }
    return piece.last;
  }
  [[nodiscard]] JobAnswer finish() { return std::move(answer_); }

 private:
  std::vector<model::JobSpecPtr> specs_;
  std::vector<model::RequestPtr> requests_;
  JobAnswer answer_;
};

class NodeAssembler {
 public:
  Result<bool> take(wire::NodesReply& piece) {
    for (model::Node& node : piece.nodes) {
      nodes_.push_back(std::make_shared<const model::Node>(std::move(node)));
    }
    return piece.last;
  }
  [[nodiscard]] std::vector<model::NodePtr> finish() { return std::move(nodes_); }

 private:
  std::vector<model::NodePtr> nodes_;
};

class PartitionAssembler {
 public:
  Result<bool> take(wire::PartitionsReply& only) {
    for (model::Partition& partition : only.partitions) {
      partitions_.push_back(std::make_shared<const model::Partition>(std::move(partition)));
    }
    return true;
  }
  [[nodiscard]] std::vector<model::PartitionPtr> finish() { return std::move(partitions_); }

 private:
  std::vector<model::PartitionPtr> partitions_;
};

model::StepPtr batch_step_of(const model::Job& job) {
  const model::NodeShare& host = job.allocation->shares.front();
  model::Step step;
  step.job = job.id;
  step.attempt = {job.uid, job.attempt};
  step.number = base::kBatchStep;
  step.name = "batch";
  step.state = job.state;
  step.nodes = host.name;
  step.node_count = 1;
  step.tasks = 1;
  step.cpus = host.cpu_count;
  step.memory = host.memory;
  step.start = job.start;
  step.uid = job.spec->uid;
  step.partition = job.partition;
  return std::make_shared<const model::Step>(std::move(step));
}

// A script that has just begun is told of with the node's next report; the job says it already.
void add_batch_steps(JobAnswer& answer) {
  std::set<JobId> told;
  for (const model::StepPtr& step : answer.steps) {
    if (step->number == base::kBatchStep) told.insert(step->job);
  }
  for (const model::JobPtr& job : answer.jobs) {
    const bool runs =
        job->state == model::JobState::running || job->state == model::JobState::suspended;
    const bool has_script = job->spec->kind == model::JobKind::batch && job->allocation;
    if (runs && has_script && !told.contains(job->id)) answer.steps.push_back(batch_step_of(*job));
  }
}

}  // namespace

Result<JobAnswer> fetch_jobs(Client& client, const wire::QueryJobs& query) {
  Result<JobAnswer> answer = assemble<wire::JobsReply, JobAssembler>(client, query);
  if (answer && query.steps) add_batch_steps(*answer);
  return answer;
}

Result<JobAnswer> fetch_history(Client& client, const wire::QueryHistory& query) {
  return assemble<wire::HistoryReply, JobAssembler>(client, query);
}

Result<std::vector<model::NodePtr>> fetch_nodes(Client& client, const wire::QueryNodes& query) {
  return assemble<wire::NodesReply, NodeAssembler>(client, query);
}

Result<std::vector<model::PartitionPtr>> fetch_partitions(Client& client,
                                                          const wire::QueryPartitions& query) {
  return assemble<wire::PartitionsReply, PartitionAssembler>(client, query);
}

}  // namespace sluice::cli
