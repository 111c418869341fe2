// See values.hpp.
#include "accel/values.hpp"

#include <algorithm>

#include "accel/pci.hpp"
#include "base/quantity.hpp"
#include "base/strings.hpp"

namespace sluice::accel {

namespace {

// "Device Minor: \t 3" for the key "Device Minor".
std::optional<std::string> line_value(std::string_view text, std::string_view key) {
  for (const std::string_view line : base::split_nonempty(text, '\n')) {
    const base::Cut cut = base::cut(line, ':');
    if (cut.found && base::trim(cut.before) == key) return std::string(base::trim(cut.after));
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> read_rule(const std::string& root, const ValueRule& rule,
                                     const Bindings& known) {
  if (!rule.path.empty()) {
    const std::vector<PathMatch> found = expand(root, rule.path, known);
    if (found.empty()) return std::nullopt;
    return rule.prefix.str() + found.front().bound.at(rule.gap.str());
  }
  if (rule.file.empty()) return std::nullopt;
  const auto path = fill(rule.file, known);
  if (!path) return std::nullopt;
  const std::string content = read_value(root + *path);
  if (rule.key.empty()) {
    if (content.empty()) return std::nullopt;
    return rule.prefix.str() + content;
  }
  const auto value = line_value(content, rule.key);
  if (!value || value->empty()) return std::nullopt;
  return rule.prefix.str() + *value;
}

void read_numbers(const std::string& root, const std::vector<ValueRule>& rules, Bindings& known) {
  for (const ValueRule& rule : rules) {
    const auto value = read_rule(root, rule, known);
    if (value && base::parse_u32(*value)) known[rule.gap.str()] = *value;
  }
}

}  // namespace sluice::accel
