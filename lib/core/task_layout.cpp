// Sizes first (for how many tasks a node's CPUs are made), then the tasks.
#include "core/task_layout.hpp"

#include <algorithm>
#include <vector>

namespace sluice::core {

namespace {

class Layout {
 public:
  Layout(const Demand& demand, const NodePool::State& pool, std::span<const Offer> offers,
         Selection& selection)
      : demand_(demand), pool_(pool), offers_(offers), selection_(selection) {
    // With devices by task each node's resources are made for exactly its tasks.
    exact_ = std::any_of(demand.gres.begin(), demand.gres.end(), [](const GresNeed& need) {
      return need.per_task != 0 || need.tasks_each != 0;
    });
  }

  void lay_out() {
    room_.assign(offers_.size(), 0);
    if (demand_.tasks == 0) {
      for (Chosen& chosen : selection_.nodes) {
        chosen.tasks = demand_.tasks_each;
        chosen.sized_for = demand_.tasks_each;
      }
    } else if (demand_.spread) {
      for (std::size_t n = 0; n < room_.size(); ++n) room_[n] = offers_[n].tasks;
      deal();
      for (Chosen& chosen : selection_.nodes) chosen.sized_for = std::max(1U, chosen.tasks);
    } else {
      size_nodes();
      deal();
    }
    for (const GresNeed& need : demand_.gres) {
      if (need.per_job != 0) deal_gres(need);
    }
  }

 private:
  // How many tasks fit on the CPUs that a node gets for `tasks`: cores may have threads left.
  [[nodiscard]] std::uint32_t room_for(std::size_t n, std::uint32_t tasks) const {
    const std::uint32_t most = offers_[n].tasks;
    if (exact_ || tasks >= most) return std::min(tasks, most);
    if (demand_.whole_node) return most;
    const Hardware& hardware = *pool_.nodes[selection_.nodes[n].node].hardware;
    const auto threads = [&](std::uint32_t count) {
      return need_for(demand_, hardware, count, offers_[n].job_gres).threads;
    };
    std::uint32_t room = tasks;
    while (room < most && threads(room + 1) == threads(tasks)) ++room;
    return room;
  }

  void size_nodes() {
    std::uint32_t rest = demand_.tasks;
    std::uint32_t kept = 0;  // for the nodes that follow
    for (std::size_t n = 1; n < offers_.size(); ++n) kept += room_for(n, 1);
    for (std::size_t n = 0; n < offers_.size(); ++n) {
      if (n != 0) kept -= room_for(n, 1);
      const std::uint32_t most = rest > kept ? rest - kept : 1;
      set_size(n, std::max(1U, std::min(offers_[n].tasks, most)), rest);
    }
    // What later nodes could not take goes back to the first that can.
    for (std::size_t n = 0; n < offers_.size() && rest != 0; ++n) {
      rest += room_[n];
      set_size(n, std::min(offers_[n].tasks, rest), rest);
    }
  }

  void set_size(std::size_t n, std::uint32_t size, std::uint32_t& rest) {
    selection_.nodes[n].sized_for = size;
    room_[n] = room_for(n, size);
    rest -= std::min(rest, room_[n]);
  }

  // CR_Pack_Nodes: all that the node has room for, less one for each node that has none yet.
  [[nodiscard]] std::uint32_t pack(std::size_t n, std::uint32_t rest) const {
    std::uint32_t others = 0;
    for (std::size_t m = n + 1; m < room_.size(); ++m) {
      if (selection_.nodes[m].tasks == 0 && room_[m] != 0) ++others;
    }
    const std::uint32_t most = rest > others ? rest - others : 1;
    return std::min(room_[n] - selection_.nodes[n].tasks, most);
  }

  // The rounds in which each node with room takes one more, as long as nobody is full, dealt at
  // once.
  std::uint32_t deal_rounds(std::uint32_t rest) {
    std::uint32_t open = 0;
    std::uint32_t rounds = rest;
    for (std::size_t n = 0; n < room_.size(); ++n) {
      const std::uint32_t left = room_[n] - std::min(room_[n], selection_.nodes[n].tasks);
      if (left == 0) continue;
      ++open;
      rounds = std::min(rounds, left);
    }
    if (open == 0) return 0;
    rounds = std::min(rounds, rest / open);
    for (std::size_t n = 0; n < room_.size(); ++n) {
      if (selection_.nodes[n].tasks < room_[n]) selection_.nodes[n].tasks += rounds;
    }
    return rounds * open;
  }

  // With fewer tasks than nodes the last nodes get none.
  void deal() {
    std::uint32_t rest = demand_.tasks;
    while (rest != 0) {
      const std::uint32_t before = rest;
      if (!demand_.pack_tasks) rest -= deal_rounds(rest);
      for (std::size_t n = 0; n < room_.size() && rest != 0; ++n) {
        if (selection_.nodes[n].tasks == room_[n]) continue;
        const std::uint32_t more = demand_.pack_tasks ? pack(n, rest) : 1;
        selection_.nodes[n].tasks += more;
        rest -= more;
      }
      if (rest == before) return;
    }
  }

  // Devices counted by job: block-wise, at least one on each node.
  void deal_gres(const GresNeed& need) {
    std::uint64_t rest = need.per_job;
    std::uint64_t nodes_left = offers_.size();
    for (std::size_t n = 0; n < offers_.size(); ++n) {
      --nodes_left;
      const std::uint64_t most =
          rest > nodes_left ? rest - nodes_left : std::min<std::uint64_t>(rest, 1);
      std::uint64_t& given = selection_.nodes[n].job_gres[need.job_slot];
      given = std::min(offers_[n].job_gres[need.job_slot], most);
      rest -= given;
    }
  }

  const Demand& demand_;
  const NodePool::State& pool_;
  std::span<const Offer> offers_;
  Selection& selection_;
  std::vector<std::uint32_t> room_;  // tasks that the CPUs of each node hold
  bool exact_ = false;
};

}  // namespace

void lay_out_tasks(const Demand& demand, const NodePool::State& pool, std::span<const Offer> offers,
                   Selection& selection) {
  Layout(demand, pool, offers, selection).lay_out();
}

}  // namespace sluice::core
