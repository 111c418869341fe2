// Limits in random histories against a slow checker that adds up the jobs each time: no limit is
// ever exceeded, each refusal is true.
#include <functional>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "test/unit/core/limits_scene.hpp"

namespace sluice::test {
namespace {

// The slow checker: the jobs that run are added up anew for each question, and every holder's limit
// is looked at by its rule.
struct Slow {
  const model::Accounts& accounts;
  const std::vector<Try>& running;

  [[nodiscard]] bool below(std::uint32_t id, std::uint32_t above) const {
    for (; id != 0; id = accounts.associations[id - 1].parent) {
      if (id == above) return true;
    }
    return false;
  }
  [[nodiscard]] static std::vector<std::uint32_t> qos_of(const Try& job,
                                                         const model::Accounts& accounts) {
    std::vector<std::uint32_t> order;
    if (job.partition == 1) order.push_back(kOfPartition);
    if (job.qos == kOfPartition && job.partition == 1) return order;
    const bool over = (accounts.qos[job.qos - 1].flags & model::kQosOverPartQos) != 0;
    order.insert(over ? order.begin() : order.end(), job.qos);
    return order;
  }
  static std::int64_t amount(const Try& job, model::TresId id) {
    switch (id) {
      case kTresCpu: return job.cpus;
      case kTresMemory: return static_cast<std::int64_t>(job.memory) * job.nodes;
      case kTresNode: return job.nodes;
      default: return job.gpus;
    }
  }
  template <class Counts>
  [[nodiscard]] std::int64_t sum(Counts&& counts,
                                 const std::function<std::int64_t(const Try&)>& of) const {
    std::int64_t all = 0;
    for (const Try& job : running) {
      if (counts(job)) all += of(job);
    }
    return all;
  }

  [[nodiscard]] std::set<std::string> broken(const Try& wanted) const {
    std::set<std::string> names;
    const std::vector<std::uint32_t> order = qos_of(wanted, accounts);
    const auto in_qos = [&](std::uint32_t qos) {
      return [this, qos](const Try& job) {
        const auto theirs = qos_of(job, accounts);
        return std::find(theirs.begin(), theirs.end(), qos) != theirs.end();
      };
    };
    const auto one = [](const Try&) { return std::int64_t{1}; };
    // The first in the order that sets it.
    const auto first_qos = [&](const auto& sets) -> std::uint32_t {
      for (const std::uint32_t id : order) {
        if (sets(accounts.qos[id - 1].limits)) return id;
      }
      return 0;
    };
    const std::uint32_t grp_jobs =
        first_qos([](const auto& limits) { return limits.grp_jobs != model::kNoLimit; });
    if (grp_jobs != 0) {
      if (sum(in_qos(grp_jobs), one) >= accounts.qos[grp_jobs - 1].limits.grp_jobs) {
        names.insert("QOSGrpJobsLimit");
      }
    } else {
      for (const model::Association& at : accounts.associations) {
        if (at.limits.grp_jobs == model::kNoLimit || !below(wanted.association, at.id)) continue;
        const auto there = [&](const Try& job) { return below(job.association, at.id); };
        if (sum(there, one) >= at.limits.grp_jobs) names.insert("AssocGrpJobsLimit");
      }
    }
    const auto own = [&](const Try& job) { return job.association == wanted.association; };
    const std::uint32_t max_jobs =
        first_qos([](const auto& limits) { return limits.max_jobs_per_user != model::kNoLimit; });
    if (max_jobs != 0) {
      const auto mine = [&](const Try& job) { return own(job) && in_qos(max_jobs)(job); };
      if (sum(mine, one) >= accounts.qos[max_jobs - 1].limits.max_jobs_per_user) {
        names.insert("QOSMaxJobsPerUserLimit");
      }
    } else {
      for (std::uint32_t id = wanted.association; id != 0;
           id = accounts.associations[id - 1].parent) {
        const std::uint32_t most = accounts.associations[id - 1].limits.max_jobs;
        if (most == model::kNoLimit) continue;
        if (sum(own, one) >= most) names.insert("AssocMaxJobsLimit");
        break;
      }
    }
    for (const model::TresId tres : {kTresCpu, kTresMemory, kTresNode, model::TresId{1001}}) {
      check_tres(wanted, tres, first_qos, in_qos, names);
    }
    return names;
  }

