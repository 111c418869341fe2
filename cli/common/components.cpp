// See components.hpp.
#include "cli/common/components.hpp"

#include "cli/common/job_stream.hpp"
#include "model/het_variables.hpp"

namespace sluice::cli {

Result<std::vector<model::Job>> components_of(const Sockets& sockets, const model::Job& leader) {
  Client client(sockets);
  wire::QueryJobs query;
  query.filter.jobs.push_back({leader.id, {}, model::kNoTask});
  const Result<JobAnswer> answer = fetch_jobs(client, query);
  if (!answer) return tl::unexpected(as_seen_by_user(answer.error()));
  std::vector<model::Job> components;
  for (const model::JobPtr& job : answer->jobs) {
    if (job->allocation) components.push_back(*job);
  }
  if (components.size() != leader.het_count) {
    return fail(ErrorCode::already_done, "Job/step already completing or completed");
  }
  return components;
}

base::Environment components_environment(const base::Environment& own,
                                         const std::vector<model::Job>& components) {
  base::Environment environment = own;
  const model::Job& leader = components.front();
  environment.set("SLURM_JOB_ID", std::to_string(leader.id.value));
  environment.set("SLURM_SUBMIT_DIR", leader.spec->work_dir.view());
  environment.set("SLURM_SUBMIT_HOST", leader.spec->submit_host.view());
  std::vector<const model::Job*> all;
  std::uint32_t tasks = 0;
  for (const model::Job& component : components) {
    all.push_back(&component);
    tasks += component.request->tasks;
  }
  for (const auto& [name, value] : model::het_variables(all, model::HetFor::allocation)) {
    environment.set(name, value);
  }
  if (tasks != 0) {
    environment.set("SLURM_NTASKS", std::to_string(tasks));
    environment.set("SLURM_NPROCS", std::to_string(tasks));
  }
  return environment;
}

}  // namespace sluice::cli
