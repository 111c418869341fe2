// See ledger_file.hpp.
#include "daemon/worker/ledger_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <unordered_map>

#include "base/file.hpp"
#include "base/hash.hpp"
#include "net/client/little_endian.hpp"

namespace sluice::worker {

namespace {

constexpr std::uint32_t kForgotten = 0xffffffff;
constexpr std::size_t kHeader = 16;
constexpr std::uint64_t kRewriteLeast = 16ULL * 1024 * 1024;
constexpr std::size_t kMaxLedger = std::size_t{4} * 1024 * 1024 * 1024;

std::uint64_t check_sum(std::string_view key, std::string_view value) {
  return base::hash_bytes(value, base::hash_bytes(key));
}

void append_record(std::string& out, std::string_view key, std::string_view value, bool forgotten) {
  net::append_u32(out, static_cast<std::uint32_t>(key.size()));
  net::append_u32(out, forgotten ? kForgotten : static_cast<std::uint32_t>(value.size()));
  net::append_u64(out, check_sum(key, value));
  out.append(key);
  out.append(value);
}

// Applies the records in order; answers how many bytes were whole.
std::size_t replay(std::string_view bytes, LedgerRecords& records) {
  std::vector<std::optional<std::pair<std::string, std::string>>> list;
  std::unordered_map<std::string, std::size_t> where;
  std::size_t at = 0;
  while (bytes.size() - at >= kHeader) {
    const std::size_t key_size = net::read_u32(bytes.substr(at));
    const std::uint32_t raw_size = net::read_u32(bytes.substr(at + 4));
    const std::size_t value_size = raw_size == kForgotten ? 0 : raw_size;
    const std::uint64_t sum = net::read_u64(bytes.substr(at + 8));
    if (bytes.size() - at - kHeader < key_size + value_size) break;
    const std::string key(bytes.substr(at + kHeader, key_size));
    const std::string_view value = bytes.substr(at + kHeader + key_size, value_size);
    if (check_sum(key, value) != sum) break;
    at += kHeader + key_size + value_size;
    if (const auto old = where.find(key); old != where.end()) {
      list[old->second].reset();
      where.erase(old);
    }
    if (raw_size == kForgotten) continue;
    where.emplace(key, list.size());
    list.emplace_back(std::pair{key, std::string(value)});
  }
  records.clear();
  for (auto& entry : list) {
    if (entry) records.push_back(std::move(*entry));
  }
  return at;
}

}  // namespace

Result<LedgerFile> LedgerFile::open(const std::string& path, LedgerRecords& records) {
  LedgerFile ledger;
  ledger.path_ = path;
  records.clear();
  if (base::file_exists(path)) {
    Result<std::string> bytes = base::read_file(path, kMaxLedger);
    if (!bytes) return tl::unexpected(bytes.error());
    replay(*bytes, records);
  }
  if (Status written = ledger.rewrite(records); !written) return tl::unexpected(written.error());
  return ledger;
}

Status LedgerFile::rewrite(const LedgerRecords& records) {
  std::string bytes;
  for (const auto& [key, value] : records) append_record(bytes, key, value, false);
  base::WriteOptions options;
  options.mode = 0600;
  options.durability = base::Durability::synced;
  if (Status written = base::write_file_atomic(path_, bytes, options); !written) return written;
  Result<base::UniqueFd> file = base::open_file(path_, O_WRONLY | O_APPEND);
  if (!file) return tl::unexpected(file.error());
  fd_ = std::move(*file);
  size_ = bytes.size();
  rewrite_at_ = std::max(kRewriteLeast, size_ * 2);
  return {};
}

void LedgerFile::put(std::string_view key, std::string_view value) {
  append_record(pending_, key, value, false);
}

void LedgerFile::forget(std::string_view key) { append_record(pending_, key, {}, true); }

Status LedgerFile::flush() {
  std::size_t written = 0;
  while (written < pending_.size()) {
    const ssize_t count = ::write(fd_.get(), pending_.data() + written, pending_.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int error = errno;
      // Half a record must not stand in the way of the next try.
      if (written > 0 && ::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0) {
        return tl::unexpected(base::errno_error("repairing " + path_, errno));
      }
      return tl::unexpected(base::errno_error("writing " + path_, error));
    }
    written += static_cast<std::size_t>(count);
  }
  size_ += written;
  pending_.clear();
  if (size_ < rewrite_at_) return {};
  Result<std::string> bytes = base::read_file(path_, kMaxLedger);
  if (!bytes) return tl::unexpected(bytes.error());
  LedgerRecords records;
  replay(*bytes, records);
  return rewrite(records);
}

}  // namespace sluice::worker
