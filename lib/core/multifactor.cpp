// See multifactor.hpp.
#include "core/multifactor.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "core/wide.hpp"

namespace sluice::core {

namespace {

__extension__ using Signed = __int128;
constexpr std::int64_t kUnit = static_cast<std::int64_t>(kBillion);
constexpr std::int64_t kMillion = 1'000'000;

bool has(const PriorityInputs& inputs, model::PriorityFlag flag) {
  return (inputs.settings.flags & flag) != 0 ||
         ((inputs.settings.flags & model::kPriorityNoNormalAll) != 0 &&
          (flag == model::kPriorityNoNormalAssoc || flag == model::kPriorityNoNormalPart ||
           flag == model::kPriorityNoNormalQos || flag == model::kPriorityNoNormalTres));
}

// A count as a part of the highest, or as it is.
std::int64_t normal(std::uint32_t value, std::uint32_t highest, bool as_it_is) {
  if (as_it_is) return std::int64_t{value} * kUnit;
  return billionths(std::min(value, highest), highest);
}

std::int64_t age_factor(const PriorityInputs& inputs, const RankedJob& job) {
  if (job.accrue == 0 || job.accrue >= inputs.as_of) return 0;
  const Wide most = Wide{inputs.settings.max_age_s} * static_cast<Wide>(model::kSecond);
  const auto age = static_cast<Wide>(inputs.as_of - job.accrue);
  return age >= most ? kUnit : billionths(age, most);
}

std::int64_t size_factor(const PriorityInputs& inputs, const RankedJob& job,
                         const model::TresCounts& asked) {
  if (inputs.nodes == 0 || inputs.cpus == 0) return 0;
  const auto count = [&](model::TresId id, std::uint32_t most) {
    return static_cast<Wide>(std::clamp<std::int64_t>(model::tres_count(asked, id), 0, most));
  };
  std::int64_t factor = 0;
  const Wide cpus = count(model::kTresCpu, inputs.cpus);
  if (has(inputs, model::kPrioritySmallRelativeToTime)) {
    factor = billionths(cpus, Wide{std::max(job.time_limit, 1U)} * inputs.cpus);
  } else {
    const Wide nodes = count(model::kTresNode, inputs.nodes);
    factor =
        billionths(nodes * inputs.cpus + cpus * inputs.nodes, Wide{2} * inputs.nodes * inputs.cpus);
  }
  return inputs.settings.favor_small ? kUnit - factor : factor;
}

void add_tres_factors(const PriorityInputs& inputs, const model::TresCounts& asked,
                      PartitionIndex partition, PriorityScore& made) {
  for (const TresWeight& weight : inputs.tres_weights) {
    const std::int64_t count = model::tres_count(asked, weight.id);
    if (has(inputs, model::kPriorityNoNormalTres)) {
      constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / kUnit;
      made.tres.push_back({weight.id, std::min(count, kMost) * kUnit});
      continue;
    }
    const bool known = partition.value < inputs.partitions.size();
    const std::int64_t all =
        known ? model::tres_count(inputs.partitions[partition.value].totals, weight.id) : 0;
    made.tres.push_back({weight.id, billionths(static_cast<Wide>(std::clamp<std::int64_t>(
                                                   count, 0, std::max<std::int64_t>(all, 0))),
                                               static_cast<Wide>(std::max<std::int64_t>(all, 0)))});
  }
}

void add_account_factors(const PriorityInputs& inputs, const RankedJob& job, PriorityScore& made) {
  if (inputs.tree == nullptr) return;
  const AccountTree::Place place = inputs.tree->place_of(job.association);
  if (place != AccountTree::kNoPlace) {
    made.association = normal(inputs.tree->priority(place), inputs.highest_association,
                              has(inputs, model::kPriorityNoNormalAssoc));
    if (place < inputs.shares.size()) made.fairshare = inputs.shares[place].factor;
  }
  if (const model::Qos* qos = inputs.tree->qos(job.qos)) {
    made.qos = normal(qos->priority, inputs.highest_qos, has(inputs, model::kPriorityNoNormalQos));
  }
}

// In billionths of a point.
Signed weighted_sum(const PriorityInputs& inputs, const PriorityScore& made) {
  const model::PrioritySettings& s = inputs.settings;
  Signed sum = Signed{s.weight_age} * made.age + Signed{s.weight_association} * made.association +
               Signed{s.weight_fairshare} * made.fairshare +
               Signed{s.weight_job_size} * made.job_size +
               Signed{s.weight_partition} * made.partition + Signed{s.weight_qos} * made.qos;
  for (std::size_t i = 0; i < made.tres.size(); ++i) {
    const TresWeight& weight = inputs.tres_weights[i];
    sum += Signed{made.tres[i].count} * weight.millionths / kMillion * weight.times / weight.per;
  }
  return sum;
}

// The site order's part: how long it has waited for what it asks.
std::uint32_t slowdown(const PriorityInputs& inputs, const RankedJob& job,
                       PartitionIndex partition) {
  if (job.accrue == 0 || job.request == nullptr) return 0;
  const std::int64_t wait_s = (inputs.as_of - job.accrue) / model::kSecond;
  const bool unlimited = job.time_limit == model::kUnlimited || job.time_limit == 0;
  const std::int64_t estimate_s =
      unlimited ? kPatienceS : std::int64_t{job.time_limit} * inputs.limit_unit_ms / 1000;
  const bool known = partition.value < inputs.partitions.size();
  return slowdown_rank(wait_s, estimate_s, static_cast<std::uint64_t>(requested_cpus(*job.request)),
                       known ? inputs.partitions[partition.value].crowd : Crowd{});
}

// To the nearest; what is between two to the even one.
std::int64_t whole_points(Signed units) {
  const Signed magnitude = units < 0 ? -units : units;
  Signed points = magnitude / kUnit;
  const Signed twice = magnitude % kUnit * 2;
  if (twice > kUnit || (twice == kUnit && points % 2 != 0)) ++points;
  return static_cast<std::int64_t>(units < 0 ? -points : points);
}

}  // namespace

PriorityScore score(const PriorityInputs& inputs, const RankedJob& job, PartitionIndex partition) {
  PriorityScore made;
  made.site = job.site_factor;
  made.nice = job.nice;
  made.age = age_factor(inputs, job);
  if (partition.value < inputs.partitions.size()) {
    made.partition = normal(inputs.partitions[partition.value].job_factor, inputs.highest_partition,
                            has(inputs, model::kPriorityNoNormalPart));
  }
  add_account_factors(inputs, job, made);
  const bool size_matters = inputs.settings.weight_job_size != 0 || !inputs.tres_weights.empty();
  if (size_matters && job.request != nullptr) {
    const model::TresCounts asked = requested_tres(*job.request, inputs.tres);
    made.job_size = size_factor(inputs, job, asked);
    add_tres_factors(inputs, asked, partition, made);
  }
  if (inputs.settings.weight_slowdown != 0) made.slowdown = slowdown(inputs, job, partition);
  const Signed of_wait = (Signed{inputs.settings.weight_slowdown} * made.slowdown) >> 32U;
  made.site += static_cast<std::int64_t>(of_wait);
  const Signed total = weighted_sum(inputs, made) / kUnit + made.site - made.nice;
  constexpr Signed kMost = std::numeric_limits<std::uint32_t>::max();
  made.priority = static_cast<std::uint32_t>(std::clamp(total, Signed{1}, kMost));
  return made;
}

std::int64_t points(std::uint32_t weight, std::int64_t factor) {
  return whole_points(Signed{weight} * factor);
}

std::int64_t points(const TresWeight& weight, std::int64_t factor) {
  return whole_points(Signed{factor} * weight.millionths / kMillion * weight.times / weight.per);
}

RankedJob ranked_job(const model::Job& job, const PriorityInputs& inputs) {
  RankedJob ranked{.request = job.request.get(),
                   .uid = job.spec->uid,
                   .association = job.association,
                   .qos = 0,
                   .time_limit = job.time_limit,
                   .nice = job.spec->nice,
                   .site_factor = job.site_factor,
                   .fixed = job.priority_fixed,
                   .priority = job.priority,
                   .accrue = job.accrue,
                   .submit = job.submit};
  const model::Qos* qos = inputs.tree == nullptr ? nullptr : inputs.tree->qos(job.qos.view());
  if (qos != nullptr) ranked.qos = qos->id;
  return ranked;
}

std::uint32_t shown_priority(const model::Job& job, const PriorityInputs& inputs) {
  const bool pending = job.state == model::JobState::pending;
  const bool running =
      job.state == model::JobState::running || job.state == model::JobState::suspended;
  const bool computed = pending || (running && has(inputs, model::kPriorityCalculateRunning));
  const bool multifactor = inputs.settings.type == model::PriorityType::multifactor;
  if (job.priority == 0 || job.priority_fixed || !computed || !multifactor) return job.priority;
  const RankedJob ranked = ranked_job(job, inputs);
  std::uint32_t best = 0;
  for (const std::string_view name : base::split_nonempty(job.partition, ',')) {
    for (std::uint32_t p = 0; p < inputs.partitions.size(); ++p) {
      if (inputs.partitions[p].name.view() != name) continue;
      best = std::max(best, score(inputs, ranked, PartitionIndex(p)).priority);
    }
  }
  return best == 0 ? job.priority : best;
}

void Multifactor::publish(PriorityInputsPtr inputs) {
  inputs_ = std::move(inputs);
  ++generation_;
}

std::uint32_t Multifactor::priority_of(const RankedJob& job, PartitionIndex partition,
                                       const Now&) const {
  if (job.fixed || inputs_ == nullptr) return std::max(job.priority, 1U);
  return score(*inputs_, job, partition).priority;
}

}  // namespace sluice::core
