// sacct's output: --format=name[%[-]width],... compiled, and the rows it makes.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "report/format.hpp"
#include "report/history_fields.hpp"

namespace sluice::report {

// What stands between fields: padding, or with -p and -P a delimiter.
enum class HistoryShape : std::uint8_t { columns, delimited_end, delimited };

class HistoryFormat {
 public:
  // "jobid,state%20,nodel%-30"; "all" for every field. Fails on a name that no field begins with:
  // the error's text is Slurm's.
  [[nodiscard]] static Result<HistoryFormat> parse(
      std::string_view text, std::span<const HistoryField> fields = history_fields());

  void set_shape(HistoryShape shape, std::string delimiter) {
    shape_ = shape;
    delimiter_ = std::move(delimiter);
  }
  // True if some field has this name.
  [[nodiscard]] bool shows(std::string_view name) const;

  // The names, and below them dashes when there are columns.
  void header(std::string& out) const;
  void row(const HistoryRow& row, const HistoryContext& context, std::string& out);

 private:
  struct Item {
    const HistoryField* field = nullptr;
    Column column;
  };
  void put_value(const Item& item, std::string_view value, std::string& out) const;

  std::vector<Item> items_;
  HistoryShape shape_ = HistoryShape::columns;
  std::string delimiter_ = "|";
  std::string value_;
};

// The format of plain `sacct`, of -b and of -l.
extern const std::string_view kHistoryDefault;
extern const std::string_view kHistoryBrief;
extern const std::string_view kHistoryLong;
// Of plain `sstat`, and of -i.
extern const std::string_view kLiveDefault;
extern const std::string_view kLivePids;

// `sacct -e`: all names, four in a line.
[[nodiscard]] std::string history_field_list(
    std::span<const HistoryField> fields = history_fields());

}  // namespace sluice::report
