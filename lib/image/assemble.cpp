// assemble: the layers of one image, unpacked where they are missing. All that is new is unpacked
// in tmp/, brought to the disk at once, and only then moved to its place: a layer is whole, also
// after a power cut. Layers are locked in the order of their names, so that two images that share
// some can't wait for each other.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include <fmt/core.h>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/strings.hpp"
#include "image/blobs.hpp"
#include "image/digest.hpp"
#include "image/prepare.hpp"
#include "image/unpack.hpp"

namespace sluice::image {
namespace {

constexpr std::size_t kMaxEnvironment = 1U << 20U;

struct Layer {
  BlobRef blob;
  std::string diff_id;
};

base::UniqueFd open_in(int root, const char* path) {
  open_how how{};
  how.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return base::UniqueFd(static_cast<int>(::syscall(SYS_openat2, root, path, &how, sizeof how)));
}

bool is_file(int fd) {
  struct stat status {};
  return fd >= 0 && ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

// NAME=value, NAME="value", export NAME=value.
std::string plain_assignment(std::string_view line) {
  line = base::trim(line);
  constexpr std::string_view kExport = "export ";
  if (line.substr(0, kExport.size()) == kExport) line = base::trim(line.substr(kExport.size()));
  const base::Cut parts = base::cut(line, '=');
  if (!parts.found || parts.before.empty() || parts.before.front() == '#') return "";
  std::string_view value = parts.after;
  const bool quoted = value.size() >= 2 && value.front() == value.back() &&
                      (value.front() == '"' || value.front() == '\'');
  if (quoted) value = value.substr(1, value.size() - 2);
  return std::string(parts.before) + "=" + std::string(value);
}

class Assembly {
 public:
  Assembly(const Home& home, const Reference& image, const FetchOptions& options)
      : home_(home), image_(image), options_(options), progress_(options.progress_fd) {}

  Result<ImageRecord> run(const std::string& digest) {
    auto bytes = read_document(home_, digest);
    if (!bytes) return tl::unexpected(bytes.error());
    auto manifest = parse_manifest(*bytes);
    if (!manifest) return tl::unexpected(manifest.error());
    auto text = read_document(home_, manifest->config.digest);
    if (!text) return tl::unexpected(text.error());
    auto config = parse_config(*text);
    if (!config) return tl::unexpected(config.error());
    if (auto runs = check_architecture(*config); !runs) return tl::unexpected(runs.error());
    if (config->diff_ids.size() != manifest->layers.size()) {
      return fail(ErrorCode::protocol,
                  "a broken image: its manifest and its configuration tell "
                  "different numbers of layers");
    }
    take_layers(*manifest, *config);
    if (auto done = unpack_missing(digest); !done) return tl::unexpected(done.error());
    return finish(digest, std::move(config->record));
  }

 private:
  // A layer that comes twice counts where it is on top: overlay takes no folder twice.
  void take_layers(const Manifest& manifest, const ImageConfig& config) {
    std::set<std::string> seen;
    for (std::size_t i = manifest.layers.size(); i-- > 0;) {
      if (!seen.insert(config.diff_ids[i]).second) continue;
      layers_.push_back({manifest.layers[i], config.diff_ids[i]});
    }
    std::reverse(layers_.begin(), layers_.end());
  }

  Status unpack_missing(const std::string& digest) {
    std::set<std::string> wanted;
    for (const Layer& layer : layers_) wanted.insert(hex_of(layer.diff_id));
    std::vector<Lock> locks;
    for (const std::string& hex : wanted) {
      if (home_.has_layer(std::string(kDigestPrefix) + hex)) continue;
      auto lock =
          Lock::take(home_.lock(hex + ".layer"), LockKind::exclusive, options_.skopeo.deadline);
      if (!lock) return tl::unexpected(lock.error());
      locks.push_back(std::move(*lock));
    }
    if (locks.empty()) return {};
    auto work = home_.make_work("unpack");
    if (!work) return tl::unexpected(work.error());
    std::vector<const Layer*> unpacked;
    for (const Layer& layer : layers_) total_ += layer.blob.size;
    for (const Layer& layer : layers_) {
      if (home_.has_layer(layer.diff_id)) continue;
      auto done = unpack(layer, work->path() + "/" + hex_of(layer.diff_id));
      if (!done) {
        if (done.error().code == ErrorCode::protocol) discard(digest, layer);
        return done;
      }
      unpacked.push_back(&layer);
    }
    return publish(unpacked, work->path());
  }

  Status unpack(const Layer& layer, const std::string& folder) {
    if (::mkdir(folder.c_str(), 0755) != 0) {
      return tl::unexpected(base::errno_error(folder, errno));
    }
    LayerJob job;
    job.blob_path = home_.blob(layer.blob.digest);
    job.blob = layer.blob;
    job.diff_id = layer.diff_id;
    job.folder = folder;
    job.bounds = {options_.bounds.bytes - std::min(options_.bounds.bytes, used_.bytes),
                  options_.bounds.entries - std::min(options_.bounds.entries, used_.entries)};
    job.deadline = options_.skopeo.deadline;
    job.done_before = done_;
    job.total = total_;
    progress_.report("unpacking", done_, total_);
    const bool squashfs = layer.blob.media_type == kSquashfsLayer;
    auto result = squashfs ? unpack_squashfs(job, progress_) : unpack_layer(job, progress_);
    if (!result) return refused(std::move(result.error()));
    done_ += layer.blob.size;
    used_.bytes += result->bytes;
    used_.entries += result->entries;
    return home_.write_layer_size(layer.diff_id, result->bytes);
  }

  // With the image's limits, where it went beyond them; a layer only knew what was left of them.
  [[nodiscard]] tl::unexpected<Error> refused(Error error) const {
    if (error.text.find(" too ") != std::string::npos) {
      error.text += fmt::format(" (the limits are {} bytes and {} files)", options_.bounds.bytes,
                                options_.bounds.entries);
    }
    return tl::unexpected(std::move(error));
  }

  // So that the next try loads it anew.
  void discard(const std::string& digest, const Layer& layer) const {
    static_cast<void>(::unlink(home_.blob(digest).c_str()));
    static_cast<void>(::unlink(home_.blob(layer.blob.digest).c_str()));
  }

  Status publish(const std::vector<const Layer*>& unpacked, const std::string& work) const {
    auto folder = base::open_file(home_.path(), O_RDONLY | O_DIRECTORY);
    if (!folder) return tl::unexpected(folder.error());
    if (::syncfs(folder->get()) != 0) {
      return tl::unexpected(base::errno_error("bringing the image to the disk", errno));
    }
    for (const Layer* layer : unpacked) {
      auto done = home_.publish(work + "/" + hex_of(layer->diff_id), home_.layer(layer->diff_id));
      if (!done) return done;
    }
    return {};
  }

  Result<ImageRecord> finish(const std::string& digest, ImageRecord record) {
    record.reference = image_.given;
    record.digest = digest;
    bool whole = false;  // nothing of the layers below shows
    for (auto layer = layers_.rbegin(); layer != layers_.rend() && !whole; ++layer) {
      const std::string folder = home_.layer(layer->diff_id);
      record.layers.emplace_back(hex_of(layer->diff_id));
      record.bytes += home_.layer_size(layer->diff_id);
      // Overlay ignores the mark on the root of a layer.
      char value = 0;
      whole = ::lgetxattr(folder.c_str(), "user.overlay.opaque", &value, 1) == 1 && value == 'y';
      if (layer->blob.media_type == kSquashfsLayer) take_root_settings(folder, record);
    }
    std::reverse(record.layers.begin(), record.layers.end());
    if (record.bytes > options_.bounds.bytes) {
      return fail(ErrorCode::invalid_argument, "the image is too large (the limit is " +
                                                   std::to_string(options_.bounds.bytes) +
                                                   " bytes)");
    }
    if (record.layers.empty()) return fail(ErrorCode::protocol, "the image has no layers");
    if (auto written = home_.write_record(record); !written) {
      return tl::unexpected(written.error());
    }
    return record;
  }

  static void take_root_settings(const std::string& folder, ImageRecord& record) {
    RootSettings settings = read_root_settings(folder);
    if (record.environment.empty()) record.environment = std::move(settings.environment);
    if (settings.has_start_script) record.entrypoint = {"/bin/sh", "/etc/rc"};
  }

  const Home& home_;
  const Reference& image_;
  const FetchOptions& options_;
  Progress progress_;
  std::vector<Layer> layers_;
  Unpacked used_;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace

RootSettings read_root_settings(const std::string& root) {
  RootSettings settings;
  auto folder = base::open_file(root, O_RDONLY | O_DIRECTORY);
  if (!folder) return settings;
  settings.has_start_script = is_file(open_in(folder->get(), "etc/rc").get());
  const base::UniqueFd file = open_in(folder->get(), "etc/environment");
  if (!is_file(file.get())) return settings;
  auto text = base::read_to_end(file.get(), kMaxEnvironment);
  if (!text || text->find('\0') != std::string::npos) return settings;
  for (const std::string_view line : base::split_nonempty(*text, '\n')) {
    const std::string assignment = plain_assignment(line);
    if (!assignment.empty()) settings.environment.emplace_back(assignment);
  }
  return settings;
}

Result<ImageRecord> assemble(const Home& home, const std::string& digest, const Reference& image,
                             const FetchOptions& options) {
  auto lock =
      Lock::take(home.lock(hex_of(digest) + ".make"), LockKind::exclusive, options.skopeo.deadline);
  if (!lock) return tl::unexpected(lock.error());
  auto found = home.find_record(digest);
  if (!found) return tl::unexpected(found.error());
  if (*found) {
    (*found)->reference = image.given;
    return std::move(**found);
  }
  return Assembly(home, image, options).run(digest);
}

}  // namespace sluice::image
