// Site: a random small cluster: nodes of a few kinds, partitions, licences, accounts and QOS with
// limits, how priorities are made and who may displace whom.
#pragma once

#include <string>
#include <vector>

#include "model/accounts.hpp"
#include "model/settings.hpp"
#include "test/sim/random.hpp"

namespace sluice::histories {

using Random = sim::Random;

inline constexpr std::uint64_t kWholePass = 1'000'000;

struct Site {
  model::Settings settings;
  std::vector<std::string> users;
  std::vector<std::string> accounts;
  std::vector<std::string> qos;  // that jobs may ask for
  bool limits = false;
  bool reservations = false;
  // The order of waiting jobs never changes by itself and nothing but nodes holds them up: then
  // planned starts are promises.
  bool steady = false;
  // Steps of one piece of a pass: with few, each pass is done in many.
  std::uint64_t slice = kWholePass;
  std::uint32_t cuts = 8;  // percent of the passes that the next event interrupts
};

[[nodiscard]] Site draw_site(Random& random);
// The accounts of the site as an edit of `accounts`.
[[nodiscard]] model::AccountsEdit draw_accounts(Random& random, const Site& site,
                                                const model::Accounts& accounts);
// Changes limits or shares of one association, or limits of one QOS.
[[nodiscard]] model::AccountsEdit draw_change(Random& random, const Site& site,
                                              const model::Accounts& accounts);

}  // namespace sluice::histories
