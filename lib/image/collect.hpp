// What a home holds, and getting rid of it: listing, removing one image, collecting what nobody
// needs. An image that a container runs from (a shared lock on locks/HEX) or that a kept container
// stands on is never removed; layers and blobs go when the last image that names them has gone.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "image/home.hpp"

namespace sluice::image {

struct ListedImage {
  std::string reference;
  std::string digest;
  std::uint64_t bytes = 0;  // unpacked
  std::int64_t last_use = 0;
};
// By reference. An image that several references mean is told several times.
[[nodiscard]] Result<std::vector<ListedImage>> list_images(const Home& home);

// The digest that the words mean: a reference that was prepared here, a digest, or at least six
// digits of one.
[[nodiscard]] Result<std::string> find_image(const Home& home, const std::string& words);

struct Removed {
  std::uint64_t images = 0;
  std::uint64_t bytes = 0;
};

// ErrorCode::busy if something runs from it.
[[nodiscard]] Result<Removed> remove_image(const Home& home, const std::string& digest);

struct GcLimits {
  std::uint64_t bytes = std::numeric_limits<std::uint64_t>::max();  // blobs and layers
  std::int64_t age_s = std::numeric_limits<std::int64_t>::max();    // since the last use
};
// Removes what was not used for `age_s`, then the least recently used until `bytes` are kept.
// Images that were used within the last minute stay: their containers may be about to start.
[[nodiscard]] Result<Removed> collect(const Home& home, const GcLimits& limits);

// Removes the kept containers of a job that has ended ("JOB.NAME").
[[nodiscard]] Status remove_containers(const Home& home, std::uint32_t job);

// Bytes in blobs and layers.
[[nodiscard]] std::uint64_t size_of_home(const Home& home);

}  // namespace sluice::image
