// See accounts_script.hpp. Each line is planned from what the lines before it left, and carried out
// by the core's own rules.
#include "cli/sluice/accounts_script.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "base/strings.hpp"
#include "cli/sacctmgr/console.hpp"
#include "cli/sacctmgr/flat_file.hpp"
#include "core/accounts_edit.hpp"

namespace sluice::cli {

namespace {

using namespace accounting;

constexpr model::WallTime kWhen = 1;  // of all records

// What was complained of, on one line.
std::string one_line(std::string_view text) {
  std::string line;
  for (const std::string_view piece : base::split_nonempty(text, '\n')) {
    line.append(line.empty() ? "" : "; ").append(base::trim(piece));
  }
  constexpr std::string_view kPrefix = "sacctmgr: error: ";
  return line.starts_with(kPrefix) ? line.substr(kPrefix.size()) : line;
}

bool is_dump(std::string_view text) {
  for (const std::string_view line : base::split_nonempty(text, '\n')) {
    const std::string_view words = base::trim(line);
    if (words.empty() || words.starts_with('#')) continue;
    return words.starts_with("Cluster - ");
  }
  return false;
}

// The cluster is there from the beginning, so that adding it is changing it.
Planned<std::optional<Plan>> add_own_cluster(const World& world, Words words) {
  Specs specs;
  for (Spec& spec : parse_specs(words, Part::set).set) {
    const bool name = spec.is_word() || spec.is("Names", 1);
    (name ? specs.where : specs.set).push_back(std::move(spec));
  }
  if (specs.set.empty()) return {};
  Planned<Plan> plan = modify_cluster(world, specs);
  if (!plan) return tl::unexpected<Refusal>(std::move(plan.error()));
  return std::optional<Plan>(std::move(*plan));
}

class Runner {
 public:
  explicit Runner(const ScriptSource& source) : source_(source) {}

  Result<model::Accounts> run() {
    for (const Text& kind : source_.tres) {
      Result<model::TresTable> wider = model::with_tres(accounts_.tres, kind);
      if (wider) accounts_.tres = std::move(*wider);
    }
    if (is_dump(source_.text)) {
      if (Status loaded = carry_out(load_lines(world(), source_.text, {LoadMode::merge, ""}));
          !loaded) {
        return context(source_.name, loaded.error());
      }
      return std::move(accounts_);
    }
    std::size_t number = 0;
    for (const std::string_view line : base::split(source_.text, '\n')) {
      ++number;
      if (Status done = run_line(line); !done) {
        return context(fmt::format("{}:{}", source_.name, number), done.error());
      }
    }
    return std::move(accounts_);
  }

 private:
  [[nodiscard]] World world() const {
    return {accounts_, source_.cluster, [](const std::string&) { return true; }};
  }

  Status run_line(std::string_view line) {
    const std::string_view trimmed = base::trim(line);
    if (trimmed.empty() || trimmed.starts_with('#')) return {};
    Result<std::vector<std::string>> split = base::split_words(trimmed);
    if (!split) return tl::unexpected(split.error());
    std::span<const std::string> words = *split;
    if (words.front() == "sacctmgr") words = words.subspan(1);
    while (!words.empty() && words.front().starts_with('-')) words = words.subspan(1);
    if (words.empty()) return {};
    const bool adds =
        base::abbreviates(words[0], "add", 3) || base::abbreviates(words[0], "create", 2);
    const bool cluster = words.size() > 1 && base::abbreviates(words[1], "clusters", 2);
    Planned<std::optional<Plan>> plan =
        adds && cluster ? add_own_cluster(world(), words.subspan(2)) : plan_command(world(), words);
    if (!plan) return carry_out(tl::unexpected<Refusal>(plan.error()));
    if (!*plan) return {};
    return carry_out(std::move(**plan));
  }

  Status carry_out(const Planned<Plan>& plan) {
    if (!plan) {
      return fail(ErrorCode::invalid_argument, one_line(plan.error().out + plan.error().err));
    }
    Result<model::Accounts> after =
        core::apply_edit(accounts_, edit_between(accounts_, *plan), {}, kWhen);
    if (!after) return fail(ErrorCode::invalid_argument, one_line(after.error().text));
    accounts_ = std::move(*after);
    return {};
  }

  const ScriptSource& source_;
  model::Accounts accounts_ = model::first_accounts();
};

}  // namespace

Result<model::Accounts> read_accounts_script(const ScriptSource& source) {
  return Runner(source).run();
}

}  // namespace sluice::cli
