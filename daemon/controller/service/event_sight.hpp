// EventSight: which events somebody may see. Operators and administrators see all; everybody sees
// what became of their own jobs and what was charged for them; coordinators the same of their
// accounts; nodes are everybody's, unless private_data hides nodes or events. A value, so that
// query threads may use it. Pure.
#pragma once

#include <cstdint>

#include "daemon/controller/service/ledger_sight.hpp"
#include "event/event.hpp"

namespace sluice::controller {

struct EventSight {
  LedgerSight ledger;
  std::uint32_t uid = model::kNoTask;  // kNoTask: nobody
  bool nodes = false;

  [[nodiscard]] bool sees(const event::Event& event) const {
    if (ledger.all) return true;
    if (event.entry) return ledger.sees(*event.entry);
    if (!event.job) return nodes;
    return (uid != model::kNoTask && event.job->user_id == uid) ||
           ledger.coordinates.contains(event.job->account.view());
  }
};

}  // namespace sluice::controller
