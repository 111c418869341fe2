// What an MPI library asks about its job, in PMIx's words. Node names come from the step, not from
// the system: several nodes may live on one host, and each must look like a host of its own.
#include "plugins/mpi/pmix/register.hpp"

#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <vector>

#include <fmt/core.h>
#include <pmix_server.h>

namespace sluice::mpi_pmix {
namespace {

// Builds an array of pmix_info_t. libpmix has macros for it, which are C and allocate; here the
// array owns its texts and inner arrays, and libpmix copies what it keeps.
class InfoArray {
 public:
  void add(const char* key, const std::string& value) {
    texts_.push_back(value);
    slot(key, PMIX_STRING).data.string = texts_.back().data();
  }
  void add(const char* key, std::uint32_t value) { slot(key, PMIX_UINT32).data.uint32 = value; }
  void add(const char* key, std::uint16_t value) { slot(key, PMIX_UINT16).data.uint16 = value; }
  void add_rank(const char* key, std::uint32_t value) {
    slot(key, PMIX_PROC_RANK).data.rank = value;
  }
  void add(const char* key, std::unique_ptr<InfoArray> inner) {
    pmix_data_array_t& array = arrays_.emplace_back();
    array.type = PMIX_INFO;
    array.size = inner->infos_.size();
    array.array = inner->infos_.data();
    slot(key, PMIX_DATA_ARRAY).data.darray = &array;
    inner_.push_back(std::move(inner));
  }

  [[nodiscard]] pmix_info_t* data() { return infos_.data(); }
  [[nodiscard]] std::size_t size() const { return infos_.size(); }

 private:
  pmix_value_t& slot(const char* key, pmix_data_type_t type) {
    pmix_info_t info;
    std::memset(&info, 0, sizeof(info));
    std::strncpy(info.key, key, PMIX_MAX_KEYLEN);
    info.value.type = type;
    infos_.push_back(info);
    return infos_.back().value;
  }

