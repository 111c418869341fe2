// sluice events: the stream of what happens, from any moment that is kept, and on.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace sluice::cli {

struct EventsOptions {
  std::string since;  // a cursor, or a time; empty: all that is kept, or with `follow` from now on
  bool follow = false;
  bool json = false;
  std::string kinds;  // "job,node,ledger"
  std::uint32_t job = 0;
  std::string user;
  std::string account;
  std::string partition;
  std::uint32_t limit = 0;  // 0: none
};

// Prints as events come. Fails: the cursor is not kept any more; nobody is there.
[[nodiscard]] Status show_events(const EventsOptions& options);

}  // namespace sluice::cli
