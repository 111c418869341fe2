// Host lists and repeat lists: bounded, and what was compressed reads as the same hosts.
#include "base/hostlist.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto hosts = base::parse_hosts(text);
  if (hosts) {
    if (hosts->size() > base::kMaxHosts) std::abort();
    const auto again = base::parse_hosts(base::compress_hosts(*hosts));
    if (!again || *again != *hosts) std::abort();
  }
  const auto counts = base::parse_repeat_list(text);
  if (counts && base::parse_repeat_list(base::repeat_list(*counts)).value() != *counts)
    std::abort();
  return 0;
}
