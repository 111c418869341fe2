// JobSpec: what the user wrote that the scheduler does not look at, and who the user is.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/text.hpp"
#include "model/container_spec.hpp"
#include "model/types.hpp"

namespace sluice::model {

// What the user wrote that the scheduler does not look at, and who the user is. The identity fields
// are filled in by the controller from the peer, never taken from a message.
struct JobSpec {
  JobKind kind = JobKind::batch;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  Text user;  // names, for display
  Text group;
  Text name;
  Text command;                 // script path, or the command line of srun/salloc
  std::vector<Text> arguments;  // of the script
  Text script_hash;             // content address of the script in the store; empty: none
  Text environment_hash;        // content address of the environment block
  Text work_dir;
  Text std_in;  // patterns as typed; empty: Slurm's default
  Text std_out;
  Text std_err;
  bool append_output = false;  // --open-mode=append
  Text submit_host;
  Text dependency;  // as typed
  WallTime begin = 0;
  WallTime deadline = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;  // --priority; 0: computed
  bool held = false;           // -H
  bool no_requeue = false;     // --no-requeue
  bool requeue = false;        // --requeue: also where JobRequeue=0
  bool no_kill = false;        // -k
  bool kill_on_invalid_dependency = false;
  std::uint32_t signal = 0;         // --signal
  std::uint32_t signal_before = 0;  // seconds before the end
  bool signal_batch_only = false;   // B:
  Text array;                       // as typed, without %limit; empty: no array
  std::uint32_t array_limit = 0;    // %limit; 0: none
  Text mail_type;
  Text mail_user;
  Text comment;
  Text admin_comment;
  Text extra;
  Text wckey;
  Text cluster_features;
  Text cpu_bind;  // step defaults, exported to the job's environment
  Text mem_bind;
  Text distribution;
  Text export_env;                       // --export as typed
  std::vector<ContainerSpec> container;  // of the batch script: none or one
  Text tres_bind;
  Text gpu_bind;
  std::uint32_t gpus_per_task = 0;
  std::uint32_t propagate_umask = 022;
  std::vector<std::uint64_t> limits;  // RLIMIT_* soft values to apply, indexed as stepd documents
  std::uint32_t delay_boot = 0;
  Text submit_line;
  std::uint32_t alloc_sid = 0;
  bool reboot = false;
  bool expedite_requeue = false;  // --requeue=expedite: after a node failure at the very front

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
    visit(55, "requeue", self.requeue);
    visit(56, "expedite_requeue", self.expedite_requeue);
  }
};
using JobSpecPtr = std::shared_ptr<const JobSpec>;

}  // namespace sluice::model
