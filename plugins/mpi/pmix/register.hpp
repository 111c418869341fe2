// Tells libpmix about the step: its tasks, nodes, sizes, and who may connect.
#pragma once

#include <pmix_server.h>

#include <string>

#include "plugins/mpi/mpi_plugin.h"

namespace sluice::mpi_pmix {

// The step's name among PMIx programs: the same on all nodes, different for all steps.
[[nodiscard]] std::string nspace_of(const SluiceMpiStep& step);
[[nodiscard]] pmix_proc_t proc_of(const std::string& nspace, std::uint32_t rank);

// Blocks until libpmix has taken it. PMIX_SUCCESS or what went wrong.
[[nodiscard]] pmix_status_t register_step(const SluiceMpiStep& step, const std::string& nspace);
[[nodiscard]] pmix_status_t register_tasks(const SluiceMpiStep& step, const std::string& nspace);

}  // namespace sluice::mpi_pmix
