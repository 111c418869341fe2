// See table.hpp.
#include "cli/sreport/table.hpp"

#include <fmt/core.h>

#include "base/strings.hpp"

namespace sluice::cli::reporting {

namespace {

using Field = report::ListField<Row>;

template <Column column>
void text_of(const Row& row, std::string& out) {
  out += row.text[static_cast<std::size_t>(column)];
}

constexpr Field kUtilization[] = {
    {"Allocated", 1, "Allocated", 8, text_of<Column::allocated>},
    {"Cluster", 2, "Cluster", 9, text_of<Column::cluster>},
    {"Count", 2, "TRES Count", 10, text_of<Column::count>},
    {"Down", 1, "Down", 8, text_of<Column::down>},
    {"Idle", 1, "Idle", 8, text_of<Column::idle>},
    {"OverCommitted", 1, "Over Comm", 8, text_of<Column::over>},
    {"Planned", 7, "Planned", 8, text_of<Column::planned>},
    {"PlannedDown", 2, "PLND Down", 8, text_of<Column::planned_down>},
    {"Reported", 3, "Reported", 8, text_of<Column::reported>},
    {"TresCount", 5, "TRES Count", 10, text_of<Column::count>},
    {"TresName", 5, "TRES Name", 14, text_of<Column::tres>},
};
constexpr Field kUsers[] = {
    {"Accounts", 1, "Account", 15, text_of<Column::account>},
    {"Cluster", 2, "Cluster", 9, text_of<Column::cluster>},
    {"Count", 2, "TRES Count", 10, text_of<Column::count>},
    {"Energy", 1, "Energy", 8, text_of<Column::energy>},
    {"Login", 1, "Login", 9, text_of<Column::login>},
    {"Proper", 1, "Proper Name", 15, text_of<Column::proper>},
    {"TresCount", 5, "TRES Count", 10, text_of<Column::count>},
    {"TresName", 5, "TRES Name", 14, text_of<Column::tres>},
    {"Used", 1, "Used", 8, text_of<Column::used>},
    {"WCKey", 1, "WCKey", 15, text_of<Column::wckey>},
};
constexpr Field kReservations[] = {
    {"Allocated", 2, "Allocated", 20, text_of<Column::allocated>},
    {"Associations", 2, "Associations", 15, text_of<Column::associations>},
    {"Cluster", 2, "Cluster", 9, text_of<Column::cluster>},
    {"Count", 2, "TRES count", 10, text_of<Column::count>},
    {"End", 1, "End", 19, text_of<Column::end>},
    {"Flags", 1, "Flags", 20, text_of<Column::flags>},
    {"Idle", 1, "Idle", 20, text_of<Column::idle>},
    {"Name", 2, "Name", 9, text_of<Column::name>},
    {"Nodes", 2, "Nodes", 15, text_of<Column::nodes>},
    {"ReservationId", 1, "Id", 8, text_of<Column::number>},
    {"Start", 1, "Start", 19, text_of<Column::start>},
    {"TotalTime", 2, "TotalTime", 9, text_of<Column::total>},
    {"TresCount", 5, "TRES count", 10, text_of<Column::count>},
    {"TresName", 5, "TRES Name", 14, text_of<Column::tres>},
    {"TresTime", 5, "TRES Time", 9, text_of<Column::tres_time>},
};

std::span<const Field> fields_of(TableKind kind) {
  switch (kind) {
    case TableKind::utilization: return kUtilization;
    case TableKind::users: return kUsers;
    case TableKind::reservations: return kReservations;
  }
  return {};
}

const Field* find(std::span<const Field> fields, std::string_view name) {
  for (const Field& field : fields) {
    if (report::is_field_name(name, field.name, field.least)) return &field;
  }
  return nullptr;
}

// Amounts are as wide as they need to be, whatever the format says.
std::size_t own_width(const Field& field, const TableWish& wish, const Style& style) {
  if (wish.kind == TableKind::reservations || field.width != 8) return 0;
  const bool wide =
      wish.kind == TableKind::utilization && (field.name == "Idle" || field.name == "Reported");
  return amount_width(style.unit, wide ? wish.wide : 8);
}

std::string full_format(const TableWish& wish, const Style& style, Printed& printed) {
  std::string format;
  for (const report::ListItem& item :
       report::parse_list_format(wish.format.empty() ? wish.usual : wish.format)) {
    const Field* field = find(fields_of(wish.kind), item.name);
    if (field == nullptr) {
      printed.complaints.push_back(fmt::format(" Unknown field '{}'", item.name));
      printed.failed = true;
      continue;
    }
    const std::size_t own = own_width(*field, wish, style);
    const std::size_t width = own != 0 ? own : item.width;
    if (!format.empty()) format += ',';
    format += item.name;
    if (width != 0) format += fmt::format("%{}{}", item.left ? "-" : "", width);
  }
  return format;
}

}  // namespace

Table::Table(const TableWish& wish, const Style& style, Printed& printed) : style_(style) {
  const std::string format = full_format(wish, style, printed);
  auto table = report::ListTable<Row>::parse(format, fields_of(wish.kind),
                                             wish.tree ? std::string_view("Accounts") : "");
  if (table) table_ = std::move(*table);  // each name has been found
  table_.set_shape(style.shape);
}

void Table::print(std::string_view title, const std::vector<Row>& rows, Printed& printed) {
  print_title(title, style_, printed);
  if (style_.header) table_.header(printed.out);
  for (const Row& row : rows) table_.row(row, printed.out);
}

void print_title(std::string_view title, const Style& style, Printed& printed) {
  if (!style.header) return;
  const std::string line = std::string(80, '-') + "\n";
  printed.out += line + std::string(title) + "\n" + line;
}

std::string usage_title(const Style& style) {
  if (style.unit == TimeUnit::percent) return std::string(unit_title(style.unit));
  return fmt::format("{} {}", style.tres_named ? "TRES" : "CPU", unit_title(style.unit));
}

}  // namespace sluice::cli::reporting
