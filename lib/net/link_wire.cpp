// See the header. Decoders take exactly what belongs to the format.

#include "net/link_wire.hpp"

#include "net/client/little_endian.hpp"

namespace sluice::net {

namespace {

constexpr std::size_t kStampFixed = 12;

tl::unexpected<Error> bad(const char* what) {
  return fail(ErrorCode::protocol, std::string("bad ") + what + " from the peer");
}

}  // namespace

std::string encode_stamp(const ChannelStamp& stamp) {
  std::string out;
  append_u32(out, stamp.uid);
  append_u32(out, stamp.gid);
  append_u32(out, static_cast<std::uint32_t>(stamp.pid));
  out.append(stamp.target);
  return out;
}

Result<ChannelStamp> decode_stamp(std::string_view payload) {
  if (payload.size() < kStampFixed || payload.size() > kStampFixed + kMaxTargetText) {
    return bad("channel stamp");
  }
  // The uid that means nobody is how a host itself is written; no user has it.
  if (read_u32(payload) == static_cast<uid_t>(-1)) return bad("channel stamp");
  return ChannelStamp{.uid = read_u32(payload),
                      .gid = read_u32(payload.substr(4)),
                      .pid = static_cast<pid_t>(read_u32(payload.substr(8))),
                      .target = std::string(payload.substr(kStampFixed))};
}

std::string encode_close(const Error& why) {
  std::string out;
  append_u16(out, static_cast<std::uint16_t>(why.code));
  out.append(std::string_view(why.text).substr(0, kMaxCloseText));
  return out;
}

Result<Error> decode_close(std::string_view payload) {
  if (payload.size() < 2 || payload.size() > 2 + kMaxCloseText) return bad("channel end");
  const std::uint16_t code = read_u16(payload);
  if (code == 0) return Error{ErrorCode::unavailable, "closed by peer"};
  return Error{static_cast<ErrorCode>(code), std::string(payload.substr(2))};
}

std::string encode_credit(std::uint32_t bytes) {
  std::string out;
  append_u32(out, bytes);
  return out;
}

Result<std::uint32_t> decode_credit(std::string_view payload) {
  if (payload.size() != 4) return bad("credit");
  return read_u32(payload);
}

}  // namespace sluice::net
