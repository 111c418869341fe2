// The JSON documents of an image: manifest, index of manifests, configuration. Docker's (schema 2)
// and the OCI's have the same shape. Documents are foreign: everything that is used is checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "image/record.hpp"

namespace sluice::image {

inline constexpr std::size_t kMaxDocument = 4U << 20U;
inline constexpr std::size_t kMaxLayers = 127;
// A whole squashfs file in the place of a layer, and no configuration worth the name.
inline constexpr std::string_view kSquashfsLayer = "application/vnd.sluice.layer.v1.squashfs";
inline constexpr std::string_view kManifestType = "application/vnd.oci.image.manifest.v1+json";

struct BlobRef {
  std::string digest;
  std::uint64_t size = 0;
  std::string media_type;
};

struct Manifest {
  std::string media_type;
  BlobRef config;
  std::vector<BlobRef> layers;  // lowest first

  [[nodiscard]] std::uint64_t layer_bytes() const;
};

struct IndexEntry {
  BlobRef blob;  // a manifest or another index
  std::string os;
  std::string architecture;
  std::string name;  // org.opencontainers.image.ref.name
};
using Index = std::vector<IndexEntry>;

struct ImageConfig {
  std::vector<std::string> diff_ids;  // one per layer
  ImageRecord record;                 // what the configuration says of it
};

[[nodiscard]] Result<std::variant<Manifest, Index>> parse_document(std::string_view bytes);
[[nodiscard]] Result<Manifest> parse_manifest(std::string_view bytes);
[[nodiscard]] Result<ImageConfig> parse_config(std::string_view bytes);

// "amd64": this host's, as images name it.
[[nodiscard]] std::string host_architecture();
// The entry for this host; the error tells which there are.
[[nodiscard]] Result<IndexEntry> choose_entry(const Index& index);
// That the image of this configuration runs on this host.
[[nodiscard]] Status check_architecture(const ImageConfig& config);

struct Document {
  std::string bytes;
  std::string digest;
};
// A configuration and a manifest for one squashfs file: the same for the same file everywhere.
struct SquashfsDocuments {
  Document config;
  Document manifest;
};
[[nodiscard]] SquashfsDocuments describe_squashfs(const BlobRef& file);

// "{"imageLayoutVersion":"1.0.0"}" and the index of a layout that holds this manifest.
[[nodiscard]] std::string layout_text();
[[nodiscard]] std::string layout_index(const BlobRef& manifest);

}  // namespace sluice::image
