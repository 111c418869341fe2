// See the header.
#include "image/collect.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/strings.hpp"
#include "image/blobs.hpp"
#include "image/digest.hpp"
#include "image/reference.hpp"

namespace sluice::image {
namespace {

constexpr std::uint64_t kPatienceSeconds = 10;
constexpr std::int64_t kFreshSeconds = 60;
constexpr std::size_t kLeastDigits = 6;
constexpr std::size_t kMaxKeptDigest = 256;

std::uint64_t file_size(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode)
             ? static_cast<std::uint64_t>(status.st_size)
             : 0;
}

// Images below kept containers.
std::set<std::string> kept_digests(const Home& home) {
  std::set<std::string> digests;
  const std::string folder = home.folder(kContainerFolder);
  for (const std::string& name : entries_of(folder)) {
    auto text = base::read_file(folder + "/" + name + "/image", kMaxKeptDigest);
    if (text && is_digest(base::trim(*text))) digests.emplace(base::trim(*text));
  }
  return digests;
}

// What is needed by the images that are here.
struct Needed {
  std::set<std::string> layers;  // hex
  std::set<std::string> blobs;   // hex
};

Result<Needed> needed(const Home& home) {
  auto records = home.records();
  if (!records) return tl::unexpected(records.error());
  Needed result;
  for (const ImageRecord& record : *records) {
    for (const Text& layer : record.layers) result.layers.insert(layer.str());
    result.blobs.insert(hex_of(record.digest));
    auto bytes = read_document(home, record.digest.str());
    if (!bytes) continue;
    auto manifest = parse_manifest(*bytes);
    if (!manifest) continue;
    result.blobs.insert(hex_of(manifest->config.digest));
    for (const BlobRef& layer : manifest->layers) result.blobs.insert(hex_of(layer.digest));
  }
  return result;
}

class Collector {
 public:
  explicit Collector(const Home& home) : home_(home), kept_(kept_digests(home)) {}

  // False if it is in use.
  Result<bool> remove(const std::string& digest) {
    if (kept_.count(digest) != 0) return false;
    auto lock = Lock::try_take(home_.lock(hex_of(digest)), LockKind::exclusive);
    if (!lock) return tl::unexpected(lock.error());
    if (!*lock) return false;
    // The record first, then the manifest: what is left is never taken for a whole image.
    for (const std::string& path : {home_.record(digest), home_.blob(digest)}) {
      removed_.bytes += path == home_.blob(digest) ? file_size(path) : 0;
      if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
        return tl::unexpected(base::errno_error(path, errno));
      }
    }
    for (const NameRecord& name : home_.names()) {
      if (name.digest.view() != digest) continue;
      if (auto done = home_.forget(name.reference); !done) return tl::unexpected(done.error());
    }
    ++removed_.images;
    return true;
  }

  // Layers and blobs that no image names.
  Status sweep() {
    if (auto done = remove_broken(); !done) return done;
    auto keep = needed(home_);
    if (!keep) return tl::unexpected(keep.error());
    auto work = home_.make_work("gc");
    if (!work) return tl::unexpected(work.error());
    for (const std::string& hex : entries_of(home_.folder(kLayerFolder))) {
      if (keep->layers.count(hex) != 0 || !is_hex(hex)) continue;
      const std::string digest = std::string(kDigestPrefix) + hex;
      removed_.bytes += home_.layer_size(digest);
      if (auto done = home_.publish(home_.layer(digest), work->path() + "/" + hex); !done) {
        return done;
      }
      static_cast<void>(::unlink((home_.folder("sizes/") + hex).c_str()));
    }
    for (const std::string& hex : entries_of(home_.folder("blobs/sha256"))) {
      if (keep->blobs.count(hex) != 0) continue;
      const std::string path = home_.folder("blobs/sha256/") + hex;
      removed_.bytes += file_size(path);
      if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
        return tl::unexpected(base::errno_error(path, errno));
      }
    }
    return forget_files();
  }

  [[nodiscard]] Removed removed() const { return removed_; }

 private:
  // Records that can't be read, or whose layers are not all there.
  Status remove_broken() {
    for (const std::string& name : entries_of(home_.folder(kRecordFolder))) {
      const std::string path = home_.folder(kRecordFolder) + "/" + name;
      auto found = is_hex(name) ? home_.find_record(std::string(kDigestPrefix) + name)
                                : Result<std::optional<ImageRecord>>(std::nullopt);
      if (!found) return tl::unexpected(found.error());
      if (!*found && ::unlink(path.c_str()) != 0 && errno != ENOENT) {
        return tl::unexpected(base::errno_error(path, errno));
      }
    }
    return {};
  }

  // Names whose image has gone otherwise.
  Status forget_files() {
    for (const NameRecord& name : home_.names()) {
      if (home_.has_blob(name.digest)) continue;
      if (auto done = home_.forget(name.reference); !done) return done;
    }
    home_.forget_files();
    return {};
  }

  const Home& home_;
  std::set<std::string> kept_;
  Removed removed_;
};

Result<Lock> lock_for_removal(const Home& home) {
  auto lock =
      Lock::take(home.lock("gc"), LockKind::exclusive, Deadline::in_seconds(kPatienceSeconds));
  if (!lock) return fail(ErrorCode::busy, "images are being prepared; try again later");
  return lock;
}

