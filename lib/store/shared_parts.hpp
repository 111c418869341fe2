// What many jobs have in common (specs, requests) is stored once and named by a row number. This
// remembers which content has which row: first by the object itself, then by its content's hash.
// Bounded: when full it forgets everything, which costs a second copy of some rows, nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/hash.hpp"
#include "store/database.hpp"
#include "store/store.hpp"
#include "wire/codec.hpp"

namespace sluice::store {

template <class Part>
class SharedParts {
 public:
  // `insert` has one parameter, the record, and makes a new row.
  explicit SharedParts(Statement insert) : insert_(std::move(insert)) {}

  [[nodiscard]] Result<std::int64_t> row_of(Connection& connection,
                                            const std::shared_ptr<const Part>& part) {
    const auto seen = by_object_.find(part.get());
    if (seen != by_object_.end() && is_same(seen->second.object, part)) return seen->second.row;
    const std::string record = wire::encode(*part);
    const std::string hash = content_hash(record).str();
    const auto known = by_content_.find(hash);
    std::int64_t row = 0;
    if (known != by_content_.end()) {
      row = known->second;
    } else {
      if (Status made = insert_.run(Bytes{record}); !made) {
        return tl::unexpected(std::move(made.error()));
      }
      row = connection.last_row();
    }
    remember(part, hash, row);
    return row;
  }
  void remember(const std::shared_ptr<const Part>& part, const std::string& hash,
                std::int64_t row) {
    if (by_object_.size() >= kMaxKnown) by_object_.clear();
    if (by_content_.size() >= kMaxKnown) by_content_.clear();
    by_object_.insert_or_assign(part.get(), Seen{part, row});
    by_content_.insert_or_assign(hash, row);
  }
  // After a roll-back the rows made since the last commit are gone.
  void forget() {
    by_object_.clear();
    by_content_.clear();
  }

 private:
  static constexpr std::size_t kMaxKnown = 16'384;
  struct Seen {
    std::weak_ptr<const Part> object;  // tells whether the address is still that object's
    std::int64_t row = 0;
  };
  static bool is_same(const std::weak_ptr<const Part>& a, const std::shared_ptr<const Part>& b) {
    return !a.owner_before(b) && !b.owner_before(a);
  }

  Statement insert_;
  std::unordered_map<const Part*, Seen> by_object_;
  std::unordered_map<std::string, std::int64_t, base::TextHash, std::equal_to<>> by_content_;
};

}  // namespace sluice::store
