// The MPI helper process itself: what runs after the fork. For mpi_helper.cpp alone.
#pragma once

#include <vector>

#include "base/fd.hpp"
#include "daemon/stepd/mpi_helper.hpp"

namespace sluice::stepd {

struct MpiHelperChild {
  const MpiHelperSpec& spec;
  base::UniqueFd control;
  std::vector<base::UniqueFd> task_sockets;  // our ends
  std::vector<int> task_numbers;             // descriptor numbers of the tasks' ends, in the tasks
};

// Becomes the user, closes what isn't its own, loads the plugin and serves until stepd closes the
// control socket. Never returns.
[[noreturn]] void run_mpi_helper_child(MpiHelperChild& child);

}  // namespace sluice::stepd
