// See conditions.hpp.
#include "cli/sreport/conditions.hpp"

#include <algorithm>
#include <optional>

#include <fmt/core.h>

#include "base/hostlist.hpp"
#include "base/quantity.hpp"
#include "base/strings.hpp"
#include "base/timetext.hpp"
#include "base/user.hpp"

namespace sluice::cli::reporting {

namespace {

constexpr std::int64_t kHour = 3600;

std::vector<std::string> list_of(std::string_view text) {
  std::vector<std::string> words;
  for (const std::string_view word : base::split_nonempty(text, ',')) {
    words.emplace_back(base::trim(word));
  }
  return words;
}

// The whole local hour that is nearest. A day of local time begins with one.
std::int64_t nearest_hour(std::int64_t when) {
  const std::int64_t past = (when - base::local_midnight(when)) % kHour;
  return 2 * past < kHour ? when - past : when + kHour - past;
}

class Parser {
 public:
  Parser(std::uint32_t kinds, std::int64_t now) : kinds_(kinds), now_(now) {}

  void take(const std::string& word);
  [[nodiscard]] Conditions finish();

 private:
  void complain(std::string text, bool fails = true);
  bool take_flag(std::string_view word);
  bool take_common(std::string_view key, std::string_view value);
  bool take_list(std::string_view key, std::string_view value);
  bool take_of_jobs(std::string_view key, std::string_view value);
  void take_time(std::string_view value, std::optional<std::int64_t>& out);
  void take_grouping(std::string_view value);
  void take_jobs(std::string_view value);
  void take_groups(std::string_view value);
  [[nodiscard]] bool knows(std::uint32_t kind) const { return (kinds_ & kind) != 0; }

  std::uint32_t kinds_;
  std::int64_t now_;
  std::optional<std::int64_t> start_;
  std::optional<std::int64_t> end_;
  Conditions result_;
};

void Parser::complain(std::string text, bool fails) {
  result_.complaints.push_back(std::move(text));
  result_.failed = result_.failed || fails;
}

bool Parser::take_flag(std::string_view word) {
  struct Flag {
    std::string_view name;
    std::uint32_t kind;
    bool Conditions::*member;
  };
  constexpr Flag kFlags[] = {
      {"Tree", kAsTree, &Conditions::tree},
      {"Group", kOfTop, &Conditions::group},
      {"FlatView", kOfJobs, &Conditions::flat},
      {"AcctAsParent", kOfJobs, &Conditions::as_parents},
      {"PrintJobCount", kOfJobs, &Conditions::count_jobs},
  };
  for (const Flag& flag : kFlags) {
    if (!knows(flag.kind) || !base::abbreviates(word, flag.name, 2)) continue;
    result_.*flag.member = true;
    return true;
  }
  return base::abbreviates(word, "All_Clusters", 2);  // there is one
}

void Parser::take_time(std::string_view value, std::optional<std::int64_t>& out) {
  const auto when = base::parse_time(value, now_, base::TimeOfDay::today);
  if (!when) return complain(when.error().text, false);
  out = *when;
}

bool Parser::take_common(std::string_view key, std::string_view value) {
  if (base::abbreviates(key, "Clusters", 1)) {
    result_.clusters = list_of(value);
  } else if (base::abbreviates(key, "Start", 1)) {
    take_time(value, start_);
  } else if (base::abbreviates(key, "End", 1)) {
    take_time(value, end_);
  } else if (base::abbreviates(key, "Format", 1)) {
    result_.format += (result_.format.empty() ? "" : ",") + std::string(value);
  } else {
    return false;
  }
  return true;
}

bool Parser::take_list(std::string_view key, std::string_view value) {
  struct List {
    std::string_view name;
    std::size_t least;
    std::uint32_t kinds;
    std::vector<std::string> Conditions::*member;
  };
  constexpr List kLists[] = {
      {"Accounts", 2, kByAccount, &Conditions::accounts},
      {"Accts", 4, kByAccount, &Conditions::accounts},
      {"Users", 1, kByUser, &Conditions::users},
      {"Wckeys", 1, kByWckey, &Conditions::wckeys},
      {"Names", 2, kOfReservations, &Conditions::names},
      {"Partitions", 2, kOfJobs, &Conditions::partitions},
  };
  for (const List& list : kLists) {
    if (!knows(list.kinds) || !base::abbreviates(key, list.name, list.least)) continue;
    result_.*list.member = list_of(value);
    return true;
  }
  if (!knows(kOfJobs | kOfReservations) || !base::abbreviates(key, "Nodes", 2)) return false;
  const auto hosts = base::parse_hosts(value);
  if (hosts) {
    result_.nodes = *hosts;
  } else {
    complain(" Invalid node list: " + std::string(value));
  }
  return true;
}

void Parser::take_grouping(std::string_view value) {
  if (base::abbreviates(value, "individual", 3)) {
    result_.one_by_one = true;
    return;
  }
  for (const std::string& word : list_of(value)) {
    const auto size = base::parse_u32(word);
    const bool ascends =
        size && *size != 0 && (result_.grouping.empty() || result_.grouping.back() < *size);
    if (!ascends) return complain(fmt::format(" Invalid grouping: {}", value));
    result_.grouping.push_back(*size);
  }
}

void Parser::take_jobs(std::string_view value) {
  for (const std::string& word : list_of(value)) {
    auto ref = opt::parse_job_ref(word);
    if (!ref) return complain(" Invalid job id: " + word);
    result_.jobs.push_back(std::move(*ref));
  }
}

void Parser::take_groups(std::string_view value) {
  for (const std::string& word : list_of(value)) {
    const auto gid = base::parse_group(word);
    if (!gid) return complain(" Invalid group id: " + word);
    result_.gids.push_back(*gid);
  }
}

bool Parser::take_of_jobs(std::string_view key, std::string_view value) {
  if (knows(kOfTop) && base::abbreviates(key, "TopCount", 1)) {
    const auto count = base::parse_u32(value);
    if (!count) {
      complain(fmt::format("sreport: error: Invalid value for TopCount ({})", value));
    } else {
      result_.top_count = *count;
    }
    return true;
  }
  if (!knows(kOfJobs)) return false;
  if (base::abbreviates(key, "GID", 2)) {
    take_groups(value);
  } else if (base::abbreviates(key, "Grouping", 2)) {
    take_grouping(value);
  } else if (base::abbreviates(key, "Jobs", 1)) {
    take_jobs(value);
  } else {
    return false;
  }
  return true;
}

void Parser::take(const std::string& word) {
  const base::Cut cut = base::cut(word, '=');
  const bool known = cut.found
                         ? take_common(cut.before, cut.after) || take_list(cut.before, cut.after) ||
                               take_of_jobs(cut.before, cut.after)
                         : take_flag(word);
  if (!known) complain(" Unknown condition: " + word + "\nUse keyword set to modify value");
}

Conditions Parser::finish() {
  result_.start = nearest_hour(start_.value_or(base::local_midnight(now_, -1)));
  result_.end = nearest_hour(end_.value_or(base::local_midnight(now_)));
  if (result_.end <= result_.start) result_.end = result_.start + kHour;
  if (result_.grouping.empty()) result_.grouping = {50, 250, 500, 1000};
  return std::move(result_);
}

}  // namespace

Conditions parse_conditions(const std::vector<std::string>& words, std::uint32_t kinds,
                            std::int64_t now) {
  Parser parser(kinds, now);
  for (const std::string& word : words) parser.take(word);
  return parser.finish();
}

}  // namespace sluice::cli::reporting
