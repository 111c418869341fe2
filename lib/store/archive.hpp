// The archive: jobs that ended long ago, in a database for each month of their end
// (history/2026-01.db beside the state, times of UTC). They are moved in small steps: first they
// are on disk there, then they are deleted here, so a crash in between leaves them in both places
// until the next step moves them again. All attempts of a job move together, to the month of the
// last one's end. What they used stays summed up in the rows of use.
//
// A month's database has the tables of the state's own: what reads history reads it alike.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "store/database.hpp"
#include "store/store.hpp"

namespace sluice::store {

// "DIR/sluice.db" -> "DIR/history".
[[nodiscard]] std::string archive_folder(const std::string& database);

struct ArchiveFile {
  std::string path;
  model::WallTime end = 0;  // of its month
};
// By month. None if there is no folder.
[[nodiscard]] std::vector<ArchiveFile> archive_files(const std::string& folder);
// After a crash: what a half-done commit left is undone, so that readers can open the files.
[[nodiscard]] Status recover_archives(const std::string& folder);

// Moves jobs. Used by the thread that owns the state's connection.
class ArchiveMover {
 public:
  [[nodiscard]] static Result<ArchiveMover> create(Connection& state, std::string folder);
  ArchiveMover(ArchiveMover&&) noexcept;
  ArchiveMover& operator=(ArchiveMover&&) noexcept;
  ~ArchiveMover();

  // Moves up to some hundred jobs whose last attempt ended before that. False: no more are found
  // in this round; the next step begins another. A failure of the state's own database says
  // `storage`, of an archive anything else.
  [[nodiscard]] Result<bool> step(model::WallTime before);

 private:
  struct State;
  explicit ArchiveMover(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sluice::store
