// See submission.hpp.
#include "cli/common/submission.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/entropy.hpp"
#include "base/strings.hpp"
#include "cli/common/client.hpp"
#include "cli/common/job_query.hpp"

namespace sluice::cli {

namespace {

constexpr std::uint64_t kNotSent = UINT64_MAX - 1;  // "leave as it is there"

}  // namespace

std::vector<std::uint64_t> current_limits(std::uint32_t mask) {
  std::vector<std::uint64_t> limits(RLIM_NLIMITS, kNotSent);
  bool any = false;
  for (unsigned kind = 0; kind < RLIM_NLIMITS; ++kind) {
    rlimit limit{};
    if (!((mask >> kind) & 1U)) continue;
    if (::getrlimit(static_cast<__rlimit_resource_t>(kind), &limit) != 0) continue;
    limits[kind] = limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
    any = true;
  }
  if (!any) limits.clear();
  return limits;
}

std::uint32_t current_umask() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return mask;
}

Result<std::string> working_directory() {
  char path[4096] = {};
  if (::getcwd(path, sizeof path) == nullptr) {
    return fail(ErrorCode::io, std::string("getcwd failed: ") + std::strerror(errno));
  }
  return std::string(path);
}

std::string host_name() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0) return "localhost";
  const std::string_view whole(name);
  return std::string(whole.substr(0, whole.find('.')));
}

std::string environment_block(const base::Environment& environment) {
  std::string block;
  block.reserve(environment.bytes());
  for (const std::string& entry : environment.entries()) {
    block += entry;
    block.push_back('\0');
  }
  return block;
}

void make_absolute(std::vector<model::ContainerSpec>& container, const std::string& here) {
  const auto settle = [&](Text& path) {
    if (!path.empty() && path.view().front() != '/') path = here + "/" + path.str();
  };
  for (model::ContainerSpec& spec : container) {
    settle(spec.bundle);
    settle(spec.save);
    settle(spec.entrypoint_log);
    // What doesn't begin with "./" is a name for a registry.
    const std::string_view image = spec.image.view();
    if (image.starts_with("./") || image.starts_with("../")) settle(spec.image);
    for (model::ContainerMount& mount : spec.mounts) settle(mount.source);
  }
}

Result<wire::Submit> make_submission(const opt::JobOptions& options,
                                     const base::Environment& environment) {
  wire::Submit request;
  request.request_id = base::random_uid();
  request.spec = options.spec;
  request.request = options.request;
  request.test_only = options.test_only;
  Result<std::string> here = working_directory();
  if (!here) return tl::unexpected(here.error());
  if (request.spec.work_dir.empty()) {
    request.spec.work_dir = *here;
  } else if (request.spec.work_dir.view().front() != '/') {
    request.spec.work_dir = *here + "/" + request.spec.work_dir.str();
  }
  make_absolute(request.spec.container, *here);
  request.spec.submit_host = host_name();
  request.spec.alloc_sid = static_cast<std::uint32_t>(::getsid(0));
  request.spec.propagate_umask = options.umask.value_or(current_umask());
  request.spec.limits = current_limits(options.propagate);
  if (options.run_as_uid) request.as_uid = *options.run_as_uid;
  if (options.run_as_gid) request.as_gid = *options.run_as_gid;
  base::Environment own = environment;
  own.set("SLURM_SUBMIT_DIR", *here);
  own.set("SLURM_SUBMIT_HOST", request.spec.submit_host);
  request.environment = environment_block(own);
  return request;
}

Result<wire::SubmitHeterogeneous> make_whole(wire::Submit first,
                                             const std::vector<opt::JobOptions>& more,
                                             const base::Environment& environment) {
  wire::SubmitHeterogeneous whole;
  whole.request_id = first.request_id;
  const model::JobKind kind = first.spec.kind;
  const Text command = first.spec.command;
  whole.parts.push_back(std::move(first));
  for (const opt::JobOptions& options : more) {
    Result<wire::Submit> part = make_submission(options, environment);
    if (!part) return tl::unexpected(part.error());
    part->environment.clear();
    part->spec.kind = kind;
    part->spec.command = command;
    whole.parts.push_back(std::move(*part));
  }
  return whole;
}

Status check_cluster(std::string_view wanted, std::string_view own) {
  if (wanted.empty()) return {};
  for (const std::string_view name : base::split_nonempty(wanted, ',')) {
    if (name == own || name == "all") return {};
  }
  return fail(ErrorCode::invalid_argument,
              "No cluster '" + std::string(wanted) + "' known by database.\n'" +
                  std::string(wanted) +
                  "' can't be reached now, or it is an invalid entry for --cluster.  Use 'sacctmgr "
                  "list clusters' to see available clusters.");
}

Status check_wanted_cluster(const opt::JobOptions& options, const base::Environment& environment) {
  if (options.clusters.empty()) return {};
  Result<Client> client = Client::create(environment);
  if (!client) return tl::unexpected(as_seen_by_user(client.error()));
  return check_named_cluster(*client, options.clusters);
}

}  // namespace sluice::cli
