// What the tests of the store share: a directory that goes with the test, records, and a store with
// blocking calls.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "store/store.hpp"

namespace sluice::store {

// A fresh directory below $TMPDIR (or in memory: what is tested here is no power cut), removed at
// the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string database() const { return path_ + "/sluice.db"; }

 private:
  std::string path_;
};

inline constexpr model::WallTime kNoon = 1'700'000'000 * model::kSecond;

[[nodiscard]] model::JobSpecPtr spec_of(std::uint32_t uid, std::string_view name);
[[nodiscard]] model::RequestPtr request_of(std::string_view account, std::string_view qos);
// A pending job of uid 1000, submitted at noon plus its id in seconds.
[[nodiscard]] model::Job a_job(std::uint32_t id);
// Running from the given time on n1; ended.
[[nodiscard]] model::Job running(model::Job job, model::WallTime start);
[[nodiscard]] model::Job ended(model::Job job, model::JobState state, model::WallTime end);
[[nodiscard]] model::Step a_step(const model::Job& job, std::uint32_t number);
[[nodiscard]] model::JobPtr shared(model::Job job);

[[nodiscard]] Transaction with_jobs(std::vector<model::Job> jobs);

// Opens what must open.
[[nodiscard]] std::unique_ptr<Store> open_store(const std::string& path);
[[nodiscard]] OpenOptions options_for(const std::string& path);
[[nodiscard]] LoadedState load_from(Store& store);
// Commits and waits.
[[nodiscard]] Status commit(Store& store, Transaction transaction);
// Job ids (with attempts, "12/1") of the rows that a filter finds.
[[nodiscard]] std::vector<std::string> found(Store& store, const HistoryFilter& filter);

}  // namespace sluice::store
