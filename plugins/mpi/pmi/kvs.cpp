// The key-value space and the process mapping: see the header.
#include "plugins/mpi/pmi/kvs.hpp"

#include <cstdint>
#include <cstring>

#include <fmt/core.h>

#include "plugins/mpi/pmi/command.hpp"

namespace sluice::mpi_pmi {
namespace {

void append_text(std::string& to, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  to.append(reinterpret_cast<const char*>(&size), sizeof(size));
  to += text;
}

std::optional<std::string_view> take_text(std::string_view& from) {
  std::uint32_t size = 0;
  if (from.size() < sizeof(size)) return std::nullopt;
  std::memcpy(&size, from.data(), sizeof(size));
  from.remove_prefix(sizeof(size));
  if (size > from.size()) return std::nullopt;
  const std::string_view text = from.substr(0, size);
  from.remove_prefix(size);
  return text;
}

struct Block {
  unsigned node = 0;
  unsigned nodes = 0;
  unsigned tasks = 0;  // on each
  bool operator==(const Block&) const = default;
};

std::vector<Block> blocks_of(const std::vector<unsigned>& task_node) {
  std::vector<Block> blocks;
  for (std::size_t at = 0; at < task_node.size();) {
    std::size_t end = at;
    while (end < task_node.size() && task_node[end] == task_node[at]) ++end;
    const auto tasks = static_cast<unsigned>(end - at);
    const bool continues = !blocks.empty() && blocks.back().tasks == tasks &&
                           blocks.back().node + blocks.back().nodes == task_node[at];
    if (continues)
      ++blocks.back().nodes;
    else
      blocks.push_back({task_node[at], 1, tasks});
    at = end;
  }
  // The list is read round and round, so a cyclic layout is its first round.
  std::size_t same = 0;
  while (same < blocks.size() && blocks[same] == blocks[0]) ++same;
  if (same == blocks.size() && same > 1) blocks.resize(1);
  return blocks;
}

}  // namespace

void Kvs::put(std::string_view key, std::string_view value) {
  values_.insert_or_assign(std::string(key), std::string(value));
  fresh_.emplace_back(key);
}

void Kvs::preset(std::string_view key, std::string_view value) {
  values_.insert_or_assign(std::string(key), std::string(value));
}

std::optional<std::string_view> Kvs::get(std::string_view key) const {
  const auto found = values_.find(key);
  if (found == values_.end()) return std::nullopt;
  return found->second;
}

std::string Kvs::take_changes() {
  std::string changes;
  for (const std::string& key : fresh_) {
    append_text(changes, key);
    append_text(changes, values_[key]);
  }
  fresh_.clear();
  return changes;
}

bool Kvs::merge(std::string_view changes) {
  while (!changes.empty()) {
    const auto key = take_text(changes);
    const auto value = key ? take_text(changes) : std::nullopt;
    if (!value) return false;
    preset(*key, *value);
  }
  return true;
}

std::string process_mapping(const std::vector<unsigned>& task_node) {
  std::string text = "(vector";
  for (const Block& block : blocks_of(task_node)) {
    text += fmt::format(",({},{},{})", block.node, block.nodes, block.tasks);
  }
  text += ')';
  return text.size() < kMaxValue ? text : std::string();
}

}  // namespace sluice::mpi_pmi
