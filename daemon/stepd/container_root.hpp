// The root file system of a container, put together as the user in a user namespace: layers of the
// image below, what is written above, and the few files of /etc that must know the user.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace sluice::stepd {

struct OverlayPlan {
  std::string folder;               // where root, and links to the layers, are made
  std::vector<std::string> layers;  // absolute, lowest first
  std::string upper;                // absolute; both empty: nothing can be written
  std::string work;
};

// Mounts it on <folder>/root, which is returned.
[[nodiscard]] Result<std::string> mount_overlay(const OverlayPlan& plan);

// A file inside of `root`, however its links lead: never out of it. Missing: "".
[[nodiscard]] Result<std::string> read_inside(const std::string& root, const std::string& path,
                                              std::size_t limit);

[[nodiscard]] bool exists_inside(const std::string& root, const std::string& path);
// Makes the folder and those above it where they are missing.
[[nodiscard]] Status make_folder_inside(const std::string& root, const std::string& path);

// passwd with a line for this uid, group with one for this gid; "" if they have one.
struct Person {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string name;
  std::string home;
  std::string shell;
};
[[nodiscard]] std::string passwd_with(std::string_view passwd, const Person& person);
[[nodiscard]] std::string group_with(std::string_view group, const Person& person);

}  // namespace sluice::stepd
