// The answer to QueryUse: sums from the store's rows and, of attempts that aren't over, from the
// snapshot; so a report is of the moment in which it is asked for.
#pragma once

#include <memory>
#include <string>

#include "daemon/controller/queries.hpp"
#include "wire/use_messages.hpp"

namespace sluice::controller {

struct UseAsked {
  wire::QueryUse request;
  Sight sight = {};
  std::string cluster;
  model::WallTime now = 0;
};
[[nodiscard]] std::unique_ptr<Query> query_use(store::Reader reader, SnapshotPtr snapshot,
                                               UseAsked asked);
// Makes the sums anew.
[[nodiscard]] std::unique_ptr<Query> rebuild_use(std::shared_ptr<store::Store> store);

}  // namespace sluice::controller
