// ImageRecord: an image that lies unpacked in a user's cache, as whoever runs a container from it
// needs it. Kept encoded in `<home>/records/<hex of digest>`; written last, by rename, so that a
// record means a complete image.
//
// Who runs a container from an image holds a shared flock on `<home>/locks/<hex of digest>` from
// before its start to its end: what is locked is never removed. After taking the lock, look whether
// the record is still there; gc leaves alone what was prepared within the last minute.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/text.hpp"

namespace sluice::image {

struct ImageRecord {
  Text reference;  // as asked
  Text digest;     // of the manifest: "sha256:…"
  // Folders below <home>/layers, lowest first. Whiteouts are overlay's, in the form that a mount
  // with `userxattr` in a user namespace understands.
  std::vector<Text> layers;
  std::vector<Text> environment;  // "NAME=value"
  std::vector<Text> entrypoint;
  std::vector<Text> command;
  Text workdir;
  Text user;                // as the image names it; tasks run as the job's user all the same
  Text architecture;        // "amd64", as images name it
  std::uint64_t bytes = 0;  // of the unpacked layers

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "reference", self.reference);
    visit(2, "digest", self.digest);
    visit(3, "layers", self.layers);
    visit(4, "environment", self.environment);
    visit(5, "entrypoint", self.entrypoint);
    visit(6, "command", self.command);
    visit(7, "workdir", self.workdir);
    visit(8, "user", self.user);
    visit(9, "architecture", self.architecture);
    visit(10, "bytes", self.bytes);
  }
};

inline constexpr const char* kRecordFolder = "records";
inline constexpr const char* kLayerFolder = "layers";
inline constexpr const char* kContainerFolder = "containers";  // kept ones, by name

}  // namespace sluice::image
