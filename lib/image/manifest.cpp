// See the header.
#include "image/manifest.hpp"

#include <sys/utsname.h>

#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "base/strings.hpp"
#include "image/digest.hpp"

namespace sluice::image {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxIndex = 1000;
constexpr std::size_t kMaxWords = 10'000;
constexpr std::size_t kMaxShown = 20;

tl::unexpected<Error> broken(const std::string& what) {
  return fail(ErrorCode::protocol, "a broken image: " + what);
}

Result<Json> parse(std::string_view bytes, const char* what) {
  if (bytes.size() > kMaxDocument) return broken(std::string(what) + " is too long");
  Json json = Json::parse(bytes, nullptr, false);
  if (json.is_discarded() || !json.is_object()) {
    return broken(std::string(what) + " isn't a JSON object");
  }
  return json;
}

const Json* member(const Json& json, const char* name) {
  const auto found = json.is_object() ? json.find(name) : json.end();
  return json.is_object() && found != json.end() ? &*found : nullptr;
}

// A text without zero bytes; empty where there is none.
std::string text_of(const Json& json, const char* name) {
  const Json* value = member(json, name);
  if (value == nullptr || !value->is_string()) return "";
  std::string text = value->get<std::string>();
  return text.find('\0') == std::string::npos ? text : "";
}

Result<std::vector<Text>> words_of(const Json& json, const char* name) {
  std::vector<Text> words;
  const Json* value = member(json, name);
  if (value == nullptr || value->is_null()) return words;
  if (!value->is_array() || value->size() > kMaxWords) return broken(std::string(name));
  for (const Json& word : *value) {
    if (!word.is_string()) return broken(std::string(name) + " with something else than texts");
    const auto text = word.get<std::string>();
    if (text.find('\0') != std::string::npos) return broken(std::string(name) + " with zero bytes");
    words.emplace_back(text);
  }
  return words;
}

Result<BlobRef> blob_of(const Json& json) {
  BlobRef blob;
  blob.digest = text_of(json, "digest");
  blob.media_type = text_of(json, "mediaType");
  const Json* size = member(json, "size");
  if (!is_digest(blob.digest)) return broken("'" + base::escape(blob.digest) + "' is no digest");
  if (size == nullptr || !size->is_number_unsigned()) return broken("a blob without a size");
  blob.size = size->get<std::uint64_t>();
  return blob;
}

Result<Manifest> manifest_of(const Json& json) {
  Manifest manifest;
  manifest.media_type = text_of(json, "mediaType");
  if (manifest.media_type.empty()) manifest.media_type = kManifestType;
  const Json* config = member(json, "config");
  const Json* layers = member(json, "layers");
  if (config == nullptr || layers == nullptr || !layers->is_array()) {
    return broken("a manifest without configuration and layers (the old Docker schema 1?)");
  }
  auto blob = blob_of(*config);
  if (!blob) return tl::unexpected(blob.error());
  manifest.config = std::move(*blob);
  if (manifest.config.size > kMaxDocument) return broken("the configuration is too long");
  if (layers->size() > kMaxLayers) {
    return broken(std::to_string(layers->size()) + " layers, at most " +
                  std::to_string(kMaxLayers) + " are possible");
  }
  for (const Json& layer : *layers) {
    auto part = blob_of(layer);
    if (!part) return tl::unexpected(part.error());
    manifest.layers.push_back(std::move(*part));
  }
  return manifest;
}

Result<Index> index_of(const Json& manifests) {
  if (!manifests.is_array() || manifests.size() > kMaxIndex) return broken("its index");
  Index index;
  for (const Json& json : manifests) {
    auto blob = blob_of(json);
    if (!blob) return tl::unexpected(blob.error());
    IndexEntry entry;
    entry.blob = std::move(*blob);
    if (const Json* platform = member(json, "platform")) {
      entry.os = text_of(*platform, "os");
      entry.architecture = text_of(*platform, "architecture");
    }
    if (const Json* notes = member(json, "annotations")) {
      entry.name = text_of(*notes, "org.opencontainers.image.ref.name");
    }
    index.push_back(std::move(entry));
  }
  return index;
}

Status take_environment(const Json& process, ImageRecord& record) {
  auto words = words_of(process, "Env");
  if (!words) return tl::unexpected(words.error());
  for (Text& word : *words) {
    if (word.view().find('=') != std::string_view::npos && word.view().front() != '=') {
      record.environment.push_back(std::move(word));
    }
  }
  return {};
}

}  // namespace

std::uint64_t Manifest::layer_bytes() const {
  std::uint64_t sum = 0;
  for (const BlobRef& layer : layers) {
    if (__builtin_add_overflow(sum, layer.size, &sum)) return ~std::uint64_t{0};
  }
  return sum;
}

