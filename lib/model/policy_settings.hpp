// The administrator's policies: priority, accounting enforcement, preemption. Parts of Settings;
// names are Slurm's.
#pragma once

#include <cstdint>
#include <vector>

#include "base/text.hpp"
#include "model/types.hpp"

namespace sluice::model {

// `site`: what has waited long for its length goes first (core/site_order.hpp).
enum class PriorityType : std::uint8_t { basic = 0, multifactor = 1 };

enum PriorityFlag : std::uint32_t {
  kPriorityAccrueAlways = 1U << 0U,
  kPriorityCalculateRunning = 1U << 1U,
  kPriorityDepthOblivious = 1U << 2U,
  kPriorityNoFairTree = 1U << 3U,
  kPriorityIncrOnly = 1U << 4U,
  kPriorityMaxTres = 1U << 5U,
  kPriorityMaxTresGres = 1U << 6U,
  kPriorityNoNormalAll = 1U << 7U,
  kPriorityNoNormalAssoc = 1U << 8U,
  kPriorityNoNormalPart = 1U << 9U,
  kPriorityNoNormalQos = 1U << 10U,
  kPriorityNoNormalTres = 1U << 11U,
  kPrioritySmallRelativeToTime = 1U << 12U,
};

enum class UsageReset : std::uint8_t { none, now, daily, weekly, monthly, quarterly, yearly };

struct PrioritySettings {
  PriorityType type = PriorityType::basic;
  std::uint32_t flags = 0;                       // PriorityFlag
  std::uint32_t decay_half_life_s = 7 * 86'400;  // 0: usage doesn't decay
  std::uint32_t calc_period_s = 300;
  std::uint32_t max_age_s = 7 * 86'400;
  bool favor_small = false;
  UsageReset usage_reset = UsageReset::none;
  std::int32_t utc_offset_s = 0;  // of local time, which the reset's midnights are in
  std::uint32_t weight_age = 0;
  std::uint32_t weight_association = 0;
  std::uint32_t weight_fairshare = 0;
  std::uint32_t weight_job_size = 0;
  std::uint32_t weight_partition = 0;
  std::uint32_t weight_qos = 0;
  Text weight_tres;  // "CPU=1000,Mem=2000,GRES/gpu=3000"
  // Points for the site order (core/slowdown.hpp; 0: not used).
  std::uint32_t weight_slowdown = 0;
};

// AccountingStorageEnforce
struct EnforceSettings {
  bool associations = false;
  bool limits = false;
  bool qos = false;
  bool safe = false;
  bool wckeys = false;
};

enum class PreemptType : std::uint8_t { none = 0, partition_prio = 1, qos = 2 };

struct PreemptSettings {
  PreemptType type = PreemptType::none;
  PreemptMode mode = PreemptMode::off;
  bool gang = false;
  std::uint32_t exempt_time_s = 0;
  // PreemptParameters
  bool reorder_by_youngest = false;  // youngest_first
  std::uint32_t reorder_count = 1;   // further orders of victims that are tried
  bool strict_order = false;         // none: those of the lowest standing, however many
  bool send_user_signal = false;
  std::uint32_t min_exempt_priority = 0;
};

// A licence as configured (Licenses=).
struct LicenseSetting {
  Text name;
  std::uint32_t count = 0;
};

}  // namespace sluice::model
