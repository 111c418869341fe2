// Gather: see the header. A message is a kind ('p' a part, 'r' the result), the count, the ranks
// and the data; numbers are four bytes of the machine's order, as all nodes run the same program.
#include "plugins/mpi/pmix/gather.hpp"

#include <algorithm>
#include <cstring>

namespace sluice::mpi_pmix {
namespace {

void put(std::string& to, std::uint32_t number) {
  to.append(reinterpret_cast<const char*>(&number), sizeof(number));
}

bool take(std::string_view& from, std::uint32_t& number) {
  if (from.size() < sizeof(number)) return false;
  std::memcpy(&number, from.data(), sizeof(number));
  from.remove_prefix(sizeof(number));
  return true;
}

}  // namespace

Gather::Gather(std::uint32_t node, std::vector<std::uint32_t> task_node, Send send, Done done)
    : node_(node),
      task_node_(std::move(task_node)),
      send_(std::move(send)),
      done_(std::move(done)) {}

std::vector<std::uint32_t> Gather::nodes_of(const std::vector<std::uint32_t>& ranks) const {
  std::vector<std::uint32_t> nodes;
  for (const std::uint32_t rank : ranks) {
    if (rank < task_node_.size()) nodes.push_back(task_node_[rank]);
  }
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  return nodes;
}

std::string Gather::encode(char kind, const Name& name, const std::string& data) {
  std::string message(1, kind);
  put(message, name.count);
  put(message, static_cast<std::uint32_t>(name.ranks.size()));
  for (const std::uint32_t rank : name.ranks) put(message, rank);
  return message + data;
}

void Gather::contribute(const std::vector<std::uint32_t>& ranks, const std::string& data,
                        std::uint64_t ticket) {
  Set set = ranks;
  std::sort(set.begin(), set.end());
  const std::uint32_t count = counts_[set]++;
  const Name name{std::move(set), count};
  tickets_[name] = ticket;
  const auto nodes = nodes_of(name.ranks);
  if (nodes.empty() || nodes.front() == node_) return add_part(name, node_, data);
  send_(nodes.front(), encode('p', name, data));
}

bool Gather::received(std::uint32_t from, const std::string& message) {
  if (message.empty()) return false;
  std::string_view rest = std::string_view(message).substr(1);
  Name name;
  std::uint32_t size = 0;
  if (!take(rest, name.count) || !take(rest, size) || size > rest.size() / sizeof(size)) {
    return false;
  }
  name.ranks.resize(size);
  for (std::uint32_t& rank : name.ranks) {
    if (!take(rest, rank)) return false;
  }
  const auto nodes = nodes_of(name.ranks);
  if (std::find(nodes.begin(), nodes.end(), from) == nodes.end()) return false;
  if (message[0] == 'p') add_part(name, from, std::string(rest));
  if (message[0] == 'r') finish(name, std::string(rest));
  return message[0] == 'p' || message[0] == 'r';
}

void Gather::add_part(const Name& name, std::uint32_t node, std::string data) {
  Round& round = rounds_[name];
  round.parts[node] = std::move(data);
  const auto nodes = nodes_of(name.ranks);
  if (round.parts.size() < nodes.size()) return;
  std::string whole;
  for (const auto& [from, part] : round.parts) whole += part;
  for (const std::uint32_t to : nodes) {
    if (to != node_) send_(to, encode('r', name, whole));
  }
  rounds_.erase(name);
  finish(name, whole);
}

void Gather::finish(const Name& name, const std::string& data) {
  const auto ticket = tickets_.find(name);
  if (ticket == tickets_.end()) return;
  const std::uint64_t number = ticket->second;
  tickets_.erase(ticket);
  done_(number, data);
}

}  // namespace sluice::mpi_pmix