Result<std::variant<Manifest, Index>> parse_document(std::string_view bytes) {
  auto json = parse(bytes, "its manifest");
  if (!json) return tl::unexpected(json.error());
  if (const Json* manifests = member(*json, "manifests")) {
    auto index = index_of(*manifests);
    if (!index) return tl::unexpected(index.error());
    return std::variant<Manifest, Index>(std::move(*index));
  }
  auto manifest = manifest_of(*json);
  if (!manifest) return tl::unexpected(manifest.error());
  return std::variant<Manifest, Index>(std::move(*manifest));
}

Result<Manifest> parse_manifest(std::string_view bytes) {
  auto json = parse(bytes, "its manifest");
  if (!json) return tl::unexpected(json.error());
  return manifest_of(*json);
}

Result<ImageConfig> parse_config(std::string_view bytes) {
  auto json = parse(bytes, "its configuration");
  if (!json) return tl::unexpected(json.error());
  ImageConfig config;
  config.record.architecture = text_of(*json, "architecture");
  const Json* root = member(*json, "rootfs");
  const Json* ids = root == nullptr ? nullptr : member(*root, "diff_ids");
  if (ids == nullptr || !ids->is_array() || ids->size() > kMaxLayers) {
    return broken("a configuration without the ids of its layers");
  }
  for (const Json& id : *ids) {
    if (!id.is_string() || !is_digest(id.get<std::string>())) return broken("a layer's id");
    config.diff_ids.push_back(id.get<std::string>());
  }
  const Json* process = member(*json, "config");
  if (process == nullptr || !process->is_object()) return config;
  if (auto done = take_environment(*process, config.record); !done) {
    return tl::unexpected(done.error());
  }
  auto entrypoint = words_of(*process, "Entrypoint");
  if (!entrypoint) return tl::unexpected(entrypoint.error());
  auto command = words_of(*process, "Cmd");
  if (!command) return tl::unexpected(command.error());
  config.record.entrypoint = std::move(*entrypoint);
  config.record.command = std::move(*command);
  config.record.workdir = text_of(*process, "WorkingDir");
  config.record.user = text_of(*process, "User");
  return config;
}

std::string host_architecture() {
  static const std::map<std::string, std::string, std::less<>> kNames = {
      {"x86_64", "amd64"}, {"aarch64", "arm64"}, {"armv7l", "arm"},         {"armv6l", "arm"},
      {"i686", "386"},     {"i386", "386"},      {"loongarch64", "loong64"}};
  utsname host{};
  if (::uname(&host) != 0) return "unknown";
  const auto found = kNames.find(host.machine);
  return found == kNames.end() ? host.machine : found->second;
}

Result<IndexEntry> choose_entry(const Index& index) {
  const std::string wanted = host_architecture();
  std::set<std::string> offered;
  for (const IndexEntry& entry : index) {
    if (entry.os == "linux" && entry.architecture == wanted) return entry;
    // Attestations are listed as platform unknown/unknown.
    if (!entry.architecture.empty() && entry.architecture != "unknown") {
      offered.insert(base::escape(entry.os + "/" + entry.architecture));
    }
  }
  std::string list;
  for (const std::string& platform : offered) {
    if (list.size() > kMaxShown * kMaxShown) break;
    list += (list.empty() ? "" : ", ") + platform;
  }
  return fail(ErrorCode::not_found, "the image isn't there for linux/" + wanted +
                                        (list.empty() ? "" : "; it is for " + list));
}

Status check_architecture(const ImageConfig& config) {
  const std::string wanted = host_architecture();
  const std::string_view is = config.record.architecture;
  if (is.empty() || is == wanted) return {};
  return fail(ErrorCode::not_found,
              "the image is for " + base::escape(is) + ", this host is " + wanted);
}

SquashfsDocuments describe_squashfs(const BlobRef& file) {
  SquashfsDocuments documents;
  Json config;
  config["os"] = "linux";
  config["rootfs"] = {{"type", "layers"}, {"diff_ids", {file.digest}}};
  documents.config.bytes = config.dump();
  documents.config.digest = digest_of(documents.config.bytes);
  Json manifest;
  manifest["schemaVersion"] = 2;
  manifest["mediaType"] = kManifestType;
  manifest["config"] = {{"mediaType", "application/vnd.oci.image.config.v1+json"},
                        {"digest", documents.config.digest},
                        {"size", documents.config.bytes.size()}};
  Json layer = {{"mediaType", kSquashfsLayer}, {"digest", file.digest}, {"size", file.size}};
  manifest["layers"] = Json::array({layer});
  documents.manifest.bytes = manifest.dump();
  documents.manifest.digest = digest_of(documents.manifest.bytes);
  return documents;
}

std::string layout_text() { return R"({"imageLayoutVersion":"1.0.0"})"; }

std::string layout_index(const BlobRef& manifest) {
  Json index;
  index["schemaVersion"] = 2;
  Json entry = {
      {"mediaType", manifest.media_type}, {"digest", manifest.digest}, {"size", manifest.size}};
  index["manifests"] = Json::array({entry});
  return index.dump();
}

}  // namespace sluice::image
