// The tables of sreport: a row has a text for every column that any report knows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/sreport/unit.hpp"
#include "model/tres.hpp"
#include "report/list_table.hpp"

namespace sluice::cli::reporting {

enum class Column : std::uint8_t {
  account,
  allocated,
  associations,
  cluster,
  count,
  down,
  end,
  energy,
  flags,
  idle,
  login,
  name,
  nodes,
  number,
  over,
  planned,
  planned_down,
  proper,
  reported,
  start,
  total,
  tres,
  tres_time,
  used,
  wckey,
};
inline constexpr std::size_t kColumns = 25;

struct Row {
  std::array<std::string, kColumns> text;
  std::string& operator[](Column column) { return text[static_cast<std::size_t>(column)]; }
};

// How a report is to be printed.
struct Style {
  TimeUnit unit = TimeUnit::minutes;
  report::ListShape shape = report::ListShape::columns;
  bool header = true;
  std::vector<model::TresKind> tres;  // to report on; never empty
  bool tres_named = false;            // they were asked for
};

enum class TableKind : std::uint8_t { utilization, users, reservations };

struct TableWish {
  TableKind kind = TableKind::users;
  std::string_view usual;  // columns unless `format` says otherwise
  std::string_view format;
  bool tree = false;     // accounts at the left
  std::size_t wide = 8;  // what the largest amounts take
};

// What a report has become: text for standard output, lines for standard error.
struct Printed {
  std::string out;
  std::vector<std::string> complaints;
  bool failed = false;
};

class Table {
 public:
  // Names that no column has are complained of, and left out.
  Table(const TableWish& wish, const Style& style, Printed& printed);
  void print(std::string_view title, const std::vector<Row>& rows, Printed& printed);

 private:
  Style style_;
  report::ListTable<Row> table_;
};

// Between two lines of dashes.
void print_title(std::string_view title, const Style& style, Printed& printed);
// "CPU Minutes", "TRES Seconds/Percentage of Total".
[[nodiscard]] std::string usage_title(const Style& style);

}  // namespace sluice::cli::reporting
