// What a job would cost, before it is submitted. It is checked and completed as a submit would do
// it. Which nodes it would get isn't known, so the dearest of what it may get counts: as many nodes
// as it accepts, whole cores, all of a node if it wants that alone, and of devices without a type
// the dearest one of its partitions.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/strings.hpp"
#include "core/billing.hpp"
#include "core/cluster_state.hpp"
#include "model/reservation.hpp"
#include "model/task_set.hpp"

namespace sluice::core {

namespace {

constexpr std::int64_t kMostSeconds = 366LL * 86'400;

// The largest of what the nodes of a partition have.
struct Largest {
  std::int64_t cpus = 1;
  std::int64_t memory = 0;
  std::int64_t threads = 1;
  std::map<Text, std::set<Text>> types;                 // of GRES
  std::map<std::pair<Text, Text>, std::uint64_t> gres;  // by name and type

  void add(const model::NodeFacts& facts) {
    cpus = std::max(cpus, std::int64_t{facts.cpus()});
    memory = std::max(memory, static_cast<std::int64_t>(facts.memory));
    threads = std::max(threads, std::int64_t{facts.threads_per_core});
    for (const model::NodeGres& has : facts.gres) {
      if (!has.type.empty()) types[has.name].insert(has.type);
      std::uint64_t& most = gres[{has.name, has.type}];
      most = std::max(most, has.count);
    }
  }
};

class Most {
 public:
  Most(const model::Request& request, const Largest& largest, bool whole)
      : request_(request), largest_(largest), whole_(whole) {
    nodes_ = std::max({1U, request.min_nodes, request.max_nodes});
    tasks_ = std::max<std::int64_t>(request.tasks, nodes_);
  }

  // `type`: of devices that are asked for without one.
  [[nodiscard]] ledger::Allotment allotment(const Text& type, const model::Settings& settings) {
    all_.clear();
    add("node", nodes_);
    const std::int64_t cpus = this->cpus();
    add("cpu", cpus);
    add("mem", memory(cpus, settings));
    if (whole_) {
      for (const auto& [kind, count] : largest_.gres)
        add_gres(kind.first, kind.second, of_nodes(count));
    } else {
      for (const model::GresRequest& asked : request_.gres) {
        const auto known = largest_.types.find(asked.name);
        const bool open =
            asked.type.empty() && known != largest_.types.end() && known->second.contains(type);
        add_gres(asked.name, open ? type : asked.type, count_of(asked));
      }
    }
    const Result<model::LicenseRequest> licenses = model::parse_licenses(request_.licenses);
    if (licenses) {
      for (const auto& need : licenses->needs) add("license/" + need.name.str(), need.count);
    }
    return std::move(all_);
  }

 private:
  void add(const std::string& meter, std::int64_t count) {
    if (count <= 0) return;
    const auto known = std::ranges::find(all_, Text(meter), &ledger::MeterCount::meter);
    if (known != all_.end()) {
      known->count += count;
    } else {
      all_.push_back({Text(meter), count});
    }
  }
  void add_gres(const Text& name, const Text& type, std::int64_t count) {
    add("gres/" + name.str(), count);
    if (!type.empty()) add("gres/" + name.str() + ':' + type.str(), count);
  }
  [[nodiscard]] std::int64_t of_nodes(std::uint64_t count) const {
    return nodes_ * static_cast<std::int64_t>(std::min<std::uint64_t>(count, 1U << 30U));
  }
  [[nodiscard]] std::int64_t cpus() const {
    if (whole_) return nodes_ * largest_.cpus;
    const std::int64_t per_node = std::max(1U, request_.min_cpus_per_node);
    std::int64_t cpus = nodes_ * per_node;
    if (!request_.overcommit) {
      cpus = std::max(cpus, tasks_ * std::max(1U, request_.cpus_per_task));
    }
    // Whole cores on each node.
    const std::int64_t threads = largest_.threads;
    if (nodes_ == 1) return (cpus + threads - 1) / threads * threads;
    return std::min(cpus + nodes_ * (threads - 1), nodes_ * largest_.cpus);
  }
  [[nodiscard]] std::int64_t memory(std::int64_t cpus, const model::Settings& settings) const {
    const auto of_cpu = static_cast<std::int64_t>(
        request_.memory_per_cpu != 0 ? request_.memory_per_cpu : settings.default_memory_per_cpu);
    const auto of_node =
        static_cast<std::int64_t>(request_.memory_per_node != 0 ? request_.memory_per_node
                                                                : settings.default_memory_per_node);
    if (!settings.track_memory && !whole_) return of_node * nodes_ + of_cpu * cpus;
    if (request_.memory_per_cpu != 0) return of_cpu * cpus;
    if (request_.memory_per_node != 0) return of_node * nodes_;
    if (whole_ || request_.all_memory || (of_cpu == 0 && of_node == 0)) {
      return nodes_ * largest_.memory;
    }
    return of_cpu != 0 ? of_cpu * cpus : of_node * nodes_;
  }
  [[nodiscard]] std::int64_t count_of(const model::GresRequest& asked) const {
    const auto count = static_cast<std::int64_t>(std::min<std::uint64_t>(asked.count, 1U << 30U));
    switch (asked.scope) {
      case model::GresScope::job: return count;
      case model::GresScope::task: return count * tasks_;
      case model::GresScope::socket:
        return count * nodes_ * std::max(1U, request_.sockets_per_node);
      default: return count * nodes_;
    }
  }

