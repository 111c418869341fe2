// Column formats of the query commands: "%.18i %9P" (-o), "jobid:20,name:.N" (-O) and sacct's
// "jobid%20,state%-10". A format is compiled once against a table of fields and then makes rows
// into one buffer. Widths count bytes, as Slurm's do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace sluice::report {

// One column of a table for records of type Record. `text` appends the value to a buffer; Context
// is what the whole report shares (time, user names, options).
template <class Record, class Context>
struct Field {
  std::string_view name;  // -O and sacct name, as documented
  char letter = 0;        // -o letter; 0: none
  std::string_view header;
  std::uint16_t width = 20;  // -O's default; sacct: negative means left there
  void (*text)(const Record& record, const Context& context, std::string& out) = nullptr;
  std::string_view letter_header = {};  // where -o's header differs from -O's
};

enum class Align : std::uint8_t { left, right };

// A compiled column: which field, how wide.
struct Column {
  std::size_t field = SIZE_MAX;  // SIZE_MAX: only literal text
  std::size_t width = 0;         // 0: natural
  Align align = Align::left;
  bool mark_cut = false;  // sacct: a cut value ends in '+'
  std::string before;     // literal text in front
  std::string after;      // literal text behind
};

struct Format {
  std::vector<Column> columns;
  std::vector<std::string> problems;  // for stderr: "Invalid job format specification: x"
};

// How the parsers look fields up. -1: unknown.
using FindLetter = std::function<long(char)>;
using FindName = std::function<long(std::string_view)>;

// -o. `problem` begins the message about an unknown letter, which is printed as it stands.
[[nodiscard]] Format parse_letters(std::string_view text, const FindLetter& find,
                                   std::string_view problem);
// -O. `default_width` gives each field's own.
[[nodiscard]] Format parse_names(std::string_view text, const FindName& find,
                                 const std::function<std::size_t(std::size_t)>& default_width,
                                 std::string_view problem);

// Appends `value` padded or cut to the column.
void put(std::string& out, const Column& column, std::string_view value);

// A table of fields with a compiled format.
template <class Record, class Context>
class Table {
 public:
  using FieldType = Field<Record, Context>;

  Table(std::span<const FieldType> fields, Format format, bool by_letter)
      : fields_(fields), format_(std::move(format)), by_letter_(by_letter) {}

  void header(std::string& out) const {
    for (const Column& column : format_.columns) {
      std::string_view text;
      if (column.field != SIZE_MAX) text = header_of(fields_[column.field]);
      emit(out, column, text);
    }
    out.push_back('\n');
  }

  void row(const Record& record, const Context& context, std::string& out) {
    for (const Column& column : format_.columns) {
      value_.clear();
      if (column.field != SIZE_MAX) fields_[column.field].text(record, context, value_);
      emit(out, column, value_);
    }
    out.push_back('\n');
  }

  [[nodiscard]] const Format& format() const { return format_; }

 private:
  [[nodiscard]] std::string_view header_of(const FieldType& field) const {
    return by_letter_ && !field.letter_header.empty() ? field.letter_header : field.header;
  }
  static void emit(std::string& out, const Column& column, std::string_view text) {
    out += column.before;
    if (column.field != SIZE_MAX) put(out, column, text);
    out += column.after;
  }

  std::span<const FieldType> fields_;
  Format format_;
  bool by_letter_;
  std::string value_;
};

template <class FieldType>
[[nodiscard]] FindLetter letters_of(std::span<const FieldType> fields) {
  return [fields](char letter) -> long {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (fields[i].letter == letter) return static_cast<long>(i);
    }
    return -1;
  };
}

// "%a|%b|…|%Z": what squeue and sinfo print for "%all".
template <class FieldType>
[[nodiscard]] std::string all_letters(std::span<const FieldType> fields) {
  std::string text;
  for (const std::string_view range :
       {"abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}) {
    for (const char letter : range) {
      if (letters_of(fields)(letter) < 0) continue;
      if (!text.empty()) text += '|';
      text += '%';
      text += letter;
    }
  }
  return text;
}

// Compares without regard to case.
[[nodiscard]] bool same_name(std::string_view a, std::string_view b);

template <class FieldType>
[[nodiscard]] FindName names_of(std::span<const FieldType> fields) {
  return [fields](std::string_view name) -> long {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (!fields[i].name.empty() && same_name(fields[i].name, name)) return static_cast<long>(i);
    }
    return -1;
  };
}

}  // namespace sluice::report
