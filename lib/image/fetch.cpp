// The sources: registry, OCI layout, archives, squashfs file. Each is used under the lock of its
// reference, so that of several processes that want one image only the first loads it.
#include "image/fetch.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/core.h>

#include "base/file.hpp"
#include "base/strings.hpp"
#include "image/blobs.hpp"
#include "image/digest.hpp"

namespace sluice::image {
namespace {

constexpr int kMaxNesting = 4;

tl::unexpected<Error> failed(const std::string& path) {
  return tl::unexpected(base::errno_error(path, errno));
}

// The same file with the same content, as far as the file system can tell.
Result<std::string> file_identity(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return failed(path);
  return fmt::format("file:{}:{}:{}:{}.{}:{}.{}:{}", status.st_dev, status.st_ino, status.st_size,
                     status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec,
                     status.st_ctim.tv_nsec, path);
}

class Fetcher {
 public:
  Fetcher(const Home& home, const Reference& image, const FetchOptions& options)
      : home_(home),
        image_(image),
        options_(options),
        skopeo_(options.skopeo),
        progress_(options.progress_fd) {}

  Result<Fetched> run() {
    switch (image_.source) {
      case Source::registry: return from_registry();
      case Source::oci_layout: return from_layout();
      case Source::squashfs:
      case Source::archive: break;
    }
    auto identity = file_identity(image_.file);
    if (!identity) return tl::unexpected(identity.error());
    const auto known = home_.find_name(*identity);
    if (known && is_complete(home_, known->digest.str())) return Fetched{known->digest.str()};
    auto digest = image_.source == Source::squashfs ? from_squashfs() : from_archive();
    if (!digest) return tl::unexpected(digest.error());
    if (auto done = home_.remember(*identity, *digest); !done) return tl::unexpected(done.error());
    return Fetched{*digest, false};
  }

 private:
  struct Resolved {
    Document document;
    Manifest manifest;
  };

  // From the reference, or the digest that is wanted, to the manifest for this host.
  Result<Resolved> resolve() {
    std::string wanted = options_.digest.empty() ? image_.digest : options_.digest;
    for (int nesting = 0; nesting < kMaxNesting; ++nesting) {
      auto bytes = skopeo_.manifest(image_, wanted);
      if (!bytes) return tl::unexpected(bytes.error());
      const std::string digest = digest_of(*bytes);
      if (!wanted.empty() && digest != wanted) {
        return fail(ErrorCode::protocol, "the registry sent something else than " + wanted);
      }
      auto document = parse_document(*bytes);
      if (!document) return tl::unexpected(document.error());
      if (auto* manifest = std::get_if<Manifest>(&*document)) {
        return Resolved{{std::move(*bytes), digest}, std::move(*manifest)};
      }
      auto entry = choose_entry(std::get<Index>(*document));
      if (!entry) return tl::unexpected(entry.error());
      wanted = entry->blob.digest;
    }
    return fail(ErrorCode::protocol, "a broken image: indexes inside of indexes");
  }

  Result<Fetched> from_registry() {
    if (!options_.digest.empty() && is_complete(home_, options_.digest)) {
      return Fetched{options_.digest};
    }
    if (!image_.digest.empty()) {
      const auto known = home_.find_name(image_.canonical());
      if (known && is_complete(home_, known->digest.str())) return Fetched{known->digest.str()};
    }
    progress_.report("pulling", 0, 0);
    if (auto login = skopeo_.check_login(image_); !login) return tl::unexpected(login.error());
    auto resolved = resolve();
    if (!resolved) return tl::unexpected(resolved.error());
    const Document& document = resolved->document;
    // Another reference may lead to the same image.
    auto lock = Lock::take(home_.lock(hex_of(document.digest) + ".fetch"), LockKind::exclusive,
                           options_.skopeo.deadline);
    if (!lock) return tl::unexpected(lock.error());
    if (is_complete(home_, document.digest)) return Fetched{document.digest};
    if (auto loaded = load(*resolved); !loaded) return tl::unexpected(loaded.error());
    if (auto done = write_document(home_, document); !done) return tl::unexpected(done.error());
    return Fetched{document.digest, false};
  }

