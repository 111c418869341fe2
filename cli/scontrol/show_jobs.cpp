// `scontrol show job` and `show step`.
#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <tuple>

#include "base/duration.hpp"
#include "base/strings.hpp"
#include "cli/common/accounts_query.hpp"
#include "cli/common/job_query.hpp"
#include "cli/common/job_stream.hpp"
#include "cli/scontrol/document.hpp"
#include "cli/scontrol/job_list.hpp"
#include "cli/scontrol/show.hpp"
#include "opt/states.hpp"
#include "report/job_text.hpp"

namespace sluice::cli {

namespace {

// The jobs that `names` (comma separated) means; all for none.
Result<JobAnswer> find_jobs(Console& console, const std::vector<wire::JobRef>& refs, bool steps) {
  Result<Client*> client = console.client();
  if (!client) return tl::unexpected(client.error());
  wire::QueryJobs query;
  query.filter.jobs = refs;
  query.steps = steps;
  return fetch_jobs(**client, query);
}

Result<std::vector<wire::JobRef>> read_refs(const std::string& names) {
  std::vector<wire::JobRef> refs;
  for (const std::string& name : split_job_list(names)) {
    const Result<opt::JobRef> ref = opt::parse_job_ref(name);
    if (!ref) return fail(ErrorCode::invalid_job_id);
    Result<wire::JobRef> made = wire_ref(*ref);
    if (!made) return fail(ErrorCode::invalid_job_id);
    refs.push_back(std::move(*made));
  }
  return refs;
}

// A task that is not there, of an array that is, reads differently from a job that nobody knows.
int nothing_found(Console& console, const std::string& names, std::vector<wire::JobRef> refs) {
  const bool of_array = refs.size() == 1 && !refs.front().tasks.empty();
  if (of_array) {
    refs.front().tasks.clear();
    const Result<JobAnswer> array = find_jobs(console, refs, false);
    if (array && !array->jobs.empty()) {
      console.say("Job " + names + " not found");
      return 1;
    }
  }
  return console.complain("slurm_load_jobs error: Invalid job id specified");
}

struct PartitionFacts {
  std::set<std::string> hidden;
  std::map<std::string, model::OverSubscribe> sharing;
  std::map<std::string, std::int64_t> grace;  // seconds
};

// What there is to know of partitions; nothing where they are private.
Result<PartitionFacts> partition_facts(Console& console) {
  PartitionFacts facts;
  Result<Client*> client = console.client();
  if (!client) return tl::unexpected(client.error());
  const auto partitions = fetch_partitions(**client, {});
  if (!partitions && partitions.error().code == ErrorCode::access_denied) return facts;
  if (!partitions) return tl::unexpected(partitions.error());
  for (const model::PartitionPtr& partition : *partitions) {
    facts.sharing.emplace(partition->name.str(), partition->oversubscribe);
    facts.grace.emplace(partition->name.str(), partition->grace_time);
    if (partition->hidden && !console.shows_hidden()) facts.hidden.insert(partition->name.str());
  }
  return facts;
}

// The batch step first, then by number.
bool step_before(const model::StepPtr& a, const model::StepPtr& b) {
  const auto rank = [](const model::Step& step) {
    const bool numbered = step.number < base::kInteractiveStep;
    return std::tuple(step.job.value, numbered, numbered ? step.number : ~step.number);
  };
  return rank(*a) < rank(*b);
}

// In order, with their jobs.
std::vector<report::StepRecord> wanted_steps(JobAnswer& answer,
                                             const std::vector<wire::JobRef>& refs) {
  std::map<JobId, const model::Job*> jobs;
  for (const model::JobPtr& job : answer.jobs) jobs[job->id] = job.get();
  std::ranges::sort(answer.steps, step_before);
  std::vector<report::StepRecord> steps;
  for (const model::StepPtr& step : answer.steps) {
    const bool wanted = refs.empty() || std::ranges::any_of(refs, [&](const wire::JobRef& ref) {
                          return ref.step == model::kNoTask || ref.step == step->number;
                        });
    if (wanted) steps.push_back({step.get(), jobs[step->job]});
  }
  return steps;
}

// How long jobs are safe at first, where preemption is configured.
Result<std::optional<report::ExemptTimes>> exempt_times(Console& console) {
  const auto config = console.call<wire::ConfigReply>(wire::QueryConfig{});
  if (!config) return tl::unexpected(config.error());
  report::ExemptTimes exempt;
  bool any = false;
  for (const wire::KeyValue& value : config->values) {
    if (value.key == "PreemptType") {
      any = value.value != "preempt/none";
      exempt.grace_by_qos = value.value == "preempt/qos";
    }
    if (value.key != "PreemptExemptTime") continue;
    exempt.usual_s = base::parse_duration(value.value).value_or(0);
  }
  if (!any) return std::optional<report::ExemptTimes>();
  Result<Client*> client = console.client();
  if (!client) return tl::unexpected(client.error());
  const Result<AccountsSnapshot> read = read_accounts(**client, WithUsage::no);
  if (!read) return tl::unexpected(read.error());
  for (const model::Qos& qos : read->accounts.qos) {
    if (qos.exempt_time != model::kNoLimit) exempt.of_qos[qos.name.str()] = qos.exempt_time;
    if (exempt.grace_by_qos) exempt.grace[qos.name.str()] = qos.grace_time;
  }
  return exempt;
}

}  // namespace

int show_jobs(Console& console, const std::string& name) {
  const Result<std::vector<wire::JobRef>> refs = read_refs(name);
  if (!refs) return console.complain("scontrol_print_job error: " + refs.error().text);
  Result<JobAnswer> answer = find_jobs(console, *refs, false);
  if (!answer) return console.complain("slurm_load_jobs error: " + answer.error().text);
  if (answer->jobs.empty() && !refs->empty()) return nothing_found(console, name, *refs);
  Result<PartitionFacts> facts = partition_facts(console);
  if (!facts) return console.complain("slurm_load_partitions error: " + facts.error().text);
  if (refs->empty()) {
    std::erase_if(answer->jobs, [&](const model::JobPtr& job) {
      return facts->hidden.contains(job->partition.str());
    });
  }
  Result<std::optional<report::ExemptTimes>> exempt = exempt_times(console);
  if (!exempt) return console.complain("slurm_load_ctl_conf error: " + exempt.error().text);
  if (wants_document(console)) return print_jobs(console, answer->jobs, *exempt);
  report::ShowStyle style = console.style();
  style.exempt = std::move(*exempt);
  if (style.exempt && !style.exempt->grace_by_qos) style.exempt->grace = std::move(facts->grace);
  style.sharing = std::move(facts->sharing);
  std::string out;
  for (const model::JobPtr& job : answer->jobs) report::show_job(*job, style, out);
  if (out.empty()) console.say("No jobs in the system");
  put_out(out);
  return 0;
}

int show_steps(Console& console, const std::string& name) {
  const Result<std::vector<wire::JobRef>> refs = read_refs(name);
  if (!refs) return console.complain("slurm_get_job_steps error: " + refs.error().text);
  Result<JobAnswer> answer = find_jobs(console, *refs, true);
  if (!answer) return console.complain("slurm_get_job_steps error: " + answer.error().text);
  if (answer->jobs.empty() && !refs->empty()) {
    return console.complain("slurm_get_job_steps error: Invalid job id specified");
  }
  const std::vector<report::StepRecord> steps = wanted_steps(*answer, *refs);
  if (wants_document(console)) return print_steps(console, steps);
  const report::ShowStyle style = console.style();
  std::string out;
  for (const report::StepRecord& step : steps) report::show_step(*step.step, step.job, style, out);
  if (out.empty()) {
    console.say(name.empty() ? "No job steps in the system" : "Job step " + name + " not found");
    return name.empty() ? 0 : 1;
  }
  put_out(out);
  return 0;
}

}  // namespace sluice::cli
