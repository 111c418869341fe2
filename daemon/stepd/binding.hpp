// Which CPUs each task of a step gets on one node: --cpu-bind, --distribution's second and third
// level, --hint=nomultithread, --threads-per-core. A pure computation over abstract CPU numbers,
// (socket * cores + core) * threads + thread, from the node's share of the step; the last step maps
// them to OS numbers (worker/host/facts.hpp).
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/bitmap.hpp"
#include "base/result.hpp"
#include "daemon/worker/host/distribution.hpp"
#include "model/step_spec.hpp"

namespace sluice::stepd {

struct NodeShare {
  std::uint32_t sockets = 1;
  std::uint32_t cores = 1;          // per socket
  std::uint32_t threads = 1;        // per core
  base::Bitmap cpus;                // the step's CPUs, abstract; sized sockets*cores*threads
  std::vector<std::uint32_t> ldom;  // abstract CPU -> locality domain; empty: one for each socket
  base::Bitmap os_cpus;             // the same CPUs in OS numbers; of size 0: lists are not checked
};

struct BindingRequest {
  std::uint32_t tasks = 0;  // on this node
  std::uint32_t cpus_per_task = 1;
  model::CpuBind kind = model::CpuBind::automatic;
  std::string list;  // of map_cpu and mask_cpu, as typed
  bool verbose = false;
  worker::Distribution distribution;
  std::uint32_t threads_per_core = 0;  // 0: all
  bool no_multithread = false;         // --hint=nomultithread: one thread of each core
  bool overcommit = false;
};

struct Binding {
  // What was decided, as Slurm reports it: none (any CPU of the node), rank, map, or mask (all that
  // is computed: by thread, core, socket, or the whole share of a node that isn't ours alone).
  model::CpuBind kind = model::CpuBind::none;
  // Per local task; with kind none all are the share. Never empty.
  std::vector<base::Bitmap> masks;
  bool os_numbers = false;   // the masks are OS numbers already (map, mask by the user's list)
  bool one_for_all = false;  // every task has the same set: printed once
  std::string list;          // of map and mask, as Slurm prints it; else empty
};

// automatic binds where tasks * cpus_per_task equals the sockets, cores or threads of the share.
// invalid_argument, with Slurm's words: a list that can't be read or leaves the share; rank on a
// node that isn't wholly the step's; more CPUs wanted than there are, without overcommit.
[[nodiscard]] Result<Binding> bind_tasks(const NodeShare& share, const BindingRequest& request);

// What --cpu-bind and SLURM_CPU_BIND may say: "[quiet,|verbose,]type[:list]". `list` comes back
// with repetitions written out ("0*2" -> "0,0"). The ldom lists (rank_ldom, map_ldom, mask_ldom)
// are refused as unsupported.
struct CpuBindOption {
  model::CpuBind kind = model::CpuBind::automatic;
  std::string list;
  bool verbose = false;
  bool operator==(const CpuBindOption&) const = default;
};
[[nodiscard]] Result<CpuBindOption> parse_cpu_bind(std::string_view text);

// SLURM_CPU_BIND, SLURM_CPU_BIND_LIST, SLURM_CPU_BIND_TYPE, SLURM_CPU_BIND_VERBOSE of the tasks of
// this node. `os_masks` are the tasks' sets in OS numbers.
using EnvPair = std::pair<std::string, std::string>;
[[nodiscard]] std::vector<EnvPair> binding_environment(const Binding& binding, bool verbose,
                                                       const std::vector<base::Bitmap>& os_masks);
// The line that --cpu-bind=verbose prints to the task's standard error.
struct BindingReport {
  std::string node;
  std::uint32_t task = 0;  // global
  std::uint32_t local_task = 0;
  std::int32_t pid = 0;
};
[[nodiscard]] std::string binding_report(const Binding& binding, const base::Bitmap& os_mask,
                                         const BindingReport& who);

}  // namespace sluice::stepd
