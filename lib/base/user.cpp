// Users and groups, by the re-entrant calls of the C library.
#include "base/user.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/types.h>

#include <algorithm>
#include <cerrno>

#include <fmt/core.h>

#include "base/fd.hpp"
#include "base/quantity.hpp"

namespace sluice::base {
namespace {

constexpr std::size_t kFirstBuffer = 1024;
constexpr std::size_t kMaxBuffer = std::size_t{1} << 24;  // groups may have very many members

// Calls look_up(buffer) with growing buffers until the answer fits; returns its errno value.
template <class LookUp>
int with_buffer(std::vector<char>& buffer, LookUp&& look_up) {
  for (std::size_t size = kFirstBuffer; size <= kMaxBuffer; size *= 4) {
    buffer.resize(size);
    const int error = look_up(buffer);
    if (error != ERANGE && error != EINTR) return error;
  }
  return ERANGE;
}

template <class LookUp>
Result<User> query_user(const std::string& what, LookUp&& look_up) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer;
  const int error =
      with_buffer(buffer, [&](std::vector<char>& b) { return look_up(&entry, &b, &found); });
  if (found != nullptr) {
    return User{entry.pw_uid, entry.pw_gid, entry.pw_name, entry.pw_dir, entry.pw_shell};
  }
  if (error != 0 && error != ENOENT && error != ESRCH) {
    return fail(ErrorCode::io, fmt::format("user {}: {}", what, errno_text(error)));
  }
  return fail(ErrorCode::not_found, "Invalid user: " + what);
}

template <class LookUp>
Result<User> query_group(const std::string& what, LookUp&& look_up) {
  group entry{};
  group* found = nullptr;
  std::vector<char> buffer;
  const int error =
      with_buffer(buffer, [&](std::vector<char>& b) { return look_up(&entry, &b, &found); });
  if (found != nullptr) return User{0, entry.gr_gid, entry.gr_name, {}, {}};
  if (error != 0 && error != ENOENT && error != ESRCH) {
    return fail(ErrorCode::io, fmt::format("group {}: {}", what, errno_text(error)));
  }
  return fail(ErrorCode::not_found, "Invalid group: " + what);
}

}  // namespace

Result<User> find_user(std::uint32_t uid) {
  return query_user(std::to_string(uid), [&](passwd* entry, std::vector<char>* b, passwd** found) {
    return getpwuid_r(uid, entry, b->data(), b->size(), found);
  });
}

Result<User> find_user(const std::string& name) {
  return query_user(name, [&](passwd* entry, std::vector<char>* b, passwd** found) {
    return getpwnam_r(name.c_str(), entry, b->data(), b->size(), found);
  });
}

Result<std::uint32_t> parse_user(const std::string& text) {
  auto user = find_user(text);
  if (user) return user->uid;
  if (const auto number = parse_u32(text)) return *number;
  return tl::unexpected<Error>(user.error());
}

Result<std::string> find_group_name(std::uint32_t gid) {
  auto found =
      query_group(std::to_string(gid), [&](group* entry, std::vector<char>* b, group** result) {
        return getgrgid_r(gid, entry, b->data(), b->size(), result);
      });
  if (!found) return tl::unexpected<Error>(found.error());
  return found->name;
}

Result<std::uint32_t> find_group(const std::string& name) {
  auto found = query_group(name, [&](group* entry, std::vector<char>* b, group** result) {
    return getgrnam_r(name.c_str(), entry, b->data(), b->size(), result);
  });
  if (!found) return tl::unexpected<Error>(found.error());
  return found->gid;
}

Result<std::uint32_t> parse_group(const std::string& text) {
  auto gid = find_group(text);
  if (gid) return gid;
  if (const auto number = parse_u32(text)) return *number;
  return gid;
}

Result<std::vector<std::uint32_t>> find_groups(const User& user) {
  std::vector<gid_t> groups(64);
  while (true) {
    int count = static_cast<int>(groups.size());
    if (getgrouplist(user.name.c_str(), user.gid, groups.data(), &count) >= 0) {
      groups.resize(static_cast<std::size_t>(count));
      break;
    }
    if (groups.size() >= kMaxGroups) {
      return fail(ErrorCode::io, fmt::format("{}: in more than {} groups", user.name, kMaxGroups));
    }
    groups.resize(groups.size() * 4);
  }
  std::vector<std::uint32_t> result{user.gid};
  for (const gid_t gid : groups) {
    if (std::find(result.begin(), result.end(), gid) == result.end()) result.push_back(gid);
  }
  return result;
}

std::string user_label(std::uint32_t uid) {
  auto user = find_user(uid);
  return user ? std::move(user->name) : std::to_string(uid);
}

std::string group_label(std::uint32_t gid) {
  auto name = find_group_name(gid);
  return name ? std::move(*name) : std::to_string(gid);
}

const std::string& UserCache::user(std::uint32_t uid) {
  const auto known = users_.find(uid);
  return known != users_.end() ? known->second : users_.emplace(uid, user_label(uid)).first->second;
}

const std::string& UserCache::group(std::uint32_t gid) {
  const auto known = groups_.find(gid);
  if (known != groups_.end()) return known->second;
  return groups_.emplace(gid, group_label(gid)).first->second;
}

}  // namespace sluice::base
