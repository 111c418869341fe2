// StepSpec: what srun (or the batch launch) asks for: which program runs, how many tasks, where,
// with which I/O. It travels from srun to the job's first node and from there to every node of the
// step. 0 or empty means "not asked" unless a field says otherwise.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "model/container_spec.hpp"
#include "model/request.hpp"
#include "model/types.hpp"

namespace sluice::model {

enum class InputMode : std::uint8_t { all = 0, none = 1, one_task = 2, file = 3 };
enum class CpuBind : std::uint8_t {
  automatic = 0,
  none = 1,
  rank = 2,
  map = 3,
  mask = 4,
  threads = 5,
  cores = 6,
  sockets = 7,
  ldoms = 8
};

struct StepSpec {
  Text name;
  std::vector<Text> argv;         // argv[0] is looked up in PATH by the task
  std::vector<Text> environment;  // "NAME=value"; srun's own, already filtered by --export
  Text work_dir;
  std::uint32_t umask = 022;
  std::vector<std::uint64_t> limits;  // as in JobSpec
  std::uint32_t tasks = 0;
  bool tasks_asked = false;  // -n on the command line (or inherited)
  std::uint32_t min_nodes = 0;
  std::uint32_t max_nodes = 0;
  std::uint32_t cpus_per_task = 0;
  std::uint32_t tasks_per_node = 0;
  std::uint32_t tasks_per_socket = 0;
  std::uint32_t tasks_per_core = 0;
  std::uint32_t threads_per_core = 0;
  std::uint32_t relative_node = kNoTask;  // -r
  Text node_list;
  Text exclude;
  std::uint64_t memory_per_node = 0;  // MiB
  std::uint64_t memory_per_cpu = 0;   // MiB
  std::vector<GresRequest> gres;      // empty: all that the job has, unless gres_none
  bool gres_none = false;
  Text distribution;  // "block:cyclic", "plane=4", "arbitrary"
  CpuBind cpu_bind = CpuBind::automatic;
  Text cpu_bind_list;  // for map and mask
  bool cpu_bind_verbose = false;
  bool no_multithread = false;
  bool exact = false;    // only the CPUs asked for (--exact, --exclusive)
  bool overlap = false;  // may share CPUs with other steps
  bool overcommit = false;
  bool whole = false;            // --whole: all CPUs of the nodes
  bool immediate = false;        // fail rather than wait for busy CPUs
  std::uint32_t time_limit = 0;  // minutes
  Text std_in;                   // patterns; with a '%' of a task each task has its own file
  Text std_out;                  // empty: to srun
  Text std_err;                  // empty: with stdout's destination
  InputMode input = InputMode::all;
  std::uint32_t input_task = 0;
  bool append_output = false;
  bool pty = false;
  std::uint16_t rows = 0;  // of srun's terminal, with pty
  std::uint16_t columns = 0;
  bool kill_on_bad_exit = false;
  std::uint32_t wait_after_first = 0;  // seconds; -W
  bool no_kill = false;
  Text mpi;                 // "none", "pmix", "pmi2"; empty: configured default
  bool multi_prog = false;  // argv per task from multi_prog_text
  Text multi_prog_text;
  Text task_prolog;
  Text task_epilog;
  bool unbuffered = false;
  Text submit_line;
  Text tres_bind;
  Text gpu_bind;
  std::uint32_t gpus_per_task = 0;
  bool external_launcher = false;  // mpirun's own daemons: no binding, all CPUs, no PMI
  std::uint32_t signal = 0;        // --signal of the step
  std::uint32_t signal_before = 0;
  std::vector<ContainerSpec> container;  // none or one

  bool operator==(const StepSpec&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "name", self.name);
    visit(2, "argv", self.argv);
    visit(3, "environment", self.environment);
    visit(4, "work_dir", self.work_dir);
    visit(5, "umask", self.umask);
    visit(6, "limits", self.limits);
    visit(7, "tasks", self.tasks);
    visit(8, "tasks_asked", self.tasks_asked);
    visit(9, "min_nodes", self.min_nodes);
    visit(10, "max_nodes", self.max_nodes);
    visit(11, "cpus_per_task", self.cpus_per_task);
    visit(12, "tasks_per_node", self.tasks_per_node);
    visit(13, "tasks_per_socket", self.tasks_per_socket);
    visit(14, "tasks_per_core", self.tasks_per_core);
    visit(15, "threads_per_core", self.threads_per_core);
    visit(16, "relative_node", self.relative_node);
    visit(17, "node_list", self.node_list);
    visit(18, "exclude", self.exclude);
    visit(19, "memory_per_node", self.memory_per_node);
    visit(20, "memory_per_cpu", self.memory_per_cpu);
    visit(21, "gres", self.gres);
    visit(22, "gres_none", self.gres_none);
    visit(23, "distribution", self.distribution);
    visit(24, "cpu_bind", self.cpu_bind);
    visit(25, "cpu_bind_list", self.cpu_bind_list);
    visit(26, "cpu_bind_verbose", self.cpu_bind_verbose);
    visit(27, "no_multithread", self.no_multithread);
    visit(28, "exact", self.exact);
    visit(29, "overlap", self.overlap);
    visit(30, "overcommit", self.overcommit);
    visit(31, "whole", self.whole);
    visit(32, "immediate", self.immediate);
    visit(33, "time_limit", self.time_limit);
    visit(34, "std_in", self.std_in);
    visit(35, "std_out", self.std_out);
    visit(36, "std_err", self.std_err);
    visit(37, "input", self.input);
    visit(38, "input_task", self.input_task);
    visit(39, "append_output", self.append_output);
    visit(40, "pty", self.pty);
    visit(41, "rows", self.rows);
    visit(42, "columns", self.columns);
    visit(43, "kill_on_bad_exit", self.kill_on_bad_exit);
    visit(44, "wait_after_first", self.wait_after_first);
    visit(45, "no_kill", self.no_kill);
    visit(46, "mpi", self.mpi);
    visit(47, "multi_prog", self.multi_prog);
    visit(48, "multi_prog_text", self.multi_prog_text);
    visit(49, "task_prolog", self.task_prolog);
    visit(50, "task_epilog", self.task_epilog);
    visit(51, "unbuffered", self.unbuffered);
    visit(52, "submit_line", self.submit_line);
    visit(53, "tres_bind", self.tres_bind);
    visit(54, "gpu_bind", self.gpu_bind);
    visit(55, "gpus_per_task", self.gpus_per_task);
    visit(56, "external_launcher", self.external_launcher);
    visit(57, "signal", self.signal);
    visit(58, "signal_before", self.signal_before);
    visit(59, "container", self.container);
  }
};

}  // namespace sluice::model
