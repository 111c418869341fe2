// See table.hpp. Letters, headers and widths are Slurm's.
#include "cli/sprio/table.hpp"

#include <algorithm>
#include <compare>

#include <fmt/core.h>

#include "base/strings.hpp"
#include "report/format.hpp"

namespace sluice::cli {

namespace {

using Out = std::string;

struct Context {
  const PriorityTable* table = nullptr;
  bool weights = false;  // the line of weights instead of a job
};
using Field = report::Field<PriorityLine, Context>;

// The weight as configured; "0" if it isn't.
std::string weight(const Context& context, std::string_view name) {
  const auto found = context.table->weights.find(name);
  return found == context.table->weights.end() ? std::string("0") : found->second;
}

void put_factor(std::uint32_t billionths, Out& out) {
  constexpr std::uint32_t kOne = 1'000'000'000;
  const std::uint32_t rounded = (billionths + 50) / 100;
  out += fmt::format("{}.{:07}", billionths == kOne ? 1 : rounded / (kOne / 100),
                     rounded % (kOne / 100));
}

template <std::uint32_t wire::PriorityRow::*member>
void factor(const PriorityLine& line, const Context& context, Out& out) {
  if (!context.weights) put_factor(line.row.*member, out);
}

void part(const PriorityLine& line, const Context& context, Out& out,
          std::pair<std::uint32_t wire::PriorityRow::*, std::string_view> what) {
  out += context.weights ? weight(context, what.second) : std::to_string(line.row.*(what.first));
}
using P = wire::PriorityRow;
void age_part(const PriorityLine& line, const Context& context, Out& out) {
  part(line, context, out, {&P::age_part, "PriorityWeightAge"});
}
void association_part(const PriorityLine& line, const Context& context, Out& out) {
  part(line, context, out, {&P::association_part, "PriorityWeightAssoc"});
}
void fairshare_part(const PriorityLine& line, const Context& context, Out& out) {
  part(line, context, out, {&P::fairshare_part, "PriorityWeightFairShare"});
}
void size_part(const PriorityLine& line, const Context& context, Out& out) {
  part(line, context, out, {&P::job_size_part, "PriorityWeightJobSize"});
}
void partition_part(const PriorityLine& line, const Context& context, Out& out) {
  part(line, context, out, {&P::partition_part, "PriorityWeightPartition"});
}
void qos_part(const PriorityLine& line, const Context& context, Out& out) {
  part(line, context, out, {&P::qos_part, "PriorityWeightQOS"});
}

void cluster(const PriorityLine&, const Context& context, Out& out) {
  out += context.table->cluster;
}
void job(const PriorityLine& line, const Context& context, Out& out) {
  out += context.weights ? std::string("Weights") : std::to_string(line.row.job.value);
}
void partition(const PriorityLine& line, const Context&, Out& out) { out += line.row.partition; }
void user(const PriorityLine& line, const Context&, Out& out) { out += line.user; }
void nice(const PriorityLine& line, const Context& context, Out& out) {
  if (!context.weights) out += std::to_string(line.row.nice);
}
void site(const PriorityLine& line, const Context& context, Out& out) {
  out += context.weights ? std::string("1") : std::to_string(line.row.site);
}
void priority(const PriorityLine& line, const Context& context, Out& out) {
  if (!context.weights) out += std::to_string(line.row.priority);
}
// A share of the highest priority there is, 2^32 - 1.
void normal_priority(const PriorityLine& line, const Context& context, Out& out) {
  constexpr double kHighest = 4294967295.0;
  if (!context.weights) out += fmt::format("{:.14f}", line.row.priority / kHighest);
}
std::string_view kind_name(const Context& context, model::TresId id, std::string& buffer) {
  for (const model::TresKind& kind : context.table->tres) {
    if (kind.id == id) buffer = model::tres_name(kind);
  }
  return buffer;
}
void tres_parts(const PriorityLine& line, const Context& context, Out& out) {
  if (context.weights) {
    const std::string text = weight(context, "PriorityWeightTRES");
    if (text != "0" && text != "(null)") out += text;
    return;
  }
  std::string_view comma;
  std::string name;
  for (const model::TresCount& entry : line.row.tres_parts) {
    out += fmt::format("{}{}={}", comma, kind_name(context, entry.id, name), entry.count);
    comma = ",";
  }
}
void tres_factors(const PriorityLine& line, const Context& context, Out& out) {
  if (context.weights) return;
  std::string_view comma;
  std::string name;
  for (const model::TresCount& entry : line.row.tres_factors) {
    out += fmt::format("{}{}=", comma, kind_name(context, entry.id, name));
    out += fmt::format("{:.2f}", static_cast<double>(entry.count) / 1e9);
    comma = ",";
  }
}

constexpr Field kFields[] = {
    {"", 'a', "AGE", 10, factor<&P::age>},
    {"", 'A', "AGE", 10, age_part},
    {"", 'b', "ASSOC", 10, factor<&P::association>},
    {"", 'B', "ASSOC", 10, association_part},
    {"", 'c', "CLUSTER", 10, cluster},
    {"", 'f', "FAIRSHARE", 10, factor<&P::fairshare>},
    {"", 'F', "FAIRSHARE", 10, fairshare_part},
    {"", 'i', "JOBID", 15, job},
    {"", 'j', "JOBSIZE", 10, factor<&P::job_size>},
    {"", 'J', "JOBSIZE", 10, size_part},
    {"", 'N', "NICE", 11, nice},
    {"", 'p', "PARTITION", 10, factor<&P::partition_factor>},
    {"", 'P', "PARTITION", 10, partition_part},
    {"", 'q', "QOS", 10, factor<&P::qos>},
    {"", 'Q', "QOS", 10, qos_part},
    {"", 'r', "PARTITION", 9, partition},
    {"", 'S', "SITE", 10, site},
    {"", 't', "TRES", 20, tres_factors},
    {"", 'T', "TRES", 20, tres_parts},
    {"", 'u', "USER", 8, user},
    {"", 'y', "PRIORITY", 10, normal_priority},
    {"", 'Y', "PRIORITY", 10, priority},
};

struct WeightedColumn {
  std::string_view weight;
  std::string_view normalized;
  std::string_view weighted;
};
constexpr WeightedColumn kWeighted[] = {
    {"PriorityWeightAge", " %10a", " %.10A"},       {"PriorityWeightAssoc", " %10b", " %.10B"},
    {"PriorityWeightFairShare", " %10f", " %.10F"}, {"PriorityWeightJobSize", " %10j", " %.10J"},
    {"PriorityWeightPartition", " %10p", " %.10P"}, {"PriorityWeightQOS", " %10q", " %.10Q"},
    {"PriorityWeightTRES", " %20t", " %.20T"},
};

// Factors that weigh nothing are left out, but for -l.
std::string format_of(const Context& context, const opt::SprioOptions& options) {
  if (!options.format.empty()) return options.format;
  std::string format = "%.15i %9r";
  if (options.long_form || !options.users.empty()) format += " %.8u";
  format += options.normalized ? " %10y" : " %.10Y %.10S";
  for (const WeightedColumn& column : kWeighted) {
    const std::string text = weight(context, column.weight);
    if (!options.long_form && (text == "0" || text == "(null)" || text.empty())) continue;
    const bool tres = column.weight == "PriorityWeightTRES";
    if (tres && options.long_form && !options.normalized) format += " %.11N";
    format += options.normalized ? column.normalized : column.weighted;
  }
  return format;
}

std::strong_ordering compare_by(char letter, const PriorityLine& a, const PriorityLine& b) {
  switch (letter) {
    case 'a':
    case 'A': return a.row.age <=> b.row.age;
    case 'b':
    case 'B': return a.row.association <=> b.row.association;
    case 'f':
    case 'F': return a.row.fairshare <=> b.row.fairshare;
    case 'j':
    case 'J': return a.row.job_size <=> b.row.job_size;
    case 'N': return a.row.nice <=> b.row.nice;
    case 'p':
    case 'P': return a.row.partition_factor <=> b.row.partition_factor;
    case 'q':
    case 'Q': return a.row.qos <=> b.row.qos;
    case 'r': return a.row.partition <=> b.row.partition;
    case 'S': return a.row.site <=> b.row.site;
    case 'u': return a.user <=> b.user;
    case 'y':
    case 'Y': return a.row.priority <=> b.row.priority;
    default: return std::strong_ordering::equal;
  }
}

struct SortKey {
  char letter = 'i';
  bool descending = false;
};

// "u,-y": fails with the letter that is none.
Result<std::vector<SortKey>> parse_sort(std::string_view text) {
  std::vector<SortKey> keys;
  bool descending = false;
  for (const char c : text) {
    if (c == '+' || c == '-') {
      descending = c == '-';
    } else if (c != ',') {
      constexpr std::string_view kKnown = "aAbBcfFijJNpPqQrStTuyY";
      if (kKnown.find(c) == std::string_view::npos) {
        return fail(ErrorCode::invalid_argument, std::string(1, c));
      }
      keys.push_back({c, descending});
      descending = false;
    }
  }
  return keys;
}

void sort_lines(std::vector<PriorityLine>& lines, const std::vector<SortKey>& keys) {
  const auto before = [&](const PriorityLine& a, const PriorityLine& b) {
    for (const SortKey& key : keys) {
      const auto order = key.letter == 'i' ? a.row.job <=> b.row.job : compare_by(key.letter, a, b);
      if (order != 0) return key.descending ? order > 0 : order < 0;
    }
    return a.row.job == b.row.job ? a.row.partition < b.row.partition : a.row.job < b.row.job;
  };
  std::ranges::stable_sort(lines, before);
}

bool wanted(const PriorityLine& line, const opt::SprioOptions& options) {
  const auto has = [](const auto& list, const auto& value) {
    return list.empty() || std::ranges::find(list, value) != list.end();
  };
  return has(options.jobs, line.row.job.value) && has(options.users, line.user) &&
         has(options.partitions, line.row.partition.str());
}

}  // namespace

PriorityText priority_report(PriorityTable table, const opt::SprioOptions& options) {
  PriorityText text;
  const Result<std::vector<SortKey>> keys = parse_sort(options.sort);
  if (!keys) {
    text.problems.push_back("Invalid sort specification: " + keys.error().text);
    text.exit_code = 1;
    return text;
  }
  const Context context{&table, options.weights};
  const std::span<const Field> fields(kFields);
  report::Format format =
      report::parse_letters(format_of(context, options), report::letters_of(fields),
                            "Invalid job format specification: ");
  text.problems = format.problems;
  report::Table<PriorityLine, Context> layout(fields, std::move(format), true);
  const auto found = [&](std::uint32_t id) {
    return std::ranges::any_of(table.lines,
                               [id](const PriorityLine& line) { return line.row.job.value == id; });
  };
  if (!options.jobs.empty() && !options.weights && std::ranges::none_of(options.jobs, found)) {
    text.out = "Unable to find jobs matching user/id(s) specified\n";
    return text;
  }
  if (!options.no_header) layout.header(text.out);
  if (options.weights) {
    layout.row(PriorityLine(), context, text.out);
    return text;
  }
  sort_lines(table.lines, *keys);
  for (const PriorityLine& line : table.lines) {
    if (wanted(line, options)) layout.row(line, context, text.out);
  }
  return text;
}

}  // namespace sluice::cli
