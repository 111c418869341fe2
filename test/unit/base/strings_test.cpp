// Text tools, hashes, error texts and identities, by tables.
#include "base/strings.hpp"

#include <set>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/error_code.hpp"
#include "base/hash.hpp"
#include "base/uid_text.hpp"

namespace sluice::base {
namespace {

using Views = std::vector<std::string_view>;
using Strings = std::vector<std::string>;

TEST(Strings, Split) {
  EXPECT_EQ(split("a,,b", ','), (Views{"a", "", "b"}));
  EXPECT_EQ(split("", ','), (Views{""}));
  EXPECT_EQ(split(",", ','), (Views{"", ""}));
  EXPECT_EQ(split_nonempty(",a,,b,", ','), (Views{"a", "b"}));
  EXPECT_TRUE(split_nonempty("", ',').empty());
}

RC_GTEST_PROP(StringsProperty, JoinUndoesSplit, (const std::string& text)) {
  std::vector<std::string_view> one_by_one;
  for (const std::string_view piece : Pieces(text, ',')) one_by_one.push_back(piece);
  RC_ASSERT(one_by_one == split(text, ','));
  RC_ASSERT(join(split(text, ','), ",") == text);
}

TEST(Strings, SplitQuoted) {
  EXPECT_EQ(split_quoted("a='x,y',b=\"z\"", ','), (Strings{"a=x,y", "b=z"}));
  EXPECT_EQ(split_quoted("\"it's\",b", ','), (Strings{"it's", "b"}));
  EXPECT_FALSE(split_quoted("a,'b", ','));
}

TEST(Strings, SplitWords) {
  EXPECT_EQ(split_words("  -J 'a b' --x=\"c d\"e f\\ g ''"),
            (Strings{"-J", "a b", "--x=c de", "f g", ""}));
  EXPECT_EQ(split_words("'a\\b' \"a\\\"b\""), (Strings{"a\\b", "a\"b"}));
  EXPECT_TRUE(split_words(" \t ")->empty());
  EXPECT_FALSE(split_words("a \"b"));
}

RC_GTEST_PROP(StringsProperty, QuotedWordsComeBack, ()) {
  const auto words = *rc::gen::container<Strings>(rc::gen::string<std::string>());
  Strings quoted;
  for (const std::string& word : words) quoted.push_back(shell_quote(word));
  RC_ASSERT(split_words(join(quoted, " ")) == words);
}

TEST(Strings, CutAndTrim) {
  EXPECT_EQ(cut("k=v=w", '=').before, "k");
  EXPECT_EQ(cut("k=v=w", '=').after, "v=w");
  EXPECT_FALSE(cut("k", '=').found);
  EXPECT_TRUE(cut("k=", '=').found);
  EXPECT_EQ(trim(" \ta b\r\n"), "a b");
  EXPECT_EQ(trim(" \n "), "");
}

TEST(Strings, WithoutCase) {
  EXPECT_TRUE(iequals("NodeName", "nodename"));
  EXPECT_FALSE(iequals("a", "ab"));
  EXPECT_TRUE(istarts_with("PartitionName", "part"));
  EXPECT_FALSE(istarts_with("pa", "part"));
  EXPECT_EQ(to_lower("AbC-Z1"), "abc-z1");
  EXPECT_EQ(to_upper("AbC-z1"), "ABC-Z1");
  EXPECT_TRUE(abbreviates("SUS", "suspend", 2));
  EXPECT_FALSE(abbreviates("s", "suspend", 2));
  EXPECT_FALSE(abbreviates("suspended", "suspend"));
}

TEST(Strings, EscapeAndQuote) {
  EXPECT_EQ(escape("a\"b\\c\n\t\x01\xff"), "a\\\"b\\\\c\\n\\t\\x01\\xff");
  EXPECT_EQ(shell_quote("plain-1.txt"), "plain-1.txt");
  EXPECT_EQ(shell_quote("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_quote(""), "''");
}

TEST(Hash, SpreadsAndRepeats) {
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 10000; ++i) seen.insert(hash_bytes("node" + std::to_string(i)));
  EXPECT_EQ(seen.size(), 10000U);
  EXPECT_EQ(hash_bytes("abcdefghij"), hash_bytes("abcdefghij"));
  EXPECT_NE(hash_bytes("abc", 1), hash_bytes("abc", 2));
  EXPECT_NE(hash_bytes(std::string_view("a\0", 2)), hash_bytes("a"));
  EXPECT_NE(hash_bytes(""), hash_bytes(std::string_view("\0", 1)));
}

TEST(ErrorText, EachCodeHasOne) {
  for (std::uint16_t n = 0; n < 100; ++n) EXPECT_FALSE(error_text(ErrorCode{n}).empty()) << n;
  EXPECT_EQ(error_text(ErrorCode::invalid_job_id), "Invalid job id specified");
  EXPECT_EQ(error_text(ErrorCode::access_denied), "Access/permission denied");
  EXPECT_EQ(error_text(ErrorCode::node_config_unavailable),
            "Requested node configuration is not available");
  EXPECT_EQ(error_text(ErrorCode::core_specialization), "Invalid core specialization");
}

RC_GTEST_PROP(UidProperty, TextRoundTrips, (std::uint64_t high, std::uint64_t low)) {
  const Uid128 uid{high, low};
  RC_ASSERT(uid_text(uid).size() == 32U);
  RC_ASSERT(parse_uid(uid_text(uid)) == uid);
}

TEST(Uid, RefusesWhatIsWrong) {
  for (const char* text :
       {"", "0", "0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcdefa",
        "0123456789abcdef0123456789abcdeg", "-123456789abcdef0123456789abcdef"}) {
    EXPECT_FALSE(parse_uid(text)) << text;
  }
}

}  // namespace
}  // namespace sluice::base
