// The ledger on disk: small records by key, in a file that only grows at its end, and is written
// anew when it holds mostly what was replaced. Changes are kept in memory until flush(); the shell
// flushes before anything that the ledger must know of first (a message, a stepd).
//
// Record: u32 key length, u32 value length (kForgotten: the key is forgotten), u64 hash over key
// and value, key, value; little-endian. A torn tail is cut off at the next start. flush() hands the
// bytes to the kernel and no further: they survive the daemon, and a host that lost power has lost
// its jobs too, which the controller learns from the new boot id.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "daemon/worker/service/service.hpp"

namespace sluice::worker {

class LedgerFile {
 public:
  // Opens or makes it; `records` are what it held.
  static Result<LedgerFile> open(const std::string& path, LedgerRecords& records);

  void put(std::string_view key, std::string_view value);
  void forget(std::string_view key);
  // What could not be written stays in memory for the next time.
  [[nodiscard]] Status flush();
  [[nodiscard]] bool dirty() const { return !pending_.empty(); }

 private:
  [[nodiscard]] Status rewrite(const LedgerRecords& records);

  std::string path_;
  base::UniqueFd fd_;
  std::string pending_;
  std::uint64_t size_ = 0;
  std::uint64_t rewrite_at_ = 0;
};

}  // namespace sluice::worker
