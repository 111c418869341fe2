// sreport job Sizes…: how much of the time went to jobs of which size.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/core.h>

#include "base/strings.hpp"
#include "cli/sreport/reports.hpp"
#include "report/account_views.hpp"

namespace sluice::cli::reporting {

namespace {

using report::AssociationView;

// A line of the report: who, and an amount for each group of sizes.
using Lines = std::map<std::pair<std::size_t, std::string>, std::vector<std::int64_t>>;

class Sizes {
 public:
  Sizes(ReportKind kind, const ReportInput& in) : kind_(kind), in_(in) {
    if (in.conditions.one_by_one) {
      std::set<std::uint32_t> sizes;
      for (const model::UseRow& row : in.answer.use.rows) {
        if (is_meant(row)) sizes.insert(row.cpus);
      }
      begins_.assign(sizes.begin(), sizes.end());
    } else {
      begins_ = {0};
      begins_.insert(begins_.end(), in.conditions.grouping.begin(), in.conditions.grouping.end());
    }
  }
  void print(Printed& printed);

 private:
  struct Who {
    std::size_t place = 0;  // among the lines
    std::string name;
  };
  [[nodiscard]] bool is_meant(const model::UseRow& row) const;
  [[nodiscard]] std::size_t group_of(std::uint32_t cpus) const;
  [[nodiscard]] std::string label(std::size_t group) const;
  void place_accounts();
  // On which lines a row counts.
  [[nodiscard]] std::vector<Who> places_of(const model::UseRow& row) const;
  [[nodiscard]] Lines lines();
  [[nodiscard]] std::string title() const;
  // Which of the first columns are the cluster's name; the others tell who.
  [[nodiscard]] std::vector<bool> add_first(report::ListLayout& layout, Printed& printed) const;

