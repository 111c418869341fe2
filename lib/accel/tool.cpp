// See tool.hpp.
#include "accel/tool.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

#include <fmt/core.h>

#include "base/strings.hpp"

namespace sluice::accel {

namespace {

constexpr std::size_t kMaxLines = 16'384;
constexpr std::size_t kMaxRows = 1'024;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Cut at any of the separator's characters. With a blank among them empty columns mean nothing (the
// output is a drawing of a table); without, they count.
void add_columns(std::string_view line, std::string_view separator,
                 std::vector<std::string_view>& out) {
  const bool drawn = separator.find(' ') != std::string_view::npos;
  std::size_t start = 0;
  while (start <= line.size()) {
    const std::size_t end = std::min(line.find_first_of(separator, start), line.size());
    const std::string_view column = base::trim(line.substr(start, end - start));
    if (!drawn || !column.empty()) out.push_back(column);
    start = end + 1;
  }
}

// The digits at the end: "card0" is 0.
std::optional<std::uint32_t> device_number(std::string_view text) {
  std::size_t digits = 0;
  while (digits < text.size() && is_digit(text[text.size() - 1 - digits])) ++digits;
  std::uint32_t value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(end - digits, end, value);
  if (digits == 0 || parsed.ec != std::errc{}) return std::nullopt;
  return value;
}

// The number at the beginning, rounded: "93.4W" is 93. "N/A" is none.
std::optional<std::uint64_t> amount(std::string_view text) {
  double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc{} || !std::isfinite(value) || value < 0 || value > 1e15) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(std::llround(value));
}

std::optional<std::uint32_t> small_amount(std::string_view text) {
  const auto value = amount(text);
  if (!value || *value > 0xffffffff) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

// False: the column names a device and this text doesn't.
bool take(ToolRow& row, std::string_view column, std::string_view text) {
  if (column == "number") {
    row.number = device_number(text);
    return row.number.has_value();
  }
  if (column == "bus_id") {
    row.bus_id = normal_bus_id(text);
    return !row.bus_id.empty();
  }
  if (column == "uuid") {
    row.uuid = text;
    return text.find_first_of("0123456789") != std::string_view::npos;
  }
  if (column == "utilization") row.utilization = small_amount(text);
  if (column == "memory_used") row.memory_used = amount(text);
  if (column == "memory_total") row.memory_total = amount(text);
  if (column == "power") row.power_w = small_amount(text);
  if (column == "temperature") row.temperature = small_amount(text);
  if (column == "health") row.health = text;
  return true;
}

bool one_of(const std::vector<Text>& words, std::string_view text) {
  return std::ranges::any_of(words, [&](const Text& word) { return base::iequals(word, text); });
}

std::optional<ToolRow> read_row(const Tool& tool, const std::vector<std::string_view>& columns) {
  if (columns.size() < tool.columns.size()) return std::nullopt;
  ToolRow row;
  for (std::size_t i = 0; i < tool.columns.size(); ++i) {
    if (!take(row, tool.columns[i], columns[i])) return std::nullopt;
    if (row.fault.empty() && one_of(tool.sick, columns[i])) row.fault = base::escape(columns[i]);
  }
  const bool judged = !tool.healthy.empty() && !row.health.empty();
  if (judged && !one_of(tool.healthy, row.health)) row.fault = base::escape(row.health);
  return row;
}

}  // namespace

Result<std::vector<ToolRow>> parse_tool_output(const Tool& tool, std::string_view output) {
  std::vector<std::string_view> lines = base::split_nonempty(output, '\n');
  if (lines.size() > kMaxLines) lines.resize(kMaxLines);
  const std::size_t per_row = std::max<std::size_t>(tool.lines, 1);
  std::vector<ToolRow> rows;
  for (std::size_t i = 0; i + per_row <= lines.size() && rows.size() < kMaxRows;) {
    std::vector<std::string_view> columns;
    for (std::size_t line = i; line < i + per_row; ++line) {
      add_columns(lines[line], tool.separator, columns);
    }
    auto row = read_row(tool, columns);
    i += row ? per_row : 1;
    if (row) rows.push_back(std::move(*row));
  }
  if (rows.empty()) return fail(ErrorCode::failure, "its output lists no device");
  return rows;
}

const ToolRow* row_of(const std::vector<ToolRow>& rows, const model::Device& device) {
  for (const ToolRow& row : rows) {
    if (!row.bus_id.empty() && !device.bus_id.empty()) {
      if (row.bus_id == device.bus_id) return &row;
    } else if (!row.uuid.empty() && !device.uuid.empty()) {
      if (row.uuid == device.uuid) return &row;
    } else if (row.number == device.number) {
      return &row;
    }
  }
  return nullptr;
}

std::string normal_bus_id(std::string_view text) {
  const std::vector<std::string_view> parts = base::split(text, ':');
  if (parts.size() < 2 || parts.size() > 3) return {};
  const base::Cut last = base::cut(parts.back(), '.');
  std::uint32_t domain = 0;
  std::uint32_t bus = 0;
  std::uint32_t slot = 0;
  std::uint32_t function = 0;
  const auto hex = [](std::string_view digits, std::uint32_t& out) {
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), out, 16);
    return !digits.empty() && parsed.ec == std::errc{} &&
           parsed.ptr == digits.data() + digits.size();
  };
  if ((parts.size() == 3 && !hex(parts[0], domain)) || !hex(parts[parts.size() - 2], bus) ||
      !hex(last.before, slot) || !hex(last.after, function) || bus > 0xff || slot > 0x1f ||
      function > 7) {
    return {};
  }
  return fmt::format("{:04x}:{:02x}:{:02x}.{:x}", domain, bus, slot, function);
}

}  // namespace sluice::accel
