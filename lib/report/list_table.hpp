// Tables as sacctmgr, sshare and sprio print them: columns chosen by name ("account%20,user"), a
// line of dashes under the header, or values between '|'. Generic over what a row is; the fields
// are constant tables beside the row types.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "report/format.hpp"

namespace sluice::report {

template <class Row>
struct ListField {
  std::string_view name;
  std::uint8_t least = 1;  // letters that abbreviate it
  std::string_view header;
  std::uint16_t width = 10;
  void (*text)(const Row& row, std::string& out) = nullptr;
};

enum class ListShape : std::uint8_t { columns, delimited_end, delimited };

// "name%-20" in parts. A width of 0: the field's own.
struct ListItem {
  std::string name;
  std::size_t width = 0;
  bool left = false;
};
[[nodiscard]] std::vector<ListItem> parse_list_format(std::string_view text);

// How values are set side by side; knows nothing of rows.
class ListLayout {
 public:
  void add(std::string_view header, std::size_t width, bool left);
  void set_shape(ListShape shape, std::string_view delimiter = "|");
  void header(std::string& out) const;
  void value(std::size_t column, std::string_view text, std::string& out) const;
  [[nodiscard]] std::size_t size() const { return columns_.size(); }

 private:
  struct Item {
    std::string_view header;
    Column column;
  };
  std::vector<Item> columns_;
  ListShape shape_ = ListShape::columns;
  std::string delimiter_ = "|";
};

template <class Row>
class ListTable {
 public:
  // Fails on a name that no field has: the error's text is the name. `left` names a field that
  // stands at the left, 20 wide, unless the format says otherwise (the tree's account).
  [[nodiscard]] static Result<ListTable> parse(std::string_view format,
                                               std::span<const ListField<Row>> fields,
                                               std::string_view left = {}) {
    ListTable table;
    for (const ListItem& item : parse_list_format(format)) {
      const ListField<Row>* field = find(fields, item.name);
      if (field == nullptr) {
        return fail(ErrorCode::invalid_argument, item.name);
      }
      const bool tree = item.width == 0 && !left.empty() && field->name == left;
      const std::size_t own = tree ? kTreeWidth : field->width;
      table.layout_.add(field->header, item.width == 0 ? own : item.width, item.left || tree);
      table.fields_.push_back(field);
    }
    return table;
  }

  void set_shape(ListShape shape, std::string_view delimiter = "|") {
    layout_.set_shape(shape, delimiter);
  }
  void header(std::string& out) const { layout_.header(out); }
  void row(const Row& row, std::string& out) const {
    std::string value;
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      value.clear();
      fields_[i]->text(row, value);
      layout_.value(i, value, out);
    }
    out += '\n';
  }
  [[nodiscard]] bool shows(std::string_view name) const {
    for (const ListField<Row>* field : fields_) {
      if (field->name == name) return true;
    }
    return false;
  }

 private:
  static constexpr std::size_t kTreeWidth = 20;
  static const ListField<Row>* find(std::span<const ListField<Row>> fields, std::string_view name) {
    for (const ListField<Row>& field : fields) {
      if (abbreviates_field(name, field.name, field.least)) return &field;
    }
    return nullptr;
  }
  static bool abbreviates_field(std::string_view word, std::string_view name, std::size_t least);

  ListLayout layout_;
  std::vector<const ListField<Row>*> fields_;
};

[[nodiscard]] bool is_field_name(std::string_view word, std::string_view name, std::size_t least);

template <class Row>
bool ListTable<Row>::abbreviates_field(std::string_view word, std::string_view name,
                                       std::size_t least) {
  return is_field_name(word, name, least);
}

}  // namespace sluice::report
