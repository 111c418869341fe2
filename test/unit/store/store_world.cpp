// See store_world.hpp.
#include "test/unit/store/store_world.hpp"

#include <unistd.h>

#include <cstdlib>
#include <future>

#include <gtest/gtest.h>

#include "base/assert.hpp"
#include "base/file.hpp"

namespace sluice::store {

TemporaryFolder::TemporaryFolder() {
  const char* base = std::getenv("TMPDIR");
  if (base == nullptr) base = ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
  path_ = std::string(base) + "/sluice-store-XXXXXX";
  SLUICE_ASSERT(::mkdtemp(path_.data()) != nullptr, "{}", path_);
}

TemporaryFolder::~TemporaryFolder() { EXPECT_TRUE(base::remove_tree(path_)); }

model::JobSpecPtr spec_of(std::uint32_t uid, std::string_view name) {
  model::JobSpec spec;
  spec.uid = uid;
  spec.gid = uid;
  spec.user = "user" + std::to_string(uid);
  spec.name = name;
  spec.work_dir = "/home/user";
  return std::make_shared<const model::JobSpec>(std::move(spec));
}

model::RequestPtr request_of(std::string_view account, std::string_view qos) {
  model::Request request;
  request.account = account;
  request.qos = qos;
  request.min_nodes = 1;
  return std::make_shared<const model::Request>(std::move(request));
}

model::Job a_job(std::uint32_t id) {
  model::Job job;
  job.id = JobId(id);
  job.uid = Uid128{0x1111, id};
  job.spec = spec_of(1000, "job");
  job.request = request_of("physics", "normal");
  job.partition = "batch";
  job.submit = kNoon + id * model::kSecond;
  job.eligible = job.submit;
  job.priority = 1;
  return job;
}

model::Job running(model::Job job, model::WallTime start) {
  model::Allocation allocation;
  allocation.nodes = "n1";
  allocation.cpus = 2;
  model::NodeShare share;
  share.name = "n1";
  share.cpus.resize(4);
  share.cpus.set(1);
  share.cpu_count = 2;
  share.memory = 100;
  allocation.shares.push_back(std::move(share));
  job.allocation = std::make_shared<const model::Allocation>(std::move(allocation));
  job.batch_host = "n1";
  job.state = model::JobState::running;
  job.start = start;
  return job;
}

model::Job ended(model::Job job, model::JobState state, model::WallTime end) {
  job.state = state;
  job.end = end;
  return job;
}

model::Step a_step(const model::Job& job, std::uint32_t number) {
  model::Step step;
  step.job = job.id;
  step.attempt = Attempt{job.uid, job.attempt};
  step.number = number;
  step.name = "hostname";
  step.start = job.start;
  return step;
}

model::JobPtr shared(model::Job job) { return std::make_shared<const model::Job>(std::move(job)); }

Transaction with_jobs(std::vector<model::Job> jobs) {
  Transaction transaction;
  for (model::Job& job : jobs) transaction.jobs.push_back(shared(std::move(job)));
  return transaction;
}

OpenOptions options_for(const std::string& path) {
  OpenOptions options;
  options.path = path;
  options.now = kNoon;
  return options;
}

std::unique_ptr<Store> open_store(const std::string& path) {
  Result<std::unique_ptr<Store>> store = Store::open(options_for(path));
  SLUICE_ASSERT(store.has_value(), "{}", store.error().text);
  return std::move(*store);
}

LoadedState load_from(Store& store) {
  Result<LoadedState> state = store.load();
  SLUICE_ASSERT(state.has_value(), "{}", state.error().text);
  return std::move(*state);
}

Status commit(Store& store, Transaction transaction) {
  std::promise<Status> done;
  store.commit(std::move(transaction), [&](const Status& status) { done.set_value(status); });
  return done.get_future().get();
}

std::vector<std::string> found(Store& store, const HistoryFilter& filter) {
  Result<Reader> reader = store.reader();
  SLUICE_ASSERT(reader.has_value(), "{}", reader.error().text);
  std::vector<std::string> rows;
  const Status status = reader->history(filter, [&](const HistoryRow& row) {
    std::string name = std::to_string(row.job->id.value);
    if (row.job->attempt != 0) name += "/" + std::to_string(row.job->attempt);
    for (const model::StepPtr& step : row.steps) name += "." + std::to_string(step->number);
    rows.push_back(std::move(name));
    return true;
  });
  SLUICE_ASSERT(status.has_value(), "{}", status.error().text);
  return rows;
}

}  // namespace sluice::store
