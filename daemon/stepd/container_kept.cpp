// See the header.
#include "daemon/stepd/container_kept.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <charconv>

#include <fmt/core.h>

#include "base/file.hpp"
#include "base/hash.hpp"
#include "base/strings.hpp"
#include "wire/codec.hpp"

namespace sluice::stepd {
namespace {

constexpr std::size_t kMaxFile = 1U << 20U;

Status make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return tl::unexpected(base::errno_error(path, errno));
}

template <class Number>
Number number(std::string_view text) {
  Number value{};
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// What a running container can't change any more.
std::string shape_of(const ContainerPlan& plan) {
  std::string text = fmt::format("{} {} {}", plan.spec.unshare, plan.remap_root, plan.readonly);
  for (const RuntimeMount& mount : plan.user_mounts) {
    text += fmt::format("\n{} {}", mount.source, mount.target);
    for (const std::string& option : mount.options) text += ' ' + option;
  }
  for (const accel::CdiDeviceNode& node : plan.edits.device_nodes) text += '\n' + node.path.str();
  return fmt::format("{:x}", base::hash_bytes(text));
}

}  // namespace

std::uint64_t process_start(pid_t pid) {
  const auto stat = base::read_kernel_file(fmt::format("/proc/{}/stat", pid));
  if (!stat) return 0;
  const std::size_t name_end = stat->rfind(')');
  if (name_end == std::string::npos) return 0;
  const auto fields = base::split_nonempty(std::string_view(*stat).substr(name_end + 1), ' ');
  // The state is the first of these, the start the 20th. A zombie holds nothing.
  if (fields.size() < 20 || fields[0] == "Z" || fields[0] == "X") return 0;
  return number<std::uint64_t>(fields[19]);
}

Result<KeptContainer> KeptContainer::open(const ContainerPlan& plan) {
  const std::string all = plan.settings.image_home + '/' + image::kContainerFolder;
  std::string path = all + '/' + plan.kept;
  for (const std::string& folder : {all, path}) {
    if (auto made = make_folder(folder); !made) return tl::unexpected(made.error());
  }
  auto lock = base::open_file(path + "/lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
  if (!lock) return tl::unexpected(lock.error());
  while (::flock(lock->get(), LOCK_EX) != 0) {
    if (errno != EINTR) return tl::unexpected(base::errno_error(path, errno));
  }
  // Overlay shows the upper folder's permissions as those of "/".
  for (const char* name : {"/upper", "/working"}) {
    const std::string folder = path + name;
    if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) {
      return tl::unexpected(base::errno_error(folder, errno));
    }
  }
  return KeptContainer(std::move(path), std::move(*lock));
}

Result<std::optional<image::ImageRecord>> KeptContainer::record() const {
  const auto bytes = base::read_file(path_ + "/record", kMaxFile);
  if (!bytes) {
    if (bytes.error().code == ErrorCode::not_found) return std::optional<image::ImageRecord>();
    return tl::unexpected(bytes.error());
  }
  auto record = wire::decode<image::ImageRecord>(*bytes);
  if (!record) return tl::unexpected(record.error());
  return std::optional<image::ImageRecord>(std::move(*record));
}

Status KeptContainer::write_record(const image::ImageRecord& record) const {
  auto named = base::write_file_atomic(path_ + "/image", record.digest.view(), {.mode = 0600});
  if (!named) return named;
  return base::write_file_atomic(path_ + "/record", wire::encode(record), {.mode = 0600});
}

Result<std::optional<pid_t>> KeptContainer::running(const ContainerPlan& plan) const {
  const auto text = base::read_file(path_ + "/running", kMaxFile);
  if (!text) return std::optional<pid_t>();
  const std::string shape = shape_of(plan);
  for (const std::string_view line : base::split_nonempty(*text, '\n')) {
    const auto words = base::split_nonempty(line, ' ');
    if (words.size() != 3) continue;
    const auto pid = number<pid_t>(words[0]);
    const std::uint64_t start = process_start(pid);
    if (start == 0 || start != number<std::uint64_t>(words[1])) continue;
    if (words[2] == shape) return std::optional<pid_t>(pid);
    return fail(ErrorCode::busy,
                fmt::format("container '{}' is running with other mounts, devices or namespaces, "
                            "and can't be given these",
                            plan.spec.name.view()));
  }
  return std::optional<pid_t>();
}

Status KeptContainer::add_running(const ContainerPlan& plan, pid_t pid) const {
  const std::string path = path_ + "/running";
  std::string lines;
  if (const auto text = base::read_file(path, kMaxFile)) {
    for (const std::string_view line : base::split_nonempty(*text, '\n')) {
      const auto words = base::split_nonempty(line, ' ');
      if (words.size() != 3) continue;
      const std::uint64_t start = process_start(number<pid_t>(words[0]));
      if (start != 0 && start == number<std::uint64_t>(words[1])) lines += std::string(line) + '\n';
    }
  }
  lines += fmt::format("{} {} {}\n", pid, process_start(pid), shape_of(plan));
  return base::write_file_atomic(path, lines, {.mode = 0600});
}

}  // namespace sluice::stepd
