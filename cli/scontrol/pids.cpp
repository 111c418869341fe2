// `scontrol listpids`: the processes of running steps on one node. The controller knows the steps,
// each job's first node what its steps have started; only the job's user and root are told.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/core.h>

#include "base/hostlist.hpp"
#include "base/strings.hpp"
#include "cli/common/job_query.hpp"
#include "cli/common/job_stream.hpp"
#include "cli/common/live_usage.hpp"
#include "cli/scontrol/console.hpp"
#include "opt/states.hpp"
#include "report/job_text.hpp"

namespace sluice::cli {

namespace {

// The nodes to list: the one named, or those on this host.
Result<std::vector<std::string>> nodes_here(Client& client, Words words) {
  if (words.size() > 1) return std::vector<std::string>{words[1]};
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  const std::string host(base::cut(name.data(), '.').before);
  const auto all = fetch_nodes(client, {});
  if (!all) return tl::unexpected(all.error());
  std::vector<std::string> nodes;
  for (const model::NodePtr& node : *all) {
    const std::string_view its = base::cut(node->facts.hostname.view(), '.').before;
    if (its == host || node->name.view() == host) nodes.push_back(node->name.str());
  }
  if (nodes.empty()) return fail(ErrorCode::invalid_node_name, "this host is no node");
  return nodes;
}

std::string number_or_dash(std::uint32_t number) {
  return number == model::kNoTask ? "-" : std::to_string(number);
}

struct Listing {
  std::string text;
  bool found = false;
};

Status add_step(const Client& client, const RunningJob& running, const model::Step& step,
                const std::vector<std::string>& here, Listing& listing) {
  const Result<std::vector<std::string>> nodes = base::parse_hosts(step.nodes);
  if (!nodes) return tl::unexpected(nodes.error());
  const auto is_here = [&](const std::string& node) {
    return std::ranges::find(here, node) != here.end();
  };
  if (std::ranges::none_of(*nodes, is_here)) return {};
  const Result<wire::StepStatus> status = fetch_status(client.sockets(), *running.job, step.number);
  if (!status) return tl::unexpected(status.error());
  listing.found = true;
  for (const wire::TaskStart& task : status->tasks) {
    if (task.node >= nodes->size() || !is_here((*nodes)[task.node])) continue;
    listing.text += fmt::format("{:<8} {:<8} {:<8} {:<7} {:<8}\n", task.pid, step.job.value,
                                report::step_number_text(step.number), number_or_dash(task.local),
                                number_or_dash(task.task));
  }
  return {};
}

// All running jobs, or the one that is named.
Result<std::vector<wire::JobRef>> jobs_meant(Client& client, const opt::JobRef* named) {
  if (named != nullptr) {
    Result<wire::JobRef> ref = wire_ref(*named);
    if (!ref) return tl::unexpected(ref.error());
    return std::vector<wire::JobRef>{*ref};
  }
  wire::QueryJobs query;
  query.filter.states = std::uint64_t{1} << static_cast<unsigned>(model::JobState::running);
  const auto answer = fetch_jobs(client, query);
  if (!answer) return tl::unexpected(answer.error());
  std::vector<wire::JobRef> refs;
  for (const model::JobPtr& job : answer->jobs) refs.push_back({job->id, {}, model::kNoTask});
  return refs;
}

}  // namespace

int list_pids(Console& console, Words words) {
  std::optional<opt::JobRef> named;
  if (!words.empty() && words[0] != "*") {
    const Result<opt::JobRef> ref = opt::parse_job_ref(words[0]);
    if (!ref) return console.complain("\"" + words[0] + "\" does not look like a stepid");
    named = *ref;
  }
  const Result<Client*> client = console.client();
  if (!client) return console.error(client.error().text);
  const Result<std::vector<std::string>> here = nodes_here(**client, words);
  if (!here) return console.error(here.error().text);
  const Result<std::vector<wire::JobRef>> jobs = jobs_meant(**client, named ? &*named : nullptr);
  if (!jobs) return console.error(jobs.error().text);
  Listing listing{"PID      JOBID    STEPID   LOCALID GLOBALID\n", false};
  Status denied;
  for (const wire::JobRef& ref : *jobs) {
    const Result<RunningJob> running = fetch_running(**client, ref);
    if (!running) continue;
    for (const model::StepPtr& step : running->steps) {
      if (named && named->step && step->number != *named->step) continue;
      Status added = add_step(**client, *running, *step, *here, listing);
      if (!added && named) denied = std::move(added);
    }
  }
  put_out(listing.text);
  if (!denied) return console.error(denied.error().text);
  if (listing.found || !named) return 0;
  return console.complain(
      fmt::format("There are no steps for job {} on node {}.", named->job, base::join(*here, ",")));
}

}  // namespace sluice::cli
