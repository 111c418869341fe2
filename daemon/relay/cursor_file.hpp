// How far a target has got: a file with the cursor of the last event that it has acknowledged.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.hpp"

namespace sluice::relay {

class CursorFile {
 public:
  explicit CursorFile(std::string path) : path_(std::move(path)) {}

  // Nothing: there is no file yet. Fails if there is one that can't be understood.
  [[nodiscard]] Result<std::optional<std::uint64_t>> load() const;
  // On disk when it returns.
  [[nodiscard]] Status save(std::uint64_t cursor) const;

 private:
  std::string path_;
};

}  // namespace sluice::relay
