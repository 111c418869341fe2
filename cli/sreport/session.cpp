// See session.hpp.
#include "cli/sreport/session.hpp"

#include <algorithm>
#include <cstdio>

#include <fmt/core.h>

#include "base/strings.hpp"
#include "cli/common/output.hpp"
#include "cli/common/program.hpp"
#include "opt/render.hpp"

namespace sluice::cli::reporting {

namespace {

struct KnownReport {
  std::string_view type;
  std::string_view name;
  std::size_t least;
  ReportKind kind;
};
// Whole names are looked for first: one is the beginning of another.
constexpr KnownReport kReports[] = {
    {"cluster", "AccountUtilizationByUser", 1, ReportKind::account_utilization_by_user},
    {"cluster", "UserUtilizationByAccount", 18, ReportKind::user_utilization_by_account},
    {"cluster", "UserUtilizationByWckey", 18, ReportKind::user_utilization_by_wckey},
    {"cluster", "Utilization", 2, ReportKind::cluster_utilization},
    {"cluster", "WCKeyUtilizationByUser", 1, ReportKind::wckey_utilization_by_user},
    {"job", "SizesByAccount", 8, ReportKind::sizes_by_account},
    {"job", "SizesByAccountAndWckey", 15, ReportKind::sizes_by_account_and_wckey},
    {"job", "SizesByWckey", 8, ReportKind::sizes_by_wckey},
    {"reservation", "Utilization", 1, ReportKind::reservation_utilization},
    {"user", "TopUsage", 1, ReportKind::top_usage},
};

struct ReportType {
  std::string_view name;
  std::string_view reports;  // as they are listed to who asks for another
};
constexpr ReportType kTypes[] = {
    {"cluster",
     "\"AccountUtilizationByUser\", \"UserUtilizationByAccount\", \"UserUtilizationByWckey\", "
     "\"Utilization\", and \"WCKeyUtilizationByUser\""},
    {"job", "\"SizesByAccount, SizesByAccountAndWcKey, and  SizesByWckey\""},
    {"reservation", "\"Utilization\""},
    {"user", "\"Top\""},
};

const KnownReport* find_report(std::string_view type, std::string_view word) {
  const KnownReport* found = nullptr;
  for (const KnownReport& known : kReports) {
    if (known.type != type) continue;
    if (base::iequals(word, known.name)) return &known;
    if (found == nullptr && base::abbreviates(word, known.name, known.least)) found = &known;
  }
  return found;
}

void tell(std::string_view line) {
  const std::string text = std::string(line) + "\n";
  std::fputs(text.c_str(), stderr);
}

Result<std::vector<model::TresKind>> chosen_tres(std::string_view names,
                                                 const model::TresTable& table) {
  if (base::iequals(names, "ALL")) return std::vector<model::TresKind>(table.begin(), table.end());
  std::vector<model::TresKind> chosen;
  for (const std::string_view name : base::split_nonempty(names, ',')) {
    const model::TresKind* kind = model::find_tres_kind(table, base::to_lower(base::trim(name)));
    if (kind != nullptr) chosen.push_back(*kind);
  }
  if (chosen.empty()) return fail(ErrorCode::invalid_argument, "No valid TRES given");
  return chosen;
}

bool is_sizes(ReportKind kind) {
  return kind == ReportKind::sizes_by_account || kind == ReportKind::sizes_by_account_and_wckey ||
         kind == ReportKind::sizes_by_wckey;
}

Status check_tres(ReportKind kind, const Style& style) {
  const bool node =
      std::ranges::find(style.tres, model::kTresNode, &model::TresKind::id) != style.tres.end();
  const bool alone = style.tres_named && style.tres.size() == 1 && node;
  const auto refused = [](std::string_view where) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("TRES node usage is no longer reported in {}.  Please use TRES CPU "
                            "instead.",
                            where));
  };
  const bool plain = style.unit == TimeUnit::seconds || style.unit == TimeUnit::minutes ||
                     style.unit == TimeUnit::hours;
  if (alone && !plain) return refused("percent format reports");
  if (alone && kind == ReportKind::cluster_utilization) {
    return refused("the Cluster Utilization report");
  }
  return {};
}

void print_report(ReportKind kind, const ReportInput& in, Printed& printed) {
  switch (kind) {
    case ReportKind::cluster_utilization: return cluster_utilization(in, printed);
    case ReportKind::account_utilization_by_user: return account_utilization(in, printed);
    case ReportKind::user_utilization_by_account:
    case ReportKind::user_utilization_by_wckey:
    case ReportKind::wckey_utilization_by_user: return user_utilization(kind, in, printed);
    case ReportKind::sizes_by_account:
    case ReportKind::sizes_by_account_and_wckey:
    case ReportKind::sizes_by_wckey: return job_sizes(kind, in, printed);
    case ReportKind::reservation_utilization: return reservation_utilization(in, printed);
    case ReportKind::top_usage: return top_usage(in, printed);
  }
}

}  // namespace

Session::Session(opt::SreportOptions options, opt::Invocation invocation)
    : options_(std::move(options)), invocation_(std::move(invocation)) {
  if (!options_.time_format.empty()) set_unit(options_.time_format);
}

