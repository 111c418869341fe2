// Rules about GRES that several parts need alike: how the devices of a node are numbered, which
// requests mean any accelerator, and what the ways to count devices (per job, node, task) say about
// each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/text.hpp"
#include "model/device.hpp"
#include "model/node.hpp"
#include "model/request.hpp"

namespace sluice::model {

// --gres=accel:N: N devices of whichever kind of accelerator a node has.
inline constexpr std::string_view kAnyAccelerator = "accel";

// GresShare::indices count the devices of one name through all its types, in the node's order: the
// first index of all[position]. Kinds without device files have no indices.
[[nodiscard]] std::uint32_t first_index(std::span<const NodeGres> all, std::size_t position);

// Whether each of the kind's devices is known, so that exact ones are given out.
[[nodiscard]] inline bool has_devices(const NodeGres& gres) {
  return !gres.files.empty() && gres.files.size() == gres.count;
}

// "gpu:a100:1": how users and administrators know a device; the index counts as above.
[[nodiscard]] Text device_label(const NodeGres& gres, std::uint32_t index);

// "gpu:a100:1(fell off the bus)", one for each device out of service; empty: none is.
[[nodiscard]] std::string faults_text(const std::vector<NodeGres>& all);

// Counts that follow from counts: nodes from --gpus and --gpus-per-node, tasks from --gpus and
// --gpus-per-task, and so on. Fails, in Slurm's words, where they contradict each other.
[[nodiscard]] Status settle_gres(Request& request);

// Devices of one kind counted in several ways are meant once: what is asked per node is not asked
// per task or job again, and what is asked per task not per job.
[[nodiscard]] std::vector<GresRequest> without_repeats(std::vector<GresRequest> gres);

}  // namespace sluice::model
