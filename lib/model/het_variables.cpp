// See het_variables.hpp.
#include "model/het_variables.hpp"

#include <algorithm>

#include "base/hostlist.hpp"

namespace sluice::model {

namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

class Group {
 public:
  Group(Variables& to, std::size_t number)
      : to_(to), suffix_("_HET_GROUP_" + std::to_string(number)) {}

  void set(const char* name, std::string value) {
    to_.emplace_back("SLURM_" + std::string(name) + suffix_, std::move(value));
  }
  void number(const char* name, std::uint64_t value) {
    if (value != 0) set(name, std::to_string(value));
  }
  void text(const char* name, const Text& value) {
    if (!value.empty()) set(name, value.str());
  }

 private:
  Variables& to_;
  std::string suffix_;
};

void describe_request(Group& group, const Request& request) {
  group.number("CPUS_PER_TASK", request.cpus_per_task);
  group.text("JOB_ACCOUNT", request.account);
  group.text("JOB_QOS", request.qos);
  group.text("JOB_RESERVATION", request.reservation);
  group.number("MEM_PER_CPU", request.memory_per_cpu);
  group.number("MEM_PER_GPU", request.memory_per_gpu);
  if (request.memory_per_cpu == 0 && request.memory_per_gpu == 0) {
    group.number("MEM_PER_NODE", request.memory_per_node);
  }
  group.number("NPROCS", request.tasks);
  group.number("NTASKS", request.tasks);
  group.number("NTASKS_PER_NODE", request.tasks_per_node);
}

void describe(Group& group, const Job& job, HetFor whom) {
  const Allocation& allocation = *job.allocation;
  std::vector<std::uint32_t> cpus;
  std::vector<std::uint32_t> tasks;
  for (const NodeShare& share : allocation.shares) {
    cpus.push_back(share.cpu_count);
    tasks.push_back(std::max(share.tasks, 1U));
  }
  group.set("JOB_CPUS_PER_NODE", base::repeat_list(cpus));
  group.set("JOB_ID", std::to_string(job.id.value));
  group.text("JOB_NAME", job.spec->name);
  group.set("JOB_NODELIST", allocation.nodes.str());
  group.number("JOB_NUM_NODES", allocation.shares.size());
  group.text("JOB_PARTITION", job.partition);
  group.set("TASKS_PER_NODE", base::repeat_list(tasks));
  describe_request(group, *job.request);
  if (whom != HetFor::allocation) return;
  group.set("JOBID", std::to_string(job.id.value));
  group.number("NNODES", allocation.shares.size());
  group.set("NODELIST", allocation.nodes.str());
  group.set("NODE_ALIASES", "(null)");
}

}  // namespace

Variables het_variables(const std::vector<const Job*>& components, HetFor whom) {
  Variables variables;
  variables.emplace_back("SLURM_HET_SIZE", std::to_string(components.size()));
  for (std::size_t i = 0; i < components.size(); ++i) {
    Group group(variables, i);
    describe(group, *components[i], whom);
  }
  return variables;
}

}  // namespace sluice::model
