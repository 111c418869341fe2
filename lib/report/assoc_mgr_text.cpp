// See assoc_mgr_text.hpp.
#include "report/assoc_mgr_text.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "report/account_views.hpp"

namespace sluice::report {

namespace {

constexpr std::uint32_t kNobody = 4'294'967'294;        // Slurm's number for who isn't known
constexpr std::uint32_t kParentShares = 2'147'483'647;  // and for Fairshare=parent
constexpr std::int64_t kMinute = 60;

// Lines of a record: below its first, or joined to one.
class Lines {
 public:
  Lines(std::string& out, bool joined) : out_(out), joined_(joined) {}
  void line(std::string_view text, std::size_t indent = 4) {
    if (!first_) out_ += joined_ ? " " : "\n" + std::string(indent, ' ');
    first_ = false;
    out_ += text;
  }
  void end() { out_ += '\n'; }
  [[nodiscard]] bool joined() const { return joined_; }
  void add(std::string_view text) { out_ += text; }

 private:
  std::string& out_;
  bool joined_;
  bool first_ = true;
};

bool has(const std::vector<std::string>& names, std::string_view name) {
  return names.empty() || std::ranges::find(names, name) != names.end();
}

// Billionths with two places behind the point.
std::string fraction(std::int64_t billionths) {
  constexpr std::int64_t kHundredth = 10'000'000;
  const std::int64_t rounded =
      (std::max<std::int64_t>(0, billionths) + kHundredth / 2) / kHundredth;
  return fmt::format("{}.{:02}", rounded / 100, rounded % 100);
}

std::string limit(std::uint32_t value) {
  return value == model::kNoLimit ? std::string("N") : std::to_string(value);
}
// "10(3)", "N(3)".
std::string used_of(std::uint32_t value, std::uint64_t used) {
  return fmt::format("{}({})", limit(value), used);
}
// The same; nothing where there is no limit.
std::string if_limited(std::uint32_t value, std::uint64_t used) {
  return value == model::kNoLimit ? std::string() : used_of(value, used);
}
std::string if_limited(std::uint32_t value) {
  return value == model::kNoLimit ? std::string() : std::to_string(value);
}

std::string wall(std::uint32_t most, std::int64_t used_s) {
  const std::int64_t hundredths = used_s * 100 / kMinute;
  return fmt::format("{}({}.{:02})", limit(most), hundredths / 100, hundredths % 100);
}

// Every kind, limited or not; used is divided by `unit`.
std::string all_tres(const model::TresTable& table, const model::TresCounts& limits,
                     const model::TresCounts& used, std::int64_t unit = 1) {
  std::string text;
  for (const model::TresKind& kind : table) {
    const model::TresCount* most = model::find_tres(limits, kind.id);
    const bool limited = most != nullptr && most->count >= 0;
    text += fmt::format("{}{}={}({})", text.empty() ? "" : ",", model::tres_name(kind),
                        limited ? std::to_string(most->count) : "N",
                        model::tres_count(used, kind.id) / unit);
  }
  return text;
}

// Only what is limited.
std::string limited_tres(const model::TresTable& table, const model::TresCounts& limits) {
  std::string text;
  for (const model::TresKind& kind : table) {
    const model::TresCount* most = model::find_tres(limits, kind.id);
    if (most == nullptr || most->count < 0) continue;
    text += fmt::format("{}{}={}", text.empty() ? "" : ",", model::tres_name(kind), most->count);
  }
  return text;
}

std::string_view level_text(model::AdminLevel level) {
  if (level == model::AdminLevel::administrator) return "Administrator";
  return level == model::AdminLevel::operator_ ? "Operator" : "Not Set";
}

std::string_view preempt_text(model::PreemptMode mode) {
  switch (mode) {
    case model::PreemptMode::cancel: return "CANCEL";
    case model::PreemptMode::requeue: return "REQUEUE";
    case model::PreemptMode::suspend: return "SUSPEND";
    case model::PreemptMode::within: return "WITHIN";
    case model::PreemptMode::off:
    case model::PreemptMode::cluster_default: break;
  }
  return "OFF";
}

class Writer {
 public:
  Writer(const AssocMgr& state, const AssocMgrFilter& filter, bool joined)
      : state_(state), filter_(filter), joined_(joined) {
    for (const model::UsageRecord& record : state.usage) {
      (record.association != 0 ? of_associations_[record.association] : of_qos_[record.qos]) =
          &record;
    }
  }

  std::string write() {
    out_ = "Current Association Manager state\n";
    if (filter_.show_users) users();
    if (filter_.show_associations) associations();
    if (filter_.show_qos) all_qos();
    return std::move(out_);
  }

 private:
  using Usages = std::map<std::uint32_t, const model::UsageRecord*>;

  const model::UsageRecord& usage(const Usages& from, std::uint32_t id) const {
    static const model::UsageRecord kUnused;
    const auto found = from.find(id);
    return found == from.end() ? kUnused : *found->second;
  }

