// The identities that travel between processes. Strong types, so that a job id can't be passed for
// a node index; all are plain numbers on the wire and in the database.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace sluice::base {

template <class Tag, class Raw>
struct Id {
  Raw value = 0;

  constexpr Id() = default;
  constexpr explicit Id(Raw raw) : value(raw) {}
  constexpr auto operator<=>(const Id&) const = default;
  [[nodiscard]] constexpr bool is_set() const { return value != 0; }
};

// Slurm's job number. 0 means none. An array's first record carries the array's id.
using JobId = Id<struct JobIdTag, std::uint32_t>;
// Position of a node in the cluster's node table: dense, from 0, in configuration order.
using NodeIndex = Id<struct NodeIndexTag, std::uint32_t>;
// Position of a partition in the cluster's partition table.
using PartitionIndex = Id<struct PartitionIndexTag, std::uint32_t>;
// Raised by each controller start or takeover. Nodes refuse older ones.
using Epoch = Id<struct EpochTag, std::uint64_t>;

// Step numbers as Slurm counts them; the large ones are Slurm's special steps.
using StepNumber = std::uint32_t;
inline constexpr StepNumber kBatchStep = 0xfffffffb;
inline constexpr StepNumber kExternStep = 0xfffffffc;
inline constexpr StepNumber kInteractiveStep = 0xfffffffa;

// 128 random bits: a job's identity for ever, or one client's request. All zero means none.
struct Uid128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  constexpr auto operator<=>(const Uid128&) const = default;
  [[nodiscard]] constexpr bool is_set() const { return (high | low) != 0; }
};

// One attempt to run a job. What nodes launch and report on is named by this, never by the job id.
struct Attempt {
  Uid128 job;
  std::uint32_t number = 0;  // 0 for the first run; raised by each requeue

  constexpr auto operator<=>(const Attempt&) const = default;
};

}  // namespace sluice::base

template <class Tag, class Raw>
struct std::hash<sluice::base::Id<Tag, Raw>> {
  std::size_t operator()(const sluice::base::Id<Tag, Raw>& id) const noexcept {
    return std::hash<Raw>{}(id.value);
  }
};

template <>
struct std::hash<sluice::base::Uid128> {
  std::size_t operator()(const sluice::base::Uid128& id) const noexcept {
    return static_cast<std::size_t>(id.low ^ (id.high * 0x9e3779b97f4a7c15ULL));
  }
};

template <>
struct std::hash<sluice::base::Attempt> {
  std::size_t operator()(const sluice::base::Attempt& a) const noexcept {
    return std::hash<sluice::base::Uid128>{}(a.job) + a.number;
  }
};

namespace sluice {
using base::Attempt;
using base::Epoch;
using base::JobId;
using base::NodeIndex;
using base::PartitionIndex;
using base::StepNumber;
using base::Uid128;
}  // namespace sluice
