// See job_folders.hpp.
#include "daemon/worker/job_folders.hpp"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <string_view>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "daemon/worker/host/step_settings.hpp"

namespace sluice::worker {

namespace {

constexpr std::size_t kMostSpares = 64;
constexpr const char* kBatchFolder = "step_batch";

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

// Whether nothing but `allowed` is in the folder; "" for nothing at all.
bool holds_only(const std::string& path, std::string_view allowed) {
  const std::unique_ptr<DIR, CloseDir> dir(::opendir(path.c_str()));
  if (!dir) return false;
  while (const dirent* entry = ::readdir(dir.get())) {
    const std::string_view name = static_cast<const char*>(entry->d_name);
    if (name != "." && name != ".." && name != allowed) return false;
  }
  return true;
}

}  // namespace

std::string JobFolders::spare(std::size_t number) const {
  return spool_ + "/" + kSpareFolder + std::to_string(number);
}

Status JobFolders::make(const std::string& dir) {
  // Fails, and rightly, where the job's folder exists with something in it.
  if (spares_ > 0 && ::rename(spare(spares_ - 1).c_str(), dir.c_str()) == 0) {
    --spares_;
    return {};
  }
  // The daemon's umask is 022, which takes nothing from this mode.
  if (::mkdir(dir.c_str(), 0711) == 0 || errno == EEXIST) return {};
  return tl::unexpected(base::errno_error("making " + dir, errno));
}

std::string JobFolders::spare_step(std::size_t number) const {
  return spool_ + "/" + kSpareFolder + "step_" + std::to_string(number);
}

Status JobFolders::make_step(const std::string& dir) {
  if (base::file_exists(dir)) return {};
  if (step_spares_ > 0 && ::rename(spare_step(step_spares_ - 1).c_str(), dir.c_str()) == 0) {
    --step_spares_;
    return {};
  }
  if (::mkdir(dir.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return tl::unexpected(base::errno_error("making " + dir, errno));
}

Status JobFolders::remove_step(const std::string& dir) {
  for (const char* file : {kStepdSocket, kStepdRecord}) ::unlink((dir + "/" + file).c_str());
  const bool bare = step_spares_ < kMostSpares && holds_only(dir, "");
  if (bare && ::rename(dir.c_str(), spare_step(step_spares_).c_str()) == 0) {
    ++step_spares_;
    return {};
  }
  return base::remove_tree(dir);
}

// What nearly every job leaves is known, so it needs no search; the rest goes the long way.
Status JobFolders::remove(const std::string& dir) {
  const std::string batch = dir + "/" + kBatchFolder;
  for (const std::string& file :
       {batch + "/" + kStepdSocket, batch + "/" + kStepdRecord, dir + "/slurm_script"}) {
    ::unlink(file.c_str());
  }
  const bool bare = holds_only(batch, "") && holds_only(dir, kBatchFolder);
  if (bare && spares_ < kMostSpares && ::rename(dir.c_str(), spare(spares_).c_str()) == 0) {
    ++spares_;
    return {};
  }
  ::rmdir(batch.c_str());
  if (::rmdir(dir.c_str()) == 0) return {};
  return base::remove_tree(dir);
}

}  // namespace sluice::worker
