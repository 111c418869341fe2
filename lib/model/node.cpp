// The state of a node in Slurm's words. scontrol shows the base state and every flag
// ("IDLE+DRAIN+NOT_RESPONDING"); sinfo folds them into one word with a suffix ("drained*").
#include "model/node.hpp"

#include <array>
#include <cstddef>

namespace sluice::model {

namespace {

struct Words {
  std::string_view full;
  std::string_view compact;
};

// Indexed by NodeState.
constexpr std::array<std::string_view, 6> kBase{"UNKNOWN",   "DOWN",  "IDLE",
                                                "ALLOCATED", "MIXED", "FUTURE"};
constexpr std::array<Words, 6> kSinfo{{{"unknown", "unk"},
                                       {"down", "down"},
                                       {"idle", "idle"},
                                       {"allocated", "alloc"},
                                       {"mixed", "mix"},
                                       {"future", "futr"}}};

struct FlagName {
  std::uint32_t flag;
  std::string_view name;
};

constexpr std::array<FlagName, 9> kFlagNames{{{kNodeCompleting, "+COMPLETING"},
                                              {kNodeDrain, "+DRAIN"},
                                              {kNodeFail, "+FAIL"},
                                              {kNodeInvalidRegistration, "+INVALID_REG"},
                                              {kNodeMaint, "+MAINTENANCE"},
                                              {kNodeReboot, "+REBOOT_REQUESTED"},
                                              {kNodeReserved, "+RESERVED"},
                                              {kNodePlanned, "+PLANNED"},
                                              {kNodeNoRespond, "+NOT_RESPONDING"}}};

bool has(const Node& node, NodeFlag flag) { return (node.flags & flag) != 0; }

bool in_use(const Node& node) {
  return node.state == NodeState::allocated || node.state == NodeState::mixed ||
         has(node, kNodeCompleting);
}

Words sinfo_words(const Node& node) {
  if (has(node, kNodeInvalidRegistration)) return {"inval", "inval"};
  if (has(node, kNodeDrain)) {
    return in_use(node) ? Words{"draining", "drng"} : Words{"drained", "drain"};
  }
  if (has(node, kNodeFail) && node.state != NodeState::down) {
    return in_use(node) ? Words{"failing", "failg"} : Words{"fail", "fail"};
  }
  if (node.state == NodeState::idle) {
    if (has(node, kNodeMaint)) return {"maint", "maint"};
    if (has(node, kNodeCompleting)) return {"completing", "comp"};
    if (has(node, kNodeReserved)) return {"reserved", "resv"};
    if (has(node, kNodePlanned)) return {"planned", "plnd"};
  }
  return kSinfo[static_cast<std::size_t>(node.state) % kSinfo.size()];
}

std::string_view suffix(const Node& node) {
  if (has(node, kNodeNoRespond)) return "*";
  if (has(node, kNodeReboot)) return "@";
  if (has(node, kNodeMaint) && node.state != NodeState::idle) return "$";
  if (node.state == NodeState::allocated && has(node, kNodeCompleting)) return "+";
  return "";
}

}  // namespace

std::string long_state(const Node& node) {
  std::string text(kBase[static_cast<std::size_t>(node.state) % kBase.size()]);
  for (const FlagName& entry : kFlagNames) {
    if ((node.flags & entry.flag) != 0) text += entry.name;
  }
  return text;
}

std::string sinfo_state(const Node& node) {
  return std::string(sinfo_words(node).full) + std::string(suffix(node));
}

std::string compact_state(const Node& node) {
  return std::string(sinfo_words(node).compact) + std::string(suffix(node));
}

}  // namespace sluice::model
