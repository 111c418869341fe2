// The folders of jobs below the node's spool. New inodes are the dearest thing that a short job
// asks of the disk (ext4 without a journal looks past every inode that was freed a moment ago), so
// an emptied folder, with the one of its batch step, is kept and given to a later job by a rename.
// So are the folders of other steps.
// Never a file: whoever owned it may still have it open.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.hpp"

namespace sluice::worker {

inline constexpr const char* kSpareFolder = "spare_";  // and a number; beside the jobs' folders

class JobFolders {
 public:
  explicit JobFolders(std::string spool) : spool_(std::move(spool)) {}

  // A folder that is there already is left as it is. It may hold an empty folder of a batch step.
  [[nodiscard]] Status make(const std::string& dir);
  // Removes the folder and all that is in it.
  [[nodiscard]] Status remove(const std::string& dir);
  // The same for a step's, which is root's alone.
  [[nodiscard]] Status make_step(const std::string& dir);
  [[nodiscard]] Status remove_step(const std::string& dir);

 private:
  [[nodiscard]] std::string spare(std::size_t number) const;
  [[nodiscard]] std::string spare_step(std::size_t number) const;

  std::string spool_;
  std::size_t step_spares_ = 0;
  std::size_t spares_ = 0;  // those of a former daemon are not ours: it swept them away
};

}  // namespace sluice::worker
