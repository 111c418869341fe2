// How scontrol finds a word in a list of keywords.
#pragma once

#include <span>
#include <string_view>

#include "base/strings.hpp"

namespace sluice::cli {

// The entry that `word` abbreviates, case aside; null if there is none or several. Where one of the
// candidates begins all others ("requeue", "requeuehold") it is meant. Entries have a `name`.
template <class Entry>
[[nodiscard]] const Entry* find_keyword(std::span<const Entry> entries, std::string_view word) {
  const Entry* shortest = nullptr;
  for (const Entry& entry : entries) {
    if (!base::abbreviates(word, entry.name)) continue;
    if (shortest == nullptr || entry.name.size() < shortest->name.size()) shortest = &entry;
  }
  for (const Entry& entry : entries) {
    const bool other = base::abbreviates(word, entry.name) && shortest != nullptr &&
                       !entry.name.starts_with(shortest->name);
    if (other) return nullptr;
  }
  return shortest;
}

}  // namespace sluice::cli
