// See node_count.hpp.
#include "core/node_count.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/assert.hpp"
#include "core/shards.hpp"

namespace sluice::core {

namespace {

void count_gres(const model::GresShare& share, const Hardware& hardware, Recount& sum) {
  for (std::size_t e = 0; e < hardware.gres.size(); ++e) {
    const GresEntry& entry = hardware.gres[e];
    if (entry.name != share.name || entry.type != share.type) continue;
    sum.gres[e].used += share.count;
    mark_devices(share, entry, sum.gres[e].devices);
    return;
  }
}

}  // namespace

Recount recount(const NodeSlot& slot) {
  const Hardware& hardware = *slot.hardware;
  Recount sum;
  sum.busy = hardware.idle_busy();
  const std::size_t kept = sum.busy.count();
  std::size_t held = 0;
  sum.gres.resize(hardware.gres.size());
  for (std::size_t e = 0; e < sum.gres.size(); ++e) {
    sum.gres[e].devices = base::Bitmap(hardware.gres[e].devices);
  }
  for (const Hold& hold : slot.holds) {
    held += hold.threads;
    if (hold.cpus->size() == sum.busy.size()) {
      sum.busy |= *hold.cpus;
    } else {  // the node came back with other hardware than the job started on
      base::Bitmap fitted = *hold.cpus;
      fitted.resize(sum.busy.size());
      sum.busy |= fitted;
      held = std::numeric_limits<std::uint32_t>::max();
    }
    sum.charged += hold.cpu_count;
    sum.memory += hold.memory;
    if (hold.holder.sharing == model::Sharing::exclusive_user) ++sum.user_holds;
    for (const model::GresShare& share : hold.gres) count_gres(share, hardware, sum);
  }
  sum.disjoint = kept + held == sum.busy.count();
  return sum;
}

HoldEnd end_of(const Hold& hold) {
  return {.at_ms = hold.expected_end_ms,
          .job = hold.holder.job,
          .cores = hold.cores,
          .threads = hold.threads,
          .memory = hold.memory};
}

namespace {

void clear_log(NodeSlot& slot) {
  slot.end_log_base = slot.end_log_end();
  slot.end_log.clear();
}

void note_end(NodeSlot& slot, const HoldEnd& end, bool came) {
  constexpr std::size_t kMostLogged = 64;
  if (slot.ends.size() > NodeSlot::kFewEnds) {
    if (slot.end_log.size() == kMostLogged) clear_log(slot);
    slot.end_log.push_back({end, came});
    return;
  }
  clear_log(slot);
  ++slot.end_log_base;  // this one isn't told
}

}  // namespace

void enter_end(NodeSlot& slot, const HoldEnd& end) {
  note_end(slot, end, true);
  slot.ends.insert(std::upper_bound(slot.ends.begin(), slot.ends.end(), end), end);
}

void leave_end(NodeSlot& slot, const HoldEnd& end) {
  const auto place = std::lower_bound(slot.ends.begin(), slot.ends.end(), end);
  SLUICE_ASSERT(place != slot.ends.end() && *place == end, "job {} has no end", end.job.value);
  note_end(slot, end, false);
  slot.ends.erase(place);
}

namespace {

void list_ends(NodeSlot& slot) {
  clear_log(slot);
  ++slot.end_log_base;
  slot.ends.clear();
  for (const Hold& hold : slot.holds) slot.ends.push_back(end_of(hold));
  std::sort(slot.ends.begin(), slot.ends.end());
}

}  // namespace

bool adds_up(const NodeSlot& slot, const base::Bitmap& cpus) {
  return slot.disjoint && slot.hardware->threads == 1 && slot.gres.empty() && slot.faulty.empty() &&
         !slot.changed_under_holds && cpus.size() == slot.busy.size();
}

namespace {

// Only where looking for an idle CPU would take long without. Of what is released it is enough that
// nothing is taken for full any more.
void note_full(NodeSlot& slot, std::size_t first, std::size_t end) {
  constexpr std::size_t kLarge = 16;
  if (slot.busy.word_count() <= kLarge) return;
  if (slot.full.size() != slot.busy.word_count()) {
    slot.full = base::Bitmap(slot.busy.word_count());
    first = 0;
    end = slot.busy.word_count();
  }
  constexpr std::size_t kBits = 64;
  for (std::size_t at = first / kBits; at * kBits < end; ++at) {
    std::uint64_t full = slot.full.word(at);
    const std::size_t last = std::min(end, (at + 1) * kBits);
    for (std::size_t w = std::max(first, at * kBits); w < last; ++w) {
      const std::uint64_t bit = std::uint64_t{1} << (w % kBits);
      full = slot.busy.word(w) == ~std::uint64_t{0} ? full | bit : full & ~bit;
    }
    slot.full.set_word(at, full);
  }
}

}  // namespace

void count_in(NodeSlot& slot, const Hold& hold) {
  ++slot.changes;
  slot.busy |= *hold.cpus;
  note_full(slot, hold.cpus->words_begin(), hold.cpus->words_end());
  slot.charged_cpus += hold.cpu_count;
  slot.used_memory += hold.memory;
  slot.idle_cores -= hold.cores;
  slot.idle_threads -= hold.cores;
  if (hold.holder.sharing == model::Sharing::exclusive_user) ++slot.user_holds;
  enter_end(slot, end_of(hold));
}

void count_out(NodeSlot& slot, const Hold& hold) {
  ++slot.changes;
  slot.busy -= *hold.cpus;
  for (std::size_t w = hold.cpus->words_begin(); w < hold.cpus->words_end(); ++w) {
    if (slot.full.size() != 0 && hold.cpus->word(w) != 0) slot.full.reset(w);
  }
  slot.charged_cpus -= hold.cpu_count;
  slot.used_memory -= hold.memory;
  slot.idle_cores += hold.cores;
  slot.idle_threads += hold.cores;
  if (hold.holder.sharing == model::Sharing::exclusive_user) --slot.user_holds;
  leave_end(slot, end_of(hold));
}

namespace {

// What can't be given out because GPUs are lent in parts counts as lost.
void lose_shards(NodeSlot& slot) {
  if (slot.hardware->shards_per_gpu == 0) return;
  std::vector<std::uint64_t> free;
  for (std::size_t e = 0; e < slot.gres.size(); ++e) free.push_back(slot.free_gres(e));
  std::vector<std::uint64_t> settled = free;
  settle_free(slot, shards_of(slot), settled);
  for (std::size_t e = 0; e < slot.gres.size(); ++e)
    slot.gres[e].lost += free[e] - std::min(free[e], settled[e]);
}

}  // namespace

void apply_recount(NodeSlot& slot) {
  Recount sum = recount(slot);
  ++slot.changes;
  slot.busy = std::move(sum.busy);
  slot.full = {};
  note_full(slot, 0, slot.busy.word_count());
  slot.charged_cpus = sum.charged;
  slot.user_holds = sum.user_holds;
  slot.used_memory = sum.memory;
  slot.gres = std::move(sum.gres);
  slot.disjoint = sum.disjoint;
  list_ends(slot);
  for (std::size_t e = 0; e < slot.faulty.size(); ++e) {
    slot.gres[e].lost = lost_devices(slot, e, slot.gres[e].devices);
  }
  lose_shards(slot);
  slot.idle_cores = count_idle_cores(slot.busy, *slot.hardware);
  slot.idle_threads = slot.hardware->cpus() - static_cast<std::uint32_t>(slot.busy.count());
}

}  // namespace sluice::core
