// What scontrol does to jobs beside updating them: hold and its kin, write batch_script, wait_job.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/entropy.hpp"
#include "base/strings.hpp"
#include "cli/common/job_query.hpp"
#include "cli/common/program.hpp"
#include "cli/scontrol/console.hpp"
#include "cli/scontrol/job_list.hpp"
#include "cli/scontrol/outcomes.hpp"
#include "opt/states.hpp"

namespace sluice::cli {

namespace {

constexpr std::uint64_t bit(model::JobState state) {
  return std::uint64_t{1} << static_cast<unsigned>(state);
}

// Requeue Incomplete: only what runs.
constexpr std::uint64_t kIncomplete =
    bit(model::JobState::running) | bit(model::JobState::suspended) |
    std::uint64_t{model::kFlagConfiguring | model::kFlagStopped} << 32U;

bool is_holding(model::JobVerb verb) {
  return verb == model::JobVerb::hold || verb == model::JobVerb::hold_user ||
         verb == model::JobVerb::release;
}

Wording wording_of(model::JobVerb verb) {
  if (is_holding(verb)) return Wording::hold;
  return verb == model::JobVerb::resume ? Wording::resume : Wording::plain;
}

int act(Console& console, const wire::JobAction& action) {
  const auto reply = console.call<wire::JobActionReply>(action);
  if (!reply) return console.complain(reply.error().text);
  const int code = tell_outcomes(console, *reply, wording_of(action.verb));
  if (!reply->outcomes.empty() || !action.filter.jobs.empty()) return code;
  return console.complain("slurm_suspend error: Invalid job id specified");
}

// What is done, before it is known to which jobs.
struct Deed {
  model::JobVerb verb;
  std::uint64_t states = 0;  // only of jobs in these
  bool special_exit = false;
};

wire::JobAction action_of(const Deed& deed) {
  wire::JobAction action;
  action.request_id = base::random_uid();
  action.verb = deed.verb;
  action.special_exit = deed.special_exit;
  return action;
}

int act_on_name(Console& console, const Deed& deed, std::string_view name) {
  wire::JobAction action = action_of(deed);
  action.filter.names.emplace_back(name);
  if (::geteuid() != 0) action.filter.uids.push_back(::geteuid());
  return act(console, action);
}

int act_on_list(Console& console, const Deed& deed, const std::string& list) {
  wire::JobAction action = action_of(deed);
  action.filter.states = deed.states;
  int code = 0;
  for (const std::string& name : split_job_list(list)) {
    const Result<opt::JobRef> ref = opt::parse_job_ref(name);
    Result<wire::JobRef> made = ref ? wire_ref(*ref) : tl::unexpected(ref.error());
    if (made && made->step == model::kNoTask) {
      action.filter.jobs.push_back(std::move(*made));
      continue;
    }
    code = console.complain("Invalid job id specified for job " + name);
    if (is_holding(deed.verb)) console.complain("slurm_suspend error: Invalid job id specified");
  }
  if (action.filter.jobs.empty()) return code;
  // Each goes before all others: the first of the list comes last.
  if (deed.verb == model::JobVerb::top) std::ranges::reverse(action.filter.jobs);
  return std::max(code, act(console, action));
}

int write_file(Console& console, const std::string& path, const std::string& text,
               const std::string& job) {
  std::FILE* file = nullptr;
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
  if (fd >= 0) file = ::fdopen(fd, "w");
  if (file == nullptr) {
    console.complain("failed to open file `" + path + "`: " + std::strerror(errno));
    return 0;
  }
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (std::fclose(file) != 0 || !written) {
    console.complain("failed to write to `" + path + "`: " + std::strerror(errno));
    return 0;
  }
  console.say("batch script for job " + job + " written to " + path);
  return 0;
}

}  // namespace

int act_on_jobs(Console& console, model::JobVerb verb, Words words) {
  const bool requeues = verb == model::JobVerb::requeue || verb == model::JobVerb::requeue_hold;
  Deed deed{verb};
  int code = 0;
  for (const std::string& word : words) {
    if (requeues && base::iequals(word, "Incomplete")) {
      deed.states = kIncomplete;
      continue;
    }
    if (requeues && &word == &words.front() && base::iequals(word, "State=SpecialExit")) {
      deed.special_exit = true;
      continue;
    }
    const base::Cut cut = base::cut(word, '=');
    const bool odd_state = requeues && base::iequals(cut.before, "State");
    if (odd_state) {
      code = console.complain("Invalid job id specified for job " + word);
    } else if (!cut.found) {
      code = std::max(code, act_on_list(console, deed, word));
    } else if (base::iequals(cut.before, "jobname") || base::iequals(cut.before, "name")) {
      code = std::max(code, act_on_name(console, deed, cut.after));
    } else if (base::abbreviates(cut.before, "jobid", 3)) {
      code = std::max(code, act_on_list(console, deed, std::string(cut.after)));
    } else {
      code = console.error(word + " is not supported here");
    }
  }
  return code;
}

// Slurm's exit code is 0 whatever happens here, and scripts know.
int notify(Console& console, Words words) {
  const Result<opt::JobRef> ref = opt::parse_job_ref(words[0]);
  const Result<wire::JobRef> made = ref ? wire_ref(*ref) : tl::unexpected(ref.error());
  if (!made || made->step != model::kNoTask) {
    return console.complain("Invalid job_id " + words[0] + "job notify failure: No error");
  }
  wire::NotifyJob message;
  message.job = *made;
  std::string text;
  for (const std::string& word : words.subspan(1)) text += (text.empty() ? "" : " ") + word;
  message.text = text;
  const auto reply = console.call<wire::DoneReply>(message);
  return reply ? 0 : console.complain("job notify failure: " + reply.error().text);
}

int write_script(Console& console, Words words) {
  if (!base::abbreviates(words[0], "batch_script", 3)) {
    return console.complain("invalid argument:" + words[0] + " for keyword:write");
  }
  if (words.size() < 2) return 0;
  const Result<opt::JobRef> ref = opt::parse_job_ref(words[1]);
  const Result<wire::JobRef> job =
      ref ? wire_ref(*ref) : Result<wire::JobRef>(tl::unexpected(ref.error()));
  if (!job) {
    console.complain("job script retrieval failed: Invalid job id specified");
    return 0;
  }
  wire::QueryScript query;
  query.job = *job;
  const auto script = console.call<wire::ScriptReply>(query);
  if (!script) {
    const bool denied = script.error().code == ErrorCode::access_denied;
    console.complain("job script retrieval failed: " +
                     (denied ? "Invalid user id" : script.error().text));
    return 0;
  }
  const std::string path = words.size() > 2 ? words[2] : "slurm-" + words[1] + ".sh";
  if (path != "-") return write_file(console, path, script->content, words[1]);
  put_out(script->content);
  return 0;
}

int wait_job(Console& console, Words words) {
  const Result<opt::JobRef> ref = opt::parse_job_ref(words[0]);
  wire::WaitJob wait;
  wait.started = true;
  wait.ended = true;
  wait.job = JobId(ref ? ref->job : 0);
  const auto reply = wait.job.is_set()
                         ? console.call<wire::WaitJobReply>(wait, {-1, kRetryMs})
                         : Result<wire::WaitJobReply>(fail(ErrorCode::invalid_job_id));
  if (!reply || model::is_finished(reply->job.state)) {
    return console.complain("scontrol: Problem running job " + words[0]);
  }
  if (!console.options().quiet) print_info(kScontrol, "Nodes are ready for job " + words[0]);
  return 0;
}

}  // namespace sluice::cli
