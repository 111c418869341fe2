// See job_text.hpp.
#include "report/job_text.hpp"

#include <algorithm>
#include <optional>

#include "base/quantity.hpp"
#include "model/gres.hpp"
#include "report/gres_text.hpp"
#include "rollup/attempt.hpp"

namespace sluice::report {

namespace {

std::string memory_text(std::uint64_t mib) { return base::format_exact(mib, base::Unit::mega); }

std::string tres_text(std::uint64_t cpus, std::uint64_t memory, std::uint64_t nodes,
                      std::uint64_t billing) {
  std::string text = "cpu=" + std::to_string(cpus);
  if (memory != 0) text += ",mem=" + memory_text(memory);
  return text + ",node=" + std::to_string(nodes) + ",billing=" + std::to_string(billing);
}

// On all nodes together.
std::uint64_t whole_count(const model::Request& request, const model::GresRequest& gres,
                          std::uint64_t nodes, std::uint64_t tasks) {
  switch (gres.scope) {
    case model::GresScope::node: return gres.count * nodes;
    case model::GresScope::task: return gres.count * tasks;
    case model::GresScope::socket:
      return gres.count * std::max(request.sockets_per_node, 1U) * nodes;
    case model::GresScope::job: break;
  }
  return gres.count;
}

// GPUs that a request comes to; accelerators of any kind count as well.
std::uint64_t gpus_of(const model::Request& request, std::uint64_t nodes, std::uint64_t tasks) {
  std::uint64_t gpus = 0;
  for (const model::GresRequest& gres : model::without_repeats(request.gres)) {
    if (gres.name.view() != "gpu" && gres.name.view() != model::kAnyAccelerator) continue;
    gpus += whole_count(request, gres, nodes, tasks);
  }
  if (gpus == 0 && request.tasks_per_gpu != 0) {
    gpus = (tasks + request.tasks_per_gpu - 1) / request.tasks_per_gpu;
  }
  return gpus;
}

}  // namespace

std::size_t task_list_room(std::optional<std::string_view> variable) {
  const auto room = base::parse_u32(variable.value_or(""));
  return room ? *room : kTaskListRoom;
}

std::string task_runs_text(std::span<const model::TaskRun> runs, std::size_t room) {
  constexpr std::string_view kMore = "...";
  const std::size_t longest = room == 0 ? SIZE_MAX : std::max(room - 1, kMore.size());
  std::string text;
  std::optional<model::TaskRun> open;  // consecutive tasks not written yet
  const auto flush = [&] {
    if (!open) return;
    if (!text.empty()) text += ',';
    text += std::to_string(open->first);
    if (open->last != open->first) text += '-' + std::to_string(open->last);
  };
  const auto extend = [&](std::uint32_t first, std::uint32_t last) {
    if (open && open->last + 1 == first) {
      open->last = last;
      return;
    }
    flush();
    open = model::TaskRun{first, last, 1};
  };
  for (const model::TaskRun& run : runs) {
    if (run.step <= 1) extend(run.first, run.last);
    for (std::uint64_t task = run.first; run.step > 1 && task <= run.last; task += run.step) {
      extend(static_cast<std::uint32_t>(task), static_cast<std::uint32_t>(task));
      if (text.size() > longest) break;
    }
    if (text.size() > longest) break;
  }
  flush();
  if (text.size() > longest) {
    text.resize(longest - kMore.size());
    text += kMore;
  }
  return text;
}

std::string array_task_text(const model::Job& job, std::size_t room) {
  if (job.array_task != model::kNoTask) return std::to_string(job.array_task);
  if (!job.array_rest) return {};
  std::string text = task_runs_text(job.array_rest->runs, room);
  if (job.spec->array_limit != 0) text += "%" + std::to_string(job.spec->array_limit);
  return text;
}

std::string het_id_set_text(const model::Job& job) {
  if (!job.het_job.is_set()) return {};
  return fmt::format("{}-{}", job.het_job.value, job.het_job.value + job.het_count - 1);
}

std::string job_id_text(const model::Job& job, std::size_t room) {
  if (job.het_job.is_set()) return fmt::format("{}+{}", job.het_job.value, job.het_offset);
  if (!job.array_job.is_set()) return std::to_string(job.id.value);
  std::string text = std::to_string(job.array_job.value) + "_";
  if (job.array_task != model::kNoTask) return text + std::to_string(job.array_task);
  return text + "[" + array_task_text(job, room) + "]";
}

std::string step_number_text(StepNumber number) {
  if (number == base::kBatchStep) return "batch";
  if (number == base::kExternStep) return "extern";
  if (number == base::kInteractiveStep) return "interactive";
  return std::to_string(number);
}

std::string step_id_text(const model::Step& step, const model::Job* job) {
  const std::string id = job != nullptr ? job_id_text(*job) : std::to_string(step.job.value);
  return id + "." + step_number_text(step.number);
}

std::uint32_t node_count(const model::Job& job) {
  if (job.allocation) return static_cast<std::uint32_t>(job.allocation->shares.size());
  return std::max(job.request->min_nodes, 1U);
}

std::uint32_t task_count(const model::Job& job) {
  const model::Request& request = *job.request;
  if (request.tasks != 0) return request.tasks;
  return node_count(job) * std::max(request.tasks_per_node, 1U);
}

std::uint32_t cpu_count(const model::Job& job) {
  return job.allocation ? job.allocation->cpus : requested_cpu_count(job);
}

std::uint32_t requested_cpu_count(const model::Job& job) {
  const model::Request& request = *job.request;
  const std::uint32_t nodes = std::max(request.min_nodes, 1U);
  const std::uint32_t tasks =
      request.tasks != 0 ? request.tasks : nodes * std::max(request.tasks_per_node, 1U);
  return std::max(tasks * std::max(request.cpus_per_task, 1U),
                  nodes * std::max(request.min_cpus_per_node, 1U));
}

std::string requested_tres(const model::Job& job) {
  const model::Request& request = *job.request;
  const std::uint64_t nodes = std::max(request.min_nodes, 1U);
  const std::uint64_t tasks =
      request.tasks != 0 ? request.tasks : nodes * std::max(request.tasks_per_node, 1U);
  const std::uint64_t cpus = requested_cpu_count(job);
  std::uint64_t memory = request.memory_per_cpu * cpus;
  if (request.memory_per_node != 0) memory = request.memory_per_node * nodes;
  if (request.memory_per_gpu != 0) {
    memory = request.memory_per_gpu * gpus_of(request, nodes, tasks);
  }
  GresSums sums;
  for (const model::GresRequest& gres : model::without_repeats(request.gres)) {
    sums.add(gres.name.view(), gres.type.view(), whole_count(request, gres, nodes, tasks));
  }
  const bool has_gpus = std::ranges::any_of(
      request.gres, [](const model::GresRequest& gres) { return gres.name.view() == "gpu"; });
  if (request.tasks_per_gpu != 0 && !has_gpus) sums.add("gpu", "", gpus_of(request, nodes, tasks));
  return tres_text(cpus, memory, nodes, cpus) + sums.tres();
}

std::string allocated_tres(const model::Job& job) {
  if (!job.allocation) return {};
  std::uint64_t memory = 0;
  GresSums sums;
  for (const model::NodeShare& share : job.allocation->shares) {
    memory += share.memory;
    for (const model::GresShare& gres : share.gres) {
      sums.add(gres.name.view(), gres.type.view(), gres.count);
    }
  }
  const std::uint64_t billing =
      job.tres.empty()
          ? job.allocation->cpus
          : static_cast<std::uint64_t>(model::tres_count(job.tres, model::kTresBilling));
  return tres_text(job.allocation->cpus, memory, job.allocation->shares.size(), billing) +
         sums.tres();
}

std::int64_t run_seconds(const model::Job& job, std::int64_t now) {
  return rollup::run_seconds(job, now);
}

model::WallTime accrue_time(const model::Job& job) {
  const bool later = job.reason == model::Reason::begin_time;  // then it will
  if (job.accrue != 0 || (job.state == model::JobState::pending && !later)) return job.accrue;
  return job.eligible;
}

model::WallTime preemptable_at(const model::Job& job, const ExemptTimes& exempt) {
  if (job.start == 0) return 0;
  const auto own = exempt.of_qos.find(job.qos.str());
  const std::int64_t safe_s = own == exempt.of_qos.end() ? exempt.usual_s : own->second;
  return job.start + safe_s * model::kSecond;
}

std::int64_t end_seconds(const model::Job& job) {
  if (job.end != 0) return job.end / model::kSecond;
  model::WallTime start = job.start != 0 ? job.start : job.planned_start;
  const bool begins = job.state == model::JobState::pending && job.eligible > job.submit &&
                      job.reason == model::Reason::begin_time;
  if (start == 0 && begins) start = job.eligible;
  if (start == 0 || job.time_limit == model::kUnlimited || job.time_limit == 0) return 0;
  return (start + job.suspended_us) / model::kSecond + std::int64_t{job.time_limit} * 60;
}

std::int64_t end_with_grace(const model::Job& job, const ExemptTimes& exempt) {
  const std::int64_t end = end_seconds(job);
  if (job.preempted_at == 0 || job.state != model::JobState::running) return end;
  const auto own = exempt.grace.find(exempt.grace_by_qos ? job.qos.str() : job.partition.str());
  const std::int64_t grace_s = own == exempt.grace.end() ? 0 : own->second;
  const std::int64_t told = job.preempted_at / model::kSecond + grace_s;
  return end == 0 ? told : std::min(end, told);
}

std::string reason_text(const model::Job& job) {
  if (!job.reason_detail.empty()) return job.reason_detail.str();
  return std::string(model::reason_name(job.reason));
}

std::string exit_text(std::uint32_t wait_status) {
  return std::to_string((wait_status >> 8U) & 0xffU) + ":" + std::to_string(wait_status & 0x7fU);
}

std::string command_text(const model::Job& job) {
  std::string text = job.spec->command.str();
  for (const Text& argument : job.spec->arguments) text += " " + argument.str();
  return text;
}

std::string gres_text(const model::Job& job, model::GresScope scope) {
  std::string text;
  for (const model::GresRequest& gres : job.request->gres) {
    if (gres.scope != scope) continue;
    if (!text.empty()) text += ",";
    text += "gres/" + gres.name.str() + (gres.type.empty() ? "" : ":" + gres.type.str()) + ":" +
            std::to_string(gres.count);
  }
  return text;
}

std::string gres_detail(const model::NodeShare& share) {
  std::string text;
  for (const model::GresShare& gres : share.gres) {
    if (!text.empty()) text += ",";
    text += gres.name.str() + (gres.type.empty() ? "" : ":" + gres.type.str()) + ":" +
            std::to_string(gres.count);
    if (gres.indices.any()) text += "(IDX:" + gres.indices.to_ranges() + ")";
  }
  return text;
}

std::string std_out_text(const model::Job& job) {
  std::string path = job.spec->std_out.str();
  if (path.empty()) {
    if (job.spec->kind != model::JobKind::batch) return {};
    path = job.array_job.is_set() ? "slurm-%A_%a.out" : "slurm-%j.out";
  }
  if (path.front() != '/') path.insert(0, job.spec->work_dir.str() + "/");
  return path;
}

std::string std_err_text(const model::Job& job) {
  if (job.spec->std_err.empty()) return std_out_text(job);
  std::string path = job.spec->std_err.str();
  if (path.front() != '/') path.insert(0, job.spec->work_dir.str() + "/");
  return path;
}

}  // namespace sluice::report
