// Where a host keeps the images of its users: one folder for each below a folder that only the
// daemon may write, and which users pass through. The daemon makes them by descriptors and never
// looks inside: all work on images is done as the user.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace sluice::worker {

struct ImageOwner {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

// The user's folder, made (0700, the user's) where it isn't there. `cache` is made too. Without
// `change_user` the daemon is an ordinary user's, and every folder its own.
[[nodiscard]] Result<std::string> make_image_home(const std::string& cache, const ImageOwner& owner,
                                                  bool change_user);
// Without making it. Empty: there is none.
[[nodiscard]] std::string find_image_home(const std::string& cache, std::uint32_t uid);
// Those that exist, with their owners.
[[nodiscard]] std::vector<std::pair<std::string, ImageOwner>> image_homes(const std::string& cache);

}  // namespace sluice::worker
