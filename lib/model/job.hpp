// Job: one job, one array task, or the not yet started rest of an array. Records are immutable
// once published and shared between the core, the read snapshots and the store's queue; a change
// makes a new record. What many jobs have in common (JobSpec, Request) is interned and shared.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/bitmap.hpp"
#include "base/ids.hpp"
#include "base/text.hpp"
#include "model/request.hpp"
#include "model/types.hpp"

namespace sluice::model {

// What the user wrote that the scheduler does not look at, and who the user is. The identity fields
// are filled in by the controller from the peer, never taken from a message.
struct JobSpec {
  JobKind kind = JobKind::batch;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  Text user;                    // names, for display
  Text group;
  Text name;
  Text command;                 // script path, or the command line of srun/salloc
  std::vector<Text> arguments;  // of the script
  Text script_hash;             // content address of the script in the store; empty: none
  Text environment_hash;        // content address of the environment block
  Text work_dir;
  Text std_in;                  // patterns as typed; empty: Slurm's default
  Text std_out;
  Text std_err;
  bool append_output = false;   // --open-mode=append
  Text submit_host;
  Text dependency;              // as typed
  WallTime begin = 0;
  WallTime deadline = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;   // --priority; 0: computed
  bool held = false;            // -H
  bool no_requeue = false;      // --no-requeue
  bool requeue = false;         // --requeue: also where JobRequeue=0
  bool no_kill = false;         // -k
  bool wait_all_nodes = false;
  bool kill_on_invalid_dependency = false;
  std::uint32_t signal = 0;         // --signal
  std::uint32_t signal_before = 0;  // seconds before the end
  bool signal_batch_only = false;   // B:
  Text array;                   // as typed, without %limit; empty: no array
  std::uint32_t array_limit = 0;    // %limit; 0: none
  Text mail_type;
  Text mail_user;
  Text comment;
  Text admin_comment;
  Text extra;
  Text wckey;
  Text cluster_features;
  Text cpu_bind;                // step defaults, exported to the job's environment
  Text mem_bind;
  Text distribution;
  Text export_env;              // --export as typed
  Text container;
  Text tres_bind;
  Text gpu_bind;
  std::uint32_t gpus_per_task = 0;
  std::uint32_t propagate_umask = 022;
  std::vector<std::uint64_t> limits;  // RLIMIT_* soft values to apply, indexed as stepd documents
  std::uint32_t delay_boot = 0;
  Text submit_line;
  std::uint32_t alloc_sid = 0;
  bool reboot = false;
  std::uint32_t switches = 0;
  std::uint32_t warn_flags = 0;

