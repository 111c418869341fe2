// What the setters of squeue, sinfo, scancel, sacct and scontrol write to, and the generic setters
// that their tables share.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "base/hostlist.hpp"
#include "base/quantity.hpp"
#include "base/strings.hpp"
#include "base/user.hpp"
#include "opt/line.hpp"
#include "opt/query_options.hpp"
#include "opt/row.hpp"

namespace sluice::opt {

template <class Options>
struct Query {
  Options options;
  const Invocation* in = nullptr;
  Source short_format = Source::none;  // who gave -o and -O
  Source long_format = Source::none;
};

inline tl::unexpected<Complaint> query_error(std::string text,
                                             Severity severity = Severity::error) {
  return tl::unexpected<Complaint>(Complaint{std::move(text), 1, severity, ""});
}

// The class and the type behind a pointer to a member.
template <class Class, class Type>
Query<Class> query_of(Type Class::*);

// The setters, for a member of the options of one command.
template <auto Member>
struct To {
  using State = decltype(query_of(Member));

  static Outcome text(State& s, const Given& use) {
    s.options.*Member = use.value;
    return {};
  }
  static Outcome on(State& s, const Given&) {
    s.options.*Member = true;
    return {};
  }
  static Outcome more(State& s, const Given&) {
    ++(s.options.*Member);
    return {};
  }
  // A comma list; given again, it grows.
  static Outcome list(State& s, const Given& use) {
    for (std::string_view word : base::split_nonempty(use.value, ',')) {
      (s.options.*Member).emplace_back(word);
    }
    return {};
  }
  static Outcome hosts(State& s, const Given& use) {
    auto names = base::parse_hosts(use.value);
    if (!names) return query_error(fmt::format("Invalid node name {}", use.value));
    auto& all = s.options.*Member;
    all.insert(all.end(), names->begin(), names->end());
    return {};
  }
};

// -o and -O. Which of them counts is settled at the end.
template <class Options>
Outcome set_short_format(Query<Options>& s, const Given& use) {
  s.options.format = use.value;
  s.short_format = use.source;
  return {};
}
template <class Options>
Outcome set_long_format(Query<Options>& s, const Given& use) {
  s.options.format_long = use.value;
  s.long_format = use.source;
  return {};
}
// The stronger source wins; of equal ones the long form.
template <class Options>
void settle_formats(Query<Options>& s) {
  s.options.format_long_given = s.long_format != Source::none && s.long_format >= s.short_format;
  s.options.format_given = s.short_format != Source::none && !s.options.format_long_given;
}

// Reads a whole line: environment, then command line. Operands are handed back.
template <class Options>
struct QueryLine {
  Query<Options> state;
  std::vector<std::string> operands;
};
template <class Options>
Parsed<QueryLine<Options>> read_query(Command command, const Invocation& in,
                                      std::span<const Row<Query<Options>>> table) {
  const RowList rows = rows_of(command);
  auto line = read_line(command, rows, in.arguments);
  if (!line) return tl::unexpected<Stop>(std::move(line.error()));
  if (auto help = find_help(command, line->given)) return tl::unexpected<Stop>(std::move(*help));
  QueryLine<Options> result;
  result.state.in = &in;
  const std::span<const Row<Query<Options>>> tables[] = {table};
  std::vector<Given> given = read_environment(command, rows, in.environment);
  // An option on the line replaces its variable; lists don't add up with it.
  std::erase_if(given, [&](const Given& variable) {
    return std::any_of(line->given.begin(), line->given.end(),
                       [&](const Given& use) { return use.row == variable.row; });
  });
  given.insert(given.end(), line->given.begin(), line->given.end());
  Outcome done = apply<Query<Options>>(result.state, given, tables);
  if (!done) return tl::unexpected<Stop>(stop_for(command, done.error()));
  result.operands = std::move(line->operands);
  return result;
}

using SqueueRow = Row<Query<SqueueOptions>>;
using SinfoRow = Row<Query<SinfoOptions>>;
using ScancelRow = Row<Query<ScancelOptions>>;
using SacctRow = Row<Query<SacctOptions>>;
using ScontrolRow = Row<Query<ScontrolOptions>>;
using SstatRow = Row<Query<SstatOptions>>;
using SacctmgrRow = Row<Query<SacctmgrOptions>>;
using SshareRow = Row<Query<SshareOptions>>;
using SprioRow = Row<Query<SprioOptions>>;
using SdiagRow = Row<Query<SdiagOptions>>;
using SreportRow = Row<Query<SreportOptions>>;
[[nodiscard]] std::span<const SqueueRow> squeue_rows();
[[nodiscard]] std::span<const SinfoRow> sinfo_rows();
[[nodiscard]] std::span<const ScancelRow> scancel_rows();
[[nodiscard]] std::span<const SacctRow> sacct_rows();
[[nodiscard]] std::span<const ScontrolRow> scontrol_rows();
[[nodiscard]] std::span<const SstatRow> sstat_rows();
[[nodiscard]] std::span<const SacctmgrRow> sacctmgr_rows();
[[nodiscard]] std::span<const SshareRow> sshare_rows();
[[nodiscard]] std::span<const SprioRow> sprio_rows();
[[nodiscard]] std::span<const SdiagRow> sdiag_rows();
[[nodiscard]] std::span<const SreportRow> sreport_rows();

// A list of users by name or number; the first bad one is the error's text.
[[nodiscard]] Result<std::vector<std::uint32_t>> parse_users(std::string_view text);

}  // namespace sluice::opt
