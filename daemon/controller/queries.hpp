// Queries: reading requests, answered piece by piece on pool threads from a snapshot or from the
// database. A piece is made when the client has taken the former one, so a slow or huge reader
// holds one piece of memory and never the loop.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "core/multifactor.hpp"
#include "daemon/controller/service/sight.hpp"
#include "daemon/controller/snapshot.hpp"
#include "store/store.hpp"
#include "wire/client_messages.hpp"

namespace sluice::controller {

// One answer under way. next() runs on a pool thread, one call at a time.
class Query {
 public:
  virtual ~Query() = default;
  struct Piece {
    wire::MessageType type = wire::MessageType::none;
    std::string payload;
    bool last = true;
    bool wait = false;  // nothing yet: next() again when something was committed
  };
  [[nodiscard]] virtual Piece next() = 0;
};

// With `inputs`, priorities are shown as of the latest calculation; records have those of when they
// were last changed.
struct JobsAsked {
  wire::QueryJobs request;
  Sight sight = {};
  core::PriorityInputsPtr inputs = nullptr;
};
[[nodiscard]] std::unique_ptr<Query> query_jobs(SnapshotPtr snapshot, JobsAsked asked);
[[nodiscard]] std::unique_ptr<Query> query_nodes(SnapshotPtr snapshot, wire::QueryNodes request);
[[nodiscard]] std::unique_ptr<Query> query_partitions(SnapshotPtr snapshot,
                                                      wire::QueryPartitions request);
[[nodiscard]] std::unique_ptr<Query> query_history(store::Reader reader,
                                                   const wire::QueryHistory& request,
                                                   Sight sight = {});

}  // namespace sluice::controller
