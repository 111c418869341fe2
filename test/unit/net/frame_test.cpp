// The framing: exact bytes, every way to cut the input, and what must be refused.

#include "net/client/frame.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace sluice::net {
namespace {

std::string encoded(const std::vector<Frame>& frames) {
  std::string bytes;
  for (const Frame& frame : frames) append_frame(bytes, frame);
  return bytes;
}

// All frames that come out; stops at an error, which is counted in `errors`.
struct Outcome {
  std::vector<Frame> frames;
  int errors = 0;
};
void drain(FrameDecoder& decoder, Outcome& outcome) {
  for (;;) {
    auto frame = decoder.next();
    if (!frame) {
      ++outcome.errors;
      return;
    }
    if (!*frame) return;
    outcome.frames.push_back(std::move(**frame));
  }
}

const std::vector<Frame>& some_frames() {
  static const std::vector<Frame> frames{{1, 2, "three"},
                                         {0, 0, ""},
                                         {65535, ~0ULL, std::string(3000, 'x')},
                                         {7, 1, std::string(1, '\0')}};
  return frames;
}

TEST(Frame, IsLittleEndianWithLengthAfterItself) {
  std::string bytes;
  append_frame(bytes, 0x0102, 0x0304, "ab");
  EXPECT_EQ(bytes, std::string("\x0c\0\0\0\x02\x01\x04\x03\0\0\0\0\0\0ab", 16));
}

TEST(Frame, SurvivesASplitAtEveryPoint) {
  const std::string bytes = encoded(some_frames());
  for (std::size_t at = 0; at <= bytes.size(); ++at) {
    FrameDecoder decoder;
    Outcome outcome;
    decoder.push(std::string_view(bytes).substr(0, at));
    drain(decoder, outcome);
    decoder.push(std::string_view(bytes).substr(at));
    drain(decoder, outcome);
    ASSERT_EQ(outcome.frames, some_frames()) << "split at " << at;
    ASSERT_EQ(decoder.buffered(), 0U);
  }
}

TEST(Frame, SurvivesSingleBytes) {
  FrameDecoder decoder;
  Outcome outcome;
  for (const char byte : encoded(some_frames())) {
    decoder.push(std::string_view(&byte, 1));
    drain(decoder, outcome);
  }
  EXPECT_EQ(outcome.frames, some_frames());
  EXPECT_EQ(outcome.errors, 0);
}

TEST(Frame, RefusesAnOversizedLengthBeforeTheBytesCome) {
  FrameDecoder decoder(100);
  Outcome outcome;
  std::string fits;
  append_frame(fits, 1, 1, std::string(100, 'a'));
  decoder.push(fits);
  drain(decoder, outcome);
  EXPECT_EQ(outcome.frames.size(), 1U);
  EXPECT_EQ(outcome.errors, 0);

  std::string large;
  append_frame(large, 1, 1, std::string(101, 'a'));
  decoder.push(std::string_view(large).substr(0, 4));
  drain(decoder, outcome);
  EXPECT_EQ(outcome.errors, 1);
}

TEST(Frame, RefusesALengthBelowTheHeader) {
  FrameDecoder decoder;
  Outcome outcome;
  decoder.push(std::string("\x09\0\0\0", 4));
  drain(decoder, outcome);
  EXPECT_EQ(outcome.errors, 1);
}

TEST(Frame, StaysBrokenAndHoldsNothingAfterABadFrame) {
  FrameDecoder decoder;
  Outcome outcome;
  decoder.push("\xff\xff\xff\xff");
  drain(decoder, outcome);
  decoder.push(encoded(some_frames()));
  drain(decoder, outcome);
  EXPECT_EQ(outcome.errors, 2);
  EXPECT_TRUE(outcome.frames.empty());
  EXPECT_EQ(decoder.buffered(), 0U);
}

TEST(Frame, ARaisedLimitHoldsForTheNextFrame) {
  FrameDecoder decoder(10);
  decoder.set_max_payload(1000);
  Outcome outcome;
  decoder.push(encoded({{1, 1, std::string(1000, 'b')}}));
  drain(decoder, outcome);
  EXPECT_EQ(outcome.frames.size(), 1U);
}

TEST(FrameProperty, AnyFramesInAnyPiecesComeOutAsTheyWere) {
  rc::check([](const std::vector<std::string>& payloads, const std::vector<std::uint8_t>& cuts) {
    std::vector<Frame> frames;
    for (const std::string& payload : payloads) {
      frames.push_back({static_cast<std::uint16_t>(payload.size() * 31), frames.size(), payload});
    }
    const std::string bytes = encoded(frames);
    FrameDecoder decoder;
    Outcome outcome;
    std::size_t at = 0;
    for (std::size_t i = 0; at < bytes.size(); ++i) {
      const std::size_t step = cuts.empty() ? 7 : std::size_t{1} + cuts[i % cuts.size()];
      decoder.push(std::string_view(bytes).substr(at, step));
      drain(decoder, outcome);
      at += step;
    }
    RC_ASSERT(outcome.frames == frames);
    RC_ASSERT(decoder.buffered() == 0U);
  });
}

TEST(FrameProperty, GarbageNeitherCrashesNorGrows) {
  rc::check([](const std::vector<std::string>& pieces) {
    constexpr std::size_t kLimit = 64;
    FrameDecoder decoder(kLimit);
    Outcome outcome;
    for (const std::string& piece : pieces) {
      decoder.push(piece);
      drain(decoder, outcome);
      RC_ASSERT(decoder.buffered() < kFrameHeaderSize + kLimit);
    }
    for (const Frame& frame : outcome.frames) RC_ASSERT(frame.payload.size() <= kLimit);
  });
}

}  // namespace
}  // namespace sluice::net
