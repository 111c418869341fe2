// Writes a document as JSON or as YAML, value by value into one buffer: a report of 100,000 jobs
// never exists as a tree in memory. Misuse (a member outside of an object, a value without its key)
// is a bug and trips an assert.
//
//   JsonWriter writer(DocumentStyle::json);
//   writer.open_object();
//   writer.member("name", job.name);
//   writer.key("nodes");
//   writer.open_array();
//   ...
//   writer.close();
//   writer.close();
//   writer.take();
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"

namespace sluice::report {

enum class DocumentStyle : std::uint8_t { json, yaml };

// Slurm's {"set", "infinite", "number"}: a number that may be missing or endless.
struct OptionalNumber {
  bool set = false;
  bool infinite = false;
  std::int64_t number = 0;

  [[nodiscard]] static OptionalNumber of(std::int64_t number) { return {true, false, number}; }
  // 0 stands for "not set".
  [[nodiscard]] static OptionalNumber unless_zero(std::int64_t number) {
    return {number != 0, false, number};
  }
  [[nodiscard]] static OptionalNumber endless() { return {true, true, 0}; }
};

class JsonWriter {
 public:
  explicit JsonWriter(DocumentStyle style) : style_(style) {}

  void open_object() { open('{'); }
  void open_array() { open('['); }
  void close();                     // the innermost
  void key(std::string_view name);  // of the next value, inside an object

  void value(std::string_view text);
  void value(const char* text) { value(std::string_view(text)); }
  void value(const std::string& text) { value(std::string_view(text)); }
  void value(const Text& text) { value(text.view()); }
  void value(double number);
  void value(OptionalNumber number);
  template <std::integral Number>
  void value(Number number) {
    if constexpr (std::same_as<Number, bool>) {
      scalar(number ? "true" : "false");
    } else {
      scalar(std::to_string(number));
    }
  }
  void null() { scalar("null"); }

  template <class Value>
  void member(std::string_view name, const Value& value_of) {
    key(name);
    value(value_of);
  }
  void strings(std::string_view name, std::span<const std::string> texts);
  void strings(std::string_view name, std::initializer_list<std::string_view> texts);

  // The whole text, with a newline at its end. Everything must be closed.
  [[nodiscard]] std::string take();

 private:
  struct Level {
    char kind = '{';
    bool empty = true;
  };
  void open(char kind);
  void scalar(std::string_view text);
  void before_value();
  void begin_line(std::size_t depth);
  void quote(std::string_view text);

  DocumentStyle style_;
  std::string out_;
  std::vector<Level> levels_;
  bool after_key_ = false;
  bool after_dash_ = false;  // YAML: the first member of an object in a list follows its dash
};

}  // namespace sluice::report
