// What the controller's service is told once, when it is made.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/settings.hpp"
#include "wire/client_messages.hpp"
#include "wire/node_messages.hpp"

namespace sluice::controller {

struct ServiceOptions {
  core::SettingsPtr settings;
  std::vector<wire::KeyValue> node_settings;  // what nodes are told
  std::string host;                           // of the controller, for ping
  std::uint32_t service_uid = 0;              // the user that runs the controller: administrator
  std::vector<std::uint32_t> admins;          // uids with administrator level
  std::vector<std::uint32_t> operators;
  std::uint32_t private_data = 0;  // bits of model::Secret
  std::uint32_t pid = 0;
  std::vector<wire::HostRow> hosts;  // configured or joined before
  std::uint32_t report_interval_s = 30;
  std::uint32_t silent_after_s = 10;     // a node whose link is gone for so long shows "*"
  std::uint32_t orphan_patience_s = 60;  // an allocation whose salloc is gone ends after this
  std::uint64_t plan_budget = 2'000;     // steps of one planning slice
};

}  // namespace sluice::controller
