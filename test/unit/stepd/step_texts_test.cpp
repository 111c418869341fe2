// The pure parts of stepd: file names, windows, input, multi-prog, prolog output.
#include <gtest/gtest.h>

#include "daemon/stepd/filename.hpp"
#include "daemon/stepd/input_feed.hpp"
#include "daemon/stepd/multi_prog.hpp"
#include "daemon/stepd/output_window.hpp"
#include "daemon/stepd/task_prolog.hpp"

namespace sluice::stepd {
namespace {

FileNameValues of_batch() {
  FileNameValues values;
  values.job_id = 310;
  values.node = "n1.domain";
  values.user = "ann";
  values.job_name = "my job";
  return values;
}

TEST(FileName, ExpandsEveryLetter) {
  FileNameValues values = of_batch();
  EXPECT_EQ(expand_file_name("%j-%J-%s-%N-%n-%t-%u-%x-%%", values),
            "310-310-batch-n1-0-0-ann-my job-%");
  values.step = 4;
  values.task = 12;
  values.node_number = 2;
  EXPECT_EQ(expand_file_name("%J %s %t %n", values), "310.4 4 12 2");
}

TEST(FileName, KnowsArrays) {
  FileNameValues values = of_batch();
  EXPECT_EQ(expand_file_name("%A_%a", values), "310_4294967294");
  values.array_job = 300;
  values.array_task = 37;
  EXPECT_EQ(expand_file_name("slurm-%A_%a.%b", values), "slurm-300_37.7");
}

TEST(FileName, PadsNumbersToTenDigitsAtMost) {
  const FileNameValues values = of_batch();
  EXPECT_EQ(expand_file_name("%5j %10A %4t %99j", values), "00310 0000000310 0000 0000000310");
  EXPECT_EQ(expand_file_name("%5u", values), "ann");
}

TEST(FileName, LeavesUnknownLettersAndEnds) {
  const FileNameValues values = of_batch();
  EXPECT_EQ(expand_file_name("%z %3z %", values), "%z %3z %");
}

TEST(FileName, ABackslashSwitchesPatternsOff) {
  EXPECT_EQ(expand_file_name("c\\%j-%j", of_batch()), "c%j-%j");
}

TEST(OutputWindow, NumbersAndBoundsWhatItHolds) {
  OutputWindow window(10);
  window.append("abcdefgh");
  EXPECT_EQ(window.room(), 2U);
  auto chunk = window.next(5);
  ASSERT_TRUE(chunk.has_value());
  EXPECT_EQ(chunk->data, "abcde");
  EXPECT_FALSE(chunk->end);
  window.sent(*chunk);
  chunk = window.next(5);
  EXPECT_EQ(chunk->offset, 5U);
  window.sent(*chunk);
  EXPECT_FALSE(window.next(5).has_value());
  window.acknowledge(6);
  EXPECT_EQ(window.room(), 8U);
}

TEST(OutputWindow, GoesOnFromWhatWasAcknowledged) {
  OutputWindow window(100);
  window.append("0123456789");
  window.sent(*window.next(100));
  window.acknowledge(4);
  window.rewind();
  const auto chunk = window.next(100);
  EXPECT_EQ(chunk->offset, 4U);
  EXPECT_EQ(chunk->data, "456789");
}

TEST(OutputWindow, IgnoresImpossibleAcknowledgements) {
  OutputWindow window(100);
  window.append("abc");
  window.acknowledge(50);
  EXPECT_EQ(window.next(10)->data, "abc");
  window.sent(*window.next(10));
  window.acknowledge(2);
  window.acknowledge(1);
  window.rewind();
  EXPECT_EQ(window.next(10)->data, "c");
}

TEST(OutputWindow, TellsItsEndOnce) {
  OutputWindow window(100);
  window.append("abc");
  window.end();
  const auto chunk = window.next(100);
  EXPECT_TRUE(chunk->end);
  window.sent(*chunk);
  EXPECT_TRUE(window.drained());
  EXPECT_FALSE(window.next(100).has_value());
  EXPECT_FALSE(window.acknowledged());
  window.acknowledge(3);
  EXPECT_TRUE(window.acknowledged());
  window.rewind();
  EXPECT_TRUE(window.next(100)->end);
  EXPECT_TRUE(window.next(100)->data.empty());
}

TEST(InputFeed, MovesWithItsSlowestReader) {
  InputFeed feed(2, 100);
  EXPECT_TRUE(feed.add(0, "hello", false));
  feed.taken(0, 5);
  EXPECT_EQ(feed.position(), 0U);
  feed.taken(1, 3);
  EXPECT_EQ(feed.position(), 3U);
  EXPECT_EQ(feed.pending(1), "lo");
  feed.leave(1);
  EXPECT_EQ(feed.position(), 5U);
}

TEST(InputFeed, SkipsRepetitionsAndRefusesGaps) {
  InputFeed feed(1, 100);
  EXPECT_TRUE(feed.add(0, "abc", false));
  EXPECT_TRUE(feed.add(1, "bcde", false));
  EXPECT_EQ(feed.pending(0), "abcde");
  EXPECT_FALSE(feed.add(9, "x", false));
  EXPECT_TRUE(feed.add(5, "", true));
  feed.taken(0, 5);
  EXPECT_TRUE(feed.complete(0));
}

TEST(InputFeed, RefusesMoreThanItsLimit) {
  InputFeed feed(1, 4);
  EXPECT_TRUE(feed.add(0, "abcd", false));
  EXPECT_FALSE(feed.add(4, "e", false));
  feed.taken(0, 4);
  EXPECT_TRUE(feed.add(4, "e", false));
}

TEST(MultiProg, FindsTheProgramOfATask) {
  const std::string text = "#comment\n4-6 hostname\n1,7 echo task:%t\n0,2-3 echo offset:%o\n";
  using Words = std::vector<std::string>;
  EXPECT_EQ(program_of_task(text, 5).value(), Words{"hostname"});
  EXPECT_EQ(program_of_task(text, 7).value(), (Words{"echo", "task:7"}));
  EXPECT_EQ(program_of_task(text, 3).value(), (Words{"echo", "offset:2"}));
  EXPECT_EQ(program_of_task(text, 8).error().text, "No executable program specified for this task");
  EXPECT_EQ(program_of_task("* a 'b c' '%t'%t\n", 2).value(), (Words{"a", "b c", "%t2"}));
}

TEST(TaskProlog, ChangesTheEnvironmentAndPrints) {
  base::Environment environment({"OLD=1", "KEEP=2"});
  const std::string printed = apply_prolog_output(
      "export NEW=a b=c\nunset OLD\nprint hello there\nexport 1BAD=x\nnoise\n", environment);
  EXPECT_EQ(printed, "hello there\n");
  EXPECT_EQ(environment.get("NEW"), "a b=c");
  EXPECT_FALSE(environment.has("OLD"));
  EXPECT_FALSE(environment.has("1BAD"));
  EXPECT_TRUE(environment.has("KEEP"));
}

}  // namespace
}  // namespace sluice::stepd
