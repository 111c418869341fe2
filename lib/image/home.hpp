// Home: the folder in which one user keeps images on one host. It belongs to that user (0700) and
// is worked on only as that user, by as many processes at once as there are.
//
//   blobs/sha256/HEX   as downloaded. The blob of a manifest comes last: it means that all blobs
//                      that it names are there
//   layers/HEX         unpacked, named by diff id. sizes/HEX tells the bytes in it
//   records/HEX        an encoded ImageRecord, named by the manifest's digest; its mtime is the
//   last
//                      use. It comes after all its layers
//   names/HEX          reference -> digest (NameRecord), named by the hash of the reference
//   files/HASH         file -> digest (see known_file.hpp)
//   containers/NAME    kept containers, the step's side's. NAME/image, where it is there, holds the
//                      digest of the image below it, which gc then leaves alone
//   locks/…            "gc": shared while somebody adds, exclusive while somebody removes.
//                      HEX: shared while a container runs from that image
//   tmp/…              what is being made; each folder is locked by its maker and swept without one
//
// Invariant: outside tmp/ everything is complete, as it got there by rename.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "base/text.hpp"
#include "image/known_file.hpp"
#include "image/lock.hpp"
#include "image/record.hpp"

namespace sluice::image {

struct NameRecord {
  Text reference;  // canonical, or a file's identity (see file_identity)
  Text digest;
  std::uint64_t time = 0;  // when it was resolved

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "reference", self.reference);
    visit(2, "digest", self.digest);
    visit(3, "time", self.time);
  }
};

// A folder in tmp/ that vanishes with its owner, or later if that one was killed.
class WorkFolder {
 public:
  WorkFolder(std::string path, base::UniqueFd lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}
  WorkFolder(WorkFolder&& other) noexcept
      : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}
  WorkFolder& operator=(WorkFolder&&) = delete;
  WorkFolder(const WorkFolder&) = delete;
  ~WorkFolder();

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  base::UniqueFd lock_;
};

class Home {
 public:
  // Makes what is missing inside; the folder itself has to be there and the caller's own.
  [[nodiscard]] static Result<Home> open(const std::string& path);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string blob(std::string_view digest) const;
  [[nodiscard]] std::string layer(std::string_view diff_id) const;
  [[nodiscard]] std::string record(std::string_view digest) const;
  [[nodiscard]] std::string lock(std::string_view name) const;
  [[nodiscard]] std::string folder(std::string_view name) const;

  [[nodiscard]] bool has_blob(std::string_view digest) const;
  [[nodiscard]] bool has_layer(std::string_view diff_id) const;
  // Nothing if it isn't here.
  [[nodiscard]] Result<std::optional<ImageRecord>> find_record(std::string_view digest) const;
  [[nodiscard]] Result<std::vector<ImageRecord>> records() const;
  [[nodiscard]] Status write_record(const ImageRecord& record) const;
  // Marks the image as used now. A failure costs only the order in which gc removes.
  void touch(std::string_view digest) const;
  [[nodiscard]] std::int64_t last_use(std::string_view digest) const;  // seconds; 0: unknown

  [[nodiscard]] Status remember(std::string_view reference, std::string_view digest) const;
  [[nodiscard]] std::optional<NameRecord> find_name(std::string_view reference) const;
  [[nodiscard]] std::vector<NameRecord> names() const;
  [[nodiscard]] Status forget(std::string_view reference) const;
  // Of a file; see known_file.hpp.
  [[nodiscard]] Status remember_file(const FileIdentity& file, std::string_view digest) const;
  // Those whose image has gone.
  void forget_files() const;

  [[nodiscard]] Status write_layer_size(std::string_view diff_id, std::uint64_t bytes) const;
  [[nodiscard]] std::uint64_t layer_size(std::string_view diff_id) const;  // 0: unknown

  [[nodiscard]] Result<WorkFolder> make_work(std::string_view purpose) const;
  // Moves a complete file or folder to its place; one that is there already stays.
  [[nodiscard]] Status publish(const std::string& from, const std::string& to) const;
  // Removes what processes that are gone left in tmp/.
  void sweep() const;

 private:
  explicit Home(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// Names of the entries of a folder, sorted; none if it can't be read.
[[nodiscard]] std::vector<std::string> entries_of(const std::string& folder);
// Like rm -rf of a tree of the user's own whatever its permissions are: where the user may not, as
// root of a namespace of the user's.
[[nodiscard]] Status remove_own_tree(const std::string& path);

}  // namespace sluice::image
