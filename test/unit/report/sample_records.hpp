// Records for tests of scontrol's and sacct's texts: those that the recorded samples are of.
#pragma once

#include <memory>

#include "model/job.hpp"
#include "model/node.hpp"
#include "model/step.hpp"

namespace sluice::report::test {

inline constexpr std::int64_t kNow = 1'700'000'008;  // seconds
inline constexpr model::WallTime kSubmit = 1'700'000'000 * model::kSecond;

inline model::NodeShare sample_share(const char* name) {
  model::NodeShare share;
  share.name = name;
  share.cpus = base::Bitmap::full(4);
  share.cpu_count = 4;
  share.memory = 300;
  return share;
}

// A batch job of 2 nodes, 4 tasks with 2 CPUs each, 300 MiB a node, 10 minutes.
struct SampleJob {
  model::JobSpec spec;
  model::Request request;
  model::Job job;

  SampleJob() {
    spec.user = "root";
    spec.group = "root";
    spec.name = "demo";
    spec.command = "/tmp/a/job.sh";
    spec.arguments = {"one", "two"};
    spec.work_dir = "/tmp/a";
    spec.std_out = "out-%j.txt";
    spec.std_err = "err-%j.txt";
    spec.comment = "a b ";
    spec.submit_host = "localhost";
    spec.alloc_sid = 3485;
    spec.mail_user = "me@x";
    spec.mail_type = "END";
    request.account = "root";
    request.qos = "normal";
    request.min_nodes = 2;
    request.tasks = 4;
    request.cpus_per_task = 2;
    request.memory_per_node = 300;
    job.id = JobId(278);
    job.partition = "batch";
    job.priority = 1;
    job.submit = job.eligible = kSubmit;
    job.time_limit = 10;
  }

  [[nodiscard]] model::Job pending() const {
    model::Job result = job;
    result.spec = std::make_shared<const model::JobSpec>(spec);
    result.request = std::make_shared<const model::Request>(request);
    return result;
  }
  [[nodiscard]] model::Job running() const {
    model::Job result = pending();
    result.state = model::JobState::running;
    result.start = kSubmit;
    result.batch_host = "n1";
    model::Allocation allocation;
    allocation.nodes = "n[1-2]";
    allocation.cpus = 8;
    allocation.shares = {sample_share("n1"), sample_share("n2")};
    result.allocation = std::make_shared<const model::Allocation>(std::move(allocation));
    return result;
  }
  [[nodiscard]] model::Job ended(model::JobState state, std::uint32_t status) const {
    model::Job result = running();
    result.state = state;
    result.exit_code = status;
    result.end = result.start + 49 * model::kSecond;
    return result;
  }
};

inline model::Step sample_step(StepNumber number) {
  model::Step step;
  step.job = JobId(278);
  step.number = number;
  step.name = number == base::kBatchStep ? "batch" : "sleep";
  step.nodes = "n[1-2]";
  step.node_count = 2;
  step.tasks = 2;
  step.cpus = 8;
  step.memory = 600;
  step.partition = "batch";
  step.start = kSubmit;
  step.distribution = "block";
  return step;
}

}  // namespace sluice::report::test
