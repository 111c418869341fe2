// What a user or administrator asks to be done to jobs and nodes: shared by the messages and by the
// core's events.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/text.hpp"
#include "model/request.hpp"
#include "model/types.hpp"

namespace sluice::model {

enum class JobVerb : std::uint8_t {
  cancel = 0,  // also ends a running job
  signal = 1,  // `signal` to the steps (or batch shell), resources stay
  hold = 2,    // by administrator
  hold_user = 3,
  release = 4,
  requeue = 5,
  requeue_hold = 6,
  suspend = 7,
  resume = 8,
  complete = 9,  // the owner of an allocation (salloc, srun) is done; exit_code counts
  top = 10,      // before all others of the same user
};

// scontrol update job: only fields that are set change.
struct JobPatch {
  std::optional<std::uint32_t> time_limit;  // minutes
  std::optional<Text> partitions;
  std::optional<Text> name;
  std::optional<Text> comment;
  std::optional<Text> admin_comment;
  std::optional<Text> dependency;
  std::optional<Text> features;
  std::optional<Text> node_list;
  std::optional<Text> exclude;
  std::optional<Text> account;
  std::optional<Text> qos;
  std::optional<Text> wckey;
  std::optional<Text> std_out;
  std::optional<Text> std_err;
  std::optional<Text> std_in;
  std::optional<Text> work_dir;
  std::optional<Text> mail_type;
  std::optional<Text> mail_user;
  std::optional<Text> extra;
  std::optional<std::uint32_t> priority;
  std::optional<std::int32_t> nice;
  std::optional<std::uint32_t> min_nodes;
  std::optional<std::uint32_t> max_nodes;
  std::optional<std::uint32_t> tasks;
  std::optional<std::uint32_t> cpus_per_task;
  std::optional<std::uint32_t> min_cpus_per_node;
  std::optional<std::uint64_t> memory_per_node;
  std::optional<std::uint64_t> memory_per_cpu;
  std::optional<std::uint32_t> array_limit;
  std::optional<bool> requeue;
  std::optional<bool> contiguous;
  std::optional<Sharing> sharing;
  std::optional<WallTime> begin;
  std::optional<WallTime> end;  // EndTime of a running job
  std::optional<WallTime> deadline;
  std::optional<std::vector<GresRequest>> gres;
  std::optional<Text> reservation;
  std::optional<Text> licenses;
  std::optional<std::int32_t> site_factor;
  std::optional<std::uint32_t> time_min;  // minutes; 0: none
  std::optional<std::uint32_t> switches;
  std::optional<std::uint32_t> switch_wait_s;
  std::optional<std::uint32_t> tasks_per_node;
  std::optional<std::uint32_t> cpus;  // of all tasks
  std::optional<Text> prefer;
  std::optional<bool> reset_accrue;  // it has waited for nothing so far

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "time_limit", self.time_limit);
    visit(2, "partitions", self.partitions);
    visit(3, "name", self.name);
    visit(4, "comment", self.comment);
    visit(5, "admin_comment", self.admin_comment);
    visit(6, "dependency", self.dependency);
    visit(7, "features", self.features);
    visit(8, "node_list", self.node_list);
    visit(9, "exclude", self.exclude);
    visit(10, "account", self.account);
    visit(11, "qos", self.qos);
    visit(12, "wckey", self.wckey);
    visit(13, "std_out", self.std_out);
    visit(14, "std_err", self.std_err);
    visit(15, "std_in", self.std_in);
    visit(16, "work_dir", self.work_dir);
    visit(17, "mail_type", self.mail_type);
    visit(18, "mail_user", self.mail_user);
    visit(19, "extra", self.extra);
    visit(20, "priority", self.priority);
    visit(21, "nice", self.nice);
    visit(22, "min_nodes", self.min_nodes);
    visit(23, "max_nodes", self.max_nodes);
    visit(24, "tasks", self.tasks);
    visit(25, "cpus_per_task", self.cpus_per_task);
    visit(26, "min_cpus_per_node", self.min_cpus_per_node);
    visit(27, "memory_per_node", self.memory_per_node);
    visit(28, "memory_per_cpu", self.memory_per_cpu);
    visit(29, "array_limit", self.array_limit);
    visit(30, "requeue", self.requeue);
    visit(31, "contiguous", self.contiguous);
    visit(32, "sharing", self.sharing);
    visit(33, "begin", self.begin);
    visit(34, "end", self.end);
    visit(35, "deadline", self.deadline);
    visit(36, "gres", self.gres);
    visit(37, "reservation", self.reservation);
    visit(38, "licenses", self.licenses);
    visit(39, "site_factor", self.site_factor);
    visit(40, "time_min", self.time_min);
    visit(41, "switches", self.switches);
    visit(42, "switch_wait_s", self.switch_wait_s);
    visit(43, "tasks_per_node", self.tasks_per_node);
    visit(44, "cpus", self.cpus);
    visit(45, "prefer", self.prefer);
    visit(46, "reset_accrue", self.reset_accrue);
  }
};

// scontrol update node state=
enum class NodeVerb : std::uint8_t {
  none = 0,
  drain = 1,
  resume = 2,
  down = 3,
  undrain = 4,
  fail = 5,
  idle = 6
};

}  // namespace sluice::model
