// See list_table.hpp.
#include "report/list_table.hpp"

#include <algorithm>

#include "base/strings.hpp"

namespace sluice::report {

namespace {

constexpr std::size_t kMaxWidth = 100'000;

}  // namespace

std::vector<ListItem> parse_list_format(std::string_view text) {
  std::vector<ListItem> items;
  for (const std::string_view piece : base::split_nonempty(text, ',')) {
    const base::Cut cut = base::cut(base::trim(piece), '%');
    if (cut.before.empty()) continue;
    ListItem item{std::string(cut.before)};
    std::string_view width = cut.after;
    item.left = width.starts_with('-');
    if (item.left) width.remove_prefix(1);
    for (const char c : width) {
      if (c < '0' || c > '9') break;
      item.width = std::min(item.width * 10 + static_cast<std::size_t>(c - '0'), kMaxWidth);
    }
    items.push_back(std::move(item));
  }
  return items;
}

bool is_field_name(std::string_view word, std::string_view name, std::size_t least) {
  return base::abbreviates(word, name, least);
}

void ListLayout::add(std::string_view header, std::size_t width, bool left) {
  Column column;
  column.width = width;
  column.align = left ? Align::left : Align::right;
  column.mark_cut = true;
  columns_.push_back({header, std::move(column)});
}

void ListLayout::set_shape(ListShape shape, std::string_view delimiter) {
  shape_ = shape;
  delimiter_ = delimiter;
}

void ListLayout::value(std::size_t column, std::string_view text, std::string& out) const {
  if (shape_ == ListShape::columns) {
    put(out, columns_[column].column, text);
    out += ' ';
    return;
  }
  out += text;
  if (column + 1 < columns_.size() || shape_ == ListShape::delimited_end) out += delimiter_;
}

void ListLayout::header(std::string& out) const {
  const bool padded = shape_ == ListShape::columns;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const std::size_t room = padded ? columns_[i].column.width : std::string_view::npos;
    value(i, columns_[i].header.substr(0, room), out);
  }
  out += '\n';
  if (!padded) return;
  for (const Item& item : columns_) out.append(item.column.width, '-').push_back(' ');
  out += '\n';
}

}  // namespace sluice::report
