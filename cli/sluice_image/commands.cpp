// See the header.
#include "cli/sluice_image/commands.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cstdio>

#include <fmt/core.h>

#include "base/env.hpp"
#include "base/fd.hpp"
#include "base/quantity.hpp"
#include "base/strings.hpp"
#include "cli/common/client.hpp"
#include "cli/common/output.hpp"
#include "image/blobs.hpp"
#include "image/collect.hpp"
#include "image/digest.hpp"
#include "image/prepare.hpp"
#include "image/save.hpp"
#include "wire/codec.hpp"
#include "wire/image_messages.hpp"

namespace sluice::cli {
namespace {

constexpr std::int64_t kAgentMs = 30'000;
constexpr int kLookMs = 50;

image::Deadline deadline_of(std::uint64_t seconds) {
  return seconds == 0 ? image::Deadline() : image::Deadline::in_seconds(seconds);
}

Result<image::PrepareOptions> prepare_options(const ImageOptions& options) {
  auto bytes = parse_bytes(options.max_bytes);
  if (!bytes) return tl::unexpected(bytes.error());
  if (!options.digest.empty() && !image::is_digest(options.digest)) {
    return fail(ErrorCode::invalid_argument,
                "'" + base::escape(options.digest) + "' is not a digest (sha256:…)");
  }
  image::PrepareOptions result;
  result.fetch.skopeo.program = options.skopeo;
  result.fetch.skopeo.insecure = options.insecure;
  result.fetch.skopeo.deadline = deadline_of(options.timeout_s);
  result.fetch.bounds = {*bytes, options.max_entries};
  result.fetch.digest = options.digest;
  result.fetch.progress_fd = options.progress_fd;
  if (options.receive) result.stream = STDIN_FILENO;
  return result;
}

// A reference that needs no look at the file system: a received image may be a file elsewhere.
Result<image::Reference> reference_of(const ImageOptions& options) {
  const bool is_path = !options.image.empty() && options.image.front() == '/';
  if (!(options.receive || options.only_local) || !is_path) {
    return image::parse_reference(options.image);
  }
  image::Reference reference;
  reference.source = image::Source::archive;
  reference.given = options.image;
  reference.file = options.image;
  return reference;
}

Result<int> tell_record(const image::ImageRecord& record, int fd) {
  auto written = base::write_all(fd, wire::encode(record));
  if (!written) return tl::unexpected(written.error());
  return 0;
}

Result<int> print(const Result<std::string>& text) {
  if (!text) return tl::unexpected(text.error());
  if (!write_out(*text)) return fail(ErrorCode::io, "standard output can't be written");
  return 0;
}

Result<image::ImageRecord> record_of(const image::Home& home, const ImageOptions& options) {
  auto digest = options.digest.empty() ? image::find_image(home, options.image)
                                       : Result<std::string>(options.digest);
  if (!digest) return tl::unexpected(digest.error());
  if (!image::is_digest(*digest)) {
    return fail(ErrorCode::invalid_argument, "'" + base::escape(*digest) + "' is not a digest");
  }
  auto record = home.find_record(*digest);
  if (!record) return tl::unexpected(record.error());
  if (!*record) return fail(ErrorCode::not_found, "no image " + *digest + " here");
  return std::move(**record);
}

int tell_removed(const image::Removed& removed) {
  std::printf("removed: %llu images, %s\n", static_cast<unsigned long long>(removed.images),
              base::format_rounded(removed.bytes, base::Unit::one).c_str());
  return 0;
}

}  // namespace

Result<image::Home> open_home(const ImageOptions& options) {
  if (!options.home.empty()) return image::Home::open(options.home);
  auto sockets = find_sockets(base::Environment::of_process());
  if (!sockets) return tl::unexpected(sockets.error());
  if (sockets->agent.empty()) {
    return fail(ErrorCode::unavailable,
                "no agent on this host tells where images are; give --home");
  }
  auto link = net::BlockingSession::connect(sockets->agent, kAgentMs);
  if (!link) return tl::unexpected(link.error());
  const wire::ImageHome request;
  auto sent =
      link->send({static_cast<std::uint16_t>(request.kType), 1, wire::encode(request)}, kAgentMs);
  if (!sent) return tl::unexpected(sent.error());
  auto frame = link->receive(kAgentMs);
  if (!frame) return tl::unexpected(frame.error());
  if (!*frame) return fail(ErrorCode::unavailable, "the agent on this host doesn't answer");
  if ((*frame)->type == static_cast<std::uint16_t>(wire::ErrorReply::kType)) {
    auto error = wire::decode<wire::ErrorReply>((*frame)->payload);
    return fail(error ? error->code : ErrorCode::protocol, error ? error->text.str() : "");
  }
  if ((*frame)->type != static_cast<std::uint16_t>(wire::ImageHomeReply::kType)) {
    return fail(ErrorCode::protocol, "unexpected answer");
  }
  auto reply = wire::decode<wire::ImageHomeReply>((*frame)->payload);
  if (!reply) return tl::unexpected(reply.error());
  return image::Home::open(reply->folder.str());
}

Result<int> image_prepare(const ImageOptions& options) {
  auto how = prepare_options(options);
  if (!how) return tl::unexpected(how.error());
  auto reference = reference_of(options);
  if (!reference) return tl::unexpected(reference.error());
  auto home = open_home(options);
  if (!home) return tl::unexpected(home.error());
  // A file may have changed since, and tells by itself.
  const bool is_tag = reference->source == image::Source::registry;
  const bool use_known = options.if_missing && is_tag && !options.receive;
  if (options.only_local || use_known || !options.digest.empty()) {
    auto found = image::find_prepared(*home, *reference, options.digest);
    if (!found) return tl::unexpected(found.error());
    if (*found) return tell_record(**found, options.record_fd);
    if (options.only_local) return kNotHere;
  }
  auto record = image::prepare(*home, *reference, *how);
  if (!record) return tl::unexpected(record.error());
  return tell_record(*record, options.record_fd);
}

Result<int> image_send(const ImageOptions& options) {
  if (!image::is_digest(options.digest)) {
    return fail(ErrorCode::invalid_argument, "send needs --digest sha256:…");
  }
  auto home = open_home(options);
  if (!home) return tl::unexpected(home.error());
  const image::Deadline until = image::Deadline::in_seconds(options.wait_s);
  while (!image::is_complete(*home, options.digest)) {
    if (until.passed()) return fail(ErrorCode::not_found, options.digest + " is not here");
    ::poll(nullptr, 0, until.wait_ms(kLookMs));
  }
  auto reading =
      image::Lock::take(home->lock("gc"), image::LockKind::shared, deadline_of(options.timeout_s));
  if (!reading) return tl::unexpected(reading.error());
  if (auto sent = image::send(*home, options.digest, STDOUT_FILENO); !sent) {
    return tl::unexpected(sent.error());
  }
  return 0;
}

Result<int> image_pull(const ImageOptions& options) {
  auto how = prepare_options(options);
  if (!how) return tl::unexpected(how.error());
  auto reference = image::parse_reference(options.image);
  if (!reference) return tl::unexpected(reference.error());
  auto home = open_home(options);
  if (!home) return tl::unexpected(home.error());
  auto record = image::prepare(*home, *reference, *how);
  if (!record) return tl::unexpected(record.error());
  std::printf("%s\n", record->digest.str().c_str());
  return 0;
}

Result<int> image_list(const ImageOptions& options) {
  auto home = open_home(options);
  if (!home) return tl::unexpected(home.error());
  return print(options.json ? image_table_json(*home) : image_table(*home));
}

Result<int> image_inspect(const ImageOptions& options) {
  auto home = open_home(options);
  if (!home) return tl::unexpected(home.error());
  auto record = record_of(*home, options);
  if (!record) return tl::unexpected(record.error());
  return print(record_json(*home, *record));
}

Result<int> image_remove(const ImageOptions& options) {
  auto home = open_home(options);
  if (!home) return tl::unexpected(home.error());
  auto digest = image::find_image(*home, options.image);
  if (!digest) return tl::unexpected(digest.error());
  auto removed = image::remove_image(*home, *digest);
  if (!removed) return tl::unexpected(removed.error());
  return tell_removed(*removed);
}

Result<int> image_gc(const ImageOptions& options) {
  auto size = parse_bytes(options.max_size);
  if (!size) return tl::unexpected(size.error());
  auto age = parse_age(options.max_age);
  if (!age) return tl::unexpected(age.error());
  auto home = open_home(options);
  if (!home) return tl::unexpected(home.error());
  auto removed = image::collect(*home, {*size, *age});
  if (!removed) return tl::unexpected(removed.error());
  return tell_removed(*removed);
}

Result<int> image_save(const ImageOptions& options) {
  auto home = open_home(options);
  if (!home) return tl::unexpected(home.error());
  auto record = record_of(*home, options);
  if (!record) return tl::unexpected(record.error());
  std::string path = options.path;
  if (path.empty() || path.front() != '/') {
    char folder[4096];
    if (::getcwd(folder, sizeof folder) == nullptr) {
      return tl::unexpected(base::errno_error("the working directory", errno));
    }
    path.insert(0, std::string(folder) + "/");
  }
  auto saved =
      image::save_image(*home, *record, path, {options.changes, deadline_of(options.timeout_s)});
  if (!saved) return tl::unexpected(saved.error());
  return 0;
}

Result<int> image_remove_containers(const ImageOptions& options) {
  auto home = open_home(options);
  if (!home) return tl::unexpected(home.error());
  auto removed = image::remove_containers(*home, options.job);
  if (!removed) return tl::unexpected(removed.error());
  return 0;
}

}  // namespace sluice::cli
