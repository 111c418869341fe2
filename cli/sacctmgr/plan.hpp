// What a command of sacctmgr is going to do: computed from the accounts as they were read, shown,
// and only then sent. Nothing here reads or writes anything; a plan can be made again from newer
// accounts.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "cli/sacctmgr/words.hpp"
#include "model/accounts.hpp"

namespace sluice::cli::accounting {

// What commands may look at.
struct World {
  const model::Accounts& accounts;
  std::string cluster;
  std::function<bool(const std::string&)> user_exists;  // in the system's user database
};

struct Plan {
  // As they shall be. New associations have ids from `next_association` of those read; new QOS
  // from `next_qos`.
  model::Accounts after;
  std::vector<std::uint32_t> reset_usage;  // associations
  std::vector<std::uint32_t> reset_qos_usage;
  std::string questions;  // asked before anything is shown; empty: none
  std::string notes;      // what is going to change
  std::string failure;    // for stderr where the edit itself does nothing
};

// Nothing is going to happen, and why. Both texts are complete lines.
struct Refusal {
  std::string out;
  std::string err;
};

template <class T>
using Planned = tl::expected<T, Refusal>;

[[nodiscard]] inline tl::unexpected<Refusal> refuse(std::string err) {
  return tl::unexpected<Refusal>(Refusal{"", std::move(err)});
}
// Where Slurm says it on standard output.
[[nodiscard]] inline tl::unexpected<Refusal> nothing(std::string out) {
  return tl::unexpected<Refusal>(Refusal{std::move(out), ""});
}
// What reading a setting of a QOS complains of.
[[nodiscard]] tl::unexpected<Refusal> refuse_setting(std::string text);
[[nodiscard]] tl::unexpected<Refusal> unknown_option(const Spec& spec, std::string_view why = {});
[[nodiscard]] tl::unexpected<Refusal> unknown_condition(const Spec& spec);
// Refuses with a line for each account and user that isn't there.
[[nodiscard]] Planned<void> check_coordinators(model::Accounts& all,
                                               const std::vector<std::string>& users,
                                               const std::vector<std::string>& accounts);

// The edit that makes `after` of `before`.
[[nodiscard]] model::AccountsEdit edit_between(const model::Accounts& before, const Plan& plan);

[[nodiscard]] Planned<Plan> add_accounts(const World& world, const Specs& specs);
[[nodiscard]] Planned<Plan> add_users(const World& world, const Specs& specs);
[[nodiscard]] Planned<Plan> add_qos(const World& world, const Specs& specs);
[[nodiscard]] Planned<Plan> add_coordinators(const World& world, const Specs& specs);
[[nodiscard]] Planned<Plan> add_cluster(const World& world, const Specs& specs);
[[nodiscard]] Planned<Plan> modify_accounts(const World& world, const Specs& specs);
[[nodiscard]] Planned<Plan> modify_users(const World& world, const Specs& specs);
[[nodiscard]] Planned<Plan> modify_qos(const World& world, const Specs& specs);
[[nodiscard]] Planned<Plan> modify_cluster(const World& world, const Specs& specs);
[[nodiscard]] Planned<Plan> delete_accounts(const World& world, const Specs& specs);
[[nodiscard]] Planned<Plan> delete_users(const World& world, const Specs& specs);
[[nodiscard]] Planned<Plan> delete_qos(const World& world, const Specs& specs);
[[nodiscard]] Planned<Plan> delete_coordinators(const World& world, const Specs& specs);
[[nodiscard]] Planned<Plan> delete_cluster(const World& world, const Specs& specs);

// Records by name; null: there is none.
[[nodiscard]] model::Account* find_account(model::Accounts& all, std::string_view name);
[[nodiscard]] model::User* find_user(model::Accounts& all, std::string_view name);
[[nodiscard]] model::Qos* find_qos(model::Accounts& all, std::string_view name);
struct AssociationName {
  std::string_view account;
  std::string_view user = {};
  std::string_view partition = {};
};
[[nodiscard]] model::Association* find_association(model::Accounts& all,
                                                   const AssociationName& name);
// Adds it, with the next id, below its account (or `parent`, an account's association).
model::Association& add_association(model::Accounts& all, const AssociationName& name,
                                    std::uint32_t parent);

}  // namespace sluice::cli::accounting
