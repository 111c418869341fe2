// What is replayed is read, then replayed as often as asked; files are written at the end, each
// whole or not at all.
#include "cli/sluice/sim.hpp"

#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "base/file.hpp"
#include "base/strings.hpp"
#include "cli/sluice/accounts_script.hpp"
#include "cli/sluice/placements.hpp"
#include "cli/sluice/submission_log.hpp"
#include "config/cluster_config.hpp"
#include "config/slurm_config.hpp"
#include "replay/metrics.hpp"
#include "replay/submissions.hpp"
#include "replay/trace_file.hpp"
#include "report/job_text.hpp"

namespace sluice::cli {

namespace {

using replay::Policy;

constexpr std::size_t kMaxScript = 256 * 1024 * 1024;

Result<std::optional<Policy>> policy_of(const SimOptions& options) {
  if (options.policy.empty()) return std::nullopt;
  if (options.policy == "fcfs") return Policy::fcfs;
  if (options.policy == "easy") return Policy::easy;
  if (options.policy == "conservative") return Policy::conservative;
  if (options.policy == "site") return Policy::site;
  return fail(ErrorCode::invalid_argument,
              options.policy + ": the policies are fcfs, easy, conservative and site");
}

struct Setup {
  core::SettingsPtr settings;
  std::int64_t processors = 0;
  std::vector<std::string> left_out;  // of a slurm.conf
};

Result<Setup> configured(const SimOptions& options, const std::optional<Policy>& policy) {
  Result<ClusterFile> file = read_cluster_file(options.config);
  if (!file) return tl::unexpected(file.error());
  Setup made;
  made.left_out = std::move(file->left_out);
  model::Settings settings = *file->settings;
  if (policy) replay::set_policy(settings, *policy);
  for (const model::NodeSetting& node : settings.nodes) {
    if (!node.facts_fixed) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("{}: the CPUs of {} must be given to replay anything on it",
                              options.config, node.name.view()));
    }
    made.processors += node.facts.cpus();
  }
  made.settings = std::make_shared<const model::Settings>(std::move(settings));
  return made;
}

Result<Setup> set_up(const SimOptions& options, const replay::Trace& trace) {
  const Result<std::optional<Policy>> policy = policy_of(options);
  if (!policy) return tl::unexpected(policy.error());
  if (!options.config.empty()) {
    Result<Setup> made = configured(options, *policy);
    if (made) made->settings = replay::trace_settings(*made->settings);
    return made;
  }
  Setup made;
  made.processors = options.processors != 0 ? options.processors : trace.processors;
  if (made.processors <= 0) {
    return fail(ErrorCode::invalid_argument,
                options.trace + " doesn't say how many processors there are: --procs does");
  }
  made.settings =
      replay::trace_settings({made.processors, options.per_node}, policy->value_or(Policy::site));
  return made;
}

std::string name_of(const std::string& path) { return path == "-" ? "standard input" : path; }

struct Outcome {
  std::vector<replay::Metrics> all;    // of each replay
  std::vector<replay::TraceJob> jobs;  // of the last one
  replay::Played played;
  std::int64_t processors = 0;
};

// The files that were asked for, and the table.
Result<std::string> report_on(const SimOptions& options, const Outcome& outcome) {
  const auto starts = [&] { return replay::starts_tsv(outcome.jobs, outcome.played); };
  const auto csv = [&] { return replay::jobs_csv(outcome.jobs, outcome.played); };
  const auto svg = [&] {
    return replay::load_svg(outcome.jobs, outcome.played, outcome.processors);
  };
  using Make = std::function<std::string()>;
  for (const auto& [path, make] : {std::pair<std::string, Make>(options.starts, starts),
                                   std::pair<std::string, Make>(options.csv, csv),
                                   std::pair<std::string, Make>(options.svg, svg)}) {
    if (path.empty()) continue;
    if (Status written = base::write_file_atomic(path, make()); !written) {
      return tl::unexpected(written.error());
    }
  }
  std::string table =
      replay::metrics_table(replay::mean_of(outcome.all), replay::slowdown_error(outcome.all));
  if (options.replays > 1) {
    table += fmt::format("means of               {:>14} replays\n", outcome.all.size());
  }
  return table;
}

std::string refusals(const replay::Played& played) {
  if (played.refused == 0) return "";
  return fmt::format("refused                {:>14}, the first: {}\n", played.refused,
                     played.first_refusal);
}

// What is particular to a log of submissions.
std::string remarks_on(const replay::Replayed& replayed, const Setup& setup) {
  std::string text = refusals(replayed.played);
  if (replayed.timed_out != 0) {
    text += fmt::format("ended at their limits  {:>14}\n", replayed.timed_out);
  }
  if (replayed.requeued != 0) {
    text += fmt::format("runs begun again       {:>14}\n", replayed.requeued);
  }
  std::map<std::string, std::uint64_t> reasons;
  for (const model::JobPtr& job : replayed.waiting) ++reasons[report::reason_text(*job)];
  for (const auto& [reason, count] : reasons) {
    text += fmt::format("never started          {:>14}, {}\n", count, reason);
  }
  return text + left_out_lines(setup.left_out);
}

