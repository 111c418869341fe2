// The words for jobs, steps and states that the reading commands share.
#include "opt/states.hpp"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "base/ids.hpp"
#include "base/quantity.hpp"
#include "base/strings.hpp"
#include "base/user.hpp"
#include "opt/query_state.hpp"

namespace sluice::opt {
namespace {

using model::JobState;
using model::NodeState;

struct StateWord {
  std::string_view name;
  std::string_view code;
  std::uint32_t state;
  std::uint32_t flag;
};
constexpr std::uint32_t bit(JobState state) { return 1U << static_cast<unsigned>(state); }
// States that Slurm has and Sluice's jobs never reach: known words that match nothing.
constexpr std::uint32_t kNever = 1U << 31U;

constexpr std::array kStates{StateWord{"PENDING", "PD", bit(JobState::pending), 0},
                             StateWord{"RUNNING", "R", bit(JobState::running), 0},
                             StateWord{"SUSPENDED", "S", bit(JobState::suspended), 0},
                             StateWord{"COMPLETED", "CD", bit(JobState::completed), 0},
                             StateWord{"CANCELLED", "CA", bit(JobState::cancelled), 0},
                             StateWord{"FAILED", "F", bit(JobState::failed), 0},
                             StateWord{"TIMEOUT", "TO", bit(JobState::timeout), 0},
                             StateWord{"NODE_FAIL", "NF", bit(JobState::node_fail), 0},
                             StateWord{"PREEMPTED", "PR", bit(JobState::preempted), 0},
                             StateWord{"BOOT_FAIL", "BF", bit(JobState::boot_fail), 0},
                             StateWord{"DEADLINE", "DL", bit(JobState::deadline), 0},
                             StateWord{"OUT_OF_MEMORY", "OOM", bit(JobState::out_of_memory), 0},
                             StateWord{"COMPLETING", "CG", 0, model::kFlagCompleting},
                             StateWord{"CONFIGURING", "CF", 0, model::kFlagConfiguring},
                             StateWord{"RESIZING", "RS", 0, model::kFlagResizing},
                             StateWord{"RESV_DEL_HOLD", "RD", kNever, 0},
                             StateWord{"REQUEUED", "RQ", 0, model::kFlagRequeued},
                             StateWord{"REQUEUE_FED", "RF", kNever, 0},
                             StateWord{"REQUEUE_HOLD", "RH", 0, model::kFlagRequeueHold},
                             StateWord{"REVOKED", "RV", kNever, 0},
                             StateWord{"SIGNALING", "SI", 0, model::kFlagSignaling},
                             StateWord{"SPECIAL_EXIT", "SE", 0, model::kFlagSpecialExit},
                             StateWord{"STAGE_OUT", "SO", kNever, 0},
                             StateWord{"STOPPED", "ST", 0, model::kFlagStopped}};

using Use = NodeStateTerm::Use;
struct NodeWord {
  std::string_view name;
  int base;  // NodeState, or -1
  std::uint32_t flags;
  Use use;
};
constexpr int base_of(NodeState state) { return static_cast<int>(state); }
constexpr std::array kNodeWords{NodeWord{"unknown", base_of(NodeState::unknown), 0, Use::any},
                                NodeWord{"unk", base_of(NodeState::unknown), 0, Use::any},
                                NodeWord{"down", base_of(NodeState::down), 0, Use::any},
                                NodeWord{"idle", base_of(NodeState::idle), 0, Use::any},
                                NodeWord{"allocated", base_of(NodeState::allocated), 0, Use::any},
                                NodeWord{"alloc", base_of(NodeState::allocated), 0, Use::any},
                                NodeWord{"mixed", base_of(NodeState::mixed), 0, Use::any},
                                NodeWord{"mix", base_of(NodeState::mixed), 0, Use::any},
                                NodeWord{"future", base_of(NodeState::future), 0, Use::any},
                                NodeWord{"futr", base_of(NodeState::future), 0, Use::any},
                                NodeWord{"drain", -1, model::kNodeDrain, Use::any},
                                NodeWord{"drained", -1, model::kNodeDrain, Use::free},
                                NodeWord{"draining", -1, model::kNodeDrain, Use::busy},
                                NodeWord{"drng", -1, model::kNodeDrain, Use::busy},
                                NodeWord{"no_respond", -1, model::kNodeNoRespond, Use::any},
                                NodeWord{"completing", -1, model::kNodeCompleting, Use::any},
                                NodeWord{"comp", -1, model::kNodeCompleting, Use::any},
                                NodeWord{"fail", -1, model::kNodeFail, Use::any},
                                NodeWord{"maint", -1, model::kNodeMaint, Use::any},
                                NodeWord{"planned", -1, model::kNodePlanned, Use::any},
                                NodeWord{"plnd", -1, model::kNodePlanned, Use::any},
                                NodeWord{"reserved", -1, model::kNodeReserved, Use::any},
                                NodeWord{"resv", -1, model::kNodeReserved, Use::any},
                                NodeWord{"reboot_issued", -1, model::kNodeReboot, Use::any},
                                NodeWord{"reboot_requested", -1, model::kNodeReboot, Use::any},
                                NodeWord{"inval", -1, model::kNodeInvalidRegistration, Use::any},
                                NodeWord{"blocked", -1, 0, Use::never},
                                NodeWord{"cloud", -1, 0, Use::never},
                                NodeWord{"power_down", -1, 0, Use::never},
                                NodeWord{"powering_down", -1, 0, Use::never},
                                NodeWord{"powered_down", -1, 0, Use::never},
                                NodeWord{"powering_up", -1, 0, Use::never}};

auto bad_ref(std::string_view text) {
  return fail(ErrorCode::invalid_job_id, fmt::format("Invalid job id {}", text));
}

Result<std::uint32_t> step_number(std::string_view text) {
  if (text == "batch") return base::kBatchStep;
  if (text == "extern") return base::kExternStep;
  if (text == "interactive") return base::kInteractiveStep;
  return base::parse_u32(text, base::kInteractiveStep - 1);
}

// What stands between the brackets of 12_[...]: numbers, ranges, steps.
bool is_task_list(std::string_view text) {
  if (text.empty()) return false;
  for (std::string_view item : base::split(text, ',')) {
    const base::Cut step = base::cut(item, ':');
    const base::Cut range = base::cut(step.before, '-');
    const auto first = base::parse_u32(range.before);
    if (!first || (step.found && !base::parse_u32(step.after))) return false;
    if (!range.found) continue;
    const auto last = base::parse_u32(range.after);
    if (!last || *last < *first) return false;
  }
  return true;
}

// Only '%' limits may follow the tasks of a pending array, as squeue shows them.
std::string_view without_limit(std::string_view text) { return base::cut(text, '%').before; }

}  // namespace

Result<JobRef> parse_job_ref(std::string_view text) {
  JobRef ref;
  const base::Cut step = base::cut(text, '.');
  const base::Cut part = base::cut(step.before, '+');
  const base::Cut task = base::cut(part.before, '_');
  const auto job = base::parse_u32(task.before);
  if (!job || *job == 0) return bad_ref(text);
  ref.job = *job;
  if (task.found && task.after.starts_with('[') && task.after.ends_with(']')) {
    const std::string_view tasks = without_limit(task.after.substr(1, task.after.size() - 2));
    if (step.found || !is_task_list(tasks)) return bad_ref(text);
    ref.tasks = tasks;
  } else if (task.found) {
    const auto number = base::parse_u32(task.after, model::kNoTask - 1);
    if (!number) return bad_ref(text);
    ref.task = *number;
  }
  if (part.found) {
    const auto number = base::parse_u32(part.after, model::kNoTask - 1);
    if (!number || task.found) return bad_ref(text);
    ref.component = *number;
  }
  if (step.found) {
    const auto number = step_number(step.after);
    if (!number) return bad_ref(text);
    ref.step = *number;
  }
  return ref;
}

Result<JobStates> parse_job_states(std::string_view text) {
  JobStates states;
  for (std::string_view typed : base::split_nonempty(text, ',')) {
    const std::string word = base::to_upper(base::trim(typed));
    if (word == "ALL") {
      states.all = true;
      continue;
    }
    const auto* found = std::find_if(kStates.begin(), kStates.end(), [&](const StateWord& s) {
      return s.name == word || s.code == word;
    });
    if (found == kStates.end()) return fail(ErrorCode::invalid_argument, std::string(typed));
    states.states |= found->state;
    states.flags |= found->flag;
  }
  return states;
}

std::string job_state_names() {
  std::string names;
  for (const StateWord& state : kStates) {
    if (!names.empty()) names += ',';
    names += state.name;
  }
  return names;
}

Result<NodeStates> parse_node_states(std::string_view text) {
  NodeStates states;
  states.all_of =
      text.find('+') != std::string_view::npos || text.find('&') != std::string_view::npos;
  std::string normal = base::to_lower(text);
  std::replace(normal.begin(), normal.end(), '+', ',');
  std::replace(normal.begin(), normal.end(), '&', ',');
  for (std::string_view word : base::split_nonempty(normal, ',')) {
    NodeStateTerm term;
    term.negated = word.starts_with('~');
    if (term.negated) word.remove_prefix(1);
    const auto* found = std::find_if(kNodeWords.begin(), kNodeWords.end(),
                                     [&](const NodeWord& w) { return w.name == word; });
    if (found == kNodeWords.end()) return fail(ErrorCode::invalid_argument, std::string(word));
    term.word = word;
    if (found->base >= 0) term.base = static_cast<NodeState>(found->base);
    term.flags = found->flags;
    term.use = found->use;
    states.terms.push_back(std::move(term));
  }
  return states;
}

std::string node_state_names() {
  std::string names;
  for (const NodeWord& word : kNodeWords) {
    if (!names.empty()) names += ',';
    names += word.name;
  }
  return names;
}

Result<std::vector<std::uint32_t>> parse_users(std::string_view text) {
  std::vector<std::uint32_t> users;
  for (std::string_view word : base::split_nonempty(text, ',')) {
    const auto uid = base::parse_user(std::string(word));
    if (!uid) return fail(ErrorCode::not_found, std::string(word));
    users.push_back(*uid);
  }
  return users;
}

}  // namespace sluice::opt
