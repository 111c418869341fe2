// See step_gres.hpp.
#include "daemon/worker/service/step_gres.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "core/device_choice.hpp"
#include "model/gres.hpp"
#include "model/shards.hpp"

namespace sluice::worker {

namespace {

// The job asked for any accelerator: what it has without having named it came of that.
bool is_some_accelerator(const model::Job& job, const model::GresShare& share) {
  if (share.name.view() == "gpu") return true;
  if (!job.request) return false;
  const auto names = [&](std::string_view name) {
    return std::ranges::any_of(job.request->gres,
                               [&](const auto& asked) { return asked.name.view() == name; });
  };
  return names(model::kAnyAccelerator) && !names(share.name.view());
}

// The share's devices that no other step has.
base::Bitmap free_devices(const model::GresShare& share, const GresShares& used) {
  base::Bitmap free = share.indices;
  for (const model::GresShare& other : used) {
    const bool same = other.name == share.name && other.type == share.type;
    if (same && other.indices.size() == free.size()) free -= other.indices;
  }
  return free;
}

// Steps have a GPU's shards side by side: those are counted.
bool is_by_device(const model::GresShare& share) {
  return share.indices.any() && !model::is_shards(share);
}

std::uint64_t free_count(const model::GresShare& share, const GresShares& used) {
  if (is_by_device(share)) return free_devices(share, used).count();
  std::uint64_t taken = 0;
  for (const model::GresShare& other : used) {
    if (other.name == share.name && other.type == share.type) taken += other.count;
  }
  return share.count > taken ? share.count - taken : 0;
}

// The kind among the known ones, or their number.
std::size_t kind_of(const model::GresShare& share, const std::vector<model::NodeGres>& known) {
  std::size_t devices = 0;
  for (const model::NodeGres& gres : known) {
    if (gres.name == share.name && model::has_devices(gres)) devices += gres.files.size();
  }
  if (devices != share.indices.size()) return known.size();  // that node is another
  const auto found = std::ranges::find_if(known, [&](const model::NodeGres& gres) {
    return gres.name == share.name && gres.type == share.type && model::has_devices(gres);
  });
  return static_cast<std::size_t>(found - known.begin());
}

base::Bitmap choose(const GresPlace& place, const model::GresShare& share, const base::Bitmap& free,
                    std::uint64_t count) {
  const std::size_t kind = kind_of(share, place.known);
  if (kind == place.known.size()) return free.first_n(static_cast<std::size_t>(count));
  const std::size_t first = model::first_index(place.known, kind);
  const std::size_t devices = place.known[kind].files.size();
  core::DeviceWish wish{.count = count, .free = base::Bitmap(devices)};
  for (std::size_t d = 0; d < devices; ++d) {
    if (free.test(first + d)) wish.free.set(d);
  }
  wish.cpus = place.cpus;
  wish.cpus_wanted = place.cpus.count();
  const auto sites =
      core::sites_of(place.known[kind], static_cast<std::uint32_t>(place.cpus.size()));
  base::Bitmap chosen(free.size());
  core::choose_devices(sites, wish).for_each([&](std::size_t d) { chosen.set(first + d); });
  return chosen;
}

}  // namespace

bool is_wanted(const model::Job& job, const model::GresShare& share,
               const model::GresRequest& wanted) {
  if (!wanted.type.empty() && share.type != wanted.type) return false;
  if (share.name == wanted.name) return true;
  return wanted.name.view() == model::kAnyAccelerator && is_some_accelerator(job, share);
}

std::uint64_t free_gres(const model::Job& job, const GresShares& have, const GresShares& used,
                        const model::GresRequest& wanted) {
  std::uint64_t sum = 0;
  for (const model::GresShare& share : have) {
    if (is_wanted(job, share, wanted)) sum += free_count(share, used);
  }
  return sum;
}

Status check_gres(const model::Job& job, const model::StepSpec& spec) {
  for (const model::GresRequest& wanted : spec.gres) {
    std::uint64_t all = 0;
    std::uint64_t most = 0;
    for (const model::NodeShare& share : job.allocation->shares) {
      const std::uint64_t here = free_gres(job, share.gres, {}, wanted);
      all += here;
      most = std::max(most, here);
    }
    const bool by_step = wanted.scope == model::GresScope::job;
    const std::uint64_t has = by_step ? all : most;
    if (has >= wanted.count) continue;
    const std::string name =
        wanted.type.empty() ? wanted.name.str() : wanted.name.str() + ":" + wanted.type.str();
    const std::string_view scope = by_step ? "gres_per_job" : "gres_per_node";
    return fail(
        ErrorCode::invalid_gres,
        fmt::format("{}: {}", base::error_text(ErrorCode::invalid_gres),
                    has == 0 ? fmt::format("Step requested GRES ({}) not found in the job", name)
                             : fmt::format("Step requested {0}={1}:{2} is more than the "
                                           "job's {0}={1}:{3}",
                                           scope, name, wanted.count, has)));
  }
  return {};
}

std::vector<std::uint64_t> deal_gres(std::uint64_t count, const std::vector<std::uint64_t>& free) {
  std::vector<std::uint64_t> dealt;
  for (std::size_t n = 0; n < free.size(); ++n) {
    const std::uint64_t later = free.size() - 1 - n;
    const std::uint64_t most = count > later ? count - later : 0;
    dealt.push_back(std::min(free[n], most));
    if (dealt.back() == 0) return {};
    count -= dealt.back();
  }
  return count == 0 ? dealt : std::vector<std::uint64_t>();
}

std::uint64_t take_gres(const GresPlace& place, const model::GresRequest& wanted,
                        std::uint64_t count, GresShares& to) {
  for (const model::GresShare& have : place.have) {
    if (count == 0 || !is_wanted(place.job, have, wanted)) continue;
    GresShares used = place.used;  // and what this step has of it already
    used.insert(used.end(), to.begin(), to.end());
    model::GresShare part{have.name, have.type, base::Bitmap(have.indices.size()), 0};
    part.count = std::min(count, free_count(have, used));
    if (part.count == 0) continue;
    if (model::is_shards(have)) part.indices = have.indices;
    if (is_by_device(have)) {
      part.indices = choose(place, have, free_devices(have, used), part.count);
    }
    count -= part.count;
    to.push_back(std::move(part));
  }
  return count;
}

GresShares default_gres(const GresPlace& place, std::uint32_t job_tasks) {
  const model::RequestPtr& request = place.job.request;
  if (!request || request->sharing != model::Sharing::exclusive) return place.have;
  GresShares shares;
  for (const model::GresRequest& asked : model::without_repeats(request->gres)) {
    std::uint64_t count = asked.count;
    if (asked.scope == model::GresScope::task) count *= std::max(job_tasks, 1U);
    if (asked.scope == model::GresScope::socket) count *= std::max(request->sockets_per_node, 1U);
    static_cast<void>(take_gres(place, asked, count, shares));
  }
  return shares;
}

}  // namespace sluice::worker
