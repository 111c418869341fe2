// One blob becomes one folder of a layer: a tar archive (plain, gzip, zstd, xz) or a squashfs file.
// Both digests are judged: the blob's as it was downloaded, and a tar's diff id.
//
// All of it happens in a sandbox (sandbox.hpp). The folder is the caller's to publish or remove.
#pragma once

#include <string>

#include "base/result.hpp"
#include "image/deadline.hpp"
#include "image/layer_writer.hpp"
#include "image/manifest.hpp"
#include "image/progress.hpp"

namespace sluice::image {

struct LayerJob {
  std::string blob_path;
  BlobRef blob;
  std::string diff_id;
  std::string folder;  // exists, empty
  Bounds bounds;       // what is left of the image's
  Deadline deadline;
  // For progress: bytes of blobs before this one, and of all.
  std::uint64_t done_before = 0;
  std::uint64_t total = 0;
};

struct Unpacked {
  std::uint64_t bytes = 0;  // written
  std::uint64_t entries = 0;
};

// ErrorCode::protocol: the blob isn't what its digest says.
[[nodiscard]] Result<Unpacked> unpack_layer(const LayerJob& job, Progress progress);

// By the program unsquashfs.
[[nodiscard]] Result<Unpacked> unpack_squashfs(const LayerJob& job, Progress progress);

}  // namespace sluice::image
