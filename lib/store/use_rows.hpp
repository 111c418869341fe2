// The rows of use: what ended attempts used, by hour, day and month, by whom and by size of job;
// and by hour for the whole cluster. An attempt is added in the transaction of its final record, so
// the sums always equal those over history (they can be made anew from it, for when a place
// changes its clocks).
//
// What a batch of transactions adds is gathered and written at its end: many jobs, few rows.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

#include "base/hash.hpp"
#include "base/result.hpp"
#include "model/job.hpp"
#include "model/reservation.hpp"
#include "model/use.hpp"
#include "rollup/attempt.hpp"
#include "store/database.hpp"

namespace sluice::store {

// How TRES lie in a row.
struct Amounts {
  model::TresCounts tres;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "tres", self.tres);
  }
};

class UseRows {
 public:
  struct Statements {
    Statement find_key, put_key;
    Statement get_use, put_use;
    Statement get_hour, put_hour;
    Statement put_span, put_reservation, drop_reservation, end_reservation;
    Statement clear_uses, clear_hours;
  };
  [[nodiscard]] static Result<Statements> prepare(Connection& connection);
  UseRows(Connection& connection, Statements statements, rollup::Calendar calendar)
      : connection_(&connection), sql_(std::move(statements)), calendar_(std::move(calendar)) {}

  // The final record of an attempt, once.
  [[nodiscard]] Status add(const model::Job& attempt);
  [[nodiscard]] Status write(const model::NodeSpan& span);
  [[nodiscard]] Status write(const model::Reservation& reservation, model::WallTime now);
  // It ended with this; what was to come is forgotten.
  [[nodiscard]] Status remove(const model::Reservation& reservation, model::WallTime now);
  [[nodiscard]] Status flush();
  void forget();  // after a roll-back

  // Everything about jobs anew, from their records; within one transaction.
  [[nodiscard]] Status clear();
  [[nodiscard]] Status add_all(
      Connection& history);  // finished jobs of the state, or of an archive
  [[nodiscard]] const rollup::Calendar& calendar() const { return calendar_; }

 private:
  struct Place {
    std::uint32_t level = 0;
    std::int64_t start = 0;
    std::int64_t key = 0;
    std::uint32_t cpus = 0;
    auto operator<=>(const Place&) const = default;
  };
  struct Sum {
    std::int64_t jobs = 0;   // that were there at some time in it
    std::int64_t begun = 0;  // in it
    model::TresCounts tres;
  };
  struct HourPlace {
    std::int64_t start = 0;
    std::string reservation;
    auto operator<=>(const HourPlace&) const = default;
  };
  struct HourSum {
    std::int64_t end = 0;
    model::TresCounts used;
    model::TresCounts waited;
  };

  [[nodiscard]] Result<std::int64_t> row_of(const model::UseKey& key);
  [[nodiscard]] Status write(const Place& place, Sum sum);
  [[nodiscard]] Status write(const HourPlace& place, HourSum sum);
  void add_held(const rollup::AttemptUse& use, std::int64_t key);
  void add_hours(const rollup::AttemptUse& use);

  Connection* connection_;
  Statements sql_;
  rollup::Calendar calendar_;
  std::unordered_map<std::string, std::int64_t, base::TextHash, std::equal_to<>> keys_;
  std::map<Place, Sum> sums_;
  std::map<HourPlace, HourSum> hours_;
};

}  // namespace sluice::store
