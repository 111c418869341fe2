// Nothing is given out twice: CPUs, memory, devices, licences, recounted from the jobs' records.
#include <fmt/core.h>

#include "test/histories/picture.hpp"

namespace sluice::histories {

namespace {

struct Taken {
  std::vector<JobId> cpus;
  std::uint64_t memory = 0;
  std::vector<JobId> gpus;
};

Problem take(std::vector<JobId>& list, std::size_t at, JobId job) {
  if (at >= list.size()) return fmt::format("job {} has no. {} of {}", job.value, at, list.size());
  if (list[at].is_set()) {
    return fmt::format("jobs {} and {} both have no. {}", list[at].value, job.value, at);
  }
  list[at] = job;
  return {};
}

Problem take_share(const model::Job& job, const model::NodeShare& share, Taken& taken) {
  Problem wrong;
  taken.memory += share.memory;
  if (job.suspended_at == 0) {
    share.cpus.for_each([&](std::size_t cpu) {
      if (Problem twice = take(taken.cpus, cpu, job.id); !twice.empty()) wrong = "CPU: " + twice;
    });
  }
  for (const model::GresShare& gres : share.gres) {
    if (gres.indices.count() != gres.count) return "devices and their number differ";
    gres.indices.for_each([&](std::size_t gpu) {
      if (Problem twice = take(taken.gpus, gpu, job.id); !twice.empty()) wrong = "GPU: " + twice;
    });
  }
  return wrong;
}

Problem check_licenses(const Picture& picture) {
  std::map<std::string, std::uint32_t> used;
  for (const model::JobPtr& job : picture.jobs) {
    if (!runs(*job) || !job->allocation) continue;
    for (const auto& [name, count] : licenses_of(job->allocation->licenses.view())) {
      used[name] += count;
    }
  }
  for (const model::LicenseSetting& license : picture.settings->licenses) {
    if (used[license.name.str()] > license.count) {
      return fmt::format("licence {}: {} of {} in use", license.name.view(),
                         used[license.name.str()], license.count);
    }
  }
  return {};
}

}  // namespace

Problem oversubscribed(const Picture& picture) {
  std::vector<Taken> taken(picture.nodes.size());
  for (std::size_t n = 0; n < taken.size(); ++n) {
    const model::NodeFacts& facts = picture.nodes[n]->facts;
    taken[n].cpus.resize(facts.cpus());
    for (const model::NodeGres& gres : facts.gres) taken[n].gpus.resize(gres.count);
  }
  for (const model::JobPtr& job : picture.jobs) {
    if (!job->allocation) continue;
    for (const model::NodeShare& share : job->allocation->shares) {
      if (!holds(picture, *job, share)) continue;
      const Problem wrong = take_share(*job, share, taken[share.node.value]);
      if (!wrong.empty()) return fmt::format("node {}: {}", share.name.view(), wrong);
    }
  }
  for (std::size_t n = 0; n < taken.size(); ++n) {
    if (taken[n].memory > picture.nodes[n]->facts.memory) {
      return fmt::format("node {}: {} MiB of {} in use", picture.nodes[n]->name.view(),
                         taken[n].memory, picture.nodes[n]->facts.memory);
    }
  }
  return check_licenses(picture);
}

}  // namespace sluice::histories