Result<model::AccountsPtr> read_accounts(const SimOptions& options, const Setup& setup) {
  if (options.accounts.empty()) return model::AccountsPtr();
  const Result<std::string> text = base::read_file(options.accounts, kMaxScript);
  if (!text) return tl::unexpected(text.error());
  Result<model::Accounts> made =
      read_accounts_script({*text, options.accounts, setup.settings->cluster_name.str(),
                            setup.settings->accounting_tres});
  if (!made) return tl::unexpected(made.error());
  return std::make_shared<const model::Accounts>(std::move(*made));
}

}  // namespace

Result<ClusterFile> read_cluster_file(const std::string& path) {
  if (path.ends_with(".conf")) {
    Result<config::SlurmConfig> read = config::load_slurm_config(path);
    if (!read) return tl::unexpected(read.error());
    return ClusterFile{read->config.settings, std::move(read->left_out)};
  }
  Result<config::ClusterConfig> read = config::load_cluster_config(path);
  if (!read) return tl::unexpected(read.error());
  return ClusterFile{read->settings, {}};
}

std::string left_out_lines(const std::vector<std::string>& notes) {
  std::string text;
  for (const std::string& note : notes) text += "left out: " + note + "\n";
  return text;
}

Result<std::string> simulate(const SimOptions& options) {
  Result<std::string> text = replay::read_trace_file(options.trace);
  if (!text) return text;
  Result<replay::Trace> trace = replay::read_swf(*text, name_of(options.trace));
  if (!trace) return tl::unexpected(trace.error());
  text->clear();
  Result<Setup> setup = set_up(options, *trace);
  if (!setup) return tl::unexpected(setup.error());

  Outcome outcome;
  outcome.processors = setup->processors;
  std::uint64_t dropped = 0;
  for (std::uint32_t n = 0; n < options.replays; ++n) {
    replay::Prepared ready = replay::prepare(
        *trace,
        {.processors = setup->processors, .shake_s = options.shake_s, .seed = options.seed + n});
    Result<replay::Played> done = replay::play(ready.jobs, setup->settings);
    if (!done) return tl::unexpected(done.error());
    outcome.all.push_back(replay::measure(ready.jobs, *done, setup->processors));
    outcome.played = std::move(*done);
    outcome.jobs = std::move(ready.jobs);
    dropped = ready.dropped;
  }
  Result<std::string> table = report_on(options, outcome);
  if (!table) return table;
  if (dropped != 0) *table += fmt::format("left out               {:>14}\n", dropped);
  *table += refusals(outcome.played);
  *table += left_out_lines(setup->left_out);
  return table;
}

Result<std::string> simulate_submissions(const SimOptions& options) {
  if (options.config.empty()) {
    return fail(ErrorCode::invalid_argument,
                "sim: --submissions needs --config, a sluice.yaml or a slurm.conf");
  }
  const Result<std::optional<Policy>> policy = policy_of(options);
  if (!policy) return tl::unexpected(policy.error());
  const Result<Setup> setup = configured(options, *policy);
  if (!setup) return tl::unexpected(setup.error());
  const Result<model::AccountsPtr> accounts = read_accounts(options, *setup);
  if (!accounts) return tl::unexpected(accounts.error());
  const Result<std::string> text = replay::read_trace_file(options.submissions);
  if (!text) return text;
  const Result<std::vector<replay::Submission>> log =
      read_submission_log(*text, name_of(options.submissions));
  if (!log) return tl::unexpected(log.error());

  Outcome outcome;
  outcome.processors = setup->processors;
  replay::Replayed replayed;
  std::vector<replay::Submission> moved;
  const auto keep = options.placements.empty() ? replay::Keep::starts : replay::Keep::stretches;
  for (std::uint32_t n = 0; n < options.replays; ++n) {
    moved = replay::shaken(*log, options.shake_s, options.seed + n);
    Result<replay::Replayed> done =
        replay::play_submissions(moved, setup->settings, *accounts, keep);
    if (!done) return tl::unexpected(done.error());
    replayed = std::move(*done);
    outcome.all.push_back(replay::measure(replayed.jobs, replayed.played, setup->processors));
  }
  outcome.jobs = replayed.jobs;
  outcome.played = replayed.played;
  if (!options.placements.empty()) {
    const std::string lines = placements_tsv(moved, replayed);
    if (Status written = base::write_file_atomic(options.placements, lines); !written) {
      return tl::unexpected(written.error());
    }
  }
  Result<std::string> table = report_on(options, outcome);
  if (table) *table += remarks_on(replayed, *setup);
  return table;
}

}  // namespace sluice::cli
