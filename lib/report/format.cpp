// See format.hpp. The rules were measured on Debian's Slurm; test/unit/report has them as tables.
#include "report/format.hpp"

#include <algorithm>

#include "base/strings.hpp"

namespace sluice::report {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// [.][digits] from `at` on; true if any digit stood there.
bool read_width(std::string_view text, std::size_t& at, Column& column) {
  if (at < text.size() && text[at] == '.') {
    column.align = Align::right;
    ++at;
  }
  bool any = false;
  while (at < text.size() && is_digit(text[at])) {
    column.width = std::min<std::size_t>(
        column.width * 10 + static_cast<std::size_t>(text[at] - '0'), 1'000'000);
    ++at;
    any = true;
  }
  return any;
}

}  // namespace

bool same_name(std::string_view a, std::string_view b) { return base::iequals(a, b); }

Format parse_letters(std::string_view text, const FindLetter& find, std::string_view problem) {
  Format format;
  std::string literal;
  std::size_t at = 0;
  while (at < text.size()) {
    if (text[at] != '%') {
      literal.push_back(text[at++]);
      continue;
    }
    if (at + 1 < text.size() && text[at + 1] == '%') {
      literal.push_back('%');
      at += 2;
      continue;
    }
    const std::size_t begin = at++;
    Column column;
    read_width(text, at, column);
    if (at >= text.size()) {
      literal += text.substr(begin);
      break;
    }
    const long field = find(text[at]);
    if (field < 0) {
      format.problems.push_back(std::string(problem) + text[at]);
      literal += text.substr(begin, at + 1 - begin);
      ++at;
      continue;
    }
    ++at;
    column.field = static_cast<std::size_t>(field);
    column.before = std::move(literal);
    literal.clear();
    format.columns.push_back(std::move(column));
  }
  if (!literal.empty()) {
    if (format.columns.empty()) format.columns.emplace_back();
    format.columns.back().after = std::move(literal);
  }
  return format;
}

Format parse_names(std::string_view text, const FindName& find,
                   const std::function<std::size_t(std::size_t)>& default_width,
                   std::string_view problem) {
  Format format;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view item = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    if (item.empty()) continue;
    const std::size_t colon = item.find(':');
    const long field = find(item.substr(0, colon));
    if (field < 0) {
      format.problems.push_back(std::string(problem) + std::string(item.substr(0, colon)));
      continue;
    }
    Column column;
    column.field = static_cast<std::size_t>(field);
    if (colon == std::string_view::npos) {
      column.width = default_width(column.field);
    } else {
      std::size_t at = colon + 1;
      read_width(item, at, column);  // without digits: natural width
      column.after = item.substr(at);
    }
    format.columns.push_back(std::move(column));
  }
  return format;
}

void put(std::string& out, const Column& column, std::string_view value) {
  if (column.width == 0) {
    out += value;
    return;
  }
  if (value.size() > column.width) {
    if (column.mark_cut) {
      out += value.substr(0, column.width - 1);
      out.push_back('+');
    } else {
      out += value.substr(0, column.width);
    }
    return;
  }
  const std::size_t padding = column.width - value.size();
  if (column.align == Align::right) out.append(padding, ' ');
  out += value;
  if (column.align == Align::left) out.append(padding, ' ');
}

}  // namespace sluice::report
