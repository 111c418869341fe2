// See json_writer.hpp.
#include "report/json_writer.hpp"

#include <array>
#include <utility>

#include <fmt/core.h>

#include "base/assert.hpp"

namespace sluice::report {

namespace {

constexpr std::size_t kIndent = 2;

// The length of the UTF-8 character that begins here; 0 if none does.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
  };
  const auto follows = [&](std::size_t count) {
    for (std::size_t i = 1; i <= count; ++i) {
      if ((byte(i) & 0xc0U) != 0x80U) return false;
    }
    return true;
  };
  const unsigned first = byte(0);
  if (first >= 0xc2U && first <= 0xdfU && follows(1)) return 2;
  if (first >= 0xe0U && first <= 0xefU && follows(2)) {
    const bool overlong = first == 0xe0U && byte(1) < 0xa0U;
    const bool surrogate = first == 0xedU && byte(1) >= 0xa0U;
    return overlong || surrogate ? 0 : 3;
  }
  if (first >= 0xf0U && first <= 0xf4U && follows(3)) {
    const bool outside =
        (first == 0xf0U && byte(1) < 0x90U) || (first == 0xf4U && byte(1) >= 0x90U);
    return outside ? 0 : 4;
  }
  return 0;
}

}  // namespace

void JsonWriter::begin_line(std::size_t depth) {
  if (!out_.empty() && out_.back() == ' ') out_.pop_back();  // YAML: behind a key's colon
  if (!out_.empty()) out_ += '\n';
  out_.append(depth * kIndent, ' ');
}

// Everything that must stand before a value: the comma of the former one, line and indentation. A
// YAML list is written one level left of where JSON would have it.
void JsonWriter::before_value() {
  if (levels_.empty()) return;
  Level& level = levels_.back();
  if (level.kind == '{') {
    SLUICE_ASSERT(after_key_, "a value without a key");
    after_key_ = false;
    return;
  }
  if (style_ == DocumentStyle::json) {
    if (!level.empty) out_ += ',';
    begin_line(levels_.size());
  } else {
    if (after_dash_) {
      after_dash_ = false;
    } else {
      begin_line(levels_.size() - 1);
    }
    out_ += "- ";
  }
  level.empty = false;
}

void JsonWriter::open(char kind) {
  const bool in_list = !levels_.empty() && levels_.back().kind == '[';
  before_value();
  levels_.push_back({kind, true});
  if (style_ == DocumentStyle::json) {
    out_ += kind;
  } else {
    after_dash_ = in_list;
  }
}

void JsonWriter::close() {
  SLUICE_ASSERT(!levels_.empty() && !after_key_, "nothing to close, or a key without a value");
  const Level level = levels_.back();
  levels_.pop_back();
  const char end = level.kind == '{' ? '}' : ']';
  if (style_ == DocumentStyle::json) {
    if (!level.empty) begin_line(levels_.size());
    out_ += end;
  } else if (level.empty) {
    out_ += level.kind;
    out_ += end;
  }
  after_dash_ = false;
}

void JsonWriter::key(std::string_view name) {
  SLUICE_ASSERT(!levels_.empty() && levels_.back().kind == '{' && !after_key_, "key {}", name);
  Level& level = levels_.back();
  if (style_ == DocumentStyle::json && !level.empty) out_ += ',';
  if (after_dash_) {
    after_dash_ = false;
  } else {
    begin_line(style_ == DocumentStyle::json ? levels_.size() : levels_.size() - 1);
  }
  level.empty = false;
  quote(name);
  out_ += ": ";
  after_key_ = true;
}

void JsonWriter::scalar(std::string_view text) {
  before_value();
  out_ += text;
}

void JsonWriter::value(std::string_view text) {
  before_value();
  quote(text);
}

void JsonWriter::value(double number) { scalar(fmt::format("{}", number)); }

void JsonWriter::value(OptionalNumber number) {
  open_object();
  member("set", number.set);
  member("infinite", number.infinite);
  member("number", number.number);
  close();
}

void JsonWriter::strings(std::string_view name, std::span<const std::string> texts) {
  key(name);
  open_array();
  for (const std::string& text : texts) value(text);
  close();
}

void JsonWriter::strings(std::string_view name, std::initializer_list<std::string_view> texts) {
  key(name);
  open_array();
  for (const std::string_view text : texts) value(text);
  close();
}

// Double quotes mean the same in both languages. Bytes that are no UTF-8 become U+FFFD: a document
// that no reader accepts would be worse.
void JsonWriter::quote(std::string_view text) {
  out_ += '"';
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80U) {
      const std::size_t length = utf8_length(text.substr(at));
      out_ += length != 0 ? text.substr(at, length) : std::string_view("\xef\xbf\xbd");
      at += length != 0 ? length : 1;
      continue;
    }
    if (c == '"' || c == '\\') {
      out_ += '\\';
      out_ += c;
    } else if (c == '\n') {
      out_ += "\\n";
    } else if (c == '\t') {
      out_ += "\\t";
    } else if (byte < 0x20U || byte == 0x7fU) {
      out_ += fmt::format("\\u{:04x}", byte);
    } else {
      out_ += c;
    }
    ++at;
  }
  out_ += '"';
}

std::string JsonWriter::take() {
  SLUICE_ASSERT(levels_.empty(), "{} levels are open", levels_.size());
  out_ += '\n';
  return std::exchange(out_, {});
}

}  // namespace sluice::report
