// Reads rows of the tables of shared parts (specs, requests), each once while it is remembered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "store/database.hpp"
#include "wire/codec.hpp"

namespace sluice::store {

template <class Part>
class PartReader {
 public:
  using Pointer = std::shared_ptr<const Part>;
  // `get` takes a row number and gives the record. Beyond `limit` parts all are forgotten.
  PartReader(Statement get, std::size_t limit) : get_(std::move(get)), limit_(limit) {}

  [[nodiscard]] Result<Pointer> part(std::int64_t row) {
    return part(row, [](std::string_view, Pointer made) { return made; });
  }
  // `found(record, made)` is called for a row that is read; its answer is what is remembered.
  template <class Found>
  [[nodiscard]] Result<Pointer> part(std::int64_t row, const Found& found) {
    const auto known = known_.find(row);
    if (known != known_.end()) return known->second;
    get_.start(row);
    const Result<bool> there = get_.step();
    if (!there) return tl::unexpected(there.error());
    if (!*there) return fail(ErrorCode::storage, "a shared part of a job is missing");
    Result<Part> made = wire::decode<Part>(get_.bytes(0));
    if (!made) return context("a shared part of a job", made.error());
    Pointer part = found(get_.bytes(0), std::make_shared<const Part>(std::move(*made)));
    get_.reset();
    if (known_.size() >= limit_) known_.clear();
    known_.emplace(row, part);
    return part;
  }

 private:
  Statement get_;
  std::size_t limit_;
  std::unordered_map<std::int64_t, Pointer> known_;
};

}  // namespace sluice::store
