// LayerWriter: the file system's side of unpacking a layer. Each entry of the archive becomes a
// file, folder or link below one folder, or overlay's sign that something of a lower layer is gone.
//
// It runs with that folder as the root of its world (sandbox.hpp), and still resolves every path by
// the kernel within that folder. Owners, devices, sockets, extended attributes and the setuid and
// setgid bits of an image are not taken over; its user can read all files and enter all folders.
// What it makes is bounded: bytes, entries, length and depth of paths.
// Not for threads: one writer, one folder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace sluice::image {

struct Bounds {
  std::uint64_t bytes = std::uint64_t{100} << 30U;
  std::uint64_t entries = 5'000'000;
};

inline constexpr std::size_t kMaxPathBytes = 4095;
inline constexpr std::size_t kMaxNameBytes = 255;
inline constexpr std::size_t kMaxPathDepth = 128;  // base::remove_tree goes deeper

struct Stamp {
  std::int64_t seconds = 0;
  std::int64_t nanoseconds = 0;
};

struct LayerEntry {
  std::string_view path;  // as the archive has it
  std::uint32_t mode = 0;
  Stamp time;
};

class LayerWriter {
 public:
  [[nodiscard]] static Result<LayerWriter> open(const std::string& root, Bounds bounds);

  [[nodiscard]] Status add_folder(const LayerEntry& entry);
  [[nodiscard]] Status add_link(const LayerEntry& entry, const std::string& target);
  [[nodiscard]] Status add_hard_link(const LayerEntry& entry, std::string_view target);
  [[nodiscard]] Status add_pipe(const LayerEntry& entry);
  // True if the name is a whiteout (".wh.…"), which then is done.
  [[nodiscard]] Result<bool> take_whiteout(const LayerEntry& entry);
  // What isn't taken over still counts.
  [[nodiscard]] Status skip();

  // A file: begun, written piece by piece (gaps stay holes), ended with its length.
  [[nodiscard]] Status begin_file(const LayerEntry& entry);
  [[nodiscard]] Status write(std::uint64_t offset, std::string_view bytes);
  [[nodiscard]] Status end_file(const LayerEntry& entry, std::uint64_t length);

  // After the last entry: times of folders.
  [[nodiscard]] Status finish();
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::uint64_t entries() const { return entries_; }

 private:
  struct Place {
    int folder = -1;   // borrowed
    std::string name;  // empty: the root itself
  };
  LayerWriter(base::UniqueFd root, Bounds bounds) : root_(std::move(root)), bounds_(bounds) {}
  Status count();
  Result<std::vector<std::string_view>> parts_of(std::string_view path) const;
  Result<Place> place_of(std::string_view path);
  Result<base::UniqueFd> open_folder(const std::string& path, int depth);
  Status make_folder(int folder, const std::string& name, std::uint32_t mode);
  Status make_room(const Place& place);
  Status hide(const Place& place);

  base::UniqueFd root_;
  Bounds bounds_;
  std::uint64_t bytes_ = 0;
  std::uint64_t entries_ = 0;
  std::string parent_path_;  // of `parent_`: entries come folder by folder
  base::UniqueFd parent_;
  base::UniqueFd file_;
  std::vector<std::pair<std::string, Stamp>> folder_times_;
};

}  // namespace sluice::image
