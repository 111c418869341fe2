// Partition: a set of nodes with rules of its own: who may use them, for how long, in which unit.
#pragma once

#include <cstdint>
#include <memory>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "model/types.hpp"

namespace sluice::model {

struct Partition {
  PartitionIndex index;
  Text name;
  Text nodes;  // compressed
  PartitionState state = PartitionState::up;
  bool is_default = false;
  bool hidden = false;
  bool root_only = false;
  std::uint32_t max_time = kUnlimited;  // minutes
  std::uint32_t default_time = 0;       // minutes; 0: max_time
  std::uint32_t min_nodes = 0;
  std::uint32_t max_nodes = kUnlimited;
  std::uint32_t max_cpus_per_node = kUnlimited;
  std::uint64_t default_memory_per_cpu = 0;   // MiB
  std::uint64_t default_memory_per_node = 0;  // MiB
  std::uint64_t max_memory_per_cpu = 0;
  std::uint64_t max_memory_per_node = 0;
  Text allow_groups;  // comma separated; empty: all
  Text allow_accounts;
  Text deny_accounts;
  Text allow_qos;
  Text deny_qos;
  OverSubscribe oversubscribe = OverSubscribe::no;
  std::uint32_t oversubscribe_jobs = 4;  // with yes/force: jobs per resource
  std::uint32_t priority_tier = 1;
  std::uint32_t priority_job_factor = 1;
  std::uint32_t grace_time = 0;  // seconds
  CpuUnit cpu_unit = CpuUnit::core;
  std::uint32_t total_nodes = 0;
  std::uint32_t total_cpus = 0;
  Text tres;  // cpu=…,mem=…,node=…
  Text qos;   // partition QOS; empty: none
  PreemptMode preempt_mode = PreemptMode::cluster_default;
  Text tres_billing_weights;  // "CPU=1.0,Mem=0.25G,GRES/gpu=2.0"; empty: CPUs
  bool least_loaded = false;  // LLN
  bool requires_reservation = false;
  bool exclusive_user = false;
  bool exclusive_topo = false;
  bool disable_root_jobs = false;
  Text job_defaults;  // JobDefaults: DefCpuPerGPU, DefMemPerGPU
  Text alternate;

  bool operator==(const Partition&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "index", self.index);
    visit(2, "name", self.name);
    visit(3, "nodes", self.nodes);
    visit(4, "state", self.state);
    visit(5, "is_default", self.is_default);
    visit(6, "hidden", self.hidden);
    visit(7, "root_only", self.root_only);
    visit(8, "max_time", self.max_time);
    visit(9, "default_time", self.default_time);
    visit(10, "min_nodes", self.min_nodes);
    visit(11, "max_nodes", self.max_nodes);
    visit(12, "max_cpus_per_node", self.max_cpus_per_node);
    visit(13, "default_memory_per_cpu", self.default_memory_per_cpu);
    visit(14, "default_memory_per_node", self.default_memory_per_node);
    visit(15, "max_memory_per_cpu", self.max_memory_per_cpu);
    visit(16, "max_memory_per_node", self.max_memory_per_node);
    visit(17, "allow_groups", self.allow_groups);
    visit(18, "allow_accounts", self.allow_accounts);
    visit(19, "deny_accounts", self.deny_accounts);
    visit(20, "allow_qos", self.allow_qos);
    visit(21, "deny_qos", self.deny_qos);
    visit(22, "oversubscribe", self.oversubscribe);
    visit(23, "oversubscribe_jobs", self.oversubscribe_jobs);
    visit(24, "priority_tier", self.priority_tier);
    visit(25, "priority_job_factor", self.priority_job_factor);
    visit(26, "grace_time", self.grace_time);
    visit(27, "cpu_unit", self.cpu_unit);
    visit(28, "total_nodes", self.total_nodes);
    visit(29, "total_cpus", self.total_cpus);
    visit(30, "tres", self.tres);
    visit(31, "qos", self.qos);
    visit(32, "preempt_mode", self.preempt_mode);
    visit(33, "tres_billing_weights", self.tres_billing_weights);
    visit(34, "least_loaded", self.least_loaded);
    visit(35, "requires_reservation", self.requires_reservation);
    visit(36, "exclusive_user", self.exclusive_user);
    visit(37, "exclusive_topo", self.exclusive_topo);
    visit(38, "disable_root_jobs", self.disable_root_jobs);
    visit(39, "job_defaults", self.job_defaults);
    visit(40, "alternate", self.alternate);
  }
};
using PartitionPtr = std::shared_ptr<const Partition>;

}  // namespace sluice::model