  bool operator==(const JobSpec&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "kind", self.kind);
    visit(2, "uid", self.uid);
    visit(3, "gid", self.gid);
    visit(4, "user", self.user);
    visit(5, "group", self.group);
    visit(6, "name", self.name);
    visit(7, "command", self.command);
    visit(8, "arguments", self.arguments);
    visit(9, "script_hash", self.script_hash);
    visit(10, "environment_hash", self.environment_hash);
    visit(11, "work_dir", self.work_dir);
    visit(12, "std_in", self.std_in);
    visit(13, "std_out", self.std_out);
    visit(14, "std_err", self.std_err);
    visit(15, "append_output", self.append_output);
    visit(16, "submit_host", self.submit_host);
    visit(17, "dependency", self.dependency);
    visit(18, "begin", self.begin);
    visit(19, "deadline", self.deadline);
    visit(20, "nice", self.nice);
    visit(21, "priority", self.priority);
    visit(22, "held", self.held);
    visit(23, "no_requeue", self.no_requeue);
    visit(24, "no_kill", self.no_kill);
    visit(25, "wait_all_nodes", self.wait_all_nodes);
    visit(26, "kill_on_invalid_dependency", self.kill_on_invalid_dependency);
    visit(27, "signal", self.signal);
    visit(28, "signal_before", self.signal_before);
    visit(29, "signal_batch_only", self.signal_batch_only);
    visit(30, "array", self.array);
    visit(31, "array_limit", self.array_limit);
    visit(32, "mail_type", self.mail_type);
    visit(33, "mail_user", self.mail_user);
    visit(34, "comment", self.comment);
    visit(35, "admin_comment", self.admin_comment);
    visit(36, "extra", self.extra);
    visit(37, "wckey", self.wckey);
    visit(38, "cluster_features", self.cluster_features);
    visit(39, "cpu_bind", self.cpu_bind);
    visit(40, "mem_bind", self.mem_bind);
    visit(41, "distribution", self.distribution);
    visit(42, "export_env", self.export_env);
    visit(43, "container", self.container);
    visit(44, "tres_bind", self.tres_bind);
    visit(45, "gpu_bind", self.gpu_bind);
    visit(46, "gpus_per_task", self.gpus_per_task);
    visit(47, "propagate_umask", self.propagate_umask);
    visit(48, "limits", self.limits);
    visit(49, "delay_boot", self.delay_boot);
    visit(50, "submit_line", self.submit_line);
    visit(51, "alloc_sid", self.alloc_sid);
    visit(52, "reboot", self.reboot);
    visit(53, "switches", self.switches);
    visit(54, "warn_flags", self.warn_flags);
    visit(55, "requeue", self.requeue);
  }
};
using JobSpecPtr = std::shared_ptr<const JobSpec>;

// GRES of one kind on one node. `indices` are positions in the node's list of that GRES.
struct GresShare {
  Text name;
  Text type;
  base::Bitmap indices;    // empty for GRES that are only counted
  std::uint64_t count = 0;

  bool operator==(const GresShare&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "name", self.name);
    visit(2, "type", self.type);
    visit(3, "indices", self.indices);
    visit(4, "count", self.count);
  }
};

// What a job (or step) holds of one node. CPUs are hardware threads numbered socket by socket, core
// by core: cpu = (socket * cores + core) * threads + thread.
struct NodeShare {
  NodeIndex node;
  Text name;
  base::Bitmap cpus;
  std::uint32_t cpu_count = 0;     // CPUs charged (Slurm's NumCPUs); may differ from cpus.count()
  std::uint64_t memory = 0;        // MiB
  std::uint32_t tasks = 0;         // tasks planned here
  std::vector<GresShare> gres;

  bool operator==(const NodeShare&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "node", self.node);
    visit(2, "name", self.name);
    visit(3, "cpus", self.cpus);
    visit(4, "cpu_count", self.cpu_count);
    visit(5, "memory", self.memory);
    visit(6, "tasks", self.tasks);
    visit(7, "gres", self.gres);
  }
};

// Everything a running job holds. Nodes stand in node-table order; shares[0] is the batch host.
struct Allocation {
  Text nodes;  // compressed
  std::uint32_t cpus = 0;
  std::vector<NodeShare> shares;

  bool operator==(const Allocation&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "nodes", self.nodes);
    visit(2, "cpus", self.cpus);
    visit(3, "shares", self.shares);
  }
};
using AllocationPtr = std::shared_ptr<const Allocation>;

// Tasks of an array that have no record of their own yet. The record that holds it has
// array_task == kNoTask. `pending` holds task ids; constant memory for ranges is kept by runs.
struct TaskRun {  // first, first+step, … last
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  std::uint32_t step = 1;

  bool operator==(const TaskRun&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "first", self.first);
    visit(2, "last", self.last);
    visit(3, "step", self.step);
  }
};
struct TaskSet {
  std::vector<TaskRun> runs;   // ascending, disjoint

  bool operator==(const TaskSet&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "runs", self.runs);
  }
};
using TaskSetPtr = std::shared_ptr<const TaskSet>;

