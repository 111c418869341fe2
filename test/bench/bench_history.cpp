// A long history: makes so many finished jobs through the store's own writer (a record, a batch
// step and the sums of use for each) with the accounts that they were charged to, unless the
// database there has jobs already; then asks for what sacct and sreport ask for.
//   bench_history DIRECTORY [JOBS]        default: 1,000,000 jobs in 2025; the directory is kept
// history.py puts a controller on what this makes, and measures the commands.
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <string>
#include <vector>

#include "base/assert.hpp"
#include "base/hash.hpp"
#include "model/accounts_difference.hpp"
#include "rollup/calendar.hpp"
#include "store/store.hpp"

namespace {

using namespace sluice;
using Clock = std::chrono::steady_clock;

constexpr model::WallTime kBegin = 1'735'689'600 * model::kSecond;  // 2025-01-01
constexpr std::int64_t kYear = 365 * 86'400;
constexpr std::uint32_t kUsers = 300;
constexpr std::uint32_t kAccounts = 40;
constexpr std::uint32_t kNodes = 1000;
constexpr std::int64_t kNodeCpus = 64;
constexpr std::uint32_t kFirstAssociation = 100;
constexpr std::uint32_t kBatch = 1000;
constexpr std::uint32_t kAsked = 7;     // the user who is asked for:
constexpr std::uint32_t kAskedUid = 2;  // "bin", whom every system has

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

class Jobs {
 public:
  Jobs() {
    for (std::uint32_t user = 0; user < kUsers; ++user) {
      model::JobSpec spec;
      spec.uid = user == kAsked ? kAskedUid : 10'000 + user;
      spec.gid = spec.uid;
      spec.user = "user" + std::to_string(user);
      spec.command = "/home/user/project/run/script.sh";
      spec.work_dir = "/home/user/project/run";
      spec.submit_line = "sbatch -N1 --time=10 script.sh";
      spec.script_hash = store::content_hash("script" + std::to_string(user));
      for (int name = 0; name < 10; ++name) {
        spec.name = "job" + std::to_string(name);
        specs_.push_back(std::make_shared<const model::JobSpec>(spec));
      }
      model::Request request;
      request.account = "account" + std::to_string(user % kAccounts);
      request.qos = "normal";
      request.partitions = "batch";
      request.tasks = 1;
      requests_.push_back(std::make_shared<const model::Request>(request));
    }
  }

