// What a node has: configured against discovered, and the texts about it. Pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/settings.hpp"
#include "model/job.hpp"
#include "model/node.hpp"

namespace sluice::core {

// Facts in force: what the node found out, overridden by what the configuration gives.
[[nodiscard]] model::NodeFacts effective_facts(const NodeSetting& setting,
                                               const model::NodeFacts& found);

// A daemon that has just started hasn't asked its tools yet: faults that are known of the same
// devices stay until it has judged them (DevicesFaulty).
void keep_faults(const std::vector<model::NodeGres>& known, model::NodeFacts& facts);

// The facts before the node has said anything.
[[nodiscard]] model::NodeFacts configured_facts(const NodeSetting& setting);

// Why the node has less than the configuration promises, in Slurm's words; empty: it has not.
[[nodiscard]] std::string shortfall(const NodeSetting& setting, const model::NodeFacts& found);

// "gpu:tesla:2(IDX:0-1)", one per kind of GRES, as `scontrol show node -d` prints it.
[[nodiscard]] Text gres_text(const model::NodeFacts& facts, std::span<const model::GresShare> used);

// "cpu=8,mem=16G,node=2,billing=8" of a partition whose nodes have that much memory together.
[[nodiscard]] Text tres_text(const model::Partition& partition, std::uint64_t memory_mib);

[[nodiscard]] bool lists_partition(const model::Node& node, const model::Partition& partition);

}  // namespace sluice::core
