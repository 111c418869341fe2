// Reference: what a user may write to name an image.
//
//   [USER@][REGISTRY#]IMAGE[:TAG|@DIGEST]     as pyxis and enroot have it
//   [docker://]REGISTRY/PATH[:TAG][@DIGEST]   as everybody else has it
//   /PATH, ./PATH                             a squashfs file, an OCI layout (also PATH:TAG), or an
//                                             archive of one: found out by looking
//
// Without a registry it is docker.io, whose single names lie below library/; without a tag or
// digest the tag is "latest". The parts are checked, so they can go into a command line.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace sluice::image {

enum class Source : std::uint8_t { registry, squashfs, oci_layout, archive };

struct Reference {
  Source source = Source::registry;
  std::string given;  // as it was typed

  // source == registry
  std::string user;      // who logged in there; empty: whoever
  std::string registry;  // "docker.io", "localhost:5000"
  std::string path;      // "library/debian"
  std::string tag;       // empty if there is only a digest
  std::string digest;    // "sha256:…" or empty

  // else
  std::string file;  // absolute; of an OCI layout the folder. `tag` may name one of its images

  // "docker.io/library/debian:12", or the absolute path with the tag: under which it is remembered.
  [[nodiscard]] std::string canonical() const;
  // "docker.io/library/debian"
  [[nodiscard]] std::string repository() const { return registry + "/" + path; }
};

// Looks at the file system for paths; relative ones start at the working directory.
[[nodiscard]] Result<Reference> parse_reference(std::string_view text);

}  // namespace sluice::image