  Status load(const Resolved& resolved) {
    const Manifest& manifest = resolved.manifest;
    if (manifest.layer_bytes() > options_.bounds.bytes) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("the image has {} bytes before it is unpacked (the limit is {})",
                              manifest.layer_bytes(), options_.bounds.bytes));
    }
    auto bytes = skopeo_.config(image_, resolved.document.digest);
    if (!bytes) return tl::unexpected(bytes.error());
    const Document config{std::move(*bytes), manifest.config.digest};
    if (digest_of(config.bytes) != config.digest) {
      return fail(ErrorCode::protocol, "the registry sent a wrong configuration");
    }
    auto parsed = parse_config(config.bytes);
    if (!parsed) return tl::unexpected(parsed.error());
    if (auto runs = check_architecture(*parsed); !runs) return runs;
    if (auto done = write_document(home_, config); !done) return done;
    return load_layers(resolved);
  }

  Status load_layers(const Resolved& resolved) {
    const Manifest& manifest = resolved.manifest;
    auto work = home_.make_work("pull");
    if (!work) return tl::unexpected(work.error());
    const std::string layout = work->path() + "/layout";
    const std::string blobs = layout + "/blobs/sha256/";
    if (auto made = base::make_directories(blobs, 0700); !made) return made;
    bool missing = false;
    for (const BlobRef& layer : manifest.layers) {
      const std::string there = blobs + hex_of(layer.digest);
      if (!has_whole(home_, layer)) {
        missing = true;
      } else if (::link(home_.blob(layer.digest).c_str(), there.c_str()) != 0 && errno != EEXIST) {
        return failed(there);
      }
    }
    if (!missing) return {};
    const auto tick = [&]() { tell(layout, manifest.layer_bytes()); };
    const Status copied = skopeo_.copy(image_, resolved.document.digest, layout, tick);
    // What did come is kept, so that the next try goes on from there.
    for (const BlobRef& layer : manifest.layers) {
      const std::string there = blobs + hex_of(layer.digest);
      if (!base::file_exists(there)) continue;
      if (auto done = home_.publish(there, home_.blob(layer.digest)); !done) return done;
      if (copied && !has_whole(home_, layer)) {
        return fail(ErrorCode::protocol, "the registry sent a layer of another size");
      }
    }
    return copied;
  }

  void tell(const std::string& layout, std::uint64_t total) {
    std::uint64_t done = 0;
    for (const std::string& folder : {layout, layout + "/blobs/sha256"}) {
      for (const std::string& name : entries_of(folder)) {
        struct stat status {};
        if (::lstat((folder + "/" + name).c_str(), &status) != 0) continue;
        if (S_ISREG(status.st_mode)) done += static_cast<std::uint64_t>(status.st_size);
      }
    }
    progress_.report("pulling", std::min(done, total), total);
  }

  // The files of a layout; `take` moves or copies a blob out of it.
  Result<std::string> adopt(const std::string& layout, const LayoutChoice& choice,
                            const std::function<Status(const BlobRef&, const std::string&)>& take) {
    LayoutSource source;
    auto index = base::read_file(layout + "/index.json", kMaxDocument);
    if (!index) return index;
    source.index = std::move(*index);
    const auto path = [layout](const std::string& digest) {
      return layout + "/blobs/sha256/" + hex_of(digest);
    };
    source.document = [path](const std::string& digest) {
      return base::read_file(path(digest), kMaxDocument);
    };
    source.bring = [this, path, &take](const BlobRef& blob) -> Status {
      if (has_whole(home_, blob)) return {};
      return take(blob, path(blob.digest));
    };
    return adopt_layout(home_, source, choice);
  }

