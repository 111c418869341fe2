// Chooses variables for a job's environment by --export.
#include "opt/export.hpp"

#include <string>
#include <vector>

#include <fmt/core.h>

#include "base/strings.hpp"

namespace sluice::opt {
namespace {

bool is_slurms(std::string_view entry) {
  return entry.starts_with("SLURM") || entry.starts_with("SPANK_");
}

base::Environment slurm_variables(const base::Environment& own) {
  std::vector<std::string> kept;
  for (const std::string& entry : own.entries()) {
    if (is_slurms(entry)) kept.push_back(entry);
  }
  return base::Environment(std::move(kept));
}

// Cuts at commas outside quotes; the quotes stay, as they do in Slurm.
std::vector<std::string_view> split_export(std::string_view text) {
  std::vector<std::string_view> items;
  std::size_t begin = 0;
  char quote = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ',';
    if (quote != 0 && i < text.size()) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == ',') {
      if (i > begin) items.push_back(text.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  return items;
}

bool names_all(std::string_view text) {
  if (text.empty()) return true;
  for (std::string_view item : split_export(text)) {
    if (base::iequals(item, "ALL")) return true;
  }
  return false;
}

}  // namespace

Result<base::Environment> exported_environment(const base::Environment& own,
                                               std::string_view export_text, ExportTo destination) {
  const bool all = names_all(export_text);
  base::Environment result = all ? own : slurm_variables(own);
  for (std::string_view item : split_export(export_text)) {
    if (base::iequals(item, "ALL") || base::iequals(item, "NONE") || base::iequals(item, "NIL")) {
      continue;
    }
    const base::Cut parts = base::cut(item, '=');
    if (parts.before.empty()) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("Invalid environment variable \"{}\" in --export", item));
    }
    if (!parts.found) {
      if (const auto value = own.get(parts.before)) result.set(parts.before, *value);
    } else if (all && destination == ExportTo::step) {
      result.set_default(parts.before, parts.after);
    } else {
      result.set(parts.before, parts.after);
    }
  }
  return result;
}

bool export_hides_own(std::string_view export_text) { return !names_all(export_text); }

Result<base::Environment> parse_export_file(std::string_view bytes) {
  std::vector<std::string> entries;
  while (!bytes.empty()) {
    const base::Cut entry = base::cut(bytes, '\0');
    bytes = entry.after;
    if (entry.before.empty()) continue;
    const base::Cut parts = base::cut(entry.before, '=');
    if (!parts.found || parts.before.empty()) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("no NAME=value in the environment file: \"{}\"",
                              base::escape(entry.before.substr(0, 40))));
    }
    entries.emplace_back(entry.before);
  }
  return base::Environment(std::move(entries));
}

}  // namespace sluice::opt
