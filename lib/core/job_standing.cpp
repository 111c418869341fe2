// See job_standing.hpp.
#include "core/job_standing.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "base/strings.hpp"

namespace sluice::core {

namespace {

using Place = AccountTree::Place;

// Names as the accounts have them; each must exist and be allowed where that is enforced.
Result<Text> settle_qos(const AccountTree& tree, Place place, std::string_view asked,
                        const model::EnforceSettings& enforce) {
  const bool known = place != AccountTree::kNoPlace;
  if (asked.empty()) {
    const Text chosen = known ? tree.default_qos(place) : Text("normal");
    const bool allowed = !known || tree.allows_qos(place, chosen);
    if (enforce.qos && !allowed) return fail(ErrorCode::invalid_qos);
    return chosen;
  }
  std::vector<std::string> names;
  for (const std::string_view name : base::split_nonempty(asked, ',')) {
    const model::Qos* qos = tree.qos(name);
    if (enforce.qos && (qos == nullptr || (known && !tree.allows_qos(place, name)))) {
      return fail(ErrorCode::invalid_qos);
    }
    std::string settled = qos != nullptr ? qos->name.str() : std::string(name);
    if (std::ranges::find(names, settled) == names.end()) names.push_back(std::move(settled));
  }
  const auto rank = [&tree](const std::string& name) {
    const model::Qos* qos = tree.qos(name);
    return qos == nullptr ? 0U : qos->priority;
  };
  std::ranges::stable_sort(names, std::ranges::greater(), rank);
  return Text(base::join(names, ","));
}

}  // namespace

Result<Standing> standing_of(const AccountTree& tree, const StandingRequest& asked,
                             const model::EnforceSettings& enforce) {
  Standing standing;
  standing.account = asked.account.empty() ? tree.default_account(asked.user) : Text(asked.account);
  const Place place = tree.find(standing.account, asked.user, asked.partition);
  if (place != AccountTree::kNoPlace) {
    standing.association = tree.at(place).id;
    standing.account = tree.at(place).account;
  } else if (enforce.associations) {
    return fail(ErrorCode::invalid_account);
  }
  Result<Text> qos = settle_qos(tree, place, asked.qos, enforce);
  if (!qos) return tl::unexpected(qos.error());
  standing.qos = std::move(*qos);
  return standing;
}

bool has_choice_of_guise(const model::Request& request) {
  const auto several = [](std::string_view list) {
    return list.find(',') != std::string_view::npos;
  };
  return several(request.qos) || several(request.partitions);
}

bool lists_account(const AccountTree& tree, std::string_view list, std::string_view account) {
  const std::vector<std::string_view> names = base::split_nonempty(list, ',');
  const auto listed = [&](std::string_view name) {
    return std::ranges::any_of(names, [&](auto one) { return base::iequals(one, name); });
  };
  if (listed(account)) return true;
  const std::vector<Place> chain = tree.chain(tree.find_account(account));
  return std::ranges::any_of(chain, [&](Place place) { return listed(tree.at(place).account); });
}

}  // namespace sluice::core
