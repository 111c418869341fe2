// Writes transactions into the database: several of them make one batch, which is one commit. Used
// by one thread at a time. It remembers what it has written where that saves writes: rows of shared
// parts, blobs, what is kept of each node. After a failed batch it remembers nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "base/hash.hpp"
#include "store/account_rows.hpp"
#include "store/database.hpp"
#include "store/event_rows.hpp"
#include "store/ledger_rows.hpp"
#include "store/shared_parts.hpp"
#include "store/store.hpp"
#include "store/use_rows.hpp"

namespace sluice::store {

class Writer {
 public:
  [[nodiscard]] static Result<Writer> create(Connection& connection, rollup::Calendar calendar);

  [[nodiscard]] Status begin();
  [[nodiscard]] Status write(const Transaction& transaction, model::WallTime now);
  // Ends the batch; with it goes a little of what is too old.
  [[nodiscard]] Status commit(model::WallTime now);
  void roll_back();

  [[nodiscard]] std::uint64_t rows() const { return rows_; }
  // What load() has found need not be stored again.
  [[nodiscard]] SharedParts<model::JobSpec>& specs() { return specs_; }
  [[nodiscard]] SharedParts<model::Request>& requests() { return requests_; }
  [[nodiscard]] UseRows& uses() { return uses_; }
  [[nodiscard]] EventRows& events() { return events_; }

 private:
  struct Statements {
    Statement begin, commit, roll_back;
    Statement put_job, update_job, finish_job;
    Statement put_spec, put_request;  // taken by specs_ and requests_
    Statement put_step, put_release, drop_releases, put_node, put_partition, put_blob, put_reply;
    Statement put_reservation, drop_reservation;
    Statement put_host, put_token, drop_token;
    Statement next_job_id;
    Statement scan_replies, drop_reply;
    AccountRows::Statements accounts;  // taken by accounts_
    LedgerRows::Statements ledger;     // taken by ledger_
    UseRows::Statements uses;          // taken by uses_
    EventRows::Statements events;      // taken by events_
  };
  Writer(Connection& connection, Statements statements, rollup::Calendar calendar);
  [[nodiscard]] static Result<Statements> prepare(Connection& connection);

  [[nodiscard]] Status write_jobs(const Transaction& transaction);
  [[nodiscard]] Status write_job(const model::Job& job, EventRows::Cause cause);
  [[nodiscard]] Status put_job(const model::Job& job, std::int64_t spec, std::int64_t request);
  [[nodiscard]] Status write_releases(const Transaction& transaction);
  [[nodiscard]] Status write_steps(const Transaction& transaction);
  [[nodiscard]] Status write_nodes(const Transaction& transaction);
  [[nodiscard]] Status write_blobs(const Transaction& transaction);
  [[nodiscard]] Status write_reservations(const Transaction& transaction, model::WallTime now);
  [[nodiscard]] Status write_uses(const Transaction& transaction);
  [[nodiscard]] Status write_books(const ledger::BooksRows& books);
  [[nodiscard]] Status write_hosts(const Transaction& transaction);
  [[nodiscard]] Status write_reply(const StoredReply& reply, model::WallTime now);
  [[nodiscard]] Status sweep_replies(model::WallTime now);

  Connection* connection_;
  Statements sql_;
  SharedParts<model::JobSpec> specs_;
  SharedParts<model::Request> requests_;
  AccountRows accounts_;
  LedgerRows ledger_;
  UseRows uses_;
  EventRows events_;
  std::unordered_set<std::string> blobs_;  // hashes that are stored
  std::unordered_map<std::string, std::uint64_t, base::TextHash, std::equal_to<>> nodes_;
  std::int64_t newest_key_ = 0;     // of the jobs table; 0: it is empty
  std::int64_t committed_key_ = 0;  // the same, without the open batch
  std::uint32_t next_job_id_ = 0;   // to be written with this batch; 0: unchanged
  std::uint32_t replies_made_ = 0;  // since the last sweep
  std::string sweep_from_;          // the key after which the next sweep begins
  std::uint64_t rows_ = 0;
};

}  // namespace sluice::store
