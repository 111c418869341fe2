// fetch: all blobs of one image come into a home, from wherever its reference leads; nothing that
// is there already is loaded again. What comes in is judged when it is unpacked, at the latest.
#pragma once

#include <string>

#include "base/result.hpp"
#include "image/home.hpp"
#include "image/layer_writer.hpp"
#include "image/progress.hpp"
#include "image/reference.hpp"
#include "image/skopeo.hpp"

namespace sluice::image {

struct FetchOptions {
  SkopeoOptions skopeo;  // its deadline holds for everything
  Bounds bounds;
  std::string digest;  // of the manifest that is wanted; empty: what the reference says today
  int progress_fd = -1;
};

struct Fetched {
  std::string digest;    // of the manifest
  bool was_here = true;  // nothing had to be loaded
};

// A tag is asked for at its registry each time (one small request); a digest only if it isn't here.
[[nodiscard]] Result<Fetched> fetch(const Home& home, const Reference& image,
                                    const FetchOptions& options);

// An image as a tar stream (an OCI layout, as send() writes it) from a descriptor.
[[nodiscard]] Result<Fetched> receive(const Home& home, int fd, const FetchOptions& options);
// The other end. The image's blobs must be here.
[[nodiscard]] Status send(const Home& home, const std::string& digest, int fd);

// What is in a tar archive, compressed or not.
enum class ArchiveKind : std::uint8_t { docker, oci };
[[nodiscard]] Result<ArchiveKind> look_into_archive(const std::string& path);

}  // namespace sluice::image
