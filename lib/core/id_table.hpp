// IdTable: job id -> slot, by open addressing with linear probing. A million entries cost 8 bytes
// each divided by the load (at most 3/4), where a node-based table costs five times that.
// Ids are not 0. Never iterated: the order would depend on the history.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.hpp"

namespace sluice::core {

class IdTable {
 public:
  void set(JobId id, std::uint32_t slot) {
    if ((count_ + 1) * 4 > entries_.size() * 3) grow();
    Entry& entry = entries_[place_of(id.value)];
    if (entry.id == 0) ++count_;
    entry = {id.value, slot};
  }

  [[nodiscard]] std::optional<std::uint32_t> find(JobId id) const {
    if (entries_.empty()) return std::nullopt;
    const Entry& entry = entries_[place_of(id.value)];
    if (entry.id == 0) return std::nullopt;
    return entry.slot;
  }

  void erase(JobId id) {
    if (entries_.empty()) return;
    std::size_t hole = place_of(id.value);
    if (entries_[hole].id == 0) return;
    --count_;
    // Entries after the hole move back if their own place lies at or before it.
    for (std::size_t at = next(hole); entries_[at].id != 0; at = next(at)) {
      const std::size_t home = home_of(entries_[at].id);
      if (((at - home) & mask()) < ((at - hole) & mask())) continue;
      entries_[hole] = entries_[at];
      hole = at;
    }
    entries_[hole] = {};
  }

  [[nodiscard]] std::size_t size() const { return count_; }

 private:
  struct Entry {
    std::uint32_t id = 0;
    std::uint32_t slot = 0;
  };

  [[nodiscard]] std::size_t mask() const { return entries_.size() - 1; }
  [[nodiscard]] std::size_t next(std::size_t at) const { return (at + 1) & mask(); }
  [[nodiscard]] std::size_t home_of(std::uint32_t id) const {
    return static_cast<std::size_t>((id * 0x9e3779b97f4a7c15ULL) >> 32U) & mask();
  }
  // Where the id is, or would go.
  [[nodiscard]] std::size_t place_of(std::uint32_t id) const {
    std::size_t at = home_of(id);
    while (entries_[at].id != 0 && entries_[at].id != id) at = next(at);
    return at;
  }
  void grow() {
    std::vector<Entry> old(entries_.empty() ? 16 : entries_.size() * 2);
    old.swap(entries_);
    for (const Entry& entry : old) {
      if (entry.id != 0) entries_[place_of(entry.id)] = entry;
    }
  }

  std::vector<Entry> entries_;  // a power of two
  std::size_t count_ = 0;
};

}  // namespace sluice::core
