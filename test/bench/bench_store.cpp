// How fast the store answers: submits (job, reply and next id in one transaction) by 1 and by 64
// submitters who each wait for their answer, the life of jobs (start, end, one step), then loading
// 100,000 pending jobs and asking for history. The disk decides most of it: run it twice.
//   bench_store [DIRECTORY [SUBMITS]]     default: a directory below /tmp, 20000
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/assert.hpp"
#include "base/file.hpp"
#include "base/hash.hpp"
#include "store/store.hpp"

namespace {

using namespace sluice;
using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double cpu_ms() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto ms = [](const timeval& t) {
    return 1e3 * static_cast<double>(t.tv_sec) + 1e-3 * static_cast<double>(t.tv_usec);
  };
  return ms(used.ru_utime) + ms(used.ru_stime);
}

model::JobSpecPtr make_spec(std::uint32_t number) {
  model::JobSpec spec;
  spec.uid = 1000 + number % 10;
  spec.user = "user" + std::to_string(number % 10);
  spec.name = "job" + std::to_string(number);
  spec.command = "/home/user/project/run/script.sh";
  spec.work_dir = "/home/user/project/run";
  spec.std_out = "/home/user/project/run/slurm-%j.out";
  spec.submit_line = "sbatch -N1 --time=10 script.sh " + std::to_string(number);
  spec.script_hash = store::content_hash("script");
  spec.environment_hash = store::content_hash("environment");
  return std::make_shared<const model::JobSpec>(std::move(spec));
}

model::RequestPtr make_request() {
  model::Request request;
  request.partitions = "batch";
  request.min_nodes = 1;
  request.tasks = 1;
  request.account = "physics";
  return std::make_shared<const model::Request>(std::move(request));
}

constexpr model::WallTime kBegin = 1'700'000'000 * model::kSecond;

// Numbered transactions: what a job's life commits.
class Jobs {
 public:
  explicit Jobs(std::uint32_t specs) : specs_(specs) {}

  store::Transaction submit(std::uint32_t id) {
    model::Job job;
    job.id = JobId(id);
    job.uid = Uid128{base::hash_mix(id, 1), base::hash_mix(id, 2)};
    if (known_.size() < specs_) known_.push_back(make_spec(id));
    job.spec = known_[id % known_.size()];
    job.request = request_;
    job.partition = "batch";
    job.submit = kBegin + id * model::kSecond;
    job.eligible = job.submit;
    job.priority = 4294901000U - id;
    job.time_limit = 10;
    store::Transaction made;
    made.jobs.push_back(std::make_shared<const model::Job>(std::move(job)));
    made.next_job_id = id + 1;
    made.reply = store::StoredReply{{base::hash_mix(id, 3), id}, 1000, 2, "\x08\x01\x12\x07local"};
    jobs_.resize(std::max<std::size_t>(jobs_.size(), id + 1));
    jobs_[id] = made.jobs[0];
    return made;
  }
  store::Transaction start(std::uint32_t id) {
    model::Job job = *jobs_[id];
    model::Allocation allocation;
    allocation.nodes = "n1";
    allocation.cpus = 1;
    model::NodeShare share;
    share.name = "n1";
    share.cpus.resize(64);
    share.cpus.set(id % 64);
    share.cpu_count = 1;
    allocation.shares.push_back(std::move(share));
    job.allocation = std::make_shared<const model::Allocation>(std::move(allocation));
    job.state = model::JobState::running;
    job.start = job.submit + model::kSecond;
    job.batch_host = "n1";
    return replaced(std::move(job));
  }
  store::Transaction end(std::uint32_t id) {
    model::Job job = *jobs_[id];
    job.state = model::JobState::completed;
    job.end = job.start + 10 * model::kSecond;
    store::Transaction made = replaced(std::move(job));
    made.ended = made.jobs;
    model::Step step;
    step.job = JobId(id);
    step.attempt = Attempt{made.jobs[0]->uid, 0};
    step.number = base::kBatchStep;
    step.name = "batch";
    step.state = model::JobState::completed;
    step.usage.user_us = 1000;
    made.steps.push_back(std::make_shared<const model::Step>(std::move(step)));
    return made;
  }

 private:
  store::Transaction replaced(model::Job job) {
    store::Transaction made;
    made.jobs.push_back(std::make_shared<const model::Job>(std::move(job)));
    jobs_[made.jobs[0]->id.value] = made.jobs[0];
    return made;
  }

  std::uint32_t specs_;
  std::vector<model::JobSpecPtr> known_;
  model::RequestPtr request_ = make_request();
  std::vector<model::JobPtr> jobs_;
};

