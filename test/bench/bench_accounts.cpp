// How long the cluster takes for one edit of its accounts, by their number: a limit of one user, a
// user more, a QOS. The loop answers nobody meanwhile.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <vector>

#include <fmt/core.h>

#include "core/cluster.hpp"
#include "model/accounts_difference.hpp"

namespace {

using namespace sluice;
using Clock = std::chrono::steady_clock;

constexpr int kRounds = 9;

model::Settings some_settings() {
  model::Settings settings;
  settings.enforce = {.associations = true, .limits = true, .qos = true};
  settings.priority.type = model::PriorityType::multifactor;
  settings.priority.weight_fairshare = 1000;
  core::NodeSetting node;
  node.name = "n1";
  settings.nodes.push_back(node);
  model::Partition batch;
  batch.name = "batch";
  batch.nodes = "ALL";
  batch.is_default = true;
  settings.partitions.push_back(batch);
  return settings;
}

struct Bench {
  core::Cluster cluster{std::make_shared<const model::Settings>(some_settings())};
  core::Now now{1'700'000'000 * model::kSecond, 1'000'000};

  core::Changes apply(const model::AccountsEdit& edit) {
    core::Changes changes = cluster.apply(core::EditAccounts{edit}, now);
    if (!changes.outcome) {
      fmt::print(stderr, "{}\n", changes.outcome.error().text);
      std::exit(1);
    }
    return changes;
  }
  [[nodiscard]] const model::Accounts& accounts() const { return cluster.accounts().accounts(); }
  [[nodiscard]] model::AccountsEdit edit() const { return {.generation = accounts().generation}; }

  // So many users, fifty of each account, and twenty accounts below each account above.
  void fill(std::uint32_t users) {
    model::AccountsEdit made = edit();
    const auto add_account = [&](const std::string& name, const std::string& parent) {
      model::Account account;
      account.name = name;
      made.accounts.push_back({account, false});
      model::AssociationEdit own;
      own.record.account = name;
      own.parent_account = parent;
      made.associations.push_back(own);
    };
    for (std::uint32_t n = 0; n < users; n += 50) {
      const std::string above = fmt::format("group{}", n / 1000);
      if (n % 1000 == 0) add_account(above, "root");
      add_account(fmt::format("account{}", n / 50), above);
    }
    for (std::uint32_t n = 0; n < users; ++n) add_user(made, n);
    apply(made);
  }
  static void add_user(model::AccountsEdit& made, std::uint32_t n) {
    model::User user;
    user.name = fmt::format("user{}", n);
    made.users.push_back({user, false});
    model::AssociationEdit one;
    one.record.user = user.name;
    one.record.account = fmt::format("account{}", n / 50);
    made.associations.push_back(one);
  }
};

template <class Make>
void measure(Bench& bench, const char* what, Make&& make) {
  std::vector<double> edits;
  std::vector<double> stores;
  for (int round = 0; round < kRounds; ++round) {
    model::AccountsEdit made = bench.edit();
    make(made, static_cast<std::uint32_t>(round));
    const auto begin = Clock::now();
    const core::Changes changes = bench.apply(made);
    const auto applied = Clock::now();
    const auto changed = model::difference(*changes.accounts_before, *changes.accounts);
    const auto compared = Clock::now();
    using Ms = std::chrono::duration<double, std::milli>;
    edits.push_back(Ms(applied - begin).count());
    stores.push_back(Ms(compared - applied).count());
  }
  std::sort(edits.begin(), edits.end());
  std::sort(stores.begin(), stores.end());
  fmt::print("  {:<24} {:8.2f} ms, and {:.2f} ms to find what to store\n", what, edits[kRounds / 2],
             stores[kRounds / 2]);
}

}  // namespace

int main() {
  for (const std::uint32_t users : {1'000U, 10'000U, 50'000U}) {
    Bench bench;
    bench.fill(users);
    fmt::print("{} associations\n", bench.accounts().associations.size());
    measure(bench, "a user's limit", [&](model::AccountsEdit& made, std::uint32_t round) {
      model::AssociationEdit one;
      one.record = bench.accounts().associations.back();
      one.record.limits.max_jobs = round;
      made.associations.push_back(one);
    });
    measure(bench, "an account's share", [&](model::AccountsEdit& made, std::uint32_t round) {
      model::AssociationEdit one;
      one.record = bench.accounts().associations[2];
      one.record.shares = round + 2;
      made.associations.push_back(one);
    });
    measure(bench, "one user more", [&](model::AccountsEdit& made, std::uint32_t round) {
      Bench::add_user(made, users + round);
      made.associations.back().record.account = "account0";
    });
    measure(bench, "a QOS", [&](model::AccountsEdit& made, std::uint32_t round) {
      made.qos.push_back({bench.accounts().qos.front(), false});
      made.qos.front().record.priority = round;
    });
  }
  return 0;
}
