// A disk that can be told to fail: SQLite's own file layer with a switch before writing and
// syncing.
#pragma once

#include <functional>

namespace sluice::store {

enum class Fault { none, full, sync };

// From its making to its end every database that is opened lies on this disk.
class FailingDisk {
 public:
  FailingDisk();
  ~FailingDisk();
  FailingDisk(const FailingDisk&) = delete;
  FailingDisk& operator=(const FailingDisk&) = delete;

  void fail_with(Fault fault);
  // The disk is full as long as this file is there (its space is what a writer would need).
  void full_while_exists(const char* path);
  [[nodiscard]] int faults() const;  // how often it has failed
};

}  // namespace sluice::store
