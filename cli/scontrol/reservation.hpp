// `scontrol create`, `update` and `delete` of reservations.
#pragma once

#include <vector>

#include "cli/scontrol/console.hpp"
#include "cli/scontrol/update.hpp"

namespace sluice::cli {

int create(Console& console, Words words);
int remove(Console& console, Words words);
int update_reservation(Console& console, const std::vector<Change>& changes);

int show_reservations(Console& console, const std::string& name);
int show_licenses(Console& console, const std::string& name);

}  // namespace sluice::cli
