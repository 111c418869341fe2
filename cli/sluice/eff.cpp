// See the header. The texts are in eff_text.cpp.
#include "cli/sluice/eff.hpp"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/core.h>

#include "base/clock.hpp"
#include "cli/common/job_query.hpp"
#include "cli/common/live_usage.hpp"
#include "report/job_text.hpp"

namespace sluice::cli {

namespace {

using DeviceKey = std::tuple<std::string, std::string, std::string, std::uint32_t>;

// The batch step holds the job's devices on its node for the whole time, also while steps run
// there: it tells all, and what those steps say is the same once more.
std::vector<model::DeviceUse> devices_of(const std::vector<model::Step>& steps) {
  std::map<DeviceKey, model::DeviceUse> by_device;
  std::map<DeviceKey, bool> by_batch;
  for (const model::Step& step : steps) {
    const bool batch = step.number == base::kBatchStep;
    for (const model::DeviceUse& use : step.usage.devices) {
      if (use.samples == 0) continue;
      const DeviceKey key{use.node.str(), use.name.str(), use.type.str(), use.index};
      if (by_batch[key] && !batch) continue;
      model::Usage sum;
      if (by_batch[key] == batch && by_device.contains(key)) sum.devices = {by_device[key]};
      model::Usage more;
      more.devices = {use};
      model::add(sum, more);
      by_device[key] = sum.devices.front();
      by_batch[key] = batch;
    }
  }
  std::vector<model::DeviceUse> all;
  for (auto& [key, use] : by_device) all.push_back(std::move(use));
  return all;
}

DeviceEfficiency summary(const model::DeviceUse& use) {
  DeviceEfficiency device;
  device.node = use.node;
  device.name = use.name;
  device.type = use.type;
  device.index = use.index;
  device.mean_percent = static_cast<std::uint32_t>(use.utilization_sum / use.samples);
  device.max_percent = use.utilization_max;
  device.mean_memory_mib = use.memory_sum / use.samples;
  device.max_memory_mib = use.memory_max;
  device.joules = use.energy_mj / 1000;
  device.max_watts = use.power_max_w;
  return device;
}

void add_allocation(Efficiency& result, const model::Job& job) {
  if (!job.allocation) return;
  result.nodes = job.allocation->nodes;
  result.node_count = static_cast<std::uint32_t>(job.allocation->shares.size());
  result.cores = job.allocation->cpus;
  for (const model::NodeShare& share : job.allocation->shares) {
    result.memory_mib += share.memory;
    if (share.name == result.node) result.node_memory_mib = share.memory;
    const std::string gres = report::gres_detail(share);
    if (gres.empty()) continue;
    result.gres +=
        fmt::format("{}{} on {}", result.gres.empty() ? "" : ", ", gres, share.name.view());
  }
}

// Of the job's attempt only: an earlier run of a requeued job is another story.
std::vector<model::Step> steps_of(const model::Job& job, const std::vector<model::StepPtr>& all) {
  std::vector<model::Step> own;
  for (const model::StepPtr& step : all) {
    if (step->job == job.id && step->attempt.number == job.attempt) own.push_back(*step);
  }
  return own;
}

bool runs(const model::Job& job) {
  return job.state == model::JobState::running || job.state == model::JobState::suspended;
}

// What running steps use now replaces what is on record of them.
bool ask_nodes(Client& client, const model::Job& job, std::vector<model::Step>& steps) {
  wire::JobRef ref;
  ref.job = job.id;
  const Result<RunningJob> running = fetch_running(client, ref);
  if (!running) return false;
  bool all = true;
  for (const model::StepPtr& live : running->steps) {
    const auto status = fetch_status(client.sockets(), *running->job, live->number);
    all = all && status.has_value();
    if (!status) continue;
    std::erase_if(steps, [&](const model::Step& step) { return step.number == live->number; });
    steps.push_back(*live);
    steps.back().usage = status->usage;
  }
  return all;
}

Result<std::vector<wire::JobRef>> refs_of(const std::vector<std::string>& words) {
  std::vector<wire::JobRef> refs;
  for (const std::string& word : words) {
    const auto parsed = opt::parse_job_ref(word);
    if (!parsed || parsed->step) {
      return fail(ErrorCode::invalid_argument, fmt::format("{} is no job", word));
    }
    Result<wire::JobRef> ref = wire_ref(*parsed);
    if (!ref) return tl::unexpected(ref.error());
    refs.push_back(std::move(*ref));
  }
  return refs;
}

}  // namespace

Efficiency measure(const model::Job& job, const std::vector<model::Step>& steps, std::int64_t now) {
  Efficiency result;
  result.job = report::job_id_text(job);
  result.state = std::string(model::long_name(job.state, 0));
  result.user = job.spec->user;
  result.name = job.spec->name;
  result.running = runs(job);
  result.elapsed_s = job.start == 0 ? 0 : report::run_seconds(job, now);
  const bool limited = job.time_limit != 0 && job.time_limit != model::kUnlimited;
  if (limited) result.limit_s = std::int64_t{job.time_limit} * 60;
  for (const model::Step& step : steps) {
    result.cpu_us += step.usage.user_us + step.usage.system_us;
    result.used_kib = std::max(result.used_kib, step.usage.total_rss_kib);
    if (step.usage.max_node_rss_kib > result.node_used_kib) {
      result.node_used_kib = step.usage.max_node_rss_kib;
      result.node = step.usage.max_rss_sum_node;
    }
  }
  add_allocation(result, job);
  for (const model::DeviceUse& use : devices_of(steps)) result.devices.push_back(summary(use));
  return result;
}

Result<std::string> efficiency_report(const EffOptions& options) {
  Result<std::vector<wire::JobRef>> refs = refs_of(options.jobs);
  if (!refs) return tl::unexpected(refs.error());
  Result<Client> client = Client::create(base::Environment::of_process());
  if (!client) return tl::unexpected(client.error());
  wire::QueryHistory query;
  query.filter.jobs = std::move(*refs);
  query.live_at_window = false;
  Result<JobAnswer> answer = fetch_history(*client, query);
  if (!answer) return tl::unexpected(answer.error());
  std::ranges::stable_sort(answer->jobs, {}, [](const model::JobPtr& job) {
    return std::pair(job->array_job.value != 0 ? job->array_job.value : job->id.value,
                     job->array_task);
  });
  const auto now = base::wall_micros() / model::kSecond;
  std::vector<Efficiency> jobs;
  for (const model::JobPtr& job : answer->jobs) {
    if (job->array_rest || job->start == 0) continue;
    std::vector<model::Step> steps = steps_of(*job, answer->steps);
    const bool complete = !runs(*job) || ask_nodes(*client, *job, steps);
    jobs.push_back(measure(*job, steps, now));
    jobs.back().partly = !complete;
  }
  if (options.json) return efficiency_json(jobs);
  if (jobs.empty()) {
    const bool waits = !answer->jobs.empty();
    return fail(ErrorCode::invalid_job_id,
                waits ? "the job has not started yet" : "Invalid job id specified");
  }
  return jobs.size() == 1 ? efficiency_text(jobs.front()) : efficiency_table(jobs);
}

}  // namespace sluice::cli
