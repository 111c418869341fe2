// The rows that say how much a job gets: nodes, tasks, CPUs, memory, GRES, GPUs.
#include "base/strings.hpp"
#include "opt/submit_state.hpp"
#include "opt/values.hpp"

namespace sluice::opt {
namespace {

using model::GresScope;
using model::Request;

Outcome set_nodes(SubmitState& s, const Given& use) {
  const base::Cut ends = base::cut(use.value, '-');
  const auto low = base::parse_count(ends.before);
  const auto high = ends.found ? base::parse_count(ends.after) : low;
  if (low && high && *low > *high && *high != 0) {
    return complain(
        fmt::format("Maximum node count {} is less than minimum node count {}", *high, *low));
  }
  const auto counts = base::parse_node_counts(use.value);
  if (!counts) return complain(fmt::format("\"{}\" is not a valid node count", use.value));
  if (!counts->sizes.empty()) {
    return unsupported(use, "give one range of node counts, not a list");
  }
  if (counts->max == 0)
    return submit_failure(s.command, {ErrorCode::node_count, "Node count specification invalid"});
  s.job.request.min_nodes = counts->min;
  s.job.request.max_nodes = counts->max;
  s.nodes = {use.source, use.row->name};
  s.job.nodes_asked = true;
  return {};
}

Outcome set_tasks(SubmitState& s, const Given& use) {
  if (Outcome done = count_to<&Request::tasks>(s, use); !done) return done;
  s.tasks = {use.source, use.row->name};
  return {};
}

// The three ways to ask for memory exclude each other.
Outcome choose_memory(SubmitState& s, const Given& use) {
  const bool other = s.memory.source == use.source && s.memory.option != use.row->name;
  if (other) {
    return tl::unexpected<Complaint>(Complaint{
        "--mem, --mem-per-cpu, and --mem-per-gpu are mutually exclusive.", 1, Severity::fatal});
  }
  s.memory = {use.source, use.row->name};
  Request& request = s.job.request;
  request.memory_per_node = request.memory_per_cpu = request.memory_per_gpu = 0;
  request.all_memory = false;
  return {};
}

template <auto Member>
Outcome set_memory(SubmitState& s, const Given& use) {
  const auto size = parse_memory(use.value);
  if (!size) return bad_value(use);
  if (Outcome chosen = choose_memory(s, use); !chosen) return chosen;
  s.job.request.*Member = *size;
  const bool all = *size == 0 && use.row->name == "mem";
  s.job.request.all_memory = all;
  return {};
}

Outcome set_tmp(SubmitState& s, const Given& use) {
  const auto size = parse_memory(use.value);
  if (!size) return bad_value(use);
  s.job.request.tmp_disk = *size;
  return {};
}

Outcome set_gres(SubmitState& s, const Given& use) {
  // srun's own variable for steps outranks the one for jobs.
  auto list = parse_gres(use.value);
  if (!list) return complain("Invalid generic resource (gres) specification", 1);
  if (list->none && s.command != Command::srun) list->items.clear();
  s.step.gres_none = list->none;
  s.gres = std::move(list->items);
  s.gres_choice = {use.source, use.row->name};
  return {};
}

Outcome set_gres_flags(SubmitState& s, const Given& use) {
  const std::string word = base::to_lower(use.value);
  if (word == "one-task-per-sharing" || word == "multiple-tasks-per-sharing" ||
      word == "allow-task-sharing") {
    return unsupported(use, "no device is divided among tasks");
  }
  if (word != "enforce-binding" && word != "disable-binding") return bad_value(use);
  s.job.request.gres_enforce_binding = word == "enforce-binding";
  s.job.request.gres_disable_binding = word == "disable-binding";
  return {};
}

template <auto Target, auto Chosen, GresScope scope>
Outcome set_gpus(SubmitState& s, const Given& use) {
  auto list = parse_gpus(use.value, scope);
  if (!list) return complain("Invalid generic resource (gres) specification", 1);
  s.*Target = std::move(*list);
  s.*Chosen = {use.source, use.row->name};
  return {};
}

Outcome set_gpu_bind(SubmitState& s, const Given& use) {
  if (!check_gpu_bind(use.value)) return bad_value(use);
  s.job.spec.gpu_bind = use.value;
  return {};
}

Outcome set_tres_bind(SubmitState& s, const Given& use) {
  if (!check_tres_bind(use.value)) return bad_value(use);
  s.job.spec.tres_bind = use.value;
  return {};
}

Outcome set_exclusive(SubmitState& s, const Given& use) {
  const std::string word = base::to_lower(use.value);
  const bool allocation = use.has_value && word == "allocation" && s.command == Command::srun;
  if (use.has_value && (word == "mcs" || word == "topo")) {
    return unsupported(use, "nodes can be kept for a job or a user, nothing else");
  }
  if (use.has_value && !allocation && word != "user") return bad_value(use);
  s.job.request.sharing =
      word == "user" ? model::Sharing::exclusive_user : model::Sharing::exclusive;
  if (s.command == Command::srun) s.exclusive_step = !use.has_value;
  return {};
}

Outcome set_oversubscribe(SubmitState& s, const Given&) {
  s.job.request.sharing = model::Sharing::oversubscribe;
  return {};
}

constexpr SubmitRow kRows[] = {
    SubmitRow::flag("contiguous", 0, "The nodes must stand side by side in the node table.")
        .on(kSubmit)
        .in(Group::nodes)
        .sets(on<&Request::contiguous>),
    SubmitRow::valued("core-spec", 'S', "<count>",
                      "Cores of each node that are kept for the system; implies --exclusive.")
        .on(kSubmit)
        .in(Group::nodes)
        .env("SBATCH_CORE_SPEC", "SALLOC_CORE_SPEC", "SLURM_CORE_SPEC")
        .sets(count_to<&Request::reserved_cores>),
    SubmitRow::valued("cpus-per-gpu", 0, "<count>", "CPUs for each allocated GPU.")
        .on(kSubmit)
        .in(Group::gpu)
        .env("SBATCH_CPUS_PER_GPU", "SALLOC_CPUS_PER_GPU", "SLURM_CPUS_PER_GPU")
        .sets(count_to<&Request::cpus_per_gpu>),
    SubmitRow::valued("cpus-per-task", 'c', "<count>", "CPUs for each task.")
        .on(kSubmit)
        .in(Group::resources)
        .env("", "", "SRUN_CPUS_PER_TASK,SLURM_CPUS_PER_TASK")
        .sets(count_to<&Request::cpus_per_task>),
    SubmitRow::maybe("exclusive", 0, "{user}",
                     "Share no node with other jobs (or, with user, with other users). For srun "
                     "inside an allocation the same as --exact.")
        .on(kSubmit)
        .in(Group::resources)
        .env("SBATCH_EXCLUSIVE", "SALLOC_EXCLUSIVE", "SLURM_EXCLUSIVE")
        .sets(set_exclusive),
    SubmitRow::valued("gpu-bind", 0, "[verbose,]<type>",
                      "Which of the job's GPUs each task sees: closest, none, map_gpu:<list>, "
                      "mask_gpu:<list>, per_task:<n>, single:<tasks>.")
        .on(kSubmit)
        .in(Group::gpu)
        .env("SBATCH_GPU_BIND", "SALLOC_GPU_BIND", "SLURM_GPU_BIND")
        .sets(set_gpu_bind),
    SubmitRow::valued("gpus", 'G', "[<type>:]<count>", "GPUs for the whole job.")
        .on(kSubmit)
        .in(Group::gpu)
        .env("SBATCH_GPUS", "SALLOC_GPUS", "SLURM_GPUS")
        .sets(set_gpus<&SubmitState::gpus, &SubmitState::gpus_choice, GresScope::job>),
    SubmitRow::valued("gpus-per-node", 0, "[<type>:]<count>", "GPUs on each node.")
        .on(kSubmit)
        .in(Group::gpu)
        .env("SBATCH_GPUS_PER_NODE", "SALLOC_GPUS_PER_NODE", "SLURM_GPUS_PER_NODE")
        .sets(set_gpus<&SubmitState::gpus_per_node, &SubmitState::gpus_per_node_choice,
                       GresScope::node>),
    SubmitRow::valued("gpus-per-socket", 0, "[<type>:]<count>",
                      "GPUs on each socket; needs --sockets-per-node.")
        .on(kSubmit)
        .in(Group::gpu)
        .env("", "", "SLURM_GPUS_PER_SOCKET")
        .sets(set_gpus<&SubmitState::gpus_per_socket, &SubmitState::gpus_per_socket_choice,
                       GresScope::socket>),
    SubmitRow::valued("gpus-per-task", 0, "[<type>:]<count>",
                      "GPUs for each task; needs --ntasks or --gpus.")
        .on(kSubmit)
        .in(Group::gpu)
        .env("SBATCH_GPUS_PER_TASK", "SALLOC_GPUS_PER_TASK", "SLURM_GPUS_PER_TASK")
        .sets(set_gpus<&SubmitState::gpus_per_task, &SubmitState::gpus_per_task_choice,
                       GresScope::task>),
    SubmitRow::valued("gres", 0, "<name>[:<type>]:<count>[,...]",
                      "Generic resources on each node (accel: any accelerators of one kind); none "
                      "for a step without any.")
        .on(kSubmit)
        .in(Group::resources)
        .env("SBATCH_GRES", "SALLOC_GRES", "SLURM_STEP_GRES,SLURM_GRES")
        .sets(set_gres),
    SubmitRow::valued("gres-flags", 0, "<flag>",
                      "enforce-binding: only CPUs beside the devices; disable-binding: wherever "
                      "they sit. Without it CPUs beside them are preferred.")
        .on(kSubmit)
        .in(Group::resources)
        .env("SBATCH_GRES_FLAGS", "SALLOC_GRES_FLAGS", "SLURM_GRES_FLAGS")
        .sets(set_gres_flags),
    SubmitRow::valued("mem", 0, "<size>[K|M|G|T]",
                      "Memory on each node, in MiB without a unit; 0 for all of it.")
        .on(kSubmit)
        .in(Group::resources)
        .env("SBATCH_MEM_PER_NODE", "SALLOC_MEM_PER_NODE", "SLURM_MEM_PER_NODE")
        .sets(set_memory<&Request::memory_per_node>),
    SubmitRow::valued("mem-per-cpu", 0, "<size>[K|M|G|T]", "Memory for each allocated CPU.")
        .on(kSubmit)
        .in(Group::resources)
        .env("SBATCH_MEM_PER_CPU", "SALLOC_MEM_PER_CPU", "SLURM_MEM_PER_CPU")
        .sets(set_memory<&Request::memory_per_cpu>),
    SubmitRow::valued("mem-per-gpu", 0, "<size>[K|M|G|T]", "Memory for each allocated GPU.")
        .on(kSubmit)
        .in(Group::gpu)
        .env("SBATCH_MEM_PER_GPU", "SALLOC_MEM_PER_GPU", "SLURM_MEM_PER_GPU")
        .sets(set_memory<&Request::memory_per_gpu>),
    SubmitRow::valued("mincpus", 0, "<count>", "Least number of CPUs on each node.")
        .on(kSubmit)
        .in(Group::nodes)
        .sets(count_to<&Request::min_cpus_per_node>),
    SubmitRow::valued("nodes", 'N', "<min>[-<max>]", "Number of nodes.")
        .on(kSubmit)
        .in(Group::resources)
        .env("", "", "SLURM_JOB_NUM_NODES,SLURM_NNODES")
        .sets(set_nodes),
    SubmitRow::valued("ntasks", 'n', "<count>", "Number of tasks.")
        .on(kSubmit)
        .in(Group::resources)
        .env("", "", "SLURM_NTASKS,SLURM_NPROCS")
        .sets(set_tasks),
    SubmitRow::valued("ntasks-per-core", 0, "<count>", "Most tasks on a core.")
        .on(kSubmit)
        .in(Group::resources)
        .env("", "", "SLURM_NTASKS_PER_CORE")
        .sets(count_to<&Request::tasks_per_core>),
    SubmitRow::valued("ntasks-per-gpu", 0, "<count>", "Tasks for each GPU.")
        .on(kSubmit)
        .in(Group::gpu)
        .also("ntasks-per-tres")
        .env("", "", "SLURM_NTASKS_PER_GPU")
        .sets(count_to<&Request::tasks_per_gpu>),
    SubmitRow::valued("ntasks-per-node", 0, "<count>",
                      "Tasks on each node (with --ntasks: at most).")
        .on(kSubmit)
        .in(Group::resources)
        .also("tasks-per-node")
        .env("", "", "SLURM_NTASKS_PER_NODE")
        .sets(count_to<&Request::tasks_per_node>),
    SubmitRow::valued("ntasks-per-socket", 0, "<count>", "Most tasks on a socket.")
        .on(kSubmit)
        .in(Group::resources)
        .env("", "", "SLURM_NTASKS_PER_SOCKET")
        .sets(count_to<&Request::tasks_per_socket>),
    SubmitRow::flag("overcommit", 'O', "Allow more tasks than CPUs.")
        .on(kSubmit)
        .in(Group::resources)
        .env("SBATCH_OVERCOMMIT", "SALLOC_OVERCOMMIT", "SLURM_OVERCOMMIT")
        .sets(on<&Request::overcommit>),
    SubmitRow::flag("oversubscribe", 's', "Share the nodes' CPUs with other jobs.")
        .on(kSubmit)
        .in(Group::resources)
        .sets(set_oversubscribe),
    SubmitRow::flag("spread-job", 0, "Use as many nodes as possible, tasks spread evenly.")
        .on(kSubmit)
        .in(Group::nodes)
        .env("SBATCH_SPREAD_JOB", "SALLOC_SPREAD_JOB", "SLURM_SPREAD_JOB")
        .sets(on<&Request::spread>),
    SubmitRow::valued("tmp", 0, "<size>[K|M|G|T]", "Temporary disk space on each node.")
        .on(kSubmit)
        .in(Group::nodes)
        .sets(set_tmp),
    SubmitRow::valued("tres-bind", 0, "<tres>:[verbose,]<type>[+...]",
                      "Which of the job's devices of each kind each task sees, as "
                      "gres/npu:closest+gres/gpu:single:1; the types are those of --gpu-bind.")
        .on(kSubmit)
        .in(Group::gpu)
        .env("SBATCH_TRES_BIND", "SALLOC_TRES_BIND", "SLURM_TRES_BIND")
        .sets(set_tres_bind),
    SubmitRow::flag("use-min-nodes", 0, "Of a range of node counts prefer the smallest.")
        .on(kSubmit)
        .in(Group::nodes)
        .env("SBATCH_USE_MIN_NODES", "SALLOC_USE_MIN_NODES", "SLURM_USE_MIN_NODES")
        .sets(on<&Request::use_min_nodes>),
};

}  // namespace

std::span<const SubmitRow> resource_rows() { return kRows; }

}  // namespace sluice::opt
