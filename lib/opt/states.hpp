// Words that the reading commands share: job and step references, job states, node states.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "model/types.hpp"

namespace sluice::opt {

// "12", "12_3", "12_[1-3,7]", "12.0", "12_3.batch". Steps by Slurm's numbers (base/ids.hpp).
struct JobRef {
  std::uint32_t job = 0;
  std::optional<std::uint32_t> task;       // 12_3
  std::optional<std::uint32_t> component;  // 12+1
  std::string tasks;                       // 12_[...]: what stands between the brackets
  std::optional<std::uint32_t> step;

  bool operator==(const JobRef&) const = default;
};
[[nodiscard]] Result<JobRef> parse_job_ref(std::string_view text);

// Job states to select: a job matches if its base state is in `states` or one of its flags
// (model::JobFlag) is in `flags`. Pending jobs that are configuring or completing show their flag.
struct JobStates {
  std::uint32_t states = 0;  // 1 << JobState; bit 31: a state that none of our jobs reaches
  std::uint32_t flags = 0;
  bool all = false;

  [[nodiscard]] bool given() const { return all || states != 0 || flags != 0; }
  bool operator==(const JobStates&) const = default;
};
// "R,PD", "running", "all". The error names the bad word.
[[nodiscard]] Result<JobStates> parse_job_states(std::string_view text);

// One word of sinfo -t: a node matches if it has that base state and all those flags.
struct NodeStateTerm {
  std::string word;  // lower case, as typed, for states below
  std::optional<model::NodeState> base;
  std::uint32_t flags = 0;  // model::NodeFlag
  bool negated = false;     // "~drain"
  // drained: drain and nothing allocated; draining: drain and something allocated or completing;
  // never: a state of Slurm's that no node of ours has
  enum class Use : std::uint8_t { any, free, busy, never } use = Use::any;

  bool operator==(const NodeStateTerm&) const = default;
};
struct NodeStates {
  std::vector<NodeStateTerm> terms;
  bool all_of = false;  // "a&b" rather than "a,b"
};
[[nodiscard]] Result<NodeStates> parse_node_states(std::string_view text);
// All words of each kind, for messages: "PENDING,RUNNING,...".
[[nodiscard]] std::string job_state_names();
[[nodiscard]] std::string node_state_names();

}  // namespace sluice::opt
