// An environment block as a value: what sbatch captures, the store keeps and stepd hands to execve.
// Invariants: each entry holds "NAME=value" with a non-empty NAME, each name once; order is kept.
// Pure, except of_process(): usable from core.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::base {

class Environment {
 public:
  Environment() = default;
  // Entries without '=' or without a name are dropped; of equal names the last value stays.
  explicit Environment(std::vector<std::string> entries);
  // A copy of this process's environment.
  [[nodiscard]] static Environment of_process();

  // The view holds until the next change.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const { return get(name).has_value(); }
  void set(std::string_view name, std::string_view value);
  void set_default(std::string_view name, std::string_view value);  // unless it is there
  void unset(std::string_view name);
  // Removes every variable whose name begins so.
  void unset_prefix(std::string_view prefix);

  [[nodiscard]] const std::vector<std::string>& entries() const { return entries_; }
  [[nodiscard]] std::vector<std::string> take() && { return std::move(entries_); }
  // For execve: pointers into this object, ended by a null; they hold until the next change.
  [[nodiscard]] std::vector<char*> pointers();
  // The sum that the kernel counts against its limit: text with its final zeros.
  [[nodiscard]] std::size_t bytes() const;

 private:
  std::vector<std::string> entries_;
};

// True for a name that a shell can use: letters, digits and underscores, no digit first.
[[nodiscard]] bool is_env_name(std::string_view name);

}  // namespace sluice::base