  std::vector<pmix_info_t> infos_;
  std::deque<std::string> texts_;  // deques keep their elements where they are
  std::deque<pmix_data_array_t> arrays_;
  std::vector<std::unique_ptr<InfoArray>> inner_;
};

using Ranks = std::vector<std::vector<std::uint32_t>>;  // per node

Ranks ranks_of_nodes(const SluiceMpiStep& step) {
  Ranks result(step.node_count);
  for (std::uint32_t rank = 0; rank < step.task_count; ++rank) {
    result[step.task_node[rank]].push_back(rank);
  }
  return result;
}

std::string joined(const std::vector<std::uint32_t>& ranks) {
  std::string text;
  for (const std::uint32_t rank : ranks) {
    if (!text.empty()) text += ',';
    text += std::to_string(rank);
  }
  return text;
}

// Runs one of libpmix's two compressors of text.
pmix_status_t compressed(pmix_status_t (*by)(const char*, char**), const std::string& text,
                         std::string& to) {
  char* result = nullptr;
  const pmix_status_t status = by(text.c_str(), &result);
  if (status == PMIX_SUCCESS) to = result;
  std::free(result);  // NOLINT(cppcoreguidelines-no-malloc): libpmix's own
  return status;
}

pmix_status_t add_maps(InfoArray& info, const SluiceMpiStep& step, const Ranks& ranks) {
  std::string nodes;
  std::string tasks;
  // A node without tasks would be an empty field, which libpmix doesn't take.
  for (std::uint32_t node = 0; node < step.node_count; ++node) {
    if (ranks[node].empty()) continue;
    if (!nodes.empty()) {
      nodes += ',';
      tasks += ';';
    }
    nodes += step.node_names[node];
    tasks += joined(ranks[node]);
  }
  std::string text;
  pmix_status_t status = compressed(PMIx_generate_regex, nodes, text);
  if (status != PMIX_SUCCESS) return status;
  info.add(PMIX_NODE_MAP, text);
  status = compressed(PMIx_generate_ppn, tasks, text);
  if (status == PMIX_SUCCESS) info.add(PMIX_PROC_MAP, text);
  return status;
}

void add_task(InfoArray& info, const SluiceMpiStep& step, std::uint32_t rank,
              std::uint16_t local_rank) {
  auto task = std::make_unique<InfoArray>();
  task->add_rank(PMIX_RANK, rank);
  task->add(PMIX_APPNUM, std::uint32_t{0});
  task->add_rank(PMIX_APPLDR, 0);
  task->add_rank(PMIX_GLOBAL_RANK, rank);
  task->add_rank(PMIX_APP_RANK, rank);
  task->add(PMIX_LOCAL_RANK, local_rank);
  task->add(PMIX_NODE_RANK, local_rank);
  task->add(PMIX_NODEID, step.task_node[rank]);
  task->add(PMIX_HOSTNAME, step.node_names[step.task_node[rank]]);
  info.add(PMIX_PROC_DATA, std::move(task));
}

}  // namespace

std::string nspace_of(const SluiceMpiStep& step) {
  return fmt::format("sluice.{}.{}", step.cluster_job, step.step_id);
}

int start_libpmix(const SluiceMpiStep& step, const std::string& nspace, void* host_functions) {
  InfoArray info;
  info.add(PMIX_SERVER_TMPDIR, step.directory);
  info.add(PMIX_SYSTEM_TMPDIR, step.directory);
  info.add(PMIX_SERVER_NSPACE, nspace + ".server");
  info.add_rank(PMIX_SERVER_RANK, step.node);
  info.add(PMIX_HOSTNAME, step.node_names[step.node]);
  return PMIx_server_init(static_cast<pmix_server_module_t*>(host_functions), info.data(),
                          info.size());
}

int register_step(const SluiceMpiStep& step, const std::string& nspace) {
  const Ranks ranks = ranks_of_nodes(step);
  InfoArray info;
  info.add(PMIX_JOBID, nspace);
  info.add(PMIX_UNIV_SIZE, step.universe);
  info.add(PMIX_JOB_SIZE, step.task_count);
  info.add(PMIX_MAX_PROCS, step.task_count);
  info.add(PMIX_JOB_NUM_APPS, std::uint32_t{1});
  info.add(PMIX_APP_SIZE, step.task_count);
  info.add_rank(PMIX_NPROC_OFFSET, 0);
  info.add(PMIX_NUM_NODES, step.node_count);
  info.add(PMIX_LOCAL_SIZE, step.local_count);
  info.add(PMIX_NODE_SIZE, step.local_count);
  info.add(PMIX_NODEID, step.node);
  info.add(PMIX_HOSTNAME, step.node_names[step.node]);
  info.add(PMIX_LOCAL_PEERS, joined(ranks[step.node]));
  info.add_rank(PMIX_LOCALLDR, step.local_ranks[0]);
  info.add(PMIX_TMPDIR, step.directory);
  info.add(PMIX_NSDIR, step.directory);
  const pmix_status_t status = add_maps(info, step, ranks);
  if (status != PMIX_SUCCESS) return status;
  for (const auto& node : ranks) {
    std::uint16_t local_rank = 0;
    for (const std::uint32_t rank : node) add_task(info, step, rank, local_rank++);
  }
  return PMIx_server_register_nspace(nspace.c_str(), static_cast<int>(step.local_count),
                                     info.data(), info.size(), nullptr, nullptr);
}

int register_tasks(const SluiceMpiStep& step, const std::string& nspace) {
  for (std::uint32_t i = 0; i < step.local_count; ++i) {
    pmix_proc_t proc;
    std::memset(&proc, 0, sizeof(proc));
    std::strncpy(proc.nspace, nspace.c_str(), PMIX_MAX_NSLEN);
    proc.rank = step.local_ranks[i];
    const pmix_status_t status =
        PMIx_server_register_client(&proc, step.uid, step.gid, nullptr, nullptr, nullptr);
    if (status != PMIX_SUCCESS && status != PMIX_OPERATION_SUCCEEDED) return status;
  }
  return PMIX_SUCCESS;
}

}  // namespace sluice::mpi_pmix
