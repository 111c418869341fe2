// liblzma unpacks; its state never leaves this file. What is read and unpacked is bounded.
#include "replay/trace_file.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>

#include <fmt/core.h>
#include <lzma.h>

namespace sluice::replay {

namespace {

constexpr std::size_t kMostBytes = std::size_t{4} << 30U;       // of a trace, unpacked
constexpr std::uint64_t kMostMemory = std::uint64_t{1} << 28U;  // for unpacking
constexpr std::size_t kPiece = 1 << 16;

struct Closer {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};

bool is_packed(const std::string& bytes) {
  constexpr std::array<char, 6> kMagic{'\xfd', '7', 'z', 'X', 'Z', '\0'};
  return bytes.size() >= kMagic.size() &&
         std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) == 0;
}

Result<std::string> read_all(const std::string& path) {
  const std::unique_ptr<std::FILE, Closer> file(path == "-" ? stdin
                                                            : std::fopen(path.c_str(), "rbe"));
  if (!file) return fail(ErrorCode::failure, path + ": " + std::strerror(errno));
  std::string bytes;
  std::array<char, kPiece> piece{};
  while (const std::size_t count = std::fread(piece.data(), 1, piece.size(), file.get())) {
    bytes.append(piece.data(), count);
    if (bytes.size() > kMostBytes) return fail(ErrorCode::failure, path + ": too large");
  }
  if (std::ferror(file.get()) != 0) {
    return fail(ErrorCode::failure, path + ": " + std::strerror(errno));
  }
  return bytes;
}

Result<std::string> unpack(const std::string& packed, const std::string& path) {
  lzma_stream stream = LZMA_STREAM_INIT;
  if (lzma_stream_decoder(&stream, kMostMemory, LZMA_CONCATENATED) != LZMA_OK) {
    return fail(ErrorCode::failure, path + ": no memory to unpack it");
  }
  const std::unique_ptr<lzma_stream, void (*)(lzma_stream*)> owner(&stream, lzma_end);
  std::string text;
  std::array<std::uint8_t, kPiece> piece{};
  // The library wants bytes, a string has chars: the same storage.
  stream.next_in = reinterpret_cast<const std::uint8_t*>(packed.data());
  stream.avail_in = packed.size();
  lzma_ret state = LZMA_OK;
  while (state == LZMA_OK) {
    stream.next_out = piece.data();
    stream.avail_out = piece.size();
    state = lzma_code(&stream, LZMA_FINISH);
    text.append(reinterpret_cast<const char*>(piece.data()), piece.size() - stream.avail_out);
    if (text.size() > kMostBytes) return fail(ErrorCode::failure, path + ": too large");
  }
  if (state != LZMA_STREAM_END) {
    return fail(ErrorCode::failure,
                fmt::format("{}: damaged after {} bytes of text", path, text.size()));
  }
  return text;
}

}  // namespace

Result<std::string> read_trace_file(const std::string& path) {
  Result<std::string> bytes = read_all(path);
  if (!bytes || !is_packed(*bytes)) return bytes;
  return unpack(*bytes, path);
}

}  // namespace sluice::replay
