// The rows of the event stream, written in the transaction of what they tell. What happened to a
// job or a node is seen from the row that its record replaces, so nobody has to say it and nothing
// is told twice, whatever a restart has forgotten.
//
// Cursors have no gaps. The newest event is always kept, so that a cursor is never used again.
// An entry of the ledger is only referred to: it is kept for ever.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "event/event.hpp"
#include "model/job.hpp"
#include "model/node.hpp"
#include "store/database.hpp"

namespace sluice::store {

// How much is kept; 0: without that limit.
struct EventLimits {
  std::int64_t after_s = 0;
  std::uint64_t rows = 0;
};

// Statements of a writer's connection.
class EventRows {
 public:
  struct Statements {
    Statement first, last, put, state_of, node_of, scan, drop;
  };
  [[nodiscard]] static Result<Statements> prepare(Connection& connection);
  explicit EventRows(Statements statements);

  void mute() { muted_ = true; }  // nothing is told from now on
  void set_limits(const EventLimits& limits) { limits_ = limits; }
  void begin(model::WallTime now) { now_ = now; }

  // Before the record is written. `key` is that of the attempt.
  enum class Standing : std::uint8_t { unknown, is_new };
  enum class Cause : std::uint8_t { course, request };  // of things; of somebody
  [[nodiscard]] Status note(const model::Job& job, Standing standing, Cause cause);
  [[nodiscard]] Status note(const model::Node& kept);
  [[nodiscard]] Status note_entry(const ledger::Entry& entry);
  // A little of what is too old goes; called once for each commit.
  [[nodiscard]] Status purge();
  // After a roll-back the newest cursor is read anew.
  void forget() { last_.reset(); }

 private:
  struct Known {
    std::int64_t cursor = 0;
    model::WallTime time = 0;
  };
  [[nodiscard]] Status read_ends();
  [[nodiscard]] Status put(const event::Event& event, std::int64_t subject,
                           const std::string& record);
  [[nodiscard]] bool is_due(const Known& row) const;

  Statements sql_;
  std::int64_t origin_ = 0;
  EventLimits limits_;
  bool muted_ = false;
  model::WallTime now_ = 0;
  std::optional<Known> last_;   // not set: to be read
  Known first_;                 // that is kept; cursor 0: none
  std::uint64_t unpurged_ = 0;  // written since the latest purge
};

}  // namespace sluice::store
