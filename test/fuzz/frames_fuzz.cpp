// The framing: any bytes in any pieces give frames within the limits, or an error for good.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "net/client/frame.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  constexpr std::size_t kLimit = 4096;
  net::FrameDecoder decoder(kLimit);
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (!rest.empty()) {
    const std::size_t piece =
        std::min<std::size_t>(rest.size(), 1 + static_cast<unsigned char>(rest.front()) % 64);
    decoder.push(rest.substr(0, piece));
    rest.remove_prefix(piece);
    while (true) {
      const auto frame = decoder.next();
      if (!frame) return 0;  // broken: the connection would be closed
      if (!*frame) break;
      if ((*frame)->payload.size() > kLimit) std::abort();
    }
  }
  return 0;
}
