// The MPI helper: a child of stepd that runs a plugin of plugins/mpi as the job's user. stepd never
// loads a PMI library itself (it is root), and what goes wrong in one ends a step, not stepd.
//
// This is stepd's side. Order: start_mpi_helper() before the tasks are forked; wait for Kind::ready
// (the variables of all local tasks have come by then) or Kind::failed; start the tasks, each with
// its entry of environment() and, if task_fd(i) >= 0, that descriptor kept open; then
// close_task_fds(). From then on stepd carries fences and direct messages between nodes, tells of
// ended tasks, and at the end closes: the helper exits when its socket does.
// Nothing here blocks: output is queued and written when the socket takes it (wants_write()).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace sluice::stepd {

inline constexpr std::size_t kMaxMpiMessage = 256U << 20U;

struct MpiPluginFile {
  std::string path;           // absolute
  bool task_sockets = false;  // each task talks to the helper through a socket that it inherits
};
// "pmix" -> mpi_pmix.so; "pmi2", "pmi1", "pmi" -> mpi_pmi.so; in `plugin_dir`.
// "none" and unknown names: invalid_argument.
[[nodiscard]] Result<MpiPluginFile> mpi_plugin_file(const std::string& plugin_dir,
                                                    std::string_view mpi);

struct MpiHelperSpec {
  MpiPluginFile plugin;
  std::uint32_t job_id = 0;
  std::uint32_t step_id = 0;
  std::string unique_job;  // attempt uid as text: differs between clusters on one host
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<gid_t> groups;    // supplementary, as the user has them
  bool ranks_are_root = false;  // in a container they say so of themselves
  std::uint32_t node = 0;       // this node's number in the step
  std::vector<std::string> node_names;
  std::vector<std::uint32_t> task_node;    // per global task
  std::vector<std::uint32_t> local_ranks;  // ascending
  std::uint32_t universe = 0;              // slots of the job; 0: the tasks
  // Other nodes of the step may live on this host, and the tasks don't get a host name of their own
  // (UTS namespace): MPI libraries are then kept from naming shared files by the host's name.
  bool shared_host = false;
  // Exists, owned by the user, mode 0700, different for each (node, job, step); the caller removes
  // it. Keep it short: unix sockets are made in it.
  std::string directory;
};

struct MpiEvent {
  enum class Kind : std::uint8_t {
    ready,        // environment() is complete
    failed,       // text: why; the helper is of no use any more
    fence,        // id, blob: this node's part; answer with fence_done()
    direct,       // node, blob: to that node; there: direct()
    abort,        // rank, code, text
    initialized,  // rank
    finalized,    // rank
    problem,      // text: one line for the step's standard error
  };
  Kind kind = Kind::ready;
  std::uint64_t id = 0;
  std::uint32_t node = 0;
  std::uint32_t rank = 0;
  std::int32_t code = 0;
  std::string text;
  std::string blob;
};

class MpiHelper {
 public:
  MpiHelper(MpiHelper&&) = default;
  MpiHelper& operator=(MpiHelper&&) = default;

  [[nodiscard]] pid_t pid() const { return pid_; }  // the caller reaps it
  [[nodiscard]] int fd() const { return control_.get(); }
  [[nodiscard]] bool wants_write() const { return written_ < out_.size(); }

  // Call when fd() can be read. unavailable: the helper is gone. protocol: it spoke nonsense.
  [[nodiscard]] Result<std::vector<MpiEvent>> on_readable();
  [[nodiscard]] Status on_writable();

  // "NAME=value" entries for the i-th local task.
  [[nodiscard]] const std::vector<std::string>& environment(std::size_t local) const {
    return environment_[local];
  }
  // The descriptor that the i-th local task inherits under the same number, or -1.
  [[nodiscard]] int task_fd(std::size_t local) const {
    return local < task_fds_.size() ? task_fds_[local].get() : -1;
  }
  void close_task_fds() { task_fds_.clear(); }

  // parts: every node's contribution, in the order of the nodes.
  void fence_done(std::uint64_t id, std::span<const std::string> parts);
  void direct(std::uint32_t from, std::string_view blob);
  void task_ended(std::uint32_t rank);
  // Ends the helper: it cleans up and exits by itself. on_readable() then answers unavailable.
  void close() { control_.reset(); }

 private:
  friend Result<MpiHelper> start_mpi_helper(const MpiHelperSpec& spec);
  MpiHelper() = default;
  [[nodiscard]] Result<std::vector<MpiEvent>> take_frames();
  [[nodiscard]] Result<std::optional<MpiEvent>> take(std::string_view frame);

  pid_t pid_ = -1;
  base::UniqueFd control_;
  std::vector<base::UniqueFd> task_fds_;
  std::vector<std::vector<std::string>> environment_;
  std::vector<std::uint32_t> ranks_;
  std::string in_;
  std::string out_;
  std::size_t written_ = 0;
};

// Forks the helper. In the child it becomes the user (aborts otherwise), closes every descriptor
// but its own, and loads the plugin.
[[nodiscard]] Result<MpiHelper> start_mpi_helper(const MpiHelperSpec& spec);

}  // namespace sluice::stepd
