// The answer to QueryStats: what the loop counted, and how many jobs wait and run now.
#pragma once

#include <memory>

#include "daemon/controller/queries.hpp"

namespace sluice::controller {

[[nodiscard]] std::unique_ptr<Query> query_stats(SnapshotPtr snapshot, wire::StatsReply reply);

}  // namespace sluice::controller
