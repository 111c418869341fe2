// Collectives of some of the step's nodes. libpmix may ask for a fence among any set of tasks; the
// supervisors' fence is one of all nodes. The rest goes through direct messages: each node sends
// its part to the lowest node of the set, which puts them together in the order of the nodes and
// sends the whole back. Two fences of the same set can't overtake each other, so (set, count) names
// a fence on all nodes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace sluice::mpi_pmix {

class Gather {
 public:
  using Send = std::function<void(std::uint32_t node, const std::string& message)>;
  using Done = std::function<void(std::uint64_t ticket, const std::string& data)>;

  // `task_node`: the node of each rank. `send` and `done` may be called from within any function.
  Gather(std::uint32_t node, std::vector<std::uint32_t> task_node, Send send, Done done);

  // The nodes of these ranks, ascending.
  [[nodiscard]] std::vector<std::uint32_t> nodes_of(const std::vector<std::uint32_t>& ranks) const;

  // This node's part. `ticket` comes back by done().
  void contribute(const std::vector<std::uint32_t>& ranks, const std::string& data,
                  std::uint64_t ticket);
  // A message that another node's Gather sent. False: it can't be read.
  [[nodiscard]] bool received(std::uint32_t from, const std::string& message);

 private:
  using Set = std::vector<std::uint32_t>;  // ranks, ascending
  struct Name {
    Set ranks;
    std::uint32_t count = 0;
    auto operator<=>(const Name&) const = default;
  };
  struct Round {
    std::map<std::uint32_t, std::string> parts;  // by node
  };
  void add_part(const Name& name, std::uint32_t node, std::string data);
  void finish(const Name& name, const std::string& data);
  [[nodiscard]] static std::string encode(char kind, const Name& name, const std::string& data);

  std::uint32_t node_;
  std::vector<std::uint32_t> task_node_;
  Send send_;
  Done done_;
  std::map<Set, std::uint32_t> counts_;    // fences that this node began
  std::map<Name, Round> rounds_;           // that this node puts together
  std::map<Name, std::uint64_t> tickets_;  // that this node waits for
};

}  // namespace sluice::mpi_pmix
