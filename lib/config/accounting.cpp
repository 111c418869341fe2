// See accounting.hpp.
#include "config/accounting.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/strings.hpp"
#include "model/tres.hpp"

namespace sluice::config {

namespace {

constexpr std::string_view kEnforce =
    "associations, limits, qos, safe, wckeys, all or none, separated by commas";
constexpr std::string_view kWeights = "TRES=WEIGHT[K|M|G|T|P], separated by commas";

// What a level implies is set with it.
bool add_level(model::EnforceSettings& enforce, std::string_view word) {
  const auto is = [word](std::string_view name) { return base::iequals(word, name); };
  const bool all = is("all");
  if (!all && !is("associations") && !is("limits") && !is("qos") && !is("safe") && !is("wckeys")) {
    return false;
  }
  enforce.associations = true;
  enforce.limits |= all || is("limits") || is("safe");
  enforce.qos |= all || is("qos");
  enforce.safe |= all || is("safe");
  enforce.wckeys |= all || is("wckeys");
  return true;
}

Setter enforce_levels(model::EnforceSettings& enforce) {
  return [&enforce](const std::string& value) -> Status {
    enforce = {};
    std::vector<std::string> levels;
    if (Status split = words(levels)(value); !split) return split;
    for (const std::string& level : levels) {
      if (levels.size() == 1 && (base::iequals(level, "none") || level == "0")) return {};
      if (!add_level(enforce, base::trim(level))) {
        return fail(ErrorCode::invalid_argument, std::string(kEnforce));
      }
    }
    return {};
  };
}

model::TresTable table_of(const model::Settings& settings) {
  model::TresTable table = model::first_tres();
  for (const Text& kind : settings.accounting_tres) {
    Result<model::TresTable> wider = model::with_tres(table, kind);
    if (wider) table = std::move(*wider);
  }
  return table;
}

Setter counted_tres(std::vector<Text>& out) {
  return [&out](const std::string& value) -> Status {
    std::vector<std::string> names;
    if (Status split = words(names)(value); !split) return split;
    std::vector<Text> counted;
    for (const std::string& name : names) {
      const Result<model::TresTable> known = model::with_tres(model::first_tres(), name);
      if (!known) return fail(ErrorCode::invalid_argument, "gres/NAME, license/NAME");
      if (known->size() > model::first_tres().size()) counted.emplace_back(base::trim(name));
    }
    out = std::move(counted);
    return {};
  };
}

// "0.25G", "1", ".5": a decimal number that may have a unit.
bool is_weight(std::string_view text) {
  if (!text.empty() && std::string_view("KMGTPkmgtp").find(text.back()) != std::string_view::npos) {
    text.remove_suffix(1);
  }
  const std::size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  const std::string_view part =
      point == std::string_view::npos ? std::string_view() : text.substr(point + 1);
  const auto digits = [](std::string_view piece) {
    return piece.find_first_not_of("0123456789") == std::string_view::npos;
  };
  return digits(whole) && digits(part) && whole.size() + part.size() > 0 && whole.size() <= 9;
}

}  // namespace

std::vector<Key> accounting_keys(model::Settings& settings) {
  return {{"accounting_storage_enforce", enforce_levels(settings.enforce)},
          {"accounting_storage_tres", counted_tres(settings.accounting_tres)}};
}

Setter billing_weights(const model::Settings& settings, Text& out) {
  return [&settings, &out](const std::string& value) -> Status {
    const model::TresTable table = table_of(settings);
    for (const std::string_view entry : base::split_nonempty(value, ',')) {
      const base::Cut cut = base::cut(base::trim(entry), '=');
      const bool known = model::find_tres_kind(table, cut.before) != nullptr;
      if (!cut.found || !known || !is_weight(cut.after)) {
        return fail(ErrorCode::invalid_argument,
                    std::string(kWeights) + (cut.found && !known ? " (of counted TRES)" : ""));
      }
    }
    out = value;
    return {};
  };
}

std::string enforce_text(const model::EnforceSettings& enforce) {
  std::string text;
  const auto add = [&text](bool on, std::string_view name) {
    if (on) text.append(text.empty() ? "" : ",").append(name);
  };
  add(enforce.associations, "associations");
  add(enforce.limits, "limits");
  add(enforce.qos, "qos");
  add(enforce.safe, "safe");
  add(enforce.wckeys, "wckeys");
  return text.empty() ? "none" : text;
}

std::string tres_names(const model::Settings& settings) {
  std::string text;
  for (const model::TresKind& kind : table_of(settings)) {
    text += (text.empty() ? "" : ",") + model::tres_name(kind);
  }
  return text;
}

}  // namespace sluice::config