  Result<Fetched> from_layout() {
    auto work = home_.make_work("layout");
    if (!work) return tl::unexpected(work.error());
    bool copied = false;
    const auto take = [&](const BlobRef& blob, const std::string& path) -> Status {
      copied = true;
      auto fd = base::open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
      if (!fd) return tl::unexpected(fd.error());
      auto got = copy(fd->get(), work->path() + "/blob", blob.size);
      if (!got) return tl::unexpected(got.error());
      if (got->digest != blob.digest || got->size != blob.size) {
        return fail(ErrorCode::protocol, path + " isn't what its name says");
      }
      return home_.publish(work->path() + "/blob", home_.blob(blob.digest));
    };
    auto digest = adopt(image_.file, {options_.digest, image_.tag}, take);
    if (!digest) return tl::unexpected(digest.error());
    return Fetched{*digest, !copied};
  }

  Result<BlobRef> copy(int from, const std::string& to, std::uint64_t total) {
    CopyOptions copying;
    copying.limit = options_.bounds.bytes;
    copying.tick = [this, total](std::uint64_t done) -> Status {
      progress_.report("pulling", done, total);
      if (!options_.skopeo.deadline.passed()) return {};
      return fail(ErrorCode::busy, "the time for it is over");
    };
    static_cast<void>(::unlink(to.c_str()));
    return copy_hashed(from, to, copying);
  }

  Result<std::string> from_archive() {
    auto kind = look_into_archive(image_.file);
    if (!kind) return tl::unexpected(kind.error());
    if (*kind == ArchiveKind::oci) {
      auto fd = base::open_file(image_.file, O_RDONLY);
      if (!fd) return tl::unexpected(fd.error());
      auto received = receive(home_, fd->get(), options_);
      if (!received) return tl::unexpected(received.error());
      return received->digest;
    }
    auto work = home_.make_work("archive");
    if (!work) return tl::unexpected(work.error());
    progress_.report("pulling", 0, 0);
    // By a name without colons, which skopeo would take for a tag.
    const std::string link = work->path() + "/archive.tar";
    if (::symlink(image_.file.c_str(), link.c_str()) != 0) return failed(link);
    const std::string layout = work->path() + "/layout";
    auto copied = skopeo_.copy_archive(link, layout);
    if (!copied) return tl::unexpected(copied.error());
    const auto take = [&](const BlobRef& blob, const std::string& path) {
      return home_.publish(path, home_.blob(blob.digest));
    };
    return adopt(layout, {options_.digest, ""}, take);
  }

  Result<std::string> from_squashfs() {
    auto work = home_.make_work("file");
    if (!work) return tl::unexpected(work.error());
    auto fd = base::open_file(image_.file, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!fd) return tl::unexpected(fd.error());
    struct stat status {};
    if (::fstat(fd->get(), &status) != 0) return failed(image_.file);
    auto blob = copy(fd->get(), work->path() + "/blob", static_cast<std::uint64_t>(status.st_size));
    if (!blob) return tl::unexpected(blob.error());
    auto done = home_.publish(work->path() + "/blob", home_.blob(blob->digest));
    const SquashfsDocuments documents = describe_squashfs(*blob);
    if (done) done = write_document(home_, documents.config);
    if (done) done = write_document(home_, documents.manifest);
    if (!done) return tl::unexpected(done.error());
    if (!options_.digest.empty() && options_.digest != documents.manifest.digest) {
      return fail(ErrorCode::not_found, "the file isn't the one with " + options_.digest);
    }
    return documents.manifest.digest;
  }

  const Home& home_;
  const Reference& image_;
  const FetchOptions& options_;
  Skopeo skopeo_;
  Progress progress_;
};

}  // namespace

Result<Fetched> fetch(const Home& home, const Reference& image, const FetchOptions& options) {
  const std::string name = hex_of(digest_of(image.canonical()));
  Progress(options.progress_fd).report("pulling", 0, 0);
  auto lock = Lock::take(home.lock(name + ".pull"), LockKind::exclusive, options.skopeo.deadline);
  if (!lock) return context("pulling " + image.canonical(), std::move(lock.error()));
  auto fetched = Fetcher(home, image, options).run();
  if (!fetched) return context("pulling " + image.canonical(), std::move(fetched.error()));
  return fetched;
}

}  // namespace sluice::image
