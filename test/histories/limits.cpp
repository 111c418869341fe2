// No limit is exceeded by what starts, and a limit that is named as a reason would be. All the
// rules that hold for a job are written out, one for each limit in force; what is in use is added
// up from the records of running jobs each time.
//
// Precedence: the partition's QOS before the job's (or after it, with OverPartQOS), then the
// association; a limit that a QOS sets hides the same limit of what comes after it.
#include <algorithm>
#include <set>
#include <span>
#include <type_traits>

#include <fmt/core.h>

#include "core/limit_names.hpp"
#include "test/histories/picture.hpp"

namespace sluice::histories {

namespace {

using core::LimitScope;
using core::TresLimitKind;
using model::Association;
using model::Job;
using model::Qos;

enum class Whose : std::uint8_t { association, own, qos, qos_user, qos_account };
enum class What : std::uint8_t { jobs, wall, group_wall, tres };

struct Rule {
  std::string name;
  What what = What::jobs;
  TresLimitKind kind = TresLimitKind::in_use;  // of What::tres
  model::TresId tres = 0;
  std::int64_t limit = 0;
  Whose whose = Whose::association;
  std::uint32_t holder = 0;

  bool operator==(const Rule&) const = default;
};

class Book {
 public:
  explicit Book(const Picture& picture) : picture_(picture), accounts_(*picture.accounts) {}

  [[nodiscard]] const Association* association(std::uint32_t id) const {
    for (const Association& one : accounts_.associations) {
      if (one.id == id) return &one;
    }
    return nullptr;
  }
  [[nodiscard]] const Qos* qos(std::string_view name) const {
    for (const Qos& one : accounts_.qos) {
      if (one.name.view() == name) return &one;
    }
    return nullptr;
  }
  [[nodiscard]] bool is_below(std::uint32_t id, std::uint32_t above) const {
    for (const Association* at = association(id); at != nullptr; at = association(at->parent)) {
      if (at->id == above) return true;
    }
    return false;
  }
  // In the order of precedence.
  [[nodiscard]] std::vector<const Qos*> qos_of(const Job& job, std::string_view partition) const {
    std::vector<const Qos*> order;
    const model::Partition* where = picture_.partition(partition);
    const Qos* of_partition = where == nullptr ? nullptr : qos(where->qos.view());
    const Qos* own = qos(job.qos.view());
    if (of_partition != nullptr) order.push_back(of_partition);
    if (own == nullptr || own == of_partition) return order;
    const bool first = (own->flags & model::kQosOverPartQos) != 0;
    order.insert(first ? order.begin() : order.end(), own);
    return order;
  }
  [[nodiscard]] bool counts(const Job& job, const Rule& rule, const Job& asker) const {
    if (rule.whose == Whose::association) return is_below(job.association, rule.holder);
    if (rule.whose == Whose::own) return job.association == rule.holder;
    const auto theirs = qos_of(job, job.partition.view());
    const bool in = std::ranges::any_of(theirs, [&](auto* one) { return one->id == rule.holder; });
    if (!in || rule.whose == Whose::qos) return in;
    if (rule.whose == Whose::qos_user) return job.spec->uid == asker.spec->uid;
    const Association* a = association(job.association);
    const Association* b = association(asker.association);
    return a != nullptr && b != nullptr && a->account == b->account;
  }
  // Of a group: TRES seconds and wall seconds used up to now.
  [[nodiscard]] std::int64_t used(const Rule& rule) const {
    for (const model::UsageRecord& record : picture_.usage) {
      const bool here =
          rule.whose == Whose::qos ? record.qos == rule.holder : record.association == rule.holder;
      if (!here) continue;
      return rule.what == What::group_wall ? record.wall
                                           : model::tres_count(record.tres, rule.tres);
    }
    return 0;
  }
  [[nodiscard]] std::vector<Rule> rules_of(const Job& job, std::string_view partition) const;

 private:
  template <class QosList, class List>
  void add_tres(std::vector<Rule>& rules, const Job& job, std::span<const Qos* const> order,
                TresLimitKind kind, LimitScope scope, QosList qos_list, List list) const;
  void add_numbers(std::vector<Rule>& rules, const Job& job,
                   std::span<const Qos* const> order) const;

