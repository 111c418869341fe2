// `scontrol update job`.
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "base/clock.hpp"
#include "base/entropy.hpp"
#include "base/strings.hpp"
#include "base/user.hpp"
#include "cli/common/job_query.hpp"
#include "cli/scontrol/job_keys.hpp"
#include "cli/scontrol/job_list.hpp"
#include "cli/scontrol/outcomes.hpp"
#include "opt/states.hpp"

namespace sluice::cli {

namespace {

// Which jobs: by id, or by name and perhaps user.
struct Selection {
  std::string ids;
  std::string name;
  std::optional<std::uint32_t> uid;
};

bool is_id(const Change& change) { return base::abbreviates(change.key, "JobId", 3); }
bool is_user(const Change& change) { return base::abbreviates(change.key, "UserID", 4); }
bool is_name(const Change& change) { return base::iequals(change.key, "JobName"); }

Status select(Selection& selection, const std::vector<Change>& changes) {
  for (const Change& change : changes) {
    if (is_id(change)) selection.ids = change.value;
    if (is_name(change)) selection.name = change.value;
    if (!is_user(change)) continue;
    const Result<std::uint32_t> uid = base::parse_user(change.value);
    if (!uid) return fail(ErrorCode::not_found, "Invalid UserID: " + change.value);
    selection.uid = *uid;
  }
  if (!selection.ids.empty()) selection.name.clear();
  return {};
}

// The limit that "TimeLimit+=5" starts from.
Result<std::uint32_t> current_limit(Console& console, const wire::JobRef& ref) {
  wire::QueryJobs query;
  query.filter.jobs.push_back(ref);
  const auto found = console.call<wire::JobsReply>(query);
  if (!found) return tl::unexpected(found.error());
  if (found->jobs.empty()) return fail(ErrorCode::invalid_job_id);
  return found->jobs.front().job.time_limit;
}

// By name, the jobs of another user are found first.
Result<std::vector<wire::JobRef>> jobs_of(Console& console, const Selection& selection) {
  wire::QueryJobs query;
  query.filter.names.emplace_back(selection.name);
  query.filter.uids.push_back(*selection.uid);
  query.filter.states = live_states();
  const auto found = console.call<wire::JobsReply>(query);
  if (!found) return tl::unexpected(found.error());
  std::vector<wire::JobRef> refs;
  for (const wire::JobRow& row : found->jobs) refs.push_back(ref_of(row.job));
  return refs;
}

int complain_lines(Console& console, const std::string& text) {
  for (const std::string_view line : base::split(text, '\n')) console.complain(std::string(line));
  return 1;
}

bool needs_limit(const std::vector<Change>& changes) {
  return std::ranges::any_of(changes, [](const Change& change) { return change.sign != 0; });
}

// Fills in the ids that can be read; the others are told at once.
int read_ids(Console& console, const std::string& ids, std::vector<wire::JobRef>& refs) {
  int code = 0;
  for (const std::string& id : split_job_list(ids)) {
    const Result<opt::JobRef> ref = opt::parse_job_ref(id);
    Result<wire::JobRef> made = ref ? wire_ref(*ref) : tl::unexpected(ref.error());
    if (made) {
      refs.push_back(std::move(*made));
    } else {
      code = console.complain("Invalid job id specified for job " + id);
    }
  }
  return code;
}

int send(Console& console, const wire::UpdateJob& message, const std::string& name) {
  const auto reply = console.call<wire::JobActionReply>(message);
  if (reply) return tell_outcomes(console, *reply, Wording::update);
  return console.complain(reply.error().text + (name.empty() ? "" : " for job " + name));
}

}  // namespace

int update_jobs(Console& console, const std::vector<Change>& changes) {
  Selection selection;
  if (const Status selected = select(selection, changes); !selected) {
    return console.error(selected.error().text);
  }
  wire::UpdateJob message;
  message.request_id = base::random_uid();
  const int code = read_ids(console, selection.ids, message.jobs);
  if (selection.name.empty() && message.jobs.empty()) return code;
  if (!selection.name.empty() && selection.uid && *selection.uid != ::geteuid()) {
    Result<std::vector<wire::JobRef>> found = jobs_of(console, selection);
    if (!found) return console.complain(found.error().text);
    if (found->empty()) {
      return console.complain("Invalid job id specified for job " + selection.name);
    }
    message.jobs = std::move(*found);
  } else {
    message.name = selection.name;
  }

  JobEdit edit;
  edit.now = base::wall_seconds();
  if (needs_limit(changes) && !message.jobs.empty()) {
    const Result<std::uint32_t> limit = current_limit(console, message.jobs.front());
    if (!limit) return console.complain(limit.error().text + " for job " + selection.ids);
    edit.time_limit = *limit;
  }
  for (const Change& change : changes) {
    const bool selects =
        is_id(change) || is_user(change) || (is_name(change) && !selection.name.empty());
    if (selects) continue;
    if (const Status applied = apply_job_key(edit, change); !applied) {
      return complain_lines(console, applied.error().text);
    }
  }
  if (!edit.changed) return console.complain("No changes specified");
  message.patch = std::move(edit.patch);
  return std::max(code, send(console, message, selection.name));
}

}  // namespace sluice::cli
