// See the header.
#include "daemon/stepd/container_root.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/core.h>

#include "base/fd.hpp"
#include "base/strings.hpp"

namespace sluice::stepd {
namespace {

constexpr std::size_t kMaxLayers = 500;    // the kernel's limit
constexpr std::size_t kMaxOptions = 4095;  // of one page
constexpr const char* kLinks = "l";        // short names for layers, so that all fit in
constexpr std::size_t kMaxNameText = 64;

tl::unexpected<Error> failed(std::string_view doing, int code) {
  return tl::unexpected(base::errno_error(doing, code));
}

// However the links on the way lead, it is inside.
base::UniqueFd open_inside(const std::string& root, const std::string& path, int flags) {
  const base::UniqueFd top(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!top.is_open()) return {};
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  return base::UniqueFd(
      static_cast<int>(::syscall(SYS_openat2, top.get(), path.c_str(), &how, sizeof how)));
}

Result<std::string> lower_names(const OverlayPlan& plan) {
  const std::string links = plan.folder + '/' + kLinks;
  if (::mkdir(links.c_str(), 0700) != 0 && errno != EEXIST) return failed(links, errno);
  std::string names;
  for (std::size_t i = plan.layers.size(); i-- > 0;) {
    const std::string name = fmt::format("{}/{:x}", kLinks, i);
    const std::string link = plan.folder + '/' + name;
    if (::symlink(plan.layers[i].c_str(), link.c_str()) != 0 && errno != EEXIST) {
      return failed(link, errno);
    }
    if (!names.empty()) names += ':';
    names += name;
  }
  return names;
}

// The third field of the line with this number there, or nothing.
bool has_id(std::string_view text, std::uint32_t id) {
  const std::string wanted = std::to_string(id);
  for (const std::string_view line : base::split_nonempty(text, '\n')) {
    const auto fields = base::split(line, ':');
    if (fields.size() > 2 && fields[2] == wanted) return true;
  }
  return false;
}

bool has_name(std::string_view text, std::string_view name) {
  for (const std::string_view line : base::split_nonempty(text, '\n')) {
    if (base::cut(line, ':').before == name) return true;
  }
  return false;
}

// A field of such a file: nothing that could begin another field or line.
std::string field(std::string text, std::string_view otherwise) {
  const bool odd = std::any_of(text.begin(), text.end(), [](char c) {
    return c == ':' || static_cast<unsigned char>(c) < ' ';
  });
  return odd || text.empty() ? std::string(otherwise) : text;
}

std::string with_line(std::string_view text, const std::string& line) {
  std::string result(text);
  if (!result.empty() && !result.ends_with('\n')) result += '\n';
  return result + line;
}

std::string name_for(std::string_view text, const Person& person) {
  const std::string name = field(person.name, "").substr(0, kMaxNameText);
  if (!name.empty() && !has_name(text, name)) return name;
  return fmt::format("u{}", person.uid);
}

}  // namespace

Result<std::string> mount_overlay(const OverlayPlan& plan) {
  if (plan.layers.empty() || plan.layers.size() > kMaxLayers) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("an image of {} layers can't be mounted", plan.layers.size()));
  }
  auto names = lower_names(plan);
  if (!names) return names;
  std::string options = "userxattr,lowerdir=" + *names;
  if (!plan.upper.empty()) {
    // By links as well: a path may have characters that mean something in options.
    for (const auto& [name, target] : {std::pair{"l/upper", plan.upper}, {"l/work", plan.work}}) {
      const std::string link = plan.folder + '/' + name;
      if (::symlink(target.c_str(), link.c_str()) != 0 && errno != EEXIST) {
        return failed(link, errno);
      }
    }
    options += ",upperdir=l/upper,workdir=l/work";
  } else if (plan.layers.size() == 1) {
    // Overlay wants two of them.
    const std::string empty = plan.folder + "/l/empty";
    if (::mkdir(empty.c_str(), 0755) != 0 && errno != EEXIST) return failed(empty, errno);
    options += ":l/empty";
  }
  if (options.size() > kMaxOptions) {
    return fail(ErrorCode::invalid_argument, "too many layers for one overlay");
  }
  std::string root = plan.folder + "/root";
  if (::mkdir(root.c_str(), 0755) != 0 && errno != EEXIST) return failed(root, errno);
  if (::chdir(plan.folder.c_str()) != 0) return failed(plan.folder, errno);
  if (::mount("overlay", "root", "overlay", MS_NODEV, options.c_str()) != 0) {
    return failed("mounting the container's root (overlay)", errno);
  }
  if (::chdir("/") != 0) return failed("/", errno);
  return root;
}

Result<std::string> read_inside(const std::string& root, const std::string& path,
                                std::size_t limit) {
  const base::UniqueFd file = open_inside(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  struct stat info {};
  if (!file.is_open() || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return std::string();
  }
  return base::read_to_end(file.get(), limit);
}

bool exists_inside(const std::string& root, const std::string& path) {
  return open_inside(root, path, O_PATH).is_open();
}

Status make_folder_inside(const std::string& root, const std::string& path) {
  std::string above = "/";
  for (const std::string_view piece : base::split_nonempty(path, '/')) {
    const base::UniqueFd parent = open_inside(root, above, O_PATH | O_DIRECTORY);
    if (!parent.is_open()) return failed(path, errno);
    const std::string name(piece);
    if (name != "." && name != ".." && ::mkdirat(parent.get(), name.c_str(), 0755) != 0 &&
        errno != EEXIST) {
      return failed(path, errno);
    }
    above += name + '/';
  }
  return {};
}

std::string passwd_with(std::string_view passwd, const Person& person) {
  if (has_id(passwd, person.uid)) return {};
  return with_line(
      passwd, fmt::format("{}:x:{}:{}::{}:{}\n", name_for(passwd, person), person.uid, person.gid,
                          field(person.home, "/"), field(person.shell, "/bin/sh")));
}

std::string group_with(std::string_view group, const Person& person) {
  if (has_id(group, person.gid)) return {};
  const std::string name = field(person.name, "");
  const bool taken = name.empty() || has_name(group, name);
  return with_line(
      group, fmt::format("{}:x:{}:\n", taken ? fmt::format("g{}", person.gid) : name, person.gid));
}

}  // namespace sluice::stepd
