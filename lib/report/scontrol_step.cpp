// `scontrol show step` and the lines of `show config`.
#include <fmt/core.h>

#include "base/duration.hpp"
#include "base/quantity.hpp"
#include "report/job_text.hpp"
#include "report/scontrol_text.hpp"
#include "report/text_block.hpp"

namespace sluice::report {

namespace {

std::string step_tres(const model::Step& step) {
  std::string text = fmt::format("cpu={}", step.cpus);
  if (step.memory != 0) text += ",mem=" + base::format_exact(step.memory, base::Unit::mega);
  text += fmt::format(",node={}", step.node_count);
  if (!step.gres.empty()) text += "," + step.gres.str();
  return text;
}

}  // namespace

void show_step(const model::Step& step, const model::Job* job, const ShowStyle& style,
               std::string& out) {
  TextBlock block(out, style.one_line);
  const std::string limit = step.time_limit == model::kUnlimited
                                ? "UNLIMITED"
                                : base::format_duration(std::int64_t{step.time_limit} * 60);
  block.line(fmt::format("StepId={} UserId={} StartTime={} TimeLimit={}", step_id_text(step, job),
                         step.uid, time_text(style.time, step.start, "Unknown"), limit));
  const std::string_view partition =
      step.partition.empty() && job != nullptr ? job->partition : step.partition;
  block.line(fmt::format("State={} Partition={} NodeList={}", model::long_name(step.state, 0),
                         partition, step.nodes.view()));
  block.line(fmt::format("Nodes={} CPUs={} Tasks={} Name={} Network=(null)", step.node_count,
                         step.cpus, step.tasks, step.name.view()));
  block.line("TRES=" + step_tres(step));
  block.line("ResvPorts=(null)");
  std::string frequency = "CPUFreqReq=Default";
  if (!step.distribution.empty()) frequency += " Dist=" + step.distribution.str();
  block.line(frequency);
  if (!step.container.empty()) {
    std::string container = "Container=" + step.container.str();
    if (!step.image_digest.empty()) container += " ImageDigest=" + step.image_digest.str();
    block.line(container);
  }
  if (!step.reason.empty()) block.line("Reason=" + step.reason.str());
  block.line("SrunHost:Pid=(null):0");
  block.end();
}

void show_setting(std::string_view key, std::string_view value, std::string& out) {
  out += fmt::format("{:<23} = {}\n", key, value);
}

}  // namespace sluice::report
