// Blobs on their way into a home, and the documents among them. A manifest's blob is written after
// all blobs that it names; so is the way of every source: registry, layout, archive, stream, file.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "image/home.hpp"
#include "image/manifest.hpp"

namespace sluice::image {

// A document of the home, its digest verified.
[[nodiscard]] Result<std::string> read_document(const Home& home, const std::string& digest);
[[nodiscard]] Status write_document(const Home& home, const Document& document);

// That the manifest and all that it names are here, with the sizes that it tells.
[[nodiscard]] bool is_complete(const Home& home, const std::string& manifest_digest);
[[nodiscard]] bool has_whole(const Home& home, const BlobRef& blob);

// Copies to a new file and hashes on the way; ErrorCode::invalid_argument beyond `limit` bytes.
struct CopyOptions {
  std::uint64_t limit = 0;
  std::function<Status(std::uint64_t)> tick;  // bytes so far; may stop it
};
[[nodiscard]] Result<BlobRef> copy_hashed(int from, const std::string& to,
                                          const CopyOptions& options);

// An OCI layout, wherever its files are.
struct LayoutSource {
  std::string index;                                                // the text of index.json
  std::function<Result<std::string>(const std::string&)> document;  // unverified
  std::function<Status(const BlobRef&)> bring;  // see to it that the blob is in the home
};
struct LayoutChoice {
  std::string digest;  // of a manifest, or empty
  std::string tag;     // or empty: the only image, or the one for this host
};
// Brings one image of the layout and returns the digest of its manifest.
[[nodiscard]] Result<std::string> adopt_layout(const Home& home, const LayoutSource& source,
                                               const LayoutChoice& choice);

}  // namespace sluice::image
