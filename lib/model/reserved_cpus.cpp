// See reserved_cpus.hpp.
#include "model/reserved_cpus.hpp"

#include <algorithm>
#include <utility>

namespace sluice::model {

namespace {

constexpr std::size_t kMaxCpus = 1U << 16U;

}  // namespace

base::Bitmap reserved_cpus(const NodeFacts& facts) {
  const std::uint32_t sockets = std::max(1U, facts.sockets);
  const std::uint32_t cores = std::max(1U, facts.cores_per_socket);
  const std::uint32_t threads = std::max(1U, facts.threads_per_core);
  const std::size_t cpus = std::size_t{sockets} * cores * threads;
  base::Bitmap reserved(cpus);
  if (!facts.cpu_spec_list.empty()) {
    Result<base::Bitmap> listed = base::Bitmap::from_ranges(facts.cpu_spec_list.view(), kMaxCpus);
    if (listed) {
      listed->resize(cpus);
      reserved = std::move(*listed);
    }
  }
  std::uint32_t left = std::min(facts.core_spec_count, sockets * cores - 1);
  for (std::uint32_t c = cores; c-- > 0 && left != 0;) {
    for (std::uint32_t s = sockets; s-- > 0 && left != 0; --left) {
      const std::size_t core = std::size_t{s} * cores + c;
      reserved.set_range(core * threads, (core + 1) * threads);
    }
  }
  return reserved.all() ? base::Bitmap(cpus) : reserved;
}

std::uint32_t job_cpus(const NodeFacts& facts) {
  if (facts.core_spec_count == 0 && facts.cpu_spec_list.empty()) return facts.cpus();
  return facts.cpus() - static_cast<std::uint32_t>(reserved_cpus(facts).count());
}

}  // namespace sluice::model
