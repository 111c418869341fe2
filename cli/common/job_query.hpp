// From options to what the messages carry: references to jobs, masks of states, lists of names.
// Used by the commands that read or act on existing jobs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "cli/common/client.hpp"
#include "opt/states.hpp"
#include "wire/client_messages.hpp"

namespace sluice::cli {

// Fail on task numbers beyond what any array has.
[[nodiscard]] Result<wire::JobRef> wire_ref(const opt::JobRef& ref);
[[nodiscard]] Result<std::vector<wire::JobRef>> wire_refs(std::span<const opt::JobRef> refs);

// As JobFilter::states has it; 0 for all states.
[[nodiscard]] std::uint64_t state_mask(const opt::JobStates& states);
// What squeue shows unless told otherwise: all that has not ended for good.
[[nodiscard]] std::uint64_t live_states();

[[nodiscard]] std::vector<Text> texts(std::span<const std::string> words);
// An empty word is no wish.
[[nodiscard]] std::vector<Text> one_text(std::string_view word);

// The job that `job` names: itself, or its task of an array.
[[nodiscard]] wire::JobRef ref_of(const model::Job& job);

// -M: asks the controller for the cluster's name and fails unless `wanted` names it or is empty.
[[nodiscard]] Status check_named_cluster(Client& client, std::string_view wanted);

}  // namespace sluice::cli
