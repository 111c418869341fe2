// Single values of detection: what a rule of the table says of one device. Private to lib/accel.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "accel/pattern.hpp"
#include "accel/table.hpp"

namespace sluice::accel {

// None if the rule is empty, its file or path isn't there, or the key isn't in it.
[[nodiscard]] std::optional<std::string> read_rule(const std::string& root, const ValueRule& rule,
                                                   const Bindings& known);
// Adds what can be read; a number that isn't one is left out.
void read_numbers(const std::string& root, const std::vector<ValueRule>& rules, Bindings& known);

}  // namespace sluice::accel