int Session::set_unit(std::string_view word) {
  const std::optional<TimeUnit> unit = parse_time_unit(word);
  if (unit) {
    unit_ = *unit;
    return 0;
  }
  tell(fmt::format("unknown time format {}", word));
  return 1;
}

bool Session::set(const std::string& word) {
  const auto is = [&](std::string_view name, std::size_t least) {
    return base::abbreviates(word, name, least);
  };
  if (is("parsable2", 9)) {
    options_.parsable2 = true;
  } else if (is("parsable", 1)) {
    options_.parsable = true;
  } else if (is("nonparsable", 3)) {
    options_.parsable = options_.parsable2 = false;
  } else if (is("noheader", 3)) {
    options_.no_header = true;
  } else if (is("quiet", 4)) {
    options_.quiet = true;
  } else if (is("verbose", 4)) {
    ++options_.verbose;
  } else {
    return false;
  }
  return true;
}

int Session::run(const std::vector<std::string>& words) {
  const std::string& word = words.front();
  const auto is = [&](std::string_view name, std::size_t least) {
    return base::abbreviates(word, name, least);
  };
  if (is("exit", 1) || is("quit", 4)) {
    over_ = true;
    return 0;
  }
  if (is("help", 1)) return write_out(opt::help_text(opt::Command::sreport)) ? 0 : 1;
  if (is("version", 4)) return write_out(opt::kVersionLine) ? 0 : 1;
  if (is("time", 1)) {
    if (words.size() == 2) return set_unit(words[1]);
    tell("too few arguments for keyword:time");
    return 1;
  }
  if (set(word)) return 0;
  return report(words);
}

int Session::report(const std::vector<std::string>& words) {
  const auto type = std::ranges::find_if(kTypes, [&](const ReportType& known) {
    return base::abbreviates(words.front(), known.name, 1);
  });
  if (type == std::end(kTypes)) {
    tell("invalid keyword: " + words.front());
    return 1;
  }
  if (words.size() < 2) {
    tell("too few arguments for keyword:" + words.front());
    return 1;
  }
  const KnownReport* report = find_report(type->name, words[1]);
  if (report == nullptr) {
    tell(fmt::format("Not valid report {}\nValid {} reports are, {}", words[1], type->name,
                     type->reports));
    return 1;
  }
  return make(report->kind, {words.begin() + 2, words.end()});
}

Result<Style> Session::style_for(ReportKind kind, const model::TresTable& table) const {
  Style style;
  style.unit = unit_;
  style.header = !options_.no_header;
  if (options_.parsable) style.shape = report::ListShape::delimited_end;
  if (options_.parsable2) style.shape = report::ListShape::delimited;
  style.tres_named = !options_.tres.empty();
  // Reservations are told of with all that they have.
  const bool all = !style.tres_named && kind == ReportKind::reservation_utilization;
  auto tres = chosen_tres(all ? "ALL" : (style.tres_named ? options_.tres : "cpu"), table);
  if (!tres) return tl::unexpected(tres.error());
  style.tres = std::move(*tres);
  if (Status fits = check_tres(kind, style); !fits) return tl::unexpected(fits.error());
  return style;
}

Result<Answer> Session::ask(ReportKind kind, const Conditions& conditions) {
  if (!client_) {
    Result<Client> made = Client::create(invocation_.environment);
    if (!made) return tl::unexpected(as_seen_by_user(made.error()));
    client_.emplace(std::move(*made));
  }
  Result<Answer> answer = fetch(*client_, conditions, parts_of(kind));
  if (!answer || !is_sizes(kind) || !needs_jobs(conditions)) return answer;
  auto rows = fetch_by_jobs(*client_, conditions, invocation_.now);
  if (!rows) return tl::unexpected(rows.error());
  answer->use.rows = std::move(*rows);
  return answer;
}

int Session::make(ReportKind kind, const std::vector<std::string>& words) {
  const auto stop = [](const Error& error, std::string_view severity) {
    tell(fmt::format("{}: {}: {}", kProgram, severity, error.text));
    return 1;
  };
  Conditions conditions = parse_conditions(words, conditions_of(kind), invocation_.now);
  for (const std::string& complaint : conditions.complaints) tell(complaint);
  if (conditions.clusters.empty()) {
    for (const std::string_view name : base::split_nonempty(options_.clusters, ',')) {
      conditions.clusters.emplace_back(name);
    }
  }
  const Result<Answer> answer = ask(kind, conditions);
  if (!answer) return stop(answer.error(), "error");
  const Result<Style> style = style_for(kind, answer->use.tres);
  if (!style) return stop(style.error(), "fatal");
  if (is_sizes(kind) && style->tres.size() > 1) {
    tell(
        " Job report only supports a single --tres type.\n"
        " Generate a separate report for each TRES type.");
    return 1;
  }
  Printed printed;
  print_report(kind, {*answer, conditions, *style}, printed);
  for (const std::string& complaint : printed.complaints) tell(complaint);
  const bool written = write_out(printed.out);
  return written && !conditions.failed && !printed.failed ? 0 : 1;
}

}  // namespace sluice::cli::reporting
