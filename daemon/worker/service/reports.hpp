// Reports: what the controller must hear of. Each has a serial number and stays, also over
// restarts, until the controller acknowledges it; it is sent at once, after each reconnect, and
// again when an interval passed without an answer. Serials rise over restarts, because they begin
// at the clock.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/ids.hpp"
#include "daemon/worker/service/env.hpp"

namespace sluice::worker {

struct Report {
  wire::MessageType type = wire::MessageType::none;
  Attempt attempt;
  JobId job;
  std::string payload;
  std::int64_t sent_ms = 0;  // not stored

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "type", self.type);
    visit(14, "attempt_uid", self.attempt.job);
    visit(15, "attempt_number", self.attempt.number);
    visit(2, "job", self.job);
    visit(3, "payload", self.payload);
  }
};

class Reports {
 public:
  explicit Reports(Env& env) : env_(env) {}

  template <class Message>
  void add(const Attempt& attempt, JobId job, Message message) {
    message.serial = next_serial();
    add(message.serial, Report{Message::kType, attempt, job, wire::encode(message)});
  }
  // Kept back until flush(): to go out together with what follows at once.
  template <class Message>
  void hold(const Attempt& attempt, JobId job, Message message) {
    message.serial = next_serial();
    keep(message.serial, Report{Message::kType, attempt, job, wire::encode(message)});
  }
  // Changes a report that is still held back. False: there is none.
  template <class Message, class Change>
  bool amend(const Attempt& attempt, Change change) {
    const auto held = find_held(attempt, Message::kType);
    if (held == pending_.end()) return false;
    Result<Message> message = wire::decode<Message>(held->second.payload);
    if (!message) return false;
    change(*message);
    held->second.payload = wire::encode(*message);
    env_.ledger_put(ledger_key(held->first), wire::encode(held->second));
    return true;
  }
  // From the ledger.
  void restore(std::uint64_t serial, Report report);

  // The report, which is now forgotten; nothing if it is not known (any more).
  std::optional<Report> acknowledge(std::uint64_t serial);
  // All that were not sent within the last `quiet_ms`.
  void resend(std::int64_t quiet_ms);
  void resend(const Attempt& attempt);
  // Sends what was held back of this attempt.
  void flush(const Attempt& attempt);
  [[nodiscard]] const std::map<std::uint64_t, Report>& pending() const { return pending_; }
  [[nodiscard]] bool has(const Attempt& attempt, wire::MessageType type) const;

  static std::string ledger_key(std::uint64_t serial);

 private:
  std::uint64_t next_serial();
  [[nodiscard]] std::map<std::uint64_t, Report>::iterator find_held(const Attempt& attempt,
                                                                    wire::MessageType type);
  void add(std::uint64_t serial, Report report);
  Report& keep(std::uint64_t serial, Report report);
  void send(Report& report);

  Env& env_;
  std::uint64_t last_serial_ = 0;
  std::map<std::uint64_t, Report> pending_;
};

}  // namespace sluice::worker