// Keeps `width` transactions on the way until `count` are answered.
template <class Make>
void measure(store::Store& store, const char* what, std::uint32_t width, std::uint32_t count,
             const Make& make) {
  std::mutex lock;
  std::condition_variable changed;
  std::uint32_t answered = 0;
  std::vector<double> waits;
  waits.reserve(count);
  const store::StoreStats before = store.stats();
  const double cpu = cpu_ms();
  const auto begin = Clock::now();
  for (std::uint32_t sent = 0; sent < count; ++sent) {
    store::Transaction transaction = make(sent);
    std::unique_lock guard(lock);
    changed.wait(guard, [&] { return sent - answered < width; });
    guard.unlock();
    store.commit(std::move(transaction), [&, start = Clock::now()](const Status& status) {
      SLUICE_ASSERT(status.has_value(), "{}", status.error().text);
      const std::scoped_lock inner(lock);
      waits.push_back(ms_since(start));
      ++answered;
      changed.notify_one();
    });
  }
  std::unique_lock guard(lock);
  changed.wait(guard, [&] { return answered == count; });
  const double took = ms_since(begin);
  std::ranges::sort(waits);
  const store::StoreStats after = store.stats();
  std::printf(
      "%-28s %6.0f/s  rows/s %6.0f  p50 %6.2f ms  p99 %6.2f ms  cpu %5.1f us each"
      "  %5.1f per commit\n",
      what, count / took * 1e3, static_cast<double>(after.rows - before.rows) / took * 1e3,
      waits[waits.size() / 2], waits[waits.size() * 99 / 100], (cpu_ms() - cpu) * 1e3 / count,
      static_cast<double>(count) / static_cast<double>(after.commits - before.commits));
}

std::unique_ptr<store::Store> open(const std::string& path) {
  store::OpenOptions options;
  options.path = path;
  options.now = kBegin;
  const auto begin = Clock::now();
  Result<std::unique_ptr<store::Store>> store = store::Store::open(options);
  SLUICE_ASSERT(store.has_value(), "{}", store.error().text);
  std::printf("%-28s %6.1f ms\n", "open", ms_since(begin));
  return std::move(*store);
}

void ask(store::Store& store, const char* what, const store::HistoryFilter& filter) {
  const auto begin = Clock::now();
  Result<store::Reader> reader = store.reader();
  SLUICE_ASSERT(reader.has_value());
  std::size_t rows = 0;
  const Status status =
      reader->history(filter, [&](const store::HistoryRow&) { return ++rows > 0; });
  SLUICE_ASSERT(status.has_value(), "{}", status.error().text);
  std::printf("%-28s %6.1f ms for %zu rows\n", what, ms_since(begin), rows);
}

// A request that nobody has made before, asked for after each commit: the cost of every submit.
void ask_replies(store::Store& store, Jobs& jobs, std::uint32_t first) {
  constexpr std::uint32_t kAsked = 2000;
  Result<store::Reader> reader = store.reader();
  SLUICE_ASSERT(reader.has_value());
  double took = 0;
  for (std::uint32_t n = 0; n < kAsked; ++n) {
    std::promise<void> done;
    store.commit(jobs.submit(first + n), [&](const Status&) { done.set_value(); });
    done.get_future().wait();
    const auto begin = Clock::now();
    const auto found = reader->find_reply({base::hash_mix(n, 99), n});
    took += ms_since(begin);
    SLUICE_ASSERT(found && !*found);
  }
  std::printf("%-28s %6.1f us each\n", "find_reply after a commit", took * 1e3 / kAsked);
}

void run(const std::string& folder, std::uint32_t submits) {
  const std::string path = folder + "/sluice.db";
  std::unique_ptr<store::Store> store = open(path);
  Jobs jobs(1);
  std::uint32_t id = 1;
  const std::uint32_t few = submits / 10;
  const auto submit = [&](std::uint32_t n) { return jobs.submit(id + n); };
  measure(*store, "submit, 1 submitter", 1, few, submit);
  id += few;
  measure(*store, "submit, 64 submitters", 64, submits, submit);
  measure(*store, "start, 64 at once", 64, submits,
          [&](std::uint32_t n) { return jobs.start(id + n); });
  measure(*store, "end, 64 at once", 64, submits,
          [&](std::uint32_t n) { return jobs.end(id + n); });
  id += submits;
  Jobs unlike(submits);
  measure(*store, "submit, all different, 64", 64, submits,
          [&](std::uint32_t n) { return unlike.submit(id + n); });
  id += submits;
  measure(*store, "fill to 100,000 pending", 1000, 100'000, submit);
  id += 100'000;
  ask_replies(*store, jobs, id);
  store.reset();
  store = open(path);
  const auto begin = Clock::now();
  const Result<store::LoadedState> state = store->load();
  SLUICE_ASSERT(state.has_value());
  std::printf("%-28s %6.1f ms for %zu jobs\n", "load", ms_since(begin), state->jobs.size());
  store::HistoryFilter filter;
  ask(*store, "history: everything", filter);
  filter.with_steps = false;
  ask(*store, "history: without steps", filter);
  filter.from = kBegin + (few + submits / 2) * model::kSecond;
  filter.to = filter.from + model::kSecond;
  filter.states = 1U << static_cast<unsigned>(model::JobState::running);
  ask(*store, "history: running at a time", filter);
  store::HistoryFilter one;
  one.jobs = {{JobId(few + 17), {}}};
  ask(*store, "history: one job", one);
}

}  // namespace

int main(int argc, char** argv) {
  std::string folder =
      argc > 1 ? std::string(argv[1]) + "/bench-XXXXXX" : "/tmp/bench-store-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) {
    std::perror(folder.c_str());
    return 1;
  }
  run(folder, argc > 2 ? static_cast<std::uint32_t>(std::stoul(argv[2])) : 20'000);
  return base::remove_tree(folder) ? 0 : 1;
}
