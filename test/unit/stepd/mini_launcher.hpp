// A launcher for MPI programs over pretended nodes of this host: what stepd and the agents do
// around the MPI helper, in one process and without a cluster. For the tests of the helper and its
// plugins.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "daemon/stepd/mpi_helper.hpp"

namespace sluice::stepd_test {

struct Launch {
  std::string mpi = "pmix";
  std::vector<std::vector<std::uint32_t>> tasks_of;  // per node: ranks
  std::vector<std::string> argv;
  std::vector<std::string> environment;  // beside what the helper says
  std::uint32_t uid = 0;                 // of helper and tasks; 0: as we are
  bool own_hostname = false;             // each node's tasks see its name (needs root)
  int timeout_ms = 30'000;
};

struct Outcome {
  std::map<std::uint32_t, int> statuses;        // wait status by rank
  std::map<std::uint32_t, std::string> output;  // standard output and error by rank
  std::vector<std::uint32_t> finalized;
  std::vector<std::uint32_t> initialized;
  std::vector<std::string> problems;
  int aborts = 0;
  std::int32_t abort_code = 0;
  int fences = 0;   // collectives that were carried
  int directs = 0;  // direct messages
  bool timed_out = false;
  int helper_exits = 0;  // helpers that ended with status 0
};

// Directory with the plugins that were built, where any user can read them; goes with the program.
[[nodiscard]] const std::string& plugin_directory();

[[nodiscard]] Outcome launch(const Launch& what);

}  // namespace sluice::stepd_test
