// The words for states and reasons, as Slurm prints them. Scripts match these texts.
#include "model/types.hpp"

#include <array>
#include <cstddef>

namespace sluice::model {

namespace {

struct Names {
  std::string_view long_name;
  std::string_view short_name;
};

// Indexed by JobState.
constexpr std::array<Names, 12> kStates{{{"PENDING", "PD"},
                                         {"RUNNING", "R"},
                                         {"SUSPENDED", "S"},
                                         {"COMPLETED", "CD"},
                                         {"CANCELLED", "CA"},
                                         {"FAILED", "F"},
                                         {"TIMEOUT", "TO"},
                                         {"NODE_FAIL", "NF"},
                                         {"PREEMPTED", "PR"},
                                         {"BOOT_FAIL", "BF"},
                                         {"DEADLINE", "DL"},
                                         {"OUT_OF_MEMORY", "OOM"}}};

struct FlagNames {
  std::uint32_t flag;
  Names names;
};

// A flag hides the base state; of several the first here wins.
constexpr std::array<FlagNames, 9> kFlags{{{kFlagCompleting, {"COMPLETING", "CG"}},
                                           {kFlagConfiguring, {"CONFIGURING", "CF"}},
                                           {kFlagResizing, {"RESIZING", "RS"}},
                                           {kFlagRequeued, {"REQUEUED", "RQ"}},
                                           {kFlagRequeueHold, {"REQUEUE_HOLD", "RH"}},
                                           {kFlagSpecialExit, {"SPECIAL_EXIT", "SE"}},
                                           {kFlagResvDelHold, {"RESV_DEL_HOLD", "RD"}},
                                           {kFlagStopped, {"STOPPED", "ST"}},
                                           {kFlagSignaling, {"SIGNALING", "SI"}}}};

// Indexed by Reason.
constexpr std::array<std::string_view, 35> kReasons{{"None",
                                                     "Priority",
                                                     "Resources",
                                                     "Dependency",
                                                     "DependencyNeverSatisfied",
                                                     "BeginTime",
                                                     "JobHeldUser",
                                                     "JobHeldAdmin",
                                                     "PartitionDown",
                                                     "PartitionInactive",
                                                     "PartitionNodeLimit",
                                                     "PartitionTimeLimit",
                                                     "ReqNodeNotAvail",
                                                     "BadConstraints",
                                                     "JobArrayTaskLimit",
                                                     "JobLaunchFailure",
                                                     "job requeued in held state",
                                                     "NonZeroExitCode",
                                                     "TimeLimit",
                                                     "OutOfMemory",
                                                     "NodeDown",
                                                     "SystemFailure",
                                                     "Cleaning",
                                                     "AssociationResourceLimit",
                                                     "QOSResourceLimit",
                                                     "Licenses",
                                                     "Reservation",
                                                     "Prolog",
                                                     "InvalidAccount",
                                                     "InvalidQOS",
                                                     "DeadLine",
                                                     "RaisedSignal",
                                                     "AccountNotAllowed",
                                                     "KillTaskFailed",
                                                     "ControllerImage"}};

const Names& names_of(JobState state, std::uint32_t flags) {
  for (const FlagNames& entry : kFlags) {
    if ((flags & entry.flag) != 0) return entry.names;
  }
  return kStates[static_cast<std::size_t>(state) % kStates.size()];
}

}  // namespace

bool is_finished(JobState state) { return state >= JobState::completed; }

std::string_view long_name(JobState state, std::uint32_t flags) {
  return names_of(state, flags).long_name;
}

std::string_view short_name(JobState state, std::uint32_t flags) {
  return names_of(state, flags).short_name;
}

std::string_view reason_name(Reason reason) {
  return kReasons[static_cast<std::size_t>(reason) % kReasons.size()];
}

}  // namespace sluice::model