  void blank() {
    if (!joined_) out_ += '\n';
  }
  void title(std::string_view text) {
    blank();
    out_ += fmt::format("{} Records\n", text);
    blank();
  }
  void nothing(std::string_view what) {
    blank();
    out_ += fmt::format("No {} currently cached in Slurm.\n", what);
    blank();
  }

  std::string with_uid(std::string_view user) const {
    const auto uid = state_.uids.find(user);
    return fmt::format("{}({})", user, uid == state_.uids.end() ? kNobody : uid->second);
  }

  void users() {
    std::string lines;
    const std::map<Text, Text> defaults = default_accounts(state_.accounts);
    for (const model::User& user : state_.accounts.users) {
      if (!has(filter_.users, user.name)) continue;
      const auto account = defaults.find(user.name);
      lines +=
          fmt::format("UserName={} DefAccount={} DefWckey={} AdminLevel={}\n", with_uid(user.name),
                      account == defaults.end() ? "(null)" : account->second.view(),
                      user.default_wckey.empty() ? "(null)" : user.default_wckey.view(),
                      level_text(user.admin_level));
    }
    if (lines.empty()) return nothing("users");
    title("User");
    out_ += lines;
  }

  void associations() {
    const std::vector<AssociationView> views = association_views(state_.accounts);
    std::map<std::uint32_t, std::uint64_t> level;  // shares below each
    for (const AssociationView& view : views) {
      if (view.record->shares != model::kShareOfParent) {
        level[view.record->parent] += view.record->shares;
      }
    }
    bool first = true;
    for (const AssociationView& view : views) {
      const model::Association& one = *view.record;
      if (!has(filter_.accounts, one.account)) continue;
      if (!one.user.empty() && !has(filter_.users, one.user)) continue;
      if (std::exchange(first, false)) title("Association");
      association(view, level[one.parent]);
    }
    if (first) nothing("associations");
  }

  // A share that is the parent's counts like it.
  std::int64_t norm_shares(const AssociationView& view) const {
    const bool parents = view.record->shares == model::kShareOfParent && view.parent != nullptr;
    return usage(of_associations_, parents ? view.parent->id : view.record->id).norm_shares;
  }

  void association(const AssociationView& view, std::uint64_t level_shares) {
    const model::Association& one = *view.record;
    const model::UsageRecord& used = usage(of_associations_, one.id);
    const bool root = view.parent == nullptr;
    const model::AssociationLimits& limits = view.limits;
    Lines block(out_, joined_);
    block.line(fmt::format(
        "ClusterName={} Account={} UserName={} Partition={} Priority={} ID={}", state_.cluster,
        one.account.view(), one.user.empty() ? std::string() : with_uid(one.user),
        one.partition.view(), view.priority == model::kNoLimit ? 0 : view.priority, one.id));
    block.line(fmt::format("SharesRaw/Norm/Level/Factor={}/{}/{}/{}",
                           one.shares == model::kShareOfParent ? kParentShares : one.shares,
                           root ? std::string("0.00") : fraction(norm_shares(view)), level_shares,
                           fraction(used.factor)));
    block.line(fmt::format("UsageRaw/Norm/Efctv={}.{:02}/{}/{}", used.raw, used.raw_micro / 10'000,
                           root ? std::string("1.00") : fraction(used.norm_usage),
                           root ? std::string("1.00") : fraction(used.effective_usage)));
    const bool below = one.user.empty() && !root;
    block.line(fmt::format(
        "ParentAccount={} Lft={} DefAssoc={}",
        below ? fmt::format("{}({})", view.parent->account.view(), view.parent->id) : "", view.left,
        one.is_default ? "Yes" : "No"));
    block.line(fmt::format("GrpJobs={} GrpJobsAccrue={}", used_of(limits.grp_jobs, used.jobs),
                           used_of(limits.grp_jobs_accrue, used.accruing)));
    block.line(fmt::format("GrpSubmitJobs={} GrpWall={}",
                           used_of(limits.grp_submit_jobs, used.submitted),
                           wall(limits.grp_wall, used.wall)));
    group_tres(limits, used, block);
    block.line(fmt::format(
        "MaxJobs={} MaxJobsAccrue={} MaxSubmitJobs={} MaxWallPJ={}",
        if_limited(limits.max_jobs, used.jobs), if_limited(limits.max_jobs_accrue, used.accruing),
        if_limited(limits.max_submit_jobs, used.submitted), if_limited(limits.max_wall_per_job)));
    job_tres(limits, block);
    block.line("MinPrioThresh=" + if_limited(limits.min_prio_threshold));
    block.end();
  }

