// The key-value space of one step as one node sees it. What a task puts is visible to tasks of this
// node at once, and to those of other nodes after the next fence, which carries what was put since
// the last one.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::mpi_pmi {

class Kvs {
 public:
  void put(std::string_view key, std::string_view value);
  // Known to all nodes from the start, so not carried by a fence.
  void preset(std::string_view key, std::string_view value);
  [[nodiscard]] std::optional<std::string_view> get(std::string_view key) const;

  // What was put since the last call, for the other nodes.
  [[nodiscard]] std::string take_changes();
  // Changes of one or more nodes, one after the other. False: can't be read; what could be is
  // taken.
  [[nodiscard]] bool merge(std::string_view changes);

 private:
  std::map<std::string, std::string, std::less<>> values_;
  std::vector<std::string> fresh_;  // keys
};

// The nodes of the ranks in MPICH's notation, "(vector,(0,4,2))": blocks of (first node, nodes,
// tasks each), which repeat. "" if it would be longer than a value may be.
[[nodiscard]] std::string process_mapping(const std::vector<unsigned>& task_node);

}  // namespace sluice::mpi_pmi
