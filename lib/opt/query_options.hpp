// The options of squeue, sinfo, scancel, sacct, scontrol and sstat, read into plain structs. Lists
// are already cut, users are numbers, states are masks; names of partitions, nodes and the like are
// as typed. An empty list means "no such filter".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/types.hpp"
#include "opt/account_options.hpp"
#include "opt/dump.hpp"
#include "opt/invocation.hpp"
#include "opt/states.hpp"

namespace sluice::opt {

struct SqueueOptions {
  std::vector<std::string> accounts;
  std::vector<JobRef> jobs;   // -j; several or one decide the exit code of unknown ids
  std::vector<JobRef> steps;  // -s LIST
  bool show_steps = false;    // -s
  std::vector<std::string> names;
  std::vector<std::string> partitions;
  std::vector<std::string> qos;
  std::vector<std::string> licenses;
  std::string reservation;
  JobStates states;                   // not given: pending, running, suspended, completing, ...
  std::vector<std::uint32_t> users;   // kNoTask for a name that nobody has: it matches no job
  bool not_me = false;                // --notme: all but the caller's
  std::vector<std::string> warnings;  // to print first, as "squeue: error: <text>"; not fatal
  std::vector<std::string> nodes;
  std::string format;         // -o, SQUEUE_FORMAT
  std::string format_long;    // -O, SQUEUE_FORMAT2
  std::string sort;           // -S, SQUEUE_SORT
  bool format_given = false;  // -o on the command line or in the environment
  bool format_long_given = false;
  bool start = false;
  bool array = false;  // -r
  bool array_unique = false;
  bool all = false;  // -a: hidden partitions too
  bool hide = false;
  bool long_form = false;  // -l
  bool no_header = false;
  bool no_convert = false;
  bool priority = false;  // -P: once per partition
  bool only_job_state = false;
  bool expand_patterns = false;  // file names with their patterns filled in
  std::uint32_t iterate = 0;     // seconds
  std::uint32_t verbose = 0;
  std::string clusters;  // -M as typed
  Dump dump = Dump::none;
  std::string data_parser;  // --json=WHAT, or empty
};

struct SinfoOptions {
  std::vector<std::string> partitions;
  std::vector<std::string> nodes;  // -n, expanded
  NodeStates states;
  bool all = false;
  bool hide = false;
  bool dead = false;           // -d
  bool responding = false;     // -r
  bool exact = false;          // -e
  bool future = false;         // -F
  bool list_reasons = false;   // -R
  bool long_form = false;      // -l
  bool node_oriented = false;  // -N
  bool summarize = false;      // -s
  bool reservations = false;   // -T
  bool no_header = false;
  bool no_convert = false;
  std::string format;
  std::string format_long;
  bool format_given = false;
  bool format_long_given = false;
  std::string sort;
  std::uint32_t iterate = 0;
  std::uint32_t verbose = 0;
  std::string clusters;
  Dump dump = Dump::none;
  std::string data_parser;
};

struct ScancelOptions {
  std::vector<JobRef> jobs;
  std::string account;
  std::string name;
  std::string partition;
  std::string qos;
  std::string reservation;
  std::string wckey;
  std::vector<std::string> nodes;
  JobStates states;
  std::optional<std::uint32_t> user;  // --user, --me
  std::uint32_t signal = 0;           // 0: end the job
  bool batch = false;                 // -b
  bool full = false;                  // -f
  bool hurry = false;
  bool interactive = false;
  bool controller = false;  // --ctld
  bool quiet = false;
  std::uint32_t verbose = 0;
  std::string clusters;
  std::string admin_comment;  // --admin-comment

  // Something beside ids selects jobs.
  [[nodiscard]] bool has_filter() const;
};

struct SacctOptions {
  std::vector<std::string> accounts;
  std::vector<JobRef> jobs;
  std::vector<std::string> names;
  std::vector<std::string> partitions;
  std::vector<std::string> qos;
  std::vector<std::string> wckeys;
  std::vector<std::string> constraints;
  std::vector<std::string> reasons;
  std::vector<std::string> nodes;
  std::vector<std::uint32_t> users;
  std::vector<std::uint32_t> groups;
  std::vector<std::uint32_t> associations;  // -x
  std::vector<std::string> flags;           // -F, in lower case
  JobStates states;
  std::uint32_t min_nodes = 0, max_nodes = 0;  // -i; 0 and 0: any
  std::uint32_t min_cpus = 0, max_cpus = 0;    // -I
  std::uint32_t timelimit_min = 0;             // -k, minutes; 0: any
  std::uint32_t timelimit_max = 0;             // -K
  std::optional<std::int64_t> start;           // -S, seconds since 1970
  std::optional<std::int64_t> end;             // -E
  bool all_users = false;
  bool allocations = false;          // -X
  bool truncate = false;             // -T
  bool duplicates = false;           // -D
  bool array = false;                // --array
  std::optional<bool> whole_hetjob;  // unset: all components where the first one is named
  bool batch_script = false;         // -B
  bool env_vars = false;
  bool expand_patterns = false;
  bool brief = false;
  bool long_form = false;
  bool help_format = false;  // -e
  bool parsable = false;     // -p
  bool parsable2 = false;    // -P
  bool no_header = false;
  bool no_convert = false;
  std::string delimiter;  // empty: '|'
  std::string format;     // -o, SACCT_FORMAT; empty: default
  char units = 0;         // one of KMGTP; 0: automatic
  std::uint32_t verbose = 0;
  std::string clusters;
  Dump dump = Dump::none;
  std::string data_parser;
};

struct ScontrolOptions {
  std::vector<std::string> words;  // the command and its arguments; empty: interactive
  bool all = false;
  bool details = false;  // also -dd
  bool future = false;
  bool hide = false;
  bool one_line = false;  // -o
  bool quiet = false;
  std::uint32_t verbose = 0;
  std::optional<std::uint32_t> run_as_uid;  // -u (root only): become it before connecting
  std::string clusters;
  Dump dump = Dump::none;
  std::string data_parser;
};

struct SstatOptions {
  std::vector<JobRef> jobs;
  bool all_steps = false;    // -a
  bool help_format = false;  // -e
  bool pids = false;         // -i
  bool parsable = false;     // -p
  bool parsable2 = false;    // -P
  bool no_header = false;
  bool no_convert = false;
  std::string format;
  std::uint32_t verbose = 0;
};

[[nodiscard]] Parsed<SqueueOptions> parse_squeue(const Invocation& invocation);
[[nodiscard]] Parsed<SinfoOptions> parse_sinfo(const Invocation& invocation);
[[nodiscard]] Parsed<ScancelOptions> parse_scancel(const Invocation& invocation);
[[nodiscard]] Parsed<SacctOptions> parse_sacct(const Invocation& invocation);
[[nodiscard]] Parsed<ScontrolOptions> parse_scontrol(const Invocation& invocation);
[[nodiscard]] Parsed<SstatOptions> parse_sstat(const Invocation& invocation);
[[nodiscard]] Parsed<SacctmgrOptions> parse_sacctmgr(const Invocation& invocation);
[[nodiscard]] Parsed<SshareOptions> parse_sshare(const Invocation& invocation);
[[nodiscard]] Parsed<SprioOptions> parse_sprio(const Invocation& invocation);
[[nodiscard]] Parsed<SdiagOptions> parse_sdiag(const Invocation& invocation);
[[nodiscard]] Parsed<SreportOptions> parse_sreport(const Invocation& invocation);

}  // namespace sluice::opt
