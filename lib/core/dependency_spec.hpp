// --dependency as data: which jobs a job waits for, how, and how far each condition has got. The
// text in a job's record is exactly this, as Slurm shows it ("afterok:12(unfulfilled)"), so a
// restart reads it back from there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "model/types.hpp"

namespace sluice::core {

enum class DependencyKind : std::uint8_t {
  after,         // started (or cancelled), and so many minutes have passed
  after_any,     // ended
  after_ok,      // completed
  after_not_ok,  // ended in another way
  after_corr,    // task by task of two arrays, as after_ok
  singleton,     // no earlier job of the same user and name is left
};

enum class DependencyState : std::uint8_t { unfulfilled, fulfilled, failed };

struct DependencyClause {
  DependencyKind kind = DependencyKind::after_any;
  JobId job;                            // an array's id if the target is of an array; 0: singleton
  std::uint32_t task = model::kNoTask;  // of that array; kNoTask: all of it
  bool whole_array = false;             // shown as 12_*
  std::uint32_t minutes = 0;            // of `after`
  DependencyState state = DependencyState::unfulfilled;

  bool operator==(const DependencyClause&) const = default;
};

struct DependencySpec {
  std::vector<DependencyClause> clauses;
  bool any = false;  // joined by '?': one is enough

  bool operator==(const DependencySpec&) const = default;
  [[nodiscard]] bool has(DependencyKind kind) const;
  // What the clauses say together.
  [[nodiscard]] DependencyState state() const;
};

inline constexpr std::size_t kMaxDependencies = 10'000;

// "afterok:20:21_3+5,singleton" or with '?', with or without "(unfulfilled)". Empty text: no
// clause. Fails with invalid_dependency; "afterburstbuffer" and "expand" with unsupported.
[[nodiscard]] Result<DependencySpec> parse_dependency(std::string_view text);

// What is still open, as Slurm shows it; fulfilled clauses are left out.
[[nodiscard]] std::string dependency_text(const DependencySpec& spec);

}  // namespace sluice::core
