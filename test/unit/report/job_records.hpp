// Records for tests of reports: a running job on two nodes, the rest of an array, a held job.
#pragma once

#include <memory>

#include "model/job.hpp"
#include "model/step.hpp"

namespace sluice::test {

inline constexpr model::WallTime kStart = 1'795'290'206 * model::kSecond;

// With `change(job, spec, request)` applied before the record is closed.
template <class Change>
model::JobPtr a_record(std::uint32_t id, Change&& change) {
  auto job = std::make_shared<model::Job>();
  auto spec = std::make_shared<model::JobSpec>();
  auto request = std::make_shared<model::Request>();
  job->id = JobId(id);
  job->partition = "batch";
  job->submit = job->eligible = kStart;
  job->time_limit = model::kUnlimited;
  job->priority = 1;
  spec->user = spec->group = "root";
  spec->work_dir = "/tmp/w";
  spec->submit_host = "login";
  request->account = "root";
  request->qos = "normal";
  change(*job, *spec, *request);
  job->spec = spec;
  job->request = request;
  return job;
}

inline model::NodeShare a_share(const char* name, std::uint32_t index) {
  model::NodeShare share;
  share.name = name;
  share.node = NodeIndex(index);
  share.cpus = base::Bitmap::full(4);
  share.cpu_count = 4;
  share.memory = 300;
  return share;
}

inline model::JobPtr running_record() {
  return a_record(34, [](model::Job& job, model::JobSpec& spec, model::Request& request) {
    job.state = model::JobState::running;
    job.start = kStart;
    job.time_limit = 1564;
    job.batch_host = "n1";
    auto allocation = std::make_shared<model::Allocation>();
    allocation->nodes = "n[1-2]";
    allocation->cpus = 8;
    allocation->shares = {a_share("n1", 0), a_share("n2", 1)};
    job.allocation = allocation;
    spec.name = "samplejob";
    spec.command = "/tmp/w/sl.sh";
    spec.arguments = {"arg1", "arg2"};
    spec.comment = "hello world";
    spec.std_out = "out-%j-%x.txt";
    request.min_nodes = 2;
    request.tasks = 4;
    request.cpus_per_task = 2;
    request.memory_per_node = 300;
  });
}

inline model::JobPtr array_record() {
  return a_record(35, [](model::Job& job, model::JobSpec& spec, model::Request& request) {
    job.array_job = JobId(35);
    auto rest = std::make_shared<model::TaskSet>();
    rest->runs = {{1, 10, 3}};
    job.array_rest = rest;
    job.reason = model::Reason::begin_time;
    job.eligible = kStart + 3600 * model::kSecond;
    spec.name = "arr";
    spec.array_limit = 2;
    request.exclude = "n3";
  });
}

inline model::JobPtr held_record() {
  return a_record(36, [](model::Job& job, model::JobSpec& spec, model::Request& request) {
    job.reason = model::Reason::job_held_user;
    job.priority = 0;
    job.eligible = 0;
    spec.name = "heldjob";
    spec.nice = 5;
    request.min_nodes = 2;
    request.tasks = 2;
    request.memory_per_cpu = 100;
    request.tmp_disk = 1;
    request.node_list = "n[4-5]";
    request.sharing = model::Sharing::exclusive;
  });
}

}  // namespace sluice::test
