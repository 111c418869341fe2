// Whole-file work: bounded reading, atomic replacement, making and removing trees. For Sluice's own
// files, in directories that only the running user can write; never for a path that another user
// can influence (the node daemon's rules for those live in daemon/).
// Not for core: talks to the kernel.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace sluice::base {

// The content; fails if it is longer than `limit` bytes, or isn't a regular file.
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t limit);

// As read_file, for files of /proc and /sys, whose size isn't known before.
[[nodiscard]] Result<std::string> read_kernel_file(const std::string& path,
                                                   std::size_t limit = 1 << 20);

enum class Durability {
  fast,    // a crash of the machine may lose the change, never tear it
  synced,  // on disk, with its directory entry, when the call returns
};
struct WriteOptions {
  unsigned mode = 0644;
  Durability durability = Durability::fast;
};
// Readers see the old content or the new, nothing between: a temporary file beside it, then rename.
[[nodiscard]] Status write_file_atomic(const std::string& path, std::string_view content,
                                       const WriteOptions& options = {});

// In one write() call where the kernel allows, so that lines of several writers don't mix.
[[nodiscard]] Status append_file(const std::string& path, std::string_view content,
                                 unsigned mode = 0644);

// Like mkdir -p: `mode` for the directories that didn't exist.
[[nodiscard]] Status make_directories(const std::string& path, unsigned mode = 0755);

// Like rm -rf, by openat and unlinkat: a symbolic link is removed, never followed, and no other
// file system is entered. A path that doesn't exist is a success.
[[nodiscard]] Status remove_tree(const std::string& path);

[[nodiscard]] bool file_exists(const std::string& path);

// Syncs a directory's entries to disk.
[[nodiscard]] Status sync_directory(const std::string& path);

}  // namespace sluice::base