  template <class First, class InQos>
  void check_tres(const Try& wanted, model::TresId tres, First&& first_qos, InQos&& in_qos,
                  std::set<std::string>& names) const {
    const std::int64_t more = amount(wanted, tres);
    if (more == 0) return;
    const auto of = [&](const Try& job) { return amount(job, tres); };
    const auto minutes = [&](const Try& job) { return amount(job, tres) * job.minutes; };
    const model::TresKind& kind =
        *std::find_if(accounts.tres.begin(), accounts.tres.end(),
                      [&](const model::TresKind& k) { return k.id == tres; });
    const auto note = [&](core::TresLimitKind what, bool of_qos) {
      names.insert(core::limit_name({what, core::LimitScope::all, of_qos}, kind));
    };
    // With what is wanted. Of nodes, different ones count.
    const auto taken = [&](const auto& counts, core::TresLimitKind what) {
      if (what == core::TresLimitKind::run_minutes) {
        return sum(counts, minutes) + more * wanted.minutes;
      }
      if (tres != kTresNode) return sum(counts, of) + more;
      std::set<std::uint32_t> nodes;
      const auto add = [&nodes](const Try& job) {
        for (std::uint32_t n = 0; n < job.nodes; ++n) nodes.insert(job.first_node + n);
      };
      add(wanted);
      for (const Try& job : running) {
        if (counts(job)) add(job);
      }
      return static_cast<std::int64_t>(nodes.size());
    };
    const auto group = [&](auto qos_list, auto list, core::TresLimitKind what) {
      const std::uint32_t qos = first_qos(
          [&](const auto& limits) { return model::find_tres(limits.*qos_list, tres) != nullptr; });
      if (qos != 0) {
        const std::int64_t most = model::tres_count(accounts.qos[qos - 1].limits.*qos_list, tres);
        if (taken(in_qos(qos), what) > most) note(what, true);
        return;
      }
      for (const model::Association& at : accounts.associations) {
        const model::TresCount* most = model::find_tres(at.limits.*list, tres);
        if (most == nullptr || !below(wanted.association, at.id)) continue;
        const auto there = [&](const Try& job) { return below(job.association, at.id); };
        if (taken(there, what) > most->count) note(what, false);
      }
    };
    using model::AssociationLimits;
    using model::QosLimits;
    group(&QosLimits::grp_tres, &AssociationLimits::grp_tres, core::TresLimitKind::in_use);
    group(&QosLimits::grp_tres_run_mins, &AssociationLimits::grp_tres_run_mins,
          core::TresLimitKind::run_minutes);
    const std::uint32_t per_job = first_qos([&](const auto& limits) {
      return model::find_tres(limits.max_tres_per_job, tres) != nullptr;
    });
    if (per_job != 0) {
      if (more > model::tres_count(accounts.qos[per_job - 1].limits.max_tres_per_job, tres)) {
        note(core::TresLimitKind::per_job, true);
      }
      return;
    }
    for (std::uint32_t id = wanted.association; id != 0;
         id = accounts.associations[id - 1].parent) {
      const model::TresCount* most =
          model::find_tres(accounts.associations[id - 1].limits.max_tres_per_job, tres);
      if (most == nullptr) continue;
      if (more > most->count) note(core::TresLimitKind::per_job, false);
      break;
    }
  }
};

// Sets some limits here and there.
template <class Pick>
void draw_limits(Scene& scene, Pick&& pick) {
  const auto some_tres = [&](std::uint32_t scale) {
    model::TresCounts counts;
    for (const model::TresId id : {kTresCpu, kTresMemory, kTresNode, model::TresId{1001}}) {
      if (pick(5) == 0) counts.push_back({id, (id == kTresMemory ? 20 : 3) * (1 + pick(scale))});
    }
    return counts;
  };
  const auto set_limits = [&](auto& limits) {
    if (pick(4) == 0) limits.grp_jobs = 1 + pick(5);
    limits.grp_tres = some_tres(5);
    limits.grp_tres_run_mins = some_tres(40);
    limits.max_tres_per_job = some_tres(2);
  };
  for (model::Association& at : scene.accounts.associations) {
    set_limits(at.limits);
    if (pick(4) == 0) at.limits.max_jobs = 1 + pick(3);
  }
  for (model::Qos& at : scene.accounts.qos) {
    if (pick(2) == 0) set_limits(at.limits);
    if (pick(4) == 0) at.limits.max_jobs_per_user = 1 + pick(3);
    if (pick(3) == 0) at.flags = model::kQosOverPartQos;
  }
}

class RandomLimits : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(RandomLimits, AgreeWithTheSlowChecker) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  std::mt19937 random(GetParam());
  const auto pick = [&](std::uint32_t below) {
    return static_cast<std::uint32_t>(random() % below);
  };
  for (int round = 0; round < 20; ++round) {
    Scene scene;
    draw_limits(scene, pick);
    scene.settle();
    std::vector<Try> running;
    std::vector<LimitClaim> claims;
    for (int event = 0; event < 60; ++event) {
      if (!running.empty() && pick(3) == 0) {
        const std::size_t which = pick(static_cast<std::uint32_t>(running.size()));
        scene.limits.uncount(claims[which]);
        running.erase(running.begin() + static_cast<std::ptrdiff_t>(which));
        claims.erase(claims.begin() + static_cast<std::ptrdiff_t>(which));
        continue;
      }
      const Try wanted{.association = kAnn + pick(2),
                       .qos = 1 + pick(3),
                       .partition = pick(2),
                       .cpus = 1 + pick(6),
                       .memory = 5 * (1 + pick(4)),
                       .nodes = 1 + pick(2),
                       .first_node = pick(4),
                       .gpus = pick(3),
                       .minutes = 1 + pick(12)};
      const std::set<std::string> broken = Slow{scene.accounts, running}.broken(wanted);
      const std::string reason = refusal(scene.limits, wanted);
      if (broken.empty()) {
        ASSERT_EQ(reason, "") << "round " << round << " event " << event;
      } else {
        ASSERT_TRUE(broken.contains(reason)) << reason << " but " << *broken.begin();
        continue;
      }
      LimitClaim claim{.association = wanted.association,
                       .qos = wanted.qos,
                       .partition_qos = wanted.partition == 1 ? kOfPartition : 0,
                       .uid = 1000 + wanted.association,
                       .submitted = 1,
                       .running = 1};
      for (const model::TresId id : {kTresCpu, kTresMemory, kTresNode, model::TresId{1001}}) {
        const std::int64_t count = Slow::amount(wanted, id);
        if (count == 0) continue;
        claim.in_use.push_back({id, count});
        claim.run_seconds.push_back({id, count * wanted.minutes * 60});
      }
      for (std::uint32_t n = 0; n < wanted.nodes; ++n) claim.nodes.push_back(wanted.first_node + n);
      scene.limits.count(claim);
      running.push_back(wanted);
      claims.push_back(std::move(claim));
    }
    for (const LimitClaim& claim : claims) scene.limits.uncount(claim);
    ASSERT_TRUE(scene.limits.uses().empty());
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomLimits, ::testing::Range(1U, 13U));

}  // namespace
}  // namespace sluice::test
