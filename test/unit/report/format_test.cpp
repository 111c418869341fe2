// Column formats: what -o and -O mean, width, side, cutting, what is wrong.
#include "report/format.hpp"

#include <array>

#include <gtest/gtest.h>

namespace sluice::report {
namespace {

struct Item {
  const char* id;
  const char* name;
};
struct Nothing {};

constexpr auto kFields = std::to_array<Field<Item, Nothing>>({
    {"Id", 'i', "ID", 20,
     [](const Item& item, const Nothing&, std::string& out) { out += item.id; }},
    {"Name", 'N', "NAME", 20,
     [](const Item& item, const Nothing&, std::string& out) { out += item.name; }},
});
std::span<const Field<Item, Nothing>> fields() { return kFields; }

std::string print(Format format, bool by_letter) {
  Table<Item, Nothing> table(fields(), std::move(format), by_letter);
  std::string out;
  table.header(out);
  table.row({"12345", "job"}, {}, out);
  return out;
}
std::string letters(std::string_view text) {
  return print(parse_letters(text, letters_of(fields()), "bad: "), true);
}
std::string names(std::string_view text) {
  return print(parse_names(
                   text, names_of(fields()), [](std::size_t) { return 20; }, "bad: "),
               false);
}

struct Case {
  const char* format;
  const char* output;
};

TEST(Letters, AreColumns) {
  constexpr Case kCases[] = {
      {"%i", "ID\n12345\n"},
      {"%3i", "ID \n123\n"},
      {"%.8i", "      ID\n   12345\n"},
      {"%8i|", "ID      |\n12345   |\n"},
      {"  %i, %N!", "  ID, NAME!\n  12345, job!\n"},
      {"%.3i%N", " IDNAME\n123job\n"},
      {"%%i", "%i\n%i\n"},
      {"100%% %i", "100% ID\n100% 12345\n"},
      {"", "\n\n"},
      {"text", "text\ntext\n"},
      {"a\\t%i", "a\\tID\na\\t12345\n"},
      {"%", "%\n%\n"},
      {"%i%", "ID%\n12345%\n"},
      {"{\"id\":\"%i\"}", "{\"id\":\"ID\"}\n{\"id\":\"12345\"}\n"},
  };
  for (const Case& each : kCases) EXPECT_EQ(letters(each.format), each.output) << each.format;
}

TEST(Letters, TellsUnknownOnes) {
  const Format format = parse_letters("%i %_ %9q", letters_of(fields()), "bad: ");
  EXPECT_EQ(format.problems, (std::vector<std::string>{"bad: _", "bad: q"}));
  EXPECT_EQ(letters("%i %_ %9q"), "ID %_ %9q\n12345 %_ %9q\n");
}

TEST(Letters, EndlessWidthIsBounded) {
  const Format format = parse_letters("%99999999999999999999i", letters_of(fields()), "");
  EXPECT_EQ(format.columns.at(0).width, 1'000'000U);
}

TEST(Letters, AllOfThem) { EXPECT_EQ(all_letters(fields()), "%i|%N"); }

TEST(Names, AreColumns) {
  constexpr Case kCases[] = {
      {"id", "ID                  \n12345               \n"},
      {"ID:3", "ID \n123\n"},
      {"id:.7", "     ID\n  12345\n"},
      {"id:.7xx,name:4|", "     IDxxNAME|\n  12345xxjob |\n"},
      {"id:0", "ID\n12345\n"},
      {"id:;", "ID;\n12345;\n"},
      {"id: ,name:\t", "ID NAME\t\n12345 job\t\n"},
      {"id:5,", "ID   \n12345\n"},
      {"", "\n\n"},
  };
  for (const Case& each : kCases) EXPECT_EQ(names(each.format), each.output) << each.format;
}

TEST(Names, TellsUnknownOnes) {
  const Format format = parse_names(
      "id, name,foo:5", names_of(fields()), [](std::size_t) { return 20; }, "bad: ");
  EXPECT_EQ(format.problems, (std::vector<std::string>{"bad:  name", "bad: foo"}));
  EXPECT_EQ(format.columns.size(), 1U);
}

TEST(Put, MarksACut) {
  Column column;
  column.width = 5;
  column.mark_cut = true;
  std::string out;
  put(out, column, "CANCELLED");
  EXPECT_EQ(out, "CANC+");
}

}  // namespace
}  // namespace sluice::report