  template <class Limits>
  void group_tres(const Limits& limits, const model::UsageRecord& used, Lines& block) const {
    const model::TresTable& table = state_.accounts.tres;
    block.line("GrpTRES=" + all_tres(table, limits.grp_tres, used.in_use));
    block.line("GrpTRESMins=" + all_tres(table, limits.grp_tres_mins, used.tres, kMinute));
    block.line("GrpTRESRunMins=" +
               all_tres(table, limits.grp_tres_run_mins, used.run_seconds, kMinute));
  }
  template <class Limits>
  void job_tres(const Limits& limits, Lines& block) const {
    const model::TresTable& table = state_.accounts.tres;
    block.line("MaxTRESPJ=" + limited_tres(table, limits.max_tres_per_job));
    block.line("MaxTRESPN=" + limited_tres(table, limits.max_tres_per_node));
    block.line("MaxTRESMinsPJ=" + limited_tres(table, limits.max_tres_mins_per_job));
  }

  void all_qos() {
    bool first = true;
    for (const model::Qos& qos : state_.accounts.qos) {
      if (!has(filter_.qos, qos.name)) continue;
      if (std::exchange(first, false)) title("QOS");
      one_qos(qos);
    }
    if (first) nothing("QOS");
  }

  void one_qos(const model::Qos& qos) {
    const model::UsageRecord& used = usage(of_qos_, qos.id);
    const model::QosLimits& limits = qos.limits;
    Lines block(out_, joined_);
    block.line(fmt::format("QOS={}({})", qos.name.view(), qos.id));
    block.line(fmt::format("UsageRaw={}.{:06}", used.raw, used.raw_micro));
    block.line(fmt::format(
        "GrpJobs={} GrpJobsAccrue={} GrpSubmitJobs={} GrpWall={}",
        used_of(limits.grp_jobs, used.jobs), used_of(limits.grp_jobs_accrue, used.accruing),
        used_of(limits.grp_submit_jobs, used.submitted), wall(limits.grp_wall, used.wall)));
    group_tres(limits, used, block);
    block.line("MaxWallPJ=" + if_limited(limits.max_wall_per_job));
    job_tres(limits, block);
    block.line("MinPrioThresh=" + if_limited(limits.min_prio_threshold) + " ");
    block.line("MinTRESPJ=" + limited_tres(state_.accounts.tres, limits.min_tres_per_job));
    block.line(fmt::format("PreemptMode={}", preempt_text(qos.preempt_mode)));
    block.line(fmt::format("Priority={}", qos.priority));
    const auto uses = state_.qos_uses.find(qos.name.view());
    const QosUses none;
    const QosUses& all = uses == state_.qos_uses.end() ? none : uses->second;
    holders("Account", all.by_account,
            {.jobs = limits.max_jobs_per_account,
             .accruing = limits.max_jobs_accrue_per_account,
             .submitted = limits.max_submit_jobs_per_account,
             .tres = &limits.max_tres_per_account},
            block);
    holders("User", all.by_uid,
            {.jobs = limits.max_jobs_per_user,
             .accruing = limits.max_jobs_accrue_per_user,
             .submitted = limits.max_submit_jobs_per_user,
             .tres = &limits.max_tres_per_user},
            block);
    block.end();
  }

  struct HolderLimits {
    std::uint32_t jobs = model::kNoLimit;
    std::uint32_t accruing = model::kNoLimit;
    std::uint32_t submitted = model::kNoLimit;
    const model::TresCounts* tres = nullptr;
  };

  // Those who have jobs under the QOS. `kind` is "Account" or "User"; keys end with its letter.
  template <class Uses>
  void holders(std::string_view kind, const Uses& uses, const HolderLimits& limits,
               Lines& block) const {
    block.line(fmt::format("{} Limits{}", kind, joined_ ? "=" : ""));
    if (uses.empty()) {
      const std::string text = fmt::format("No {}s", kind);
      joined_ ? block.add(text) : block.line(text, 8);
    }
    const char letter = kind.front();
    for (const auto& [who, use] : uses) {
      const std::string counts =
          fmt::format("MaxJobsP{0}={1} MaxJobsAccrueP{0}={2} MaxSubmitJobsP{0}={3}", letter,
                      used_of(limits.jobs, use.jobs), used_of(limits.accruing, use.accruing),
                      used_of(limits.submitted, use.submitted));
      const std::string tres = fmt::format("MaxTRESP{}={}", letter,
                                           all_tres(state_.accounts.tres, *limits.tres, use.tres));
      if (joined_) {
        block.line(fmt::format("{}={{{} {}}}", who, counts, tres));
      } else {
        block.line(fmt::format("{}", who), 6);
        block.line(counts, 8);
        block.line(tres, 8);
      }
    }
  }

  const AssocMgr& state_;
  const AssocMgrFilter& filter_;
  bool joined_;
  Usages of_associations_;
  Usages of_qos_;
  std::string out_;
};

}  // namespace

std::string assoc_mgr_text(const AssocMgr& state, const AssocMgrFilter& filter,
                           const ShowStyle& style) {
  return Writer(state, filter, style.one_line).write();
}

}  // namespace sluice::report
