// What several options decide together: GRES lists, tasks against nodes, names, and the step that
// srun makes of it all.
#include "opt/submit_finish.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/hostlist.hpp"
#include "base/strings.hpp"
#include "model/gres.hpp"
#include "opt/values.hpp"

namespace sluice::opt {
namespace {

using model::GresRequest;
using model::GresScope;

std::string_view base_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool is_gpu(const GresRequest& request) { return request.name == Text("gpu"); }

void append(std::vector<GresRequest>& to, const std::vector<GresRequest>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

std::uint64_t total(const std::vector<GresRequest>& list) {
  std::uint64_t sum = 0;
  for (const GresRequest& request : list) sum += request.count;
  return sum;
}

bool same_kind(const GresRequest& a, const GresRequest& b) {
  return a.name == b.name && a.type == b.type && a.scope == b.scope;
}

// A kind that a list names twice is meant as the last one says.
void keep_last(std::vector<GresRequest>& list) {
  for (std::size_t n = list.size(); n-- > 1;) {
    const GresRequest last = list[n];
    const auto end = list.begin() + static_cast<std::ptrdiff_t>(n);
    const auto kept = std::remove_if(
        list.begin(), end, [&](const GresRequest& earlier) { return same_kind(earlier, last); });
    n -= static_cast<std::size_t>(end - kept);
    list.erase(kept, end);
  }
}

// --gres=gpu:... and --gpus-per-node mean the same thing: the stronger source wins; of one source,
// --gres as far as it names the same type.
void settle_gpus_per_node(SubmitState& s) {
  keep_last(s.gres);
  const bool both = !s.gpus_per_node.empty() && std::any_of(s.gres.begin(), s.gres.end(), is_gpu);
  if (!both) return;
  if (s.gres_choice.source > s.gpus_per_node_choice.source) {
    s.gpus_per_node.clear();
  } else if (s.gres_choice.source == s.gpus_per_node_choice.source) {
    std::erase_if(s.gpus_per_node, [&](const GresRequest& one) {
      return std::any_of(s.gres.begin(), s.gres.end(),
                         [&](const GresRequest& other) { return same_kind(one, other); });
    });
  } else {
    std::erase_if(s.gres, is_gpu);
  }
}

// What a step's line says of GPUs is all that it asks for: what its allocation's variables say in
// other ways of counting them is left out.
void drop_weaker_gres(SubmitState& s) {
  struct Part {
    std::vector<GresRequest>& list;
    Source source;
  };
  Part parts[] = {{s.gres, s.gres_choice.source},
                  {s.gpus, s.gpus_choice.source},
                  {s.gpus_per_node, s.gpus_per_node_choice.source},
                  {s.gpus_per_socket, s.gpus_per_socket_choice.source},
                  {s.gpus_per_task, s.gpus_per_task_choice.source}};
  Source strongest = Source::none;
  for (const Part& part : parts) {
    const bool some = std::any_of(part.list.begin(), part.list.end(), is_gpu);
    if (some) strongest = std::max(strongest, part.source);
  }
  for (Part& part : parts) {
    if (part.source < strongest) std::erase_if(part.list, is_gpu);
  }
}

Outcome settle_gres(SubmitState& s) {
  if (s.command == Command::srun) drop_weaker_gres(s);
  settle_gpus_per_node(s);
  const model::Request& asked = s.job.request;
  if (!s.gpus_per_socket.empty() && asked.sockets_per_node == 0) {
    return complain("--gpus-per-socket option requires --sockets-per-node specification", 1);
  }
  const bool countable =
      asked.tasks != 0 || asked.tasks_per_node != 0 || !s.gpus.empty() || asked.min_nodes != 0;
  if (!s.gpus_per_task.empty() && !countable) {
    return complain(
        "--gpus-per-task or --tres-per-task used without either --gpus or "
        "-n/--ntasks is not allowed.",
        1);
  }
  const bool range = asked.max_nodes > asked.min_nodes && asked.tasks == 0 &&
                     asked.tasks_per_node == 0 && s.gpus.empty();
  if (!s.gpus_per_task.empty() && range && s.command != Command::srun) {  // so many tasks or more
    return complain(std::string(base::error_text(ErrorCode::invalid_gres)), 1);
  }
  if (asked.cpus_per_gpu != 0 && asked.cpus_per_task != 0 && s.command != Command::srun) {
    return complain("--cpus-per-gpu is mutually exclusive with --cpus-per-task", 1);
  }
  auto& gres = s.job.request.gres;
  append(gres, s.gres);
  append(gres, s.gpus);
  append(gres, s.gpus_per_node);
  append(gres, s.gpus_per_socket);
  append(gres, s.gpus_per_task);
  s.job.spec.gpus_per_task = static_cast<std::uint32_t>(total(s.gpus_per_task));
  if (s.command == Command::srun) return {};  // a step's counts are its own
  model::Request counts = s.job.request;      // the controller settles the real one
  if (Status agree = model::settle_gres(counts); !agree) return complain(agree.error().text, 1);
  return {};
}

// Fewer tasks than nodes: the nodes yield, aloud, as in Slurm.
void settle_nodes(SubmitState& s) {
  model::Request& asked = s.job.request;
  const bool too_many = asked.tasks != 0 && asked.min_nodes > asked.tasks;
  if (!too_many) return;
  s.job.warnings.push_back(
      fmt::format("Warning: can't run {} processes on {} nodes, setting nnodes to {}", asked.tasks,
                  asked.min_nodes, asked.tasks));
  asked.min_nodes = asked.tasks;
  asked.max_nodes = std::min(asked.max_nodes, asked.tasks);
}

// srun: with -n and -N both given, --ntasks-per-node must fit; Slurm drops it aloud otherwise.
void settle_tasks_per_node(SubmitState& s) {
  model::Request& asked = s.job.request;
  const bool fixed = asked.tasks != 0 && asked.min_nodes != 0 && asked.tasks_per_node != 0;
  if (!fixed || std::uint64_t{asked.min_nodes} * asked.tasks_per_node >= asked.tasks) return;
  if (asked.max_nodes > asked.min_nodes) return;
  s.job.warnings.push_back(fmt::format(
      "Warning: can't honor --ntasks-per-node set to {} which doesn't match the requested tasks "
      "{} with the number of requested nodes {}. Ignoring --ntasks-per-node.",
      asked.tasks_per_node, asked.tasks, asked.min_nodes));
  asked.tasks_per_node = 0;
}

Outcome settle_times(const SubmitState& s) {
  const model::Request& asked = s.job.request;
  const bool wrong =
      asked.time_min != 0 && asked.time_limit != 0 && asked.time_min > asked.time_limit;
  if (!wrong) return {};
  return submit_failure(s.command, {ErrorCode::invalid_time_limit,
                                    "Invalid time-min specification (exceeds job's time or other "
                                    "limits)"});
}

// SLURM_HOSTFILE, unless nodes are named: a name a line, and task i runs on the i-th.
Outcome settle_hostfile(SubmitState& s) {
  constexpr std::string_view kFailure = "Failure getting NodeNames from hostfile";
  const std::string file(s.in->environment.get("SLURM_HOSTFILE").value_or(""));
  if (file.empty() || !s.step.node_list.empty()) return {};
  auto content = read_named(s, file);
  if (!content) {
    return complain(fmt::format("slurm_allocate_resources error opening file {}, {}\n{}", file,
                                reason_of(content.error(), file), kFailure),
                    1);
  }
  std::replace(content->begin(), content->end(), '\n', ',');
  auto hosts = base::parse_hosts(*content);
  if (!hosts) return complain(std::string(kFailure), 1);
  std::uint32_t& tasks = s.job.request.tasks;
  if (tasks == 0) tasks = static_cast<std::uint32_t>(hosts->size());
  if (hosts->empty() || hosts->size() < tasks) {
    return complain(fmt::format("Too few NodeNames in Slurm Hostfile\n{}", kFailure), 1);
  }
  hosts->resize(tasks);
  s.job.request.node_list = base::compress_sorted_hosts(*hosts);
  s.step.node_list = base::compress_hosts(*hosts);
  s.job.spec.distribution = "arbitrary";
  return {};
}

Outcome settle(SubmitState& s, model::JobKind kind) {
  s.job.spec.kind = kind;
  if (Outcome done = settle_hostfile(s); !done) return done;
  if (Outcome done = settle_gres(s); !done) return done;
  if (Outcome done = settle_times(s); !done) return done;
  if (Outcome done = settle_container(s); !done) return done;
  settle_nodes(s);
  if (s.command == Command::srun) settle_tasks_per_node(s);
  return {};
}

void set_default_name(SubmitState& s, std::string_view name) {
  if (!s.name_given) s.job.spec.name = name;
}

int exit_code_variable(const SubmitState& s, std::string_view name) {
  const auto text = s.in->environment.get(name);
  const auto code = text ? base::parse_u32(*text, 255) : Result<std::uint32_t>(1U);
  return code ? static_cast<int>(*code) : 1;
}

// --- srun's step --------------------------------------------------------------------------------

// Tasks that the line determines by itself; 0: one for each node that the step gets.
std::uint32_t count_tasks(const model::Request& asked) {
  if (asked.tasks != 0) return asked.tasks;
  if (asked.min_nodes == 0 || asked.max_nodes > asked.min_nodes) return 0;
  return asked.min_nodes * std::max(asked.tasks_per_node, 1U);
}

void copy_request(const SubmitState& s, model::StepSpec& step) {
  const model::Request& asked = s.job.request;
  model::Request counts = asked;
  step.tasks = count_tasks(model::settle_gres(counts) ? counts : asked);
  step.tasks_asked = asked.tasks != 0;
  step.min_nodes = asked.min_nodes;
  step.max_nodes = asked.max_nodes;
  step.cpus_per_task = asked.cpus_per_task;
  step.tasks_per_node = asked.tasks_per_node;
  step.tasks_per_socket = asked.tasks_per_socket;
  step.tasks_per_core = asked.tasks_per_core;
  step.threads_per_core = asked.threads_per_core;
  step.exclude = asked.exclude;
  step.memory_per_node = asked.memory_per_node;
  step.memory_per_cpu = asked.memory_per_cpu;
  step.gres = model::without_repeats(asked.gres);
  step.overcommit = asked.overcommit;
  step.no_multithread = asked.no_multithread;
  step.time_limit = asked.time_limit == model::kUnlimited ? 0 : asked.time_limit;
}

void copy_spec(const SubmitState& s, model::StepSpec& step) {
  const model::JobSpec& spec = s.job.spec;
  step.name = spec.name;
  step.work_dir = spec.work_dir;
  step.distribution = spec.distribution;
  step.std_out = spec.std_out;
  step.std_err = spec.std_err;
  step.append_output = spec.append_output;
  step.no_kill = spec.no_kill;
  step.submit_line = spec.submit_line;
  step.gpu_bind = spec.gpu_bind;
  step.tres_bind = spec.tres_bind;
  step.container = spec.container;
  step.gpus_per_task = spec.gpus_per_task;
  step.signal = spec.signal;
  step.signal_before = spec.signal_before;
}

// GPUs that the step will have, as far as the line and the allocation's variables tell; 0: unknown.
std::uint64_t gpus_of_step(const SubmitState& s) {
  const std::uint64_t nodes = std::max(s.job.request.min_nodes, 1U);
  if (!s.gpus_per_task.empty() && s.step.tasks != 0) {
    return total(s.gpus_per_task) * s.step.tasks;
  }
  if (!s.gpus.empty()) return total(s.gpus);
  std::vector<GresRequest> on_node = s.gpus_per_node;
  for (const GresRequest& request : s.gres) {
    if (is_gpu(request)) on_node.push_back(request);
  }
  if (!on_node.empty()) return total(on_node) * nodes;
  const auto text = s.in->environment.get("SLURM_GPUS_ON_NODE");
  const auto count = text ? base::parse_u32(*text) : Result<std::uint32_t>(0U);
  return count.value_or(0) * nodes;
}

// --cpus-per-gpu, --mem-per-gpu and --ntasks-per-gpu become plain numbers of the step.
Outcome settle_per_gpu(SubmitState& s) {
  const model::Request& asked = s.job.request;
  model::StepSpec& step = s.step;
  const bool cpus = asked.cpus_per_gpu != 0 && step.cpus_per_task == 0;
  const bool tasks = asked.tasks_per_gpu != 0 && asked.tasks == 0;
  if (!cpus && !tasks && asked.memory_per_gpu == 0) return {};
  const std::uint64_t gpus = gpus_of_step(s);
  if (gpus == 0) {
    return complain("--cpus-per-gpu, --mem-per-gpu and --ntasks-per-gpu need a number of GPUs", 1);
  }
  if (tasks) {
    step.tasks = static_cast<std::uint32_t>(asked.tasks_per_gpu * gpus);
    step.tasks_asked = true;
  }
  if (cpus) {
    const std::uint64_t all = asked.cpus_per_gpu * gpus;
    step.cpus_per_task =
        static_cast<std::uint32_t>(std::max<std::uint64_t>(all / std::max(step.tasks, 1U), 1));
  }
  if (asked.memory_per_gpu != 0) {
    step.memory_per_node = asked.memory_per_gpu * gpus / std::max(asked.min_nodes, 1U);
  }
  return {};
}

// -i all|none|<task>|<file>
void settle_input(const std::string& mode, model::StepSpec& step) {
  if (mode.empty() || mode == "all") return;
  if (mode == "none") {
    step.input = model::InputMode::none;
  } else if (const auto task = base::parse_u32(mode)) {
    step.input = model::InputMode::one_task;
    step.input_task = *task;
  } else {
    step.input = model::InputMode::file;
    step.std_in = mode;
  }
}

// -o, -e: all|none|<task>|<file>. A task's number stays as it is.
void settle_output(Text& pattern) {
  if (pattern == Text("all")) pattern = Text();
  if (pattern == Text("none")) pattern = "/dev/null";
}

Outcome load_programs(const SubmitState& s, const std::vector<std::string>& command,
                      model::StepSpec& step) {
  auto text = read_named(s, command.front());
  if (!text) {
    return complain(fmt::format("Could not open multi_prog config file {}", command.front()), 1);
  }
  if (auto checked = check_multi_prog(*text, command.front(), step.tasks); !checked) {
    return complain(checked.error().text, 1);
  }
  step.multi_prog_text = join_continued(*text);
  return {};
}

}  // namespace

tl::unexpected<Complaint> submit_failure(Command command, const Error& error) {
  std::string_view doing = "Batch job submission failed";
  if (command == Command::salloc) doing = "Job submit/allocate failed";
  if (command == Command::srun) doing = "Unable to allocate resources";
  const std::string text =
      error.text.empty() ? std::string(base::error_text(error.code)) : error.text;
  return complain(fmt::format("{}: {}", doing, text), 1);
}

std::array<std::span<const SubmitRow>, 7> submit_tables() {
  return {job_rows(),  run_rows(),       resource_rows(), layout_rows(),
          step_rows(), container_rows(), refused_rows()};
}

Outcome read_other_variables(SubmitState& s) {
  if (const auto text = s.in->environment.get("SLURM_UMASK")) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value, 8);
    const bool good = error == std::errc{} && end == text->data() + text->size() && value <= 0777;
    if (!good) return complain(fmt::format("Invalid SLURM_UMASK \"{}\"", *text), 1);
    s.job.umask = value;
  }
  s.salloc.exit_error = s.srun.exit_error = exit_code_variable(s, "SLURM_EXIT_ERROR");
  s.salloc.exit_immediate = s.srun.exit_immediate = exit_code_variable(s, "SLURM_EXIT_IMMEDIATE");
  s.srun.test_exec = s.in->environment.has("SLURM_TEST_EXEC");
  return {};
}

