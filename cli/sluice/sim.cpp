// The trace is read, then replayed as often as asked; files are written at the end, each whole or
// not at all.
#include "cli/sluice/sim.hpp"

#include <optional>
#include <vector>

#include <fmt/core.h>

#include "base/file.hpp"
#include "config/cluster_config.hpp"
#include "replay/metrics.hpp"
#include "replay/trace_file.hpp"

namespace sluice::cli {

namespace {

using replay::Policy;

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
};

Result<Setup> set_up(const SimOptions& options, const replay::Trace& trace) {
  Result<std::optional<Policy>> policy = policy_of(options);
  if (!policy) return tl::unexpected(policy.error());
  Setup made;
  if (options.config.empty()) {
    made.processors = options.processors != 0 ? options.processors : trace.processors;
    if (made.processors <= 0) {
      return fail(ErrorCode::invalid_argument,
                  options.trace + " doesn't say how many processors there are: --procs does");
    }
    made.settings =
        replay::trace_settings({made.processors, options.per_node}, policy->value_or(Policy::site));
    return made;
  }
  Result<config::ClusterConfig> config = config::load_cluster_config(options.config);
  if (!config) return tl::unexpected(config.error());
  model::Settings settings = *replay::trace_settings(*config->settings);
  if (*policy) replay::set_policy(settings, **policy);
  for (const model::NodeSetting& node : settings.nodes) made.processors += node.facts.cpus();
  if (made.processors <= 0) {
    return fail(ErrorCode::invalid_argument,
                options.config + ": the nodes' CPUs must be given to replay a trace on them");
  }
  made.settings = std::make_shared<const model::Settings>(std::move(settings));
  return made;
}

Status write_if(const std::string& path, const std::string& text) {
  return path.empty() ? Status{} : base::write_file_atomic(path, text);
}

}  // namespace

Result<std::string> simulate(const SimOptions& options) {
  Result<std::string> text = replay::read_trace_file(options.trace);
  if (!text) return text;
  const std::string name = options.trace == "-" ? "standard input" : options.trace;
  Result<replay::Trace> trace = replay::read_swf(*text, name);
  if (!trace) return tl::unexpected(trace.error());
  text->clear();
  Result<Setup> setup = set_up(options, *trace);
  if (!setup) return tl::unexpected(setup.error());

  std::vector<replay::Metrics> all;
  replay::Prepared ready;
  replay::Played played;
  for (std::uint32_t n = 0; n < options.replays; ++n) {
    ready = replay::prepare(
        *trace,
        {.processors = setup->processors, .shake_s = options.shake_s, .seed = options.seed + n});
    Result<replay::Played> done = replay::play(ready.jobs, setup->settings);
    if (!done) return tl::unexpected(done.error());
    played = std::move(*done);
    all.push_back(replay::measure(ready.jobs, played, setup->processors));
  }
  for (const auto& [path, content] :
       {std::pair(options.starts, replay::starts_tsv(ready.jobs, played)),
        std::pair(options.csv, replay::jobs_csv(ready.jobs, played)),
        std::pair(options.svg, replay::load_svg(ready.jobs, played, setup->processors))}) {
    if (Status written = write_if(path, content); !written) return tl::unexpected(written.error());
  }
  std::string table = replay::metrics_table(replay::mean_of(all), replay::slowdown_error(all));
  if (options.replays > 1)
    table += fmt::format("means of               {:>14} replays\n", all.size());
  if (ready.dropped != 0) table += fmt::format("left out               {:>14}\n", ready.dropped);
  if (played.refused != 0) {
    table += fmt::format("refused                {:>14}, the first: {}\n", played.refused,
                         played.first_refusal);
  }
  return table;
}

}  // namespace sluice::cli