struct Job {
  JobId id;
  JobId array_job;                     // 0: not of an array. For the rest record: equal to id
  std::uint32_t array_task = kNoTask;
  TaskSetPtr array_rest;               // only in the rest record
  std::uint32_t array_count = 0;       // tasks of the whole array, for SLURM_ARRAY_TASK_COUNT
  std::uint32_t array_min = 0;
  std::uint32_t array_max = 0;
  std::uint32_t array_step = 0;
  Uid128 uid;
  std::uint32_t attempt = 0;
  std::uint32_t restarts = 0;          // SLURM_RESTART_COUNT
  JobSpecPtr spec;
  RequestPtr request;
  Text partition;                      // chosen, or the list as asked while pending
  JobState state = JobState::pending;
  std::uint32_t flags = 0;             // JobFlag
  Reason reason = Reason::none;
  Text reason_detail;                  // printed in place of the reason's name when not empty
  std::uint32_t priority = 0;          // 0: held
  WallTime submit = 0;
  WallTime eligible = 0;
  WallTime start = 0;                  // of the current attempt
  WallTime end = 0;
  WallTime planned_start = 0;          // by the last plan; 0: none
  WallTime suspended_at = 0;
  std::int64_t suspended_us = 0;       // sum of past suspensions of this attempt
  std::uint32_t time_limit = 0;        // minutes in force; kUnlimited
  std::uint32_t exit_code = 0;         // of the batch script or allocation: status as wait() has it
  std::uint32_t derived_exit = 0;      // highest of the steps
  std::uint32_t cancelled_by = kNoTask;  // uid
  AllocationPtr allocation;            // null while pending
  Text batch_host;
  std::uint32_t next_step = 0;
  Text planned_nodes;                  // SchedNodeList
  std::vector<Text> pending_nodes;     // names still to report the end (COMPLETING)
  Text failed_node;
  std::uint32_t launch_failures = 0;   // in a row
  Text dependency;                     // what is still open, as Slurm shows it

  bool operator==(const Job&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    own_fields(self, visit);
    visit(12, "spec", self.spec);
    visit(13, "request", self.request);
  }
  // All but the shared parts, for messages that carry many jobs and each shared part once.
  template <class Self, class Visitor>
  static void own_fields(Self& self, Visitor& visit) {
    visit(1, "id", self.id);
    visit(2, "array_job", self.array_job);
    visit(3, "array_task", self.array_task);
    visit(4, "array_rest", self.array_rest);
    visit(5, "array_count", self.array_count);
    visit(6, "array_min", self.array_min);
    visit(7, "array_max", self.array_max);
    visit(8, "array_step", self.array_step);
    visit(9, "uid", self.uid);
    visit(10, "attempt", self.attempt);
    visit(11, "restarts", self.restarts);
    visit(14, "partition", self.partition);
    visit(15, "state", self.state);
    visit(16, "flags", self.flags);
    visit(17, "reason", self.reason);
    visit(18, "reason_detail", self.reason_detail);
    visit(19, "priority", self.priority);
    visit(20, "submit", self.submit);
    visit(21, "eligible", self.eligible);
    visit(22, "start", self.start);
    visit(23, "end", self.end);
    visit(24, "planned_start", self.planned_start);
    visit(25, "suspended_at", self.suspended_at);
    visit(26, "suspended_us", self.suspended_us);
    visit(27, "time_limit", self.time_limit);
    visit(28, "exit_code", self.exit_code);
    visit(29, "derived_exit", self.derived_exit);
    visit(30, "cancelled_by", self.cancelled_by);
    visit(31, "allocation", self.allocation);
    visit(32, "batch_host", self.batch_host);
    visit(33, "next_step", self.next_step);
    visit(34, "planned_nodes", self.planned_nodes);
    visit(35, "pending_nodes", self.pending_nodes);
    visit(36, "failed_node", self.failed_node);
    visit(37, "launch_failures", self.launch_failures);
    visit(38, "dependency", self.dependency);
  }
};
using JobPtr = std::shared_ptr<const Job>;

}  // namespace sluice::model