Finished<SbatchOptions> finish_sbatch(SubmitState s) {
  if (Outcome done = settle(s, model::JobKind::batch); !done) {
    return tl::unexpected<Complaint>(done.error());
  }
  const std::string_view path = s.job.spec.command;
  set_default_name(s, s.sbatch.wrapped ? "wrap" : path.empty() ? "sbatch" : base_name(path));
  for (const std::string& word : s.sbatch.script_arguments) {
    s.job.spec.arguments.emplace_back(word);
  }
  SbatchOptions options = std::move(s.sbatch);
  options.job = std::move(s.job);
  return options;
}

Finished<SallocOptions> finish_salloc(SubmitState s) {
  if (Outcome done = settle(s, model::JobKind::allocation); !done) {
    return tl::unexpected<Complaint>(done.error());
  }
  set_default_name(s, s.salloc.no_shell ? "no-shell" : "interactive");
  SallocOptions options = std::move(s.salloc);
  options.job = std::move(s.job);
  return options;
}

Finished<SrunOptions> finish_srun(SubmitState s, const std::vector<std::string>& command) {
  if (command.empty() && !s.job.test_only) {
    return tl::unexpected<Complaint>(Complaint{"No command given to execute.", 1, Severity::fatal});
  }
  if (Outcome done = settle(s, model::JobKind::step_allocation); !done) {
    return tl::unexpected<Complaint>(done.error());
  }
  if (!command.empty()) set_default_name(s, base_name(command.front()));
  model::StepSpec& step = s.step;
  copy_request(s, step);
  copy_spec(s, step);
  if (Outcome done = settle_per_gpu(s); !done) return tl::unexpected<Complaint>(done.error());
  for (const std::string& word : command) step.argv.emplace_back(word);
  settle_input(s.input_mode, step);
  if (step.input == model::InputMode::file) s.job.spec.std_in = step.std_in;
  settle_output(step.std_out);
  settle_output(step.std_err);
  if (step.multi_prog && !command.empty()) {
    if (Outcome done = load_programs(s, command, step); !done) {
      return tl::unexpected<Complaint>(done.error());
    }
  }
  if (s.exclusive_step) step.exact = true;
  SrunOptions options = std::move(s.srun);
  options.step = std::move(s.step);
  options.job = std::move(s.job);
  return options;
}

}  // namespace sluice::opt
