// Properties over random text: quoting is undone exactly, and no value, however odd, is more than
// an error.
#include <functional>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "opt/export.hpp"
#include "opt/line.hpp"
#include "opt/states.hpp"
#include "opt/values.hpp"

namespace sluice::opt {
namespace {

// Runs a property and tells gtest how it went.
template <class Property>
bool holds(const char* what, Property property) {
  return rc::check(what, property);
}

std::string quoted(const std::string& word) {
  std::string result = "\"";
  for (char c : word) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

// Text made of the letters that the option languages know.
rc::Gen<std::string> odd_text() {
  return rc::gen::container<std::string>(
      rc::gen::elementOf(std::string("019aAx-_,:;@%*=+?.[]()~ \t\"'\\#/nklGMv")));
}

TEST(Property, QuotedWordsComeBackExactly) {
  EXPECT_TRUE(holds("split(join(quoted)) is the words", [] {
    const auto words = *rc::gen::container<std::vector<std::string>>(odd_text());
    std::string line;
    for (const std::string& word : words) line += " " + quoted(word);
    const auto again = split_directive(line);
    RC_ASSERT(again.has_value());
    RC_ASSERT(*again == words);
  }));
}

TEST(Property, OddValuesAreErrorsAtWorst) {
  using Parser = std::function<bool(const std::string&)>;
  const std::vector<Parser> parsers{
      [](const std::string& t) { return parse_signal_request(t).has_value(); },
      [](const std::string& t) { return parse_distribution(t, "3").has_value(); },
      [](const std::string& t) { return parse_cpu_bind(t).has_value(); },
      [](const std::string& t) { return parse_gres(t).has_value(); },
      [](const std::string& t) { return parse_gpus(t, model::GresScope::job).has_value(); },
      [](const std::string& t) { return check_gpu_bind(t).has_value(); },
      [](const std::string& t) { return parse_mail_types(t).has_value(); },
      [](const std::string& t) { return parse_rlimits(t).has_value(); },
      [](const std::string& t) { return parse_node_shape(t).has_value(); },
      [](const std::string& t) { return check_dependency(t).has_value(); },
      [](const std::string& t) { return parse_array_text(t).has_value(); },
      [](const std::string& t) { return check_multi_prog(t, "f", 9).has_value(); },
      [](const std::string& t) { return parse_job_ref(t).has_value(); },
      [](const std::string& t) { return parse_job_states(t).has_value(); },
      [](const std::string& t) { return parse_node_states(t).has_value(); },
      [](const std::string& t) { return parse_export_file(t).has_value(); },
      [](const std::string& t) {
        return exported_environment(base::Environment(), t, ExportTo::step).has_value();
      },
  };
  EXPECT_TRUE(holds("no parser breaks, and each gives one answer", [&parsers] {
    const std::string text = *odd_text();
    for (const Parser& parse : parsers) RC_ASSERT(parse(text) == parse(text));
  }));
}

// What is accepted as an array is made of numbers; its text is kept but for the limit.
TEST(Property, ArraysKeepTheirText) {
  EXPECT_TRUE(holds("tasks and limit are cut at %", [] {
    const auto first = *rc::gen::inRange(0U, 1000U);
    const auto more = *rc::gen::inRange(0U, 1000U);
    const auto limit = *rc::gen::inRange(1U, 50U);
    const std::string tasks = std::to_string(first) + "-" + std::to_string(first + more);
    const auto array = parse_array_text(tasks + "%" + std::to_string(limit));
    RC_ASSERT(array.has_value());
    RC_ASSERT(array->tasks == tasks);
    RC_ASSERT(array->limit == limit);
  }));
}

}  // namespace
}  // namespace sluice::opt
