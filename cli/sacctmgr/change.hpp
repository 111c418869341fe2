// The settings that options ask for, read once and then applied to as many records as are meant.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "cli/sacctmgr/words.hpp"
#include "model/accounts.hpp"
#include "report/limit_fields.hpp"

namespace sluice::cli::accounting {

template <class Limits>
struct LimitChange {
  const report::LimitField<Limits>* field = nullptr;
  model::TresCounts tres;                  // a count of -1 takes the limit away
  std::uint32_t number = model::kNoLimit;  // kNoLimit takes it away
};

// A list of names that is replaced, or added to and taken from.
struct ListChange {
  bool given = false;
  bool replace = false;
  std::vector<Text> names;  // with replace: the list
  std::vector<Text> added;
  std::vector<Text> removed;

  // The list from what holds now.
  [[nodiscard]] std::vector<Text> applied_to(std::vector<Text> list) const;
  [[nodiscard]] std::string text() const;  // "a,+b,-c"
};

struct AssociationChange {
  std::vector<LimitChange<model::AssociationLimits>> limits;
  std::optional<std::uint32_t> shares;
  std::optional<std::uint32_t> priority;  // kNoLimit: as further up
  std::optional<Text> default_qos;        // empty: as further up
  std::optional<Text> comment;
  ListChange qos;  // replaced by nothing: as further up

  [[nodiscard]] bool empty() const;
  // "  Fairshare     = 30\n…"; `parent` empty: no such line.
  [[nodiscard]] std::string settings(const model::TresTable& tres, std::string_view parent) const;
};

struct QosChange {
  std::vector<LimitChange<model::QosLimits>> limits;
  std::optional<Text> description;
  std::optional<std::uint32_t> priority;
  std::optional<std::uint32_t> grace_time;
  std::optional<model::PreemptMode> preempt_mode;
  std::optional<std::uint32_t> exempt_time;
  std::optional<std::int64_t> usage_factor;
  std::optional<std::int64_t> usage_threshold;
  std::optional<std::int64_t> limit_factor;
  ListChange preempt;
  bool clears_flags = false;
  std::uint32_t flags_set = 0;
  std::uint32_t flags_cleared = 0;

  [[nodiscard]] bool empty() const;
  [[nodiscard]] std::string settings(const model::TresTable& tres) const;
};

// Nothing: the word is no setting of associations (QOS). An error's text is complete lines for
// standard error.
[[nodiscard]] std::optional<Status> read_setting(const Spec& spec, const model::Accounts& accounts,
                                                 AssociationChange& change);
[[nodiscard]] std::optional<Status> read_setting(const Spec& spec, const model::Accounts& accounts,
                                                 QosChange& change);

// `qos_in_force`: the list that holds there, from which += and -= go on.
void apply(const AssociationChange& change, std::vector<Text> qos_in_force,
           model::Association& record);
void apply(const QosChange& change, model::Qos& record);

// The names of all QOS as "a,b,c".
[[nodiscard]] std::string qos_names(const model::Accounts& accounts);

}  // namespace sluice::cli::accounting