  const Picture& picture_;
  const model::Accounts& accounts_;
};

bool is_group(TresLimitKind kind) {
  return kind == TresLimitKind::in_use || kind == TresLimitKind::run_minutes ||
         kind == TresLimitKind::used_minutes;
}

Whose holder_of(LimitScope scope) {
  if (scope == LimitScope::user) return Whose::qos_user;
  return scope == LimitScope::account ? Whose::qos_account : Whose::qos;
}

template <class QosList, class List>
void Book::add_tres(std::vector<Rule>& rules, const Job& job, std::span<const Qos* const> order,
                    TresLimitKind kind, LimitScope scope, QosList qos_list, List list) const {
  for (const model::TresKind& tres : accounts_.tres) {
    Rule rule{.what = What::tres, .kind = kind, .tres = tres.id};
    const Qos* first = nullptr;
    for (const Qos* one : order) {
      if (first == nullptr && model::find_tres(one->limits.*qos_list, tres.id) != nullptr) {
        first = one;
      }
    }
    rule.name = core::limit_name({kind, scope, first != nullptr}, tres);
    if (first != nullptr) {
      rule.limit = model::tres_count(first->limits.*qos_list, tres.id);
      rule.whose = holder_of(scope);
      rule.holder = first->id;
      rules.push_back(rule);
      continue;
    }
    if constexpr (!std::is_null_pointer_v<List>) {
      const bool every_level = is_group(kind) && scope == LimitScope::all;
      for (auto* at = association(job.association); at != nullptr; at = association(at->parent)) {
        const model::TresCount* most = model::find_tres(at->limits.*list, tres.id);
        if (most == nullptr) continue;
        if (kind == TresLimitKind::used_minutes && at->parent == 0) continue;
        rule.limit = most->count;
        rule.whose = every_level ? Whose::association : Whose::own;
        rule.holder = every_level ? at->id : job.association;
        rules.push_back(rule);
        if (!every_level) break;
      }
    }
  }
}

void Book::add_numbers(std::vector<Rule>& rules, const Job& job,
                       std::span<const Qos* const> order) const {
  using model::AssociationLimits;
  using model::QosLimits;
  const auto add = [&](Rule rule, std::uint32_t QosLimits::*in_qos, const char* qos_name,
                       Whose of_qos, std::uint32_t AssociationLimits::*in_association) {
    for (const Qos* one : order) {
      if (one->limits.*in_qos == model::kNoLimit) continue;
      rule.name = qos_name;
      rule.whose = of_qos;
      rule.holder = one->id;
      rule.limit = one->limits.*in_qos;
      rules.push_back(rule);
      return;
    }
    if (in_association == nullptr) return;
    const bool group = of_qos == Whose::qos && rule.what != What::wall;
    for (auto* at = association(job.association); at != nullptr; at = association(at->parent)) {
      if (at->limits.*in_association == model::kNoLimit) continue;
      if (rule.what == What::group_wall && at->parent == 0) continue;
      rule.limit = at->limits.*in_association;
      rule.whose = group ? Whose::association : Whose::own;
      rule.holder = group ? at->id : job.association;
      rules.push_back(rule);
      if (!group) return;
    }
  };
  add({.name = "AssocGrpJobsLimit"}, &QosLimits::grp_jobs, "QOSGrpJobsLimit", Whose::qos,
      &AssociationLimits::grp_jobs);
  add({.name = "AssocMaxJobsLimit"}, &QosLimits::max_jobs_per_user, "QOSMaxJobsPerUserLimit",
      Whose::qos_user, &AssociationLimits::max_jobs);
  add({}, &QosLimits::max_jobs_per_account, "MaxJobsPerAccount", Whose::qos_account, nullptr);
  add({.name = "AssocGrpWallLimit", .what = What::group_wall}, &QosLimits::grp_wall,
      "QOSGrpWallLimit", Whose::qos, &AssociationLimits::grp_wall);
  add({.name = "AssocMaxWallDurationPerJobLimit", .what = What::wall}, &QosLimits::max_wall_per_job,
      "QOSMaxWallDurationPerJobLimit", Whose::qos, &AssociationLimits::max_wall_per_job);
}

std::vector<Rule> Book::rules_of(const Job& job, std::string_view partition) const {
  using A = model::AssociationLimits;
  using Q = model::QosLimits;
  using Kind = TresLimitKind;
  const std::vector<const Qos*> order = qos_of(job, partition);
  std::vector<Rule> rules;
  add_numbers(rules, job, order);
  const auto add = [&](Kind kind, LimitScope scope, auto in_qos, auto in_association) {
    add_tres(rules, job, order, kind, scope, in_qos, in_association);
  };
  add(Kind::least_per_job, LimitScope::all, &Q::min_tres_per_job, nullptr);
  add(Kind::per_job, LimitScope::all, &Q::max_tres_per_job, &A::max_tres_per_job);
  add(Kind::per_node, LimitScope::all, &Q::max_tres_per_node, &A::max_tres_per_node);
  add(Kind::minutes_per_job, LimitScope::all, &Q::max_tres_mins_per_job, &A::max_tres_mins_per_job);
  add(Kind::used_minutes, LimitScope::all, &Q::grp_tres_mins, &A::grp_tres_mins);
  add(Kind::run_minutes, LimitScope::all, &Q::grp_tres_run_mins, &A::grp_tres_run_mins);
  add(Kind::run_minutes, LimitScope::user, &Q::max_tres_run_mins_per_user, &A::max_tres_run_mins);
  add(Kind::run_minutes, LimitScope::account, &Q::max_tres_run_mins_per_account, nullptr);
  add(Kind::in_use, LimitScope::all, &Q::grp_tres, &A::grp_tres);
  add(Kind::in_use, LimitScope::account, &Q::max_tres_per_account, nullptr);
  add(Kind::in_use, LimitScope::user, &Q::max_tres_per_user, nullptr);
  return rules;
}

std::int64_t seconds_of(const Job& job) { return std::int64_t{job.time_limit} * 60; }

std::int64_t seconds_left(const Job& job, core::Now now) {
  const model::WallTime until = job.suspended_at != 0 ? job.suspended_at : now.wall;
  const std::int64_t run = (until - job.start - job.suspended_us) / model::kSecond;
  return std::max<std::int64_t>(seconds_of(job) - run, 0);
}

// The most and the least that a waiting job may take.
struct Wanted {
  std::int64_t least = 0;
  std::int64_t most = 0;
};

Wanted wanted(const Picture& picture, const Job& job, model::TresId tres, bool per_node) {
  const model::Request& request = *job.request;
  const std::int64_t cpus = std::int64_t{request.tasks} * std::max(request.cpus_per_task, 1U);
  const std::int64_t least = std::max(request.min_nodes, 1U);
  std::int64_t nodes = std::min<std::int64_t>(request.tasks, std::ssize(picture.nodes));
  if (request.max_nodes != 0) nodes = std::min<std::int64_t>(nodes, request.max_nodes);
  if (per_node) nodes = 1;
  const bool whole = request.sharing == model::Sharing::exclusive;
  const auto memory = static_cast<std::int64_t>(request.memory_per_node);
  std::int64_t gpus = 0;
  for (const model::GresRequest& gres : request.gres) gpus += static_cast<std::int64_t>(gres.count);
  switch (tres) {
    case model::kTresBilling:
    case model::kTresCpu: return {per_node ? 1 : cpus, whole ? 1000 : cpus};
    case model::kTresMemory: return {memory * (per_node ? 1 : least), memory * nodes};
    case model::kTresNode: return {per_node ? 1 : least, nodes};
    default: return {gpus * (per_node ? 1 : least), whole ? 1000 : gpus * nodes};
  }
}

// Whether different nodes count, each once.
bool of_nodes(const Rule& rule) {
  return rule.what == What::tres && rule.kind == TresLimitKind::in_use &&
         rule.tres == model::kTresNode;
}

void add_nodes(const Job& job, std::set<std::uint32_t>& nodes) {
  for (const model::NodeShare& share : job.allocation->shares) nodes.insert(share.node.value);
}

// Whether a rule is broken by what has just started.
Problem broken(const Picture& before, const Picture& after, const Job& job, const Rule& rule) {
  const Book book(after);
  const auto say = [&](std::int64_t is) {
    return fmt::format("{} started: {} is {}, now {}", name(job), rule.name, rule.limit, is);
  };
  if (rule.what == What::wall) return job.time_limit > rule.limit ? say(job.time_limit) : "";
  if (rule.what == What::group_wall || rule.kind == TresLimitKind::used_minutes) {
    const std::int64_t used = Book(before).used(rule);
    const bool none = rule.what == What::tres && model::tres_count(job.tres, rule.tres) == 0;
    return !none && used >= rule.limit * 60 ? say(used / 60) : "";
  }
  const std::int64_t own = model::tres_count(job.tres, rule.tres);
  if (rule.what == What::tres && own == 0) return "";
  if (rule.kind == TresLimitKind::least_per_job) return own < rule.limit ? say(own) : "";
  if (rule.kind == TresLimitKind::per_job) return own > rule.limit ? say(own) : "";
  if (rule.kind == TresLimitKind::minutes_per_job) {
    const std::int64_t minutes = own * job.time_limit;
    return minutes > rule.limit ? say(minutes) : "";
  }
  if (rule.kind == TresLimitKind::per_node) {
    for (const model::NodeShare& share : job.allocation->shares) {
      std::int64_t here = 0;
      if (rule.tres == model::kTresCpu) here = share.cpu_count;
      if (rule.tres == model::kTresMemory) here = static_cast<std::int64_t>(share.memory);
      if (here > rule.limit) return say(here);
    }
    return "";
  }
  std::int64_t total = 0;
  std::set<std::uint32_t> nodes;
  for (const model::JobPtr& other : after.jobs) {
    if (!runs(*other) || !book.counts(*other, rule, job)) continue;
    const Job* was = before.find(other->id);
    const auto theirs = book.rules_of(*other, other->partition.view());
    const bool is_new = was == nullptr || !runs(*was);
    // What started after it, and isn't under this limit itself.
    if (is_new && std::find(theirs.begin(), theirs.end(), rule) == theirs.end()) continue;
    const std::int64_t count = model::tres_count(other->tres, rule.tres);
    if (rule.what == What::jobs) ++total;
    if (of_nodes(rule)) {
      add_nodes(*other, nodes);
    } else if (rule.what == What::tres) {
      total += rule.kind == TresLimitKind::in_use ? count : count * seconds_left(*other, after.now);
    }
  }
  total += std::ssize(nodes);
  const bool minutes = rule.what == What::tres && rule.kind == TresLimitKind::run_minutes;
  return total > rule.limit * (minutes ? 60 : 1) ? say(minutes ? total / 60 : total) : "";
}

// Whether one more would break the rule, if it took the most that it may.
bool would_break(const Picture& picture, const Job& job, const Rule& rule) {
  const Book book(picture);
  const bool per_node = rule.kind == TresLimitKind::per_node;
  const Wanted wants = wanted(picture, job, rule.tres, per_node);
  if (rule.what == What::wall) return job.time_limit > rule.limit;
  if (rule.what == What::group_wall) return book.used(rule) >= rule.limit * 60;
  std::int64_t jobs = 0;
  std::int64_t in_use = 0;
  std::int64_t seconds = 0;
  std::set<std::uint32_t> nodes;
  for (const model::JobPtr& other : picture.jobs) {
    if (!runs(*other) || !book.counts(*other, rule, job)) continue;
    ++jobs;
    if (of_nodes(rule)) {
      add_nodes(*other, nodes);
    } else {
      in_use += model::tres_count(other->tres, rule.tres);
    }
    seconds += model::tres_count(other->tres, rule.tres) * seconds_of(*other);
  }
  in_use += std::ssize(nodes);
  if (rule.what == What::jobs) return jobs + 1 > rule.limit;
  const std::int64_t more = wants.most * seconds_of(job);
  switch (rule.kind) {
    case TresLimitKind::least_per_job: return wants.least < rule.limit;
    case TresLimitKind::per_job:
    case TresLimitKind::per_node: return wants.most > rule.limit;
    case TresLimitKind::minutes_per_job: return more > rule.limit * 60;
    case TresLimitKind::run_minutes: return seconds + more > rule.limit * 60;
    case TresLimitKind::in_use: return in_use + wants.most > rule.limit;
    case TresLimitKind::used_minutes: break;
  }
  const std::int64_t used = book.used(rule);
  if (used >= rule.limit * 60) return true;
  return picture.settings->enforce.safe && used + seconds + more > rule.limit * 60;
}

}  // namespace

Problem exceeded_limits(const Picture& before, const Picture& after) {
  if (!after.settings->enforce.limits) return {};
  const Book book(after);
  for (const model::JobPtr& job : after.jobs) {
    const Job* was = before.find(job->id);
    if (!runs(*job) || (was != nullptr && runs(*was))) continue;
    for (const Rule& rule : book.rules_of(*job, job->partition.view())) {
      if (Problem wrong = broken(before, after, *job, rule); !wrong.empty()) return wrong;
    }
  }
  return {};
}

Problem untrue_limit(const Picture& picture, const Job& job) {
  const std::string detail = picture.detail(job);
  const Book book(picture);
  bool known = false;
  for (const model::JobPtr& one : picture.jobs) {
    // A component waits for what any of them waits for, together with what the others take.
    const bool whole = job.het_job.is_set() && one->het_job == job.het_job;
    if (one->id != job.id && !whole) continue;
    for (const model::Partition* partition : partitions_of(picture, *one)) {
      for (const Rule& rule : book.rules_of(*one, partition->name.view())) {
        if (rule.name != detail) continue;
        known = true;
        if (whole || would_break(picture, *one, rule)) return {};
      }
    }
  }
  return fmt::format("{} waits for {}, {}", name(job), detail,
                     known ? "but would not exceed it" : "which isn't set");
}

}  // namespace sluice::histories