  // Of `count` jobs, spread over the year.
  [[nodiscard]] model::JobPtr job(std::uint32_t id, std::uint32_t count) const {
    const std::uint64_t luck = base::hash_mix(id, 1);
    const auto user = static_cast<std::uint32_t>(luck % kUsers);
    const std::int64_t cpus = std::int64_t{1} << (luck / 1000 % 7);
    model::Job job;
    job.id = JobId(id);
    job.uid = Uid128{luck, id};
    job.spec = specs_[user * 10 + luck / 7 % 10];
    job.request = requests_[user];
    job.association = kFirstAssociation + user;
    job.qos = "normal";
    job.partition = "batch";
    job.priority = 1;
    job.time_limit = 600;
    job.submit = kBegin + static_cast<model::WallTime>(id) * (kYear * model::kSecond / count);
    job.eligible = job.submit;
    job.start = job.submit + static_cast<model::WallTime>(luck / 11 % 1'800) * model::kSecond;
    const std::int64_t run_s = static_cast<std::int64_t>(luck / 13 % 7'200) + 1;
    job.end = job.start + run_s * model::kSecond;
    job.state = luck % 20 == 0 ? model::JobState::failed : model::JobState::completed;
    model::Allocation allocation;
    allocation.nodes = "n" + std::to_string(luck / 17 % kNodes);
    allocation.cpus = static_cast<std::uint32_t>(cpus);
    model::NodeShare share;
    share.name = allocation.nodes;
    share.cpus.resize(64);
    for (std::int64_t cpu = 0; cpu < cpus; ++cpu) share.cpus.set(static_cast<std::size_t>(cpu));
    share.cpu_count = allocation.cpus;
    share.memory = static_cast<std::uint64_t>(cpus) * 2000;
    allocation.shares.push_back(std::move(share));
    job.tres = {{model::kTresCpu, cpus},
                {model::kTresMemory, cpus * 2000},
                {model::kTresNode, 1},
                {model::kTresBilling, cpus}};
    job.batch_host = allocation.nodes;
    job.allocation = std::make_shared<const model::Allocation>(std::move(allocation));
    return std::make_shared<const model::Job>(std::move(job));
  }

  [[nodiscard]] static model::StepPtr step(const model::Job& job) {
    model::Step step;
    step.job = job.id;
    step.attempt = {job.uid, job.attempt};
    step.number = base::kBatchStep;
    step.name = "batch";
    step.state = job.state;
    step.nodes = job.allocation->nodes;
    step.node_count = 1;
    step.tasks = 1;
    step.cpus = job.allocation->cpus;
    step.start = job.start;
    step.end = job.end;
    step.usage.user_us = 1'000'000;
    step.usage.max_rss_kib = 100'000;
    step.usage.tasks = 1;
    return std::make_shared<const model::Step>(std::move(step));
  }

 private:
  std::vector<model::JobSpecPtr> specs_;
  std::vector<model::RequestPtr> requests_;
};

// The accounts, one level below root, with their users; and the cluster's own time: all nodes all
// year, each of them away for an hour now and then.
store::Transaction surroundings() {
  model::Accounts all = model::first_accounts();
  const model::Accounts before = all;
  all.generation = 1;
  const auto add = [&](std::uint32_t id, const std::string& account, const std::string& user) {
    model::Association one;
    one.id = id;
    one.parent = user.empty() ? 1 : 10 + static_cast<std::uint32_t>(std::stoul(account.substr(7)));
    one.account = account;
    one.user = user;
    one.is_default = !user.empty();
    all.associations.push_back(one);
  };
  for (std::uint32_t n = 0; n < kAccounts; ++n) {
    model::Account account;
    account.name = "account" + std::to_string(n);
    account.description = account.organization = account.name;
    all.accounts.push_back(account);
    add(10 + n, account.name.str(), "");
  }
  for (std::uint32_t n = 0; n < kUsers; ++n) {
    model::User user;
    user.name = "user" + std::to_string(n);
    all.users.push_back(user);
    add(kFirstAssociation + n, "account" + std::to_string(n % kAccounts), user.name.str());
  }
  all.next_association = kFirstAssociation + kUsers;
  std::ranges::sort(all.accounts, {}, [](const auto& account) { return account.name.view(); });
  std::ranges::sort(all.users, {}, [](const auto& user) { return user.name.view(); });
  store::Transaction made;
  made.accounts = std::make_shared<const model::AccountsDifference>(model::difference(before, all));
  const auto span = [&](const std::string& node, std::int64_t from, std::int64_t to) {
    model::NodeSpan one;
    one.node = node;
    one.from = kBegin + from * model::kSecond;
    one.to = kBegin + to * model::kSecond;
    one.state = static_cast<std::uint32_t>(model::NodeState::down);
    const std::int64_t nodes = node.empty() ? kNodes : 1;
    one.tres = {{model::kTresCpu, kNodeCpus * nodes}, {model::kTresMemory, 256'000 * nodes}};
    made.node_spans.push_back(std::move(one));
  };
  span("", 0, kYear);
  for (std::uint32_t n = 0; n < 20 * kNodes; ++n) {
    const auto at = static_cast<std::int64_t>(base::hash_mix(n, 2) % (kYear / 20 - 3'600)) +
                    kYear / 20 * (n / kNodes);
    span("n" + std::to_string(n % kNodes), at, at + 3'600);
  }
  return made;
}

void commit_now(store::Store& store, store::Transaction transaction) {
  std::promise<Status> done;
  store.commit(std::move(transaction), [&](const Status& status) { done.set_value(status); });
  const Status status = done.get_future().get();
  SLUICE_ASSERT(status.has_value(), "{}", status.error().text);
}

void fill(store::Store& store, std::uint32_t count) {
  const Jobs jobs;
  const auto begin = Clock::now();
  const double cpu = cpu_ms();
  std::promise<void> last;
  std::future<void> before = last.get_future();
  last.set_value();
  for (std::uint32_t id = 1; id <= count;) {
    store::Transaction batch;
    for (std::uint32_t n = 0; n < kBatch && id <= count; ++n, ++id) {
      model::JobPtr job = jobs.job(id, count);
      batch.steps.push_back(Jobs::step(*job));
      batch.jobs.push_back(job);
      batch.ended.push_back(std::move(job));
    }
    // One batch on its way while the next is made.
    auto done = std::make_shared<std::promise<void>>();
    std::future<void> next = done->get_future();
    before.wait();
    store.commit(std::move(batch), [done](const Status& status) {
      SLUICE_ASSERT(status.has_value(), "{}", status.error().text);
      done->set_value();
    });
    before = std::move(next);
  }
  before.wait();
  const double took = ms_since(begin);
  std::printf("%-36s %8.0f jobs/s   %.1f us of processor time each\n", "ingest", count / took * 1e3,
              (cpu_ms() - cpu) * 1e3 / count);
}

void ask(store::Store& store, const char* what, const store::HistoryFilter& filter) {
  for (int again = 0; again < 2; ++again) {
    const auto begin = Clock::now();
    Result<store::Reader> reader = store.reader();
    SLUICE_ASSERT(reader.has_value());
    std::size_t rows = 0;
    const Status status =
        reader->history(filter, [&](const store::HistoryRow&) { return ++rows > 0; });
    SLUICE_ASSERT(status.has_value(), "{}", status.error().text);
    std::printf("%-36s %8.1f ms for %zu rows\n", what, ms_since(begin), rows);
  }
}

void report(store::Store& store, const char* what, store::Reader::Sizes sizes) {
  const rollup::Period month =
      rollup::Calendar().around(rollup::Level::month, kBegin / model::kSecond + 300 * 86'400);
  for (const rollup::Period& period :
       {month, rollup::Period{month.from + 3'600 * 5, month.to + 3'600 * 7}}) {
    const auto begin = Clock::now();
    Result<store::Reader> reader = store.reader();
    SLUICE_ASSERT(reader.has_value());
    const auto rows = reader->use(period, sizes);
    const auto hours = reader->hours(period);
    SLUICE_ASSERT(rows && hours);
    std::printf("%-36s %8.1f ms for %zu rows, %zu hours\n", what, ms_since(begin), rows->size(),
                hours->size());
  }
}

void questions(store::Store& store, std::uint32_t count) {
  store::HistoryFilter one;
  one.jobs = {{JobId(count / 2), {}}};
  ask(store, "sacct -j ID", one);
  store::HistoryFilter user;
  user.uids = {kAskedUid};
  user.from = kBegin + (kYear - 30 * 86'400) * model::kSecond;
  user.to = kBegin + kYear * model::kSecond;
  ask(store, "sacct of one user's last month", user);
  user.with_steps = false;
  ask(store, "the same, -X", user);
  report(store, "sreport of a month", store::Reader::Sizes::together);
  report(store, "sreport job sizes of a month", store::Reader::Sizes::apart);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: bench_history DIRECTORY [JOBS]\n", stderr);
    return 2;
  }
  const std::string path = std::string(argv[1]) + "/sluice.db";
  const std::uint32_t count =
      argc > 2 ? static_cast<std::uint32_t>(std::stoul(argv[2])) : 1'000'000;
  store::OpenOptions options;
  options.path = path;
  Result<std::unique_ptr<store::Store>> store = store::Store::open(options);
  SLUICE_ASSERT(store.has_value(), "{}", store.error().text);
  const Result<store::LoadedState> known = (*store)->load();
  SLUICE_ASSERT(known.has_value(), "{}", known.error().text);
  if (known->next_job_id <= 1) {
    store::Transaction around = surroundings();
    around.next_job_id = count + 1;
    commit_now(**store, std::move(around));
    fill(**store, count);
  }
  questions(**store, count);
  store->reset();
  struct stat after {};
  SLUICE_ASSERT(::stat(path.c_str(), &after) == 0);
  std::printf("%-36s %8.0f bytes per job\n", "database",
              static_cast<double>(after.st_size) / count);
  return 0;
}
