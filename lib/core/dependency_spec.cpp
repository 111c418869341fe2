// Reading and writing dependency texts.
#include "core/dependency_spec.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/strings.hpp"

namespace sluice::core {

namespace {

struct KindName {
  std::string_view name;
  DependencyKind kind;
};

constexpr std::array<KindName, 6> kKinds{{{"after", DependencyKind::after},
                                          {"afterany", DependencyKind::after_any},
                                          {"afterok", DependencyKind::after_ok},
                                          {"afternotok", DependencyKind::after_not_ok},
                                          {"aftercorr", DependencyKind::after_corr},
                                          {"singleton", DependencyKind::singleton}}};

constexpr std::string_view kUnfulfilled = "(unfulfilled)";
constexpr std::string_view kFailed = "(failed)";

std::string_view kind_name(DependencyKind kind) {
  return kKinds[static_cast<std::size_t>(kind)].name;
}

// Takes a number off the front of `text`.
std::optional<std::uint32_t> take_number(std::string_view& text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

DependencyState take_state(std::string_view& text) {
  if (text.ends_with(kUnfulfilled)) {
    text.remove_suffix(kUnfulfilled.size());
  } else if (text.ends_with(kFailed)) {
    text.remove_suffix(kFailed.size());
    return DependencyState::failed;
  }
  return DependencyState::unfulfilled;
}

// "12", "12_3", "12_*", each with "+minutes" and a state behind.
std::optional<DependencyClause> read_target(DependencyKind kind, std::string_view text) {
  DependencyClause clause{.kind = kind};
  clause.state = take_state(text);
  const auto job = take_number(text);
  if (!job || *job == 0) return std::nullopt;
  clause.job = JobId(*job);
  if (text.starts_with("_*")) {
    clause.whole_array = true;
    text.remove_prefix(2);
  } else if (text.starts_with('_')) {
    text.remove_prefix(1);
    const auto task = take_number(text);
    if (!task) return std::nullopt;
    clause.task = *task;
  }
  if (text.starts_with('+') && kind == DependencyKind::after) {
    text.remove_prefix(1);
    const auto minutes = take_number(text);
    if (!minutes) return std::nullopt;
    clause.minutes = *minutes;
  }
  if (!text.empty()) return std::nullopt;
  return clause;
}

// One piece between separators: "afterok:12:13" or "singleton".
Status read_piece(std::string_view piece, DependencySpec& spec) {
  std::string_view rest = piece;
  const DependencyState state =
      piece.starts_with("singleton") ? take_state(rest) : DependencyState::unfulfilled;
  const base::Cut cut = base::cut(rest, ':');
  if (cut.before == "afterburstbuffer" || cut.before == "expand") {
    return fail(ErrorCode::unsupported,
                "Job dependency " + std::string(cut.before) + " is not supported");
  }
  const auto known = std::find_if(kKinds.begin(), kKinds.end(),
                                  [&](const KindName& kind) { return kind.name == cut.before; });
  if (known == kKinds.end()) return fail(ErrorCode::invalid_dependency);
  if (known->kind == DependencyKind::singleton) {
    if (cut.found) return fail(ErrorCode::invalid_dependency);
    spec.clauses.push_back({.kind = DependencyKind::singleton, .state = state});
    return {};
  }
  if (!cut.found) return fail(ErrorCode::invalid_dependency);
  for (const std::string_view target : base::split(cut.after, ':')) {
    const auto clause = read_target(known->kind, target);
    if (!clause) return fail(ErrorCode::invalid_dependency);
    spec.clauses.push_back(*clause);
  }
  return {};
}

}  // namespace

bool DependencySpec::has(DependencyKind kind) const {
  return std::any_of(clauses.begin(), clauses.end(),
                     [kind](const DependencyClause& clause) { return clause.kind == kind; });
}

DependencyState DependencySpec::state() const {
  if (clauses.empty()) return DependencyState::fulfilled;
  bool some_unfulfilled = false;
  bool some_failed = false;
  bool some_fulfilled = false;
  for (const DependencyClause& clause : clauses) {
    some_unfulfilled |= clause.state == DependencyState::unfulfilled;
    some_failed |= clause.state == DependencyState::failed;
    some_fulfilled |= clause.state == DependencyState::fulfilled;
  }
  if (any) {
    if (some_fulfilled) return DependencyState::fulfilled;
    return some_unfulfilled ? DependencyState::unfulfilled : DependencyState::failed;
  }
  if (some_failed) return DependencyState::failed;
  return some_unfulfilled ? DependencyState::unfulfilled : DependencyState::fulfilled;
}

Result<DependencySpec> parse_dependency(std::string_view text) {
  DependencySpec spec;
  if (text.empty()) return spec;
  spec.any = text.find('?') != std::string_view::npos;
  // Slurm's manual: only one separator may be used.
  if (spec.any && text.find(',') != std::string_view::npos) {
    return fail(ErrorCode::invalid_dependency);
  }
  for (const std::string_view piece : base::split(text, spec.any ? '?' : ',')) {
    if (Status read = read_piece(piece, spec); !read) return tl::unexpected(read.error());
    if (spec.clauses.size() > kMaxDependencies) return fail(ErrorCode::invalid_dependency);
  }
  return spec;
}

std::string dependency_text(const DependencySpec& spec) {
  std::string text;
  for (const DependencyClause& clause : spec.clauses) {
    if (clause.state == DependencyState::fulfilled) continue;
    if (!text.empty()) text += spec.any ? '?' : ',';
    text += kind_name(clause.kind);
    if (clause.kind != DependencyKind::singleton) {
      text += ':' + std::to_string(clause.job.value);
      if (clause.whole_array) text += "_*";
      if (clause.task != model::kNoTask) text += '_' + std::to_string(clause.task);
      if (clause.minutes != 0) text += '+' + std::to_string(clause.minutes);
    }
    text += clause.state == DependencyState::failed ? kFailed : kUnfulfilled;
  }
  return text;
}

}  // namespace sluice::core