  const model::Request& request_;
  const Largest& largest_;
  bool whole_;
  std::int64_t nodes_ = 1;
  std::int64_t tasks_ = 1;
  ledger::Allotment all_;
};

// Of all partitions and kinds of devices the dearest.
class Dearest {
 public:
  Dearest(const Billing& money, const model::Job& asked, JobQuote& quoted)
      : money_(money), asked_(asked), quoted_(quoted) {
    customer_ = money.customer_of(asked.association, asked.request->account);
    start_.accounts = money.accounts_of(asked.association, asked.request->account);
    start_.job.qos = asked.qos;
    start_.job.account = asked.request->account;
  }

  // False: nobody pays.
  [[nodiscard]] bool begin(model::WallTime now) {
    if (customer_ == nullptr) return false;
    start_.start = now;
    quoted_.customer = customer_->name;
    quoted_.currency = customer_->currency;
    quoted_.book = customer_->book;
    quoted_.available = ledger::available(*customer_, money_.books().balance(customer_->id));
    return true;
  }

  void consider(const model::Partition& partition, const Largest& largest,
                const model::Settings& settings) {
    start_.job.partition = partition.name;
    const bool whole = asked_.request->sharing == model::Sharing::exclusive ||
                       partition.oversubscribe == model::OverSubscribe::exclusive;
    std::set<Text> kinds{Text()};
    for (const auto& [name, types] : largest.types) kinds.insert(types.begin(), types.end());
    Most most(*asked_.request, largest, whole);
    for (const Text& kind : kinds) {
      start_.allotment = most.allotment(kind, settings);
      take(ledger::quote(*customer_, money_.books().prices(), start_, quoted_.limit_s));
    }
  }

 private:
  void take(ledger::Quote made) {
    if (std::exchange(any_, true) && made.most <= quoted_.quote.most) return;
    const model::WallTime now = start_.start;
    const model::WallTime end = quoted_.unlimited ? 0 : now + quoted_.limit_s * model::kSecond;
    const model::WallTime until = ledger::hold_end(*customer_, now, end);
    quoted_.held = money_.books().plan(*customer_, start_, until).money;
    quoted_.allotment = start_.allotment;
    quoted_.quote = std::move(made);
  }

  const Billing& money_;
  const model::Job& asked_;
  JobQuote& quoted_;
  const ledger::Customer* customer_ = nullptr;
  ledger::AttemptStart start_;
  bool any_ = false;
};

}  // namespace

void Cluster::State::quote(const BillingRequest& request, BillingAnswer& answer) {
  for (const SubmitJob& part : std::get<QuoteJob>(request.what).parts) {
    turn.past = part.past;
    const Result<Entrant> entrant = admit(part);
    if (!entrant) {
      turn.changes.outcome = tl::unexpected(entrant.error());
      return;
    }
    const model::Job& asked = entrant->job;
    JobQuote& quoted = answer.quotes.emplace_back();
    quoted.account = asked.request->account;
    quoted.tasks = asked.array_rest ? model::task_count(*asked.array_rest) : 1;
    quoted.unlimited = asked.time_limit == model::kUnlimited;
    quoted.limit_s = quoted.unlimited ? std::int64_t{ledger::kUnlimitedHoldHours} * 3600
                                      : allowed_us(asked) / model::kSecond;
    quoted.limit_s = std::min(quoted.limit_s, kMostSeconds);
    Dearest dearest(*money, asked, quoted);
    if (!dearest.begin(turn.now.wall)) continue;
    const auto named = base::split_nonempty(asked.partition, ',');
    for (const model::PartitionPtr& partition : partitions) {
      if (std::ranges::find(named, partition->name.view()) == named.end()) continue;
      Largest largest;
      for (const std::uint32_t node : nodes_of(*partition)) largest.add(nodes[node].record->facts);
      dearest.consider(*partition, largest, *settings);
    }
  }
}

}  // namespace sluice::core
