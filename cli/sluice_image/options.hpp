// The command line of sluice-image, as values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace sluice::cli {

struct ImageOptions {
  std::string home;   // --home; empty: the local agent is asked
  std::string image;  // a reference
  std::string digest;
  std::string path;  // save: where to
  std::string changes;
  std::vector<std::string> insecure;
  std::string skopeo = "skopeo";
  std::string max_bytes = "100G";
  std::uint64_t max_entries = 5'000'000;
  std::string max_size;  // gc
  std::string max_age;
  std::uint64_t timeout_s = 0;  // 0: none
  std::uint64_t wait_s = 0;
  std::uint32_t job = 0;
  int progress_fd = -1;
  int record_fd = 1;
  bool only_local = false;
  bool if_missing = false;
  bool receive = false;
  bool json = false;
};

// "100G", "512M", plain numbers are bytes; "0" and "" mean no limit.
[[nodiscard]] Result<std::uint64_t> parse_bytes(const std::string& text);
// "30d", "12h", "45m", plain numbers are seconds; "0" and "" mean no limit.
[[nodiscard]] Result<std::int64_t> parse_age(const std::string& text);

}  // namespace sluice::cli
