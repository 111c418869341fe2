// The codec: round trips of real messages, defaults, unknown fields, and everything that a hostile
// peer may send.
#include "wire/codec.hpp"

#include <random>

#include <gtest/gtest.h>

#include "wire/client_messages.hpp"
#include "wire/node_messages.hpp"
#include "wire/step_messages.hpp"

namespace sluice::wire {
namespace {

model::Job sample_job() {
  model::Job job;
  job.id = JobId(42);
  job.uid = {1, 2};
  job.attempt = 3;
  auto spec = std::make_shared<model::JobSpec>();
  spec->name = "a name";
  spec->arguments = {Text("one"), Text(), Text("three")};
  spec->nice = -5;
  spec->limits = {0, 1, UINT64_MAX};
  job.spec = spec;
  auto request = std::make_shared<model::Request>();
  request->gres.push_back({"gpu", "a100", 2, model::GresScope::task});
  job.request = request;
  auto allocation = std::make_shared<model::Allocation>();
  model::NodeShare share;
  share.node = NodeIndex(7);
  share.cpus = base::Bitmap(12, {0, 3, 11});
  allocation->shares.push_back(share);
  job.allocation = allocation;
  job.time_limit = 0;
  job.array_task = 0;  // not the default: must travel
  return job;
}

TEST(Codec, RecordsComeBackAsTheyWere) {
  const model::Job job = sample_job();
  const Result<model::Job> back = decode<model::Job>(encode(job));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back->spec, *job.spec);
  EXPECT_EQ(*back->request, *job.request);
  EXPECT_EQ(*back->allocation, *job.allocation);
  EXPECT_EQ(back->id, job.id);
  EXPECT_EQ(back->array_task, 0U);
  EXPECT_EQ(back->uid, job.uid);
}

TEST(Codec, DefaultsTakeNoSpace) {
  EXPECT_EQ(encode(model::StepSpec{}).size(), 0U);
  EXPECT_EQ(encode(LaunchStep{}).size(), 0U);
  EXPECT_EQ(encode(model::Partition{}).size(), 0U);
}

TEST(Codec, OptionalsKeepPresence) {
  UpdateJob update;
  update.patch.priority = 0;
  update.patch.name = Text();
  update.patch.gres = std::vector<model::GresRequest>{};
  const Result<UpdateJob> back = decode<UpdateJob>(encode(update));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->patch.priority, 0U);
  EXPECT_TRUE(back->patch.name.has_value());
  ASSERT_TRUE(back->patch.gres.has_value());
  EXPECT_TRUE(back->patch.gres->empty());
  EXPECT_FALSE(back->patch.nice.has_value());
}

TEST(Codec, UnknownFieldsAreSkipped) {
  Writer writer;
  writer.varint(2, 9);
  writer.bytes(1000, "from the future");
  writer.varint(1001, 5);
  writer.fixed64(1002, 6);
  writer.varint(3, 1);
  const Result<StepDone> back = decode<StepDone>(writer.take());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->exit_code, 9U);
  EXPECT_TRUE(back->error.empty());
}

TEST(Codec, FieldsMayComeInAnyOrder) {
  Writer writer;
  writer.varint(2, 9);
  writer.varint(1, 8);
  const Result<StepDone> back = decode<StepDone>(writer.take());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->node, 8U);
  EXPECT_EQ(back->exit_code, 9U);
}

TEST(Codec, EveryTruncationIsAnErrorOrAPrefix) {
  const std::string whole = encode(sample_job());
  std::size_t refused = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    refused += decode<model::Job>(std::string_view(whole).substr(0, size)) ? 0U : 1U;
  }
  EXPECT_GT(refused, whole.size() / 2);
}

TEST(Codec, RandomBytesNeverCrash) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string whole = encode(sample_job());
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = whole;
    for (int change = 0; change < 4; ++change) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    const Result<model::Job> job = decode<model::Job>(bytes);
    EXPECT_TRUE(job || job.error().code == ErrorCode::protocol);
  }
}

TEST(Codec, ManyEmptyElementsAreRefusedBeforeTheyExist) {
  // Two bytes each, but hundreds of bytes in memory: an amplification.
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes += std::string("\x1a\x00", 2);
  const Result<JobsReply> reply = decode<JobsReply>(bytes);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::protocol);
}

TEST(Codec, LengthsBeyondTheInputAreRefused) {
  Writer writer;
  writer.varint(1, 1);
  std::string bytes = writer.take();
  bytes += "\x22\xff\xff\xff\xff\x0f";  // field 4, bytes, length 4 GiB
  EXPECT_FALSE(decode<StepDone>(bytes));
}

TEST(Codec, NumbersThatDoNotFitAreRefused) {
  Writer writer;
  writer.varint(2, std::uint64_t{1} << 40U);  // exit_code has 32 bits
  EXPECT_FALSE(decode<StepDone>(writer.take()));
}

TEST(Codec, BitmapsMustBeExact) {
  base::Bitmap bits(10, {1, 9});
  const std::string bytes = bitmap_bytes(bits);
  base::Bitmap back;
  EXPECT_TRUE(bitmap_from(bytes, back));
  EXPECT_EQ(back, bits);
  EXPECT_FALSE(bitmap_from(bytes + "x", back));
  EXPECT_FALSE(bitmap_from(std::string_view(bytes).substr(0, bytes.size() - 1), back));
}

}  // namespace
}  // namespace sluice::wire
