// Starts libpmix and tells it about the step: its tasks, nodes, sizes, and who may connect.
// Statuses are libpmix's.
#pragma once

#include <string>

#include "plugins/mpi/mpi_plugin.h"

namespace sluice::mpi_pmix {

// The step's name among PMIx programs: the same on all nodes, different for all steps.
[[nodiscard]] std::string nspace_of(const SluiceMpiStep& step);

// `host_functions`: a pmix_server_module_t that lives as long as libpmix runs.
[[nodiscard]] int start_libpmix(const SluiceMpiStep& step, const std::string& nspace,
                                void* host_functions);
// These block until libpmix has taken it.
[[nodiscard]] int register_step(const SluiceMpiStep& step, const std::string& nspace);
[[nodiscard]] int register_tasks(const SluiceMpiStep& step, const std::string& nspace);

}  // namespace sluice::mpi_pmix
