// See failing_disk.hpp. Each open file is SQLite's own, with its table of methods swapped for a
// copy in which two are ours.
#include "test/unit/store/failing_disk.hpp"

#include <unistd.h>

#include <atomic>
#include <mutex>
#include <string>

#include <sqlite3.h>

#include "base/assert.hpp"

namespace sluice::store {

namespace {

struct Disk {
  std::atomic<Fault> fault = Fault::none;
  std::atomic<int> faults = 0;
  std::mutex lock;
  std::string needed;
  sqlite3_vfs vfs{};
  sqlite3_vfs* real = nullptr;
  sqlite3_io_methods log_methods{};  // of the write-ahead log
  sqlite3_io_methods database_methods{};
  const sqlite3_io_methods* real_log = nullptr;
  const sqlite3_io_methods* real_database = nullptr;
};

Disk& disk() {
  static Disk the_disk;
  return the_disk;
}

bool is_full() {
  Disk& d = disk();
  if (d.fault == Fault::full) return true;
  const std::scoped_lock guard(d.lock);
  return !d.needed.empty() && ::access(d.needed.c_str(), F_OK) == 0;
}

const sqlite3_io_methods* real_of(sqlite3_file* file) {
  return file->pMethods == &disk().log_methods ? disk().real_log : disk().real_database;
}

int write_file(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  if (is_full()) {
    ++disk().faults;
    return SQLITE_FULL;
  }
  return real_of(file)->xWrite(file, data, size, offset);
}

int sync_file(sqlite3_file* file, int flags) {
  if (disk().fault == Fault::sync) {
    ++disk().faults;
    return SQLITE_IOERR_FSYNC;
  }
  return real_of(file)->xSync(file, flags);
}

int open_on_disk(sqlite3_vfs*, sqlite3_filename name, sqlite3_file* file, int flags, int* out) {
  Disk& d = disk();
  const int code = d.real->xOpen(d.real, name, file, flags, out);
  if (code != SQLITE_OK || (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_DB)) == 0) return code;
  const bool is_log = (flags & SQLITE_OPEN_WAL) != 0;
  sqlite3_io_methods& methods = is_log ? d.log_methods : d.database_methods;
  const sqlite3_io_methods*& real = is_log ? d.real_log : d.real_database;
  const std::scoped_lock guard(d.lock);
  if (real == nullptr) {
    real = file->pMethods;
    methods = *real;
    methods.xWrite = write_file;
    methods.xSync = sync_file;
  }
  file->pMethods = &methods;
  return code;
}

}  // namespace

FailingDisk::FailingDisk() {
  Disk& d = disk();
  d.real = sqlite3_vfs_find(nullptr);
  d.vfs = *d.real;
  d.vfs.zName = "failing";
  d.vfs.xOpen = open_on_disk;
  SLUICE_ASSERT(sqlite3_vfs_register(&d.vfs, 1) == SQLITE_OK);
}

FailingDisk::~FailingDisk() {
  fail_with(Fault::none);
  full_while_exists("");
  disk().faults = 0;
  sqlite3_vfs_unregister(&disk().vfs);
}

void FailingDisk::fail_with(Fault fault) { disk().fault = fault; }

void FailingDisk::full_while_exists(const char* path) {
  const std::scoped_lock guard(disk().lock);
  disk().needed = path;
}

int FailingDisk::faults() const { return disk().faults; }

}  // namespace sluice::store