  ReportKind kind_;
  const ReportInput& in_;
  std::vector<std::uint32_t> begins_;  // of each group
  // By account: the lines that its jobs count on.
  std::map<std::string, std::vector<Who>> above_;
};

bool Sizes::is_meant(const model::UseRow& row) const {
  const Conditions& wanted = in_.conditions;
  const bool of_group =
      wanted.gids.empty() || std::ranges::find(wanted.gids, row.key.gid) != wanted.gids.end();
  const bool without_key = kind_ != ReportKind::sizes_by_account && row.key.wckey.empty();
  if (without_key && !(wanted.flat && kind_ == ReportKind::sizes_by_account_and_wckey)) {
    return false;
  }
  return of_group && row.jobs != 0 && listed(wanted.users, row.key.user.view()) &&
         listed(wanted.wckeys, row.key.wckey.view());
}

std::size_t Sizes::group_of(std::uint32_t cpus) const {
  const auto after = std::ranges::upper_bound(begins_, cpus);
  return after == begins_.begin() ? 0 : static_cast<std::size_t>(after - begins_.begin()) - 1;
}

std::string Sizes::label(std::size_t group) const {
  const std::string_view unit = in_.style.tres.front().id == model::kTresCpu ? "CPUs" : "TRES";
  if (in_.conditions.one_by_one) return fmt::format("{} {}", begins_[group], unit);
  if (group + 1 == begins_.size()) return fmt::format(">= {} {}", begins_[group], unit);
  return fmt::format("{}-{} {}", begins_[group], begins_[group + 1] - 1, unit);
}

// Which accounts have a line: those asked for (or root) with all below them, or (AcctAsParent) the
// ones right below those.
void Sizes::place_accounts() {
  const std::vector<AssociationView> views = report::association_views(in_.answer.accounts);
  const auto is_asked = [&](const AssociationView& view) {
    const std::vector<std::string>& asked = in_.conditions.accounts;
    return asked.empty() ? view.parent == nullptr : listed(asked, view.record->account.view());
  };
  std::map<std::uint32_t, const AssociationView*> by_id;
  for (const AssociationView& view : views) by_id[view.record->id] = &view;
  std::size_t place = 0;
  for (const AssociationView& line : views) {
    if (!line.record->user.empty()) continue;
    const auto parent = by_id.find(line.record->parent);
    const bool below = parent != by_id.end() && is_asked(*parent->second);
    if (in_.conditions.as_parents ? !below : !is_asked(line)) continue;
    const Who who{place++, line.record->account.str()};
    for (const AssociationView& view : views) {
      if (!view.record->user.empty() || view.left < line.left || view.right > line.right) continue;
      above_[view.record->account.str()].push_back(who);
    }
  }
}

std::vector<Sizes::Who> Sizes::places_of(const model::UseRow& row) const {
  const std::string account = row.key.account.str();
  if (kind_ == ReportKind::sizes_by_wckey) return {{0, row.key.wckey.str()}};
  std::vector<Who> places;
  if (in_.conditions.flat) {
    if (listed(in_.conditions.accounts, account)) places.push_back({0, account});
  } else if (const auto found = above_.find(account); found != above_.end()) {
    places = found->second;
  } else if (in_.conditions.accounts.empty() && !in_.conditions.as_parents) {
    places.push_back({0, "root"});  // of an account that is gone, or of none
  }
  if (kind_ == ReportKind::sizes_by_account_and_wckey) {
    for (Who& who : places) who.name += ":" + row.key.wckey.str();
  }
  return places;
}

Lines Sizes::lines() {
  place_accounts();
  Lines lines;
  for (const model::UseRow& row : in_.answer.use.rows) {
    if (!is_meant(row) || !names_cluster(in_)) continue;
    const std::int64_t amount = in_.conditions.count_jobs
                                    ? row.jobs
                                    : model::tres_count(row.seconds, in_.style.tres.front().id);
    for (const Who& who : places_of(row)) {
      std::vector<std::int64_t>& line = lines[{who.place, who.name}];
      line.resize(begins_.size());
      line[group_of(row.cpus)] += amount;
    }
  }
  return lines;
}

std::string Sizes::title() const {
  std::string title =
      fmt::format("Job Sizes{} {}\n", kind_ == ReportKind::sizes_by_wckey ? " by Wckey" : "",
                  long_period_text(in_.conditions));
  if (in_.style.tres_named) {
    title += "TRES type is " + model::tres_name(in_.style.tres.front()) + "\n";
  }
  if (in_.conditions.count_jobs) return title + "Units are in number of jobs ran";
  return title + "Time reported in " + std::string(unit_title(in_.style.unit));
}

std::vector<bool> Sizes::add_first(report::ListLayout& layout, Printed& printed) const {
  const std::string_view who = kind_ == ReportKind::sizes_by_wckey ? "Wckey" : "Account";
  const std::string usual = "Cluster," + std::string(who);
  const std::string& format = in_.conditions.format.empty() ? usual : in_.conditions.format;
  std::vector<bool> first;
  for (const report::ListItem& item : report::parse_list_format(format)) {
    const bool cluster = base::abbreviates(item.name, "Cluster", 1);
    if (!cluster && !base::abbreviates(item.name, who, 1)) {
      printed.complaints.push_back(fmt::format(" Unknown field '{}'", item.name));
      printed.failed = true;
      continue;
    }
    const bool keyed = !cluster && kind_ == ReportKind::sizes_by_account_and_wckey;
    const std::size_t own = keyed ? 20 : 9;
    layout.add(cluster ? "Cluster" : who, item.width != 0 ? item.width : own,
               item.left || (keyed && item.width == 0));
    first.push_back(cluster);
  }
  return first;
}

void Sizes::print(Printed& printed) {
  const Lines found = lines();
  report::ListLayout layout;
  const std::vector<bool> first = add_first(layout, printed);
  std::vector<std::string> labels;
  for (std::size_t group = 0; group < begins_.size(); ++group) labels.push_back(label(group));
  const TimeUnit unit = in_.conditions.count_jobs ? TimeUnit::seconds : in_.style.unit;
  for (const std::string& name : labels) layout.add(name, is_double(unit) ? 20 : 13, false);
  layout.add("% of cluster", 12, false);
  layout.set_shape(in_.style.shape);
  print_title(title(), in_.style, printed);
  if (in_.style.header) layout.header(printed.out);
  std::int64_t total = 0;
  for (const auto& [place, line] : found) {
    for (const std::int64_t amount : line) total += amount;
  }
  for (const auto& [place, line] : found) {
    std::size_t column = 0;
    for (const bool cluster : first) {
      layout.value(column++, cluster ? in_.answer.use.cluster.view() : place.second, printed.out);
    }
    std::int64_t sum = 0;
    for (const std::int64_t amount : line) sum += amount;
    for (const std::int64_t amount : line) {
      layout.value(column++, amount_text(unit, amount, sum), printed.out);
    }
    layout.value(column, percent_text(sum, total), printed.out);
    printed.out += '\n';
  }
}

}  // namespace

void job_sizes(ReportKind kind, const ReportInput& in, Printed& printed) {
  Sizes(kind, in).print(printed);
}

}  // namespace sluice::cli::reporting
