// The keys of `scontrol create reservation` and `update reservation`: from words to a patch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "cli/scontrol/update.hpp"
#include "model/reservation_patch.hpp"

namespace sluice::cli {

// Times are relative to `now`, seconds.
struct ReservationEdit {
  std::string name;
  model::ReservationPatch patch;
  std::int64_t now = 0;
  bool all_nodes = false;  // Nodes=ALL
};

// Sets what the word says. The error's text is what is wrong, without "No reservation created.".
[[nodiscard]] Status apply_reservation_key(ReservationEdit& edit, const Change& change);
// "reservation=x" and the like: the word that names the reservation itself.
[[nodiscard]] bool names_reservation(const Change& change);

}  // namespace sluice::cli
