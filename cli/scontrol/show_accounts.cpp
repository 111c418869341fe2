// `scontrol show assoc_mgr [users=…] [accounts=…] [qos=…] [flags=…]`: limits and what is in use of
// them. Associations' use comes from the controller; what accounts and users have under a QOS is
// counted from the jobs, which say whose they are.
#include <set>
#include <string_view>

#include "base/strings.hpp"
#include "base/user.hpp"
#include "cli/common/accounts_query.hpp"
#include "cli/common/job_query.hpp"
#include "cli/common/job_stream.hpp"
#include "cli/scontrol/show.hpp"
#include "model/task_set.hpp"
#include "report/assoc_mgr_text.hpp"

namespace sluice::cli {

namespace {

std::vector<std::string> names_in(std::string_view list) {
  std::vector<std::string> names;
  for (const std::string_view name : base::split_nonempty(list, ',')) {
    names.emplace_back(base::to_lower(base::trim(name)));
  }
  return names;
}

// Kinds that aren't named are not shown; a word that is no kind is told and passed over.
bool read_flags(Console& console, std::string_view list, report::AssocMgrFilter& filter) {
  filter.show_users = filter.show_associations = filter.show_qos = false;
  bool any = false;
  for (const std::string& word : names_in(list)) {
    bool* kind = base::abbreviates(word, "users")          ? &filter.show_users
                 : base::abbreviates(word, "associations") ? &filter.show_associations
                 : base::abbreviates(word, "qos")          ? &filter.show_qos
                                                           : nullptr;
    if (kind != nullptr) {
      *kind = any = true;
    } else {
      console.complain("invalid flag '" + word + "', valid options are 'Assoc, QOS, and/or Users'");
    }
  }
  return any;
}

enum class Read : std::uint8_t { done, nothing_to_show, wrong };

Read read_word(Console& console, const std::string& word, report::AssocMgrFilter& filter) {
  const base::Cut cut = base::cut(word, '=');
  const auto is = [&](std::string_view key) { return base::abbreviates(cut.before, key); };
  if (cut.after.empty()) {
    console.complain("No value given for option " + word);
    return Read::wrong;
  }
  if (is("flags")) {
    return read_flags(console, cut.after, filter) ? Read::done : Read::nothing_to_show;
  }
  if (is("users")) {
    filter.users = names_in(cut.after);
  } else if (is("accounts")) {
    filter.accounts = names_in(cut.after);
  } else if (is("qos")) {
    filter.qos = names_in(cut.after);
  } else {
    console.complain("invalid entity: " + word + " for keyword:show assoc_mgr");
    return Read::wrong;
  }
  return Read::done;
}

void count(const model::Job& job, report::QosUse& use) {
  const bool waits = job.state == model::JobState::pending;
  const auto tasks =
      static_cast<std::uint32_t>(waits && job.array_rest ? model::task_count(*job.array_rest) : 1);
  use.submitted += tasks;
  if (waits) {
    if (job.accrue != 0) use.accruing += tasks;
    return;
  }
  ++use.jobs;
  if (job.state == model::JobState::suspended) return;
  for (const model::TresCount& entry : job.tres) model::add_tres(use.tres, entry.id, entry.count);
}

void count_all(const JobAnswer& answer, report::AssocMgr& state) {
  std::map<std::uint32_t, std::string> accounts;
  for (const model::Association& one : state.accounts.associations) {
    accounts.emplace(one.id, one.account.str());
  }
  for (const model::JobPtr& job : answer.jobs) {
    if (model::is_finished(job->state) || job->qos.empty() || job->association == 0) continue;
    report::QosUses& uses = state.qos_uses[job->qos.str()];
    count(*job, uses.by_account[accounts[job->association]]);
    count(*job, uses.by_uid[job->spec->uid]);
  }
}

}  // namespace

int show_assoc_mgr(Console& console, Words words) {
  report::AssocMgrFilter filter;
  for (const std::string& word : words) {
    const Read read = read_word(console, word, filter);
    if (read != Read::done) return read == Read::wrong ? 1 : 0;
  }
  Result<Client*> client = console.client();
  if (!client) return console.complain("slurm_load_assoc_mgr_info error: " + client.error().text);
  Result<AccountsSnapshot> accounts = read_accounts(**client, WithUsage::yes);
  if (!accounts) {
    return console.complain("slurm_load_assoc_mgr_info error: " + accounts.error().text);
  }
  report::AssocMgr state{std::move(accounts->cluster),
                         std::move(accounts->accounts),
                         std::move(accounts->usage),
                         {},
                         {}};
  for (const model::User& user : state.accounts.users) {
    if (const auto known = base::find_user(user.name.str())) {
      state.uids.emplace(user.name.str(), known->uid);
    }
  }
  if (filter.show_qos) {
    wire::QueryJobs query;
    query.filter.states = live_states();
    const auto jobs = fetch_jobs(**client, query);
    if (!jobs) return console.complain("slurm_load_jobs error: " + jobs.error().text);
    count_all(*jobs, state);
  }
  put_out(report::assoc_mgr_text(state, filter, console.style()));
  return 0;
}

}  // namespace sluice::cli
