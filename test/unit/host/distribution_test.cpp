// -m/--distribution: every form that Slurm takes, and what it prints of them.
#include "daemon/worker/host/distribution.hpp"

#include <gtest/gtest.h>

namespace sluice::worker {
namespace {

struct Row {
  const char* text;
  const char* printed;
};

TEST(Distribution, PrintsWhatItRead) {
  const Row rows[] = {{"", ""},
                      {"*", ""},
                      {"block", "block"},
                      {"BLOCK", "block"},
                      {"cyclic", "cyclic"},
                      {"arbitrary", "arbitrary"},
                      {"plane=4", "plane"},
                      {"plane", "plane"},
                      {"cyclic:block", "cyclic:block"},
                      {"*:cyclic", "block:cyclic"},
                      {"block:block:fcyclic", "block:block:fcyclic"},
                      {"cyclic:*:block", "cyclic:*:block"},
                      {"block:fcyclic,Pack", "block:fcyclic,pack"},
                      {"block,NoPack", "block,nopack"},
                      {"pack", "pack"}};
  for (const Row& row : rows) {
    const auto parsed = parse_distribution(row.text);
    ASSERT_TRUE(parsed.has_value()) << row.text << ": " << parsed.error().text;
    EXPECT_EQ(distribution_text(*parsed), row.printed) << row.text;
  }
}

TEST(Distribution, KeepsThePlaneSize) {
  EXPECT_EQ(parse_distribution("plane=16")->plane, 16U);
  EXPECT_EQ(parse_distribution("plane")->plane, 0U);
}

TEST(Distribution, RefusesTheRest) {
  for (const char* text : {"foo", "b:c", "plane=", "plane=x", "plane=0", "plane=2:block",
                           "block:foo", "block:block:block:block", "block,Pack,Pack", ",",
                           "block,cyclic", ":", "plane=99999999999"}) {
    const auto parsed = parse_distribution(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid_argument) << text;
  }
}

}  // namespace
}  // namespace sluice::worker