Result<std::string> by_digits(const Home& home, std::string_view digits) {
  std::set<std::string> found;
  for (const std::string& name : entries_of(home.folder(kRecordFolder))) {
    if (is_hex(name) && name.compare(0, digits.size(), digits) == 0) found.insert(name);
  }
  if (found.size() > 1) {
    return fail(ErrorCode::invalid_argument,
                "'" + std::string(digits) + "' is the beginning of several digests");
  }
  if (found.empty()) return fail(ErrorCode::not_found);
  return std::string(kDigestPrefix) + *found.begin();
}

}  // namespace

Status remove_containers(const Home& home, std::uint32_t job) {
  const std::string prefix = std::to_string(job) + ".";
  const std::string folder = home.folder(kContainerFolder) + "/";
  auto work = home.make_work("rm");
  if (!work) return tl::unexpected(work.error());
  for (const std::string& name : entries_of(folder)) {
    if (name.compare(0, prefix.size(), prefix) != 0) continue;
    if (auto done = home.publish(folder + name, work->path() + "/" + name); !done) return done;
  }
  return remove_own_tree(work->path());
}

std::uint64_t size_of_home(const Home& home) {
  std::uint64_t sum = 0;
  for (const std::string& hex : entries_of(home.folder("blobs/sha256"))) {
    sum += file_size(home.folder("blobs/sha256/") + hex);
  }
  for (const std::string& hex : entries_of(home.folder(kLayerFolder))) {
    if (is_hex(hex)) sum += home.layer_size(std::string(kDigestPrefix) + hex);
  }
  return sum;
}

Result<std::vector<ListedImage>> list_images(const Home& home) {
  auto records = home.records();
  if (!records) return tl::unexpected(records.error());
  std::multimap<std::string, std::string> references;
  for (const NameRecord& name : home.names()) {
    if (name.reference.view().substr(0, 5) != "file:") {
      references.emplace(name.digest.str(), name.reference.str());
    }
  }
  std::vector<ListedImage> images;
  for (const ImageRecord& record : *records) {
    ListedImage image;
    image.digest = record.digest;
    image.bytes = record.bytes;
    image.last_use = home.last_use(record.digest);
    const auto range = references.equal_range(image.digest);
    for (auto name = range.first; name != range.second; ++name) {
      image.reference = name->second;
      images.push_back(image);
    }
    if (range.first == range.second) images.push_back(image);
  }
  std::sort(images.begin(), images.end(), [](const ListedImage& a, const ListedImage& b) {
    return std::tie(a.reference, a.digest) < std::tie(b.reference, b.digest);
  });
  return images;
}

Result<std::string> find_image(const Home& home, const std::string& words) {
  std::string_view digits = words;
  if (digits.substr(0, kDigestPrefix.size()) == kDigestPrefix) {
    digits.remove_prefix(kDigestPrefix.size());
  }
  const bool may_be = digits.size() >= kLeastDigits &&
                      digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  if (may_be) {
    auto digest = by_digits(home, digits);
    if (digest || digest.error().code != ErrorCode::not_found) return digest;
  }
  // A file may be gone by now; what it was called here is its path.
  std::optional<NameRecord> known = home.find_name(words);
  if (!known) {
    auto reference = parse_reference(words);
    if (!reference) return tl::unexpected(reference.error());
    known = home.find_name(reference->canonical());
  }
  if (!known) return fail(ErrorCode::not_found, "no image '" + base::escape(words) + "' here");
  return known->digest.str();
}

Result<Removed> remove_image(const Home& home, const std::string& digest) {
  auto lock = lock_for_removal(home);
  if (!lock) return tl::unexpected(lock.error());
  Collector collector(home);
  auto gone = collector.remove(digest);
  if (!gone) return tl::unexpected(gone.error());
  if (!*gone) {
    return fail(ErrorCode::busy, digest + " is in use by a container");
  }
  if (auto swept = collector.sweep(); !swept) return tl::unexpected(swept.error());
  return collector.removed();
}

Result<Removed> collect(const Home& home, const GcLimits& limits) {
  auto lock = lock_for_removal(home);
  if (!lock) return tl::unexpected(lock.error());
  auto records = home.records();
  if (!records) return tl::unexpected(records.error());
  std::vector<std::pair<std::int64_t, std::string>> by_age;
  for (const ImageRecord& record : *records) {
    by_age.emplace_back(home.last_use(record.digest), record.digest.str());
  }
  std::sort(by_age.begin(), by_age.end());
  Collector collector(home);
  if (auto swept = collector.sweep(); !swept) return tl::unexpected(swept.error());
  const std::int64_t now = base::wall_seconds();
  for (const auto& [used, digest] : by_age) {
    const std::int64_t age = now - used;
    if (age <= kFreshSeconds) break;
    if (age <= limits.age_s && size_of_home(home) <= limits.bytes) break;
    auto gone = collector.remove(digest);
    if (!gone) return tl::unexpected(gone.error());
    if (!*gone) continue;
    if (auto swept = collector.sweep(); !swept) return tl::unexpected(swept.error());
  }
  return collector.removed();
}

}  // namespace sluice::image
