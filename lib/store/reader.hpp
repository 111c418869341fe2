// What a Reader owns: a read-only connection, its statements, and the shared parts it has read.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "store/database.hpp"
#include "store/part_reader.hpp"
#include "store/store.hpp"

namespace sluice::store {

struct ReadState {
  struct Statements {
    Statement blob, reply;
    Statement begin, end;
    Statement one_job, array, array_tasks;           // keys
    Statement live, live_of, finished, finished_of;  // keys
    Statement get, scan;                             // rows
    Statement steps;
    Statement uses, use_key, hours, finished_at;
    Statement open_spans, closed_spans, reservations;
    Statement spec, request;  // taken by the part readers
  };

  ReadState(Connection opened, Statements prepared);
  [[nodiscard]] static Result<ReadState> open(const std::string& path);
  [[nodiscard]] static Result<Statements> prepare(Connection& connection);

  // The keys of the attempts that a filter may mean, ascending: what the indexes can tell.
  using Keys = std::vector<std::int64_t>;
  [[nodiscard]] Result<Keys> candidates(const HistoryFilter& filter);
  [[nodiscard]] Status add_range(const HistoryFilter::JobRange& range, Keys& keys);
  [[nodiscard]] Status add_window(const HistoryFilter& filter, Keys& keys);

  Connection connection;
  Statements sql;
  PartReader<model::JobSpec> specs;
  PartReader<model::Request> requests;
};

struct Reader::State {
  State(ReadState opened, rollup::Calendar by, std::string archive_folder)
      : read(std::move(opened)), calendar(std::move(by)), folder(std::move(archive_folder)) {}

  // The month's database, opened once.
  [[nodiscard]] Result<ReadState*> archive(const std::string& path);
  // Rows of the archives that a filter touches, within a transaction on the state. Sets `enough`.
  [[nodiscard]] Status walk_archives(const HistoryFilter& filter,
                                     const std::function<bool(const HistoryRow&)>& row);

  ReadState read;
  rollup::Calendar calendar;
  std::string folder;   // of archives
  bool enough = false;  // the caller of the latest walk wanted no more
  std::map<std::string, std::unique_ptr<ReadState>> archives;
};

}  // namespace sluice::store
