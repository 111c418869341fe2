// See the header.
#include "image/prepare.hpp"

#include <unistd.h>

#include "base/clock.hpp"
#include "image/blobs.hpp"
#include "image/digest.hpp"

namespace sluice::image {
namespace {

Result<Fetched> obtain(const Home& home, const Reference& image, const PrepareOptions& options) {
  if (options.stream < 0) return fetch(home, image, options.fetch);
  auto fetched = receive(home, options.stream, options.fetch);
  if (!fetched) return context("fetching " + image.given, std::move(fetched.error()));
  return fetched;
}

}  // namespace

Result<ImageRecord> prepare(const Home& home, const Reference& image,
                            const PrepareOptions& options) {
  auto adding = Lock::take(home.lock("gc"), LockKind::shared, options.fetch.skopeo.deadline);
  if (!adding) return tl::unexpected(adding.error());
  const bool is_file = image.source != Source::registry && options.stream < 0;
  const auto file = is_file ? identity_of(image.file, image.tag) : std::nullopt;
  const std::int64_t began = base::wall_seconds();
  Result<ImageRecord> record = ImageRecord();
  for (int tries = 0; tries < 2; ++tries) {
    auto fetched = obtain(home, image, options);
    if (!fetched) return tl::unexpected(fetched.error());
    record = assemble(home, fetched->digest, image, options.fetch);
    // A blob that was kept here has gone bad: assemble() threw it away.
    const bool again = !record && record.error().code == ErrorCode::protocol && fetched->was_here &&
                       options.stream < 0;
    if (!again) break;
  }
  if (!record) return context("unpacking " + image.given, std::move(record.error()));
  if (auto done = home.remember(image.canonical(), record->digest); !done) {
    return tl::unexpected(done.error());
  }
  home.touch(record->digest);
  if (file && file->still(began)) {
    const auto now = identity_of(image.file, image.tag);
    const bool same = now && now->text == file->text;
    if (same) static_cast<void>(home.remember_file(*file, record->digest));
  }
  Progress(options.fetch.progress_fd).report("ready", record->bytes, record->bytes);
  return record;
}

Result<std::optional<ImageRecord>> find_prepared(const Home& home, const Reference& image,
                                                 const std::string& digest) {
  std::string wanted = digest;
  if (wanted.empty()) {
    const auto known = home.find_name(image.canonical());
    if (!known) return std::optional<ImageRecord>();
    wanted = known->digest;
  }
  auto found = home.find_record(wanted);
  if (found && *found) {
    (*found)->reference = image.given;
    home.touch(wanted);
  }
  return found;
}

}  // namespace sluice::image
