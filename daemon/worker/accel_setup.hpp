// The accelerators of this host at the daemon's start: the table, what detection finds by it, and
// how that goes together with the GRES that agent.conf gives.
#pragma once

#include <string>
#include <vector>

#include "accel/detect.hpp"
#include "accel/table.hpp"
#include "accel/vendor.hpp"
#include "base/result.hpp"
#include "daemon/worker/agent_config.hpp"
#include "daemon/worker/host/facts.hpp"
#include "model/node.hpp"

namespace sluice::worker {

struct HostAccelerators {
  std::vector<model::NodeGres> gres;
  std::vector<accel::Vendor> vendors;  // of the devices in `gres`
  std::vector<std::string> notes;      // for the log
};

// The table's file: as configured, else /etc/sluice/accelerators.yaml, else the installed one.
// Empty: there is none.
[[nodiscard]] std::string table_path(const std::string& configured);

// Everything that the daemon reports as GRES. A table that can't be read is an error.
[[nodiscard]] Result<HostAccelerators> find_accelerators(const AgentConfig& config,
                                                         const CpuMap& map);

// Configured GRES rule for their name: with files as they stand (what is known of these files is
// added), without files as many of the devices found as are asked for. Names that aren't configured
// come from detection.
[[nodiscard]] std::vector<model::NodeGres> merge_gres(const std::vector<model::NodeGres>& given,
                                                      const std::vector<model::NodeGres>& found);

}  // namespace sluice::worker
