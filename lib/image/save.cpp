// See the header. The layers are put together by overlay in a namespace of the user's own.
#include "image/save.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include <fmt/core.h>

#include "base/entropy.hpp"
#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/strings.hpp"
#include "image/digest.hpp"
#include "image/prepare.hpp"
#include "image/program.hpp"
#include "image/sandbox.hpp"
#include "image/skopeo.hpp"

namespace sluice::image {
namespace {

tl::unexpected<Error> failed(std::string_view doing) {
  return tl::unexpected(base::errno_error(doing, errno));
}

// Short names for the folders: the kernel takes a page of options at most.
Status link_layers(const Home& home, const ImageRecord& record, const SaveOptions& options,
                   const std::string& work) {
  for (const char* name : {"l", "upper", "aside", "root"}) {
    // The upper folder's permissions are those of the image's root.
    if (::mkdir((work + "/" + name).c_str(), 0755) != 0) return failed(work);
  }
  std::size_t number = 0;
  if (!options.changes.empty()) {
    if (::symlink(options.changes.c_str(), (work + "/l/0").c_str()) != 0) return failed(work);
    ++number;
  }
  for (auto layer = record.layers.rbegin(); layer != record.layers.rend(); ++layer, ++number) {
    const std::string folder = home.folder(kLayerFolder) + "/" + layer->str();
    const std::string name = fmt::format("{}/l/{}", work, number);
    if (::symlink(folder.c_str(), name.c_str()) != 0) return failed(work);
  }
  return {};
}

Status mount_overlay(const std::string& work) {
  if (::chdir(work.c_str()) != 0) return failed(work);
  const std::size_t count = entries_of(work + "/l").size();
  std::string mount_options = "userxattr,upperdir=upper,workdir=aside,lowerdir=";
  for (std::size_t i = 0; i < count; ++i) mount_options += fmt::format("{}l/{}", i ? ":" : "", i);
  if (::mount("overlay", "root", "overlay", MS_NOSUID | MS_NODEV, mount_options.c_str()) != 0) {
    return failed("putting the image's layers together");
  }
  return {};
}

// Replaces a file below the root, whatever links the image has on the way.
Status put_file(int root, const std::string& name, const std::string& text) {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  base::UniqueFd folder(static_cast<int>(::syscall(SYS_openat2, root, "etc", &how, sizeof how)));
  if (!folder.is_open()) {
    if (::mkdirat(root, "etc", 0755) != 0) return failed("etc");
    folder.reset(static_cast<int>(::syscall(SYS_openat2, root, "etc", &how, sizeof how)));
    if (!folder.is_open()) return failed("etc");
  }
  if (::unlinkat(folder.get(), name.c_str(), 0) != 0 && errno != ENOENT) return failed(name);
  const base::UniqueFd file(::openat(folder.get(), name.c_str(),
                                     O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!file.is_open()) return failed(name);
  return base::write_all(file.get(), text);
}

std::string words(const std::vector<Text>& list) {
  std::string line;
  for (const Text& word : list) line += (line.empty() ? "" : " ") + base::shell_quote(word);
  return line;
}

// Starts what the image is for, or what is given.
std::string start_script(const ImageRecord& record) {
  std::string text = "#!/bin/sh\n";
  if (!record.workdir.empty()) {
    text += "cd " + base::shell_quote(record.workdir) + " || exit 1\n";
  }
  if (!record.command.empty()) text += "[ $# -gt 0 ] || set -- " + words(record.command) + "\n";
  if (record.entrypoint.empty()) return text + "exec \"$@\"\n";
  return text + "exec " + words(record.entrypoint) + " \"$@\"\n";
}

Status put_settings(const ImageRecord& record) {
  auto root = base::open_file("root", O_RDONLY | O_DIRECTORY);
  if (!root) return tl::unexpected(root.error());
  const RootSettings there = read_root_settings("root");
  std::string text;
  for (const Text& entry : there.environment) {
    const std::string_view name = base::cut(entry, '=').before;
    bool replaced = false;
    for (const Text& ours : record.environment) {
      replaced = replaced || base::cut(ours, '=').before == name;
    }
    if (!replaced) text += entry.str() + "\n";
  }
  for (const Text& entry : record.environment) {
    if (entry.view().find('\n') == std::string_view::npos) text += entry.str() + "\n";
  }
  if (!text.empty()) {
    if (auto done = put_file(root->get(), "environment", text); !done) return done;
  }
  const bool is_script = record.entrypoint.size() == 2 && record.entrypoint[1].view() == "/etc/rc";
  const bool starts = !record.entrypoint.empty() || !record.command.empty();
  return starts && !is_script ? put_file(root->get(), "rc", start_script(record)) : Status();
}

Status squash(const std::string& out, Deadline deadline) {
  ProgramCall call;
  call.command = {"mksquashfs", "root",         out,      "-noappend",   "-all-root",
                  "-no-xattrs", "-no-progress", "-quiet", "-no-recovery"};
  call.deadline = deadline;
  auto end = run_program(call);
  if (!end) return tl::unexpected(end.error());
  if (end->exit_code == 0) return {};
  return fail(ErrorCode::io, "mksquashfs: " + condense_complaint(end->errors));
}

}  // namespace

Status save_image(const Home& home, const ImageRecord& record, const std::string& path,
                  const SaveOptions& options) {
  auto in_use = Lock::take(home.lock(hex_of(record.digest)), LockKind::shared, options.deadline);
  if (!in_use) return tl::unexpected(in_use.error());
  auto work = home.make_work("save");
  if (!work) return tl::unexpected(work.error());
  if (auto linked = link_layers(home, record, options, work->path()); !linked) return linked;
  const std::string out = path + "." + base::random_hex(4);
  auto done = run_in_user_namespace(
      [&]() -> Result<std::string> {
        auto step = mount_overlay(work->path());
        if (step) step = put_settings(record);
        if (step) step = squash(out, options.deadline);
        if (!step) return tl::unexpected(step.error());
        return std::string();
      },
      options.deadline);
  if (done && std::rename(out.c_str(), path.c_str()) == 0) return {};
  const int error = errno;
  static_cast<void>(::unlink(out.c_str()));
  if (!done) return context("saving to " + path, std::move(done.error()));
  return tl::unexpected(base::errno_error(path, error));
}

}  // namespace sluice::image
