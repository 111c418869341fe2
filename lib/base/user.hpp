// Users and groups as the system knows them (passwd, group, and whatever nsswitch adds). Look-ups
// may ask a network service and take long: programs call them off their loops, or through
// UserCache.
// Not for core: reads the system's databases.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"

namespace sluice::base {

struct User {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string name;
  std::string home;
  std::string shell;

  bool operator==(const User&) const = default;
};

// not_found if there is no such user.
[[nodiscard]] Result<User> find_user(std::uint32_t uid);
[[nodiscard]] Result<User> find_user(const std::string& name);
// A name, or else a number, known to the system or not: what squeue -u and --uid accept.
[[nodiscard]] Result<std::uint32_t> parse_user(const std::string& text);

[[nodiscard]] Result<std::string> find_group_name(std::uint32_t gid);
[[nodiscard]] Result<std::uint32_t> find_group(const std::string& name);
// A name, or a number.
[[nodiscard]] Result<std::uint32_t> parse_group(const std::string& text);

inline constexpr std::size_t kMaxGroups = 65536;
// The user's groups, the primary one first.
[[nodiscard]] Result<std::vector<std::uint32_t>> find_groups(const User& user);

// The name, or the number as text: for printing.
[[nodiscard]] std::string user_label(std::uint32_t uid);
[[nodiscard]] std::string group_label(std::uint32_t gid);

// Remembers labels for the life of one command or one report. Not shared between threads.
class UserCache {
 public:
  [[nodiscard]] const std::string& user(std::uint32_t uid);
  [[nodiscard]] const std::string& group(std::uint32_t gid);

 private:
  std::unordered_map<std::uint32_t, std::string> users_;
  std::unordered_map<std::uint32_t, std::string> groups_;
};

}  // namespace sluice::base
