// What the two ends of a link say to each other about channels. Every one is a frame (see
// client/frame.hpp) with a type of the link's own and, where there is one, the channel's number as
// its id.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "net/link.hpp"

namespace sluice::net {

enum class LinkFrame : std::uint16_t {
  open = kFirstLinkType,        // u32 uid, u32 gid, u32 pid, target text
  data = kFirstLinkType + 1,    // a piece of the channel's frames
  credit = kFirstLinkType + 2,  // u32: so many more bytes may come
  close = kFirstLinkType + 3,   // u16 error code, text; 0 for an ordinary end
  ping = kFirstLinkType + 4,
  pong = kFirstLinkType + 5,
};

inline constexpr std::size_t kMaxPiece = 32 * 1024;
inline constexpr std::size_t kMaxCloseText = 512;

[[nodiscard]] std::string encode_stamp(const ChannelStamp& stamp);
Result<ChannelStamp> decode_stamp(std::string_view payload);

[[nodiscard]] std::string encode_close(const Error& why);
// An ordinary end becomes unavailable, "closed by peer", as for every other channel.
Result<Error> decode_close(std::string_view payload);

[[nodiscard]] std::string encode_credit(std::uint32_t bytes);
Result<std::uint32_t> decode_credit(std::string_view payload);

}  // namespace sluice::net
