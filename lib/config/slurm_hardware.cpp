// See slurm_hardware.hpp.
#include "config/slurm_hardware.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include <fmt/core.h>

#include "base/bitmap.hpp"
#include "base/hostlist.hpp"
#include "base/quantity.hpp"
#include "base/strings.hpp"

namespace sluice::config {

namespace {

constexpr auto kSwitchKeys =
    std::to_array<std::string_view>({"switch_name", "nodes", "switches", "link_speed"});
constexpr auto kBlockKeys = std::to_array<std::string_view>({"block_name", "nodes"});
constexpr auto kBlockSizes = std::to_array<std::string_view>({"block_sizes"});
constexpr auto kGresKeys = std::to_array<std::string_view>(
    {"NodeName", "Name", "Type", "Count", "File", "Cores", "CPUs", "AutoDetect"});
constexpr auto kGresMissing =
    std::to_array<std::string_view>({"Links", "Flags", "MultipleFiles", "Ignore"});

const YamlValue* entry_of(const YamlValue& map, std::string_view key) {
  const auto found =
      std::ranges::find_if(map.entries, [key](const auto& one) { return one.first == key; });
  return found == map.entries.end() ? nullptr : &found->second;
}

void drop_entry(YamlValue& map, std::string_view key) {
  std::erase_if(map.entries, [key](const auto& one) { return one.first == key; });
}

class TopologyReader {
 public:
  TopologyReader(const TopologySource& source, LeftOut& left_out)
      : source_(source),
        left_out_(left_out),
        block_(source.type == "block"),
        known_(source.nodes.begin(), source.nodes.end()) {}

  Result<YamlValue> read() {
    const Result<std::vector<SlurmLine>> lines =
        read_slurm_text(source_.file.text, source_.file.name);
    if (!lines) return tl::unexpected(lines.error());
    YamlValue section;
    section.kind = YamlValue::Kind::map;
    section.line = 1;
    put(section, "type", source_.type, 1);
    list_.kind = YamlValue::Kind::list;
    list_.line = 1;
    for (const SlurmLine& line : *lines) {
      if (Status done = take(line, section); !done) return tl::unexpected(done.error());
    }
    drop_empty();
    section.entries.emplace_back(block_ ? "blocks" : "switches", std::move(list_));
    return section;
  }

 private:
  Status take(const SlurmLine& line, YamlValue& section) {
    const bool sizes = block_ && find_pair(line, "BlockSizes") != nullptr;
    std::span<const std::string_view> keys = kSwitchKeys;
    if (block_) keys = kBlockKeys;
    if (sizes) keys = kBlockSizes;
    YamlValue row;
    row.kind = YamlValue::Kind::map;
    row.line = line.line;
    const Status done =
        translate_row(line, source_.file.name, {keys, {}, {}}, left_out_, sizes ? section : row);
    if (!done || sizes) return done;
    if (Status kept = keep_known(row); !kept) return kept;
    list_.items.push_back(std::move(row));
    return {};
  }

  // Of the row's nodes those that there are.
  Status keep_known(YamlValue& row) {
    const YamlValue* nodes = entry_of(row, "nodes");
    if (nodes == nullptr) return {};
    Result<std::vector<std::string>> names = base::parse_hosts(nodes->text);
    if (!names) return {};  // complained of later
    const std::size_t all = names->size();
    std::erase_if(*names, [this](const std::string& name) { return !known_.contains(name); });
    if (names->size() == all) return {};
    left_out_.add({source_.file.name, row.line, "Nodes=" + nodes->text},
                  fmt::format("{} of them don't exist", all - names->size()));
    const int line = nodes->line;
    drop_entry(row, "nodes");
    if (!names->empty()) put(row, "nodes", base::compress_sorted_hosts(std::move(*names)), line);
    return {};
  }

  // Switches that lost all their nodes, and those that have none but such.
  void drop_empty() {
    bool again = true;
    while (again) {
      std::set<std::string> gone;
      std::erase_if(list_.items, [&](const YamlValue& row) {
        if (entry_of(row, "nodes") != nullptr || entry_of(row, "switches") != nullptr) return false;
        const YamlValue* name = entry_of(row, block_ ? "block_name" : "switch_name");
        if (name != nullptr) gone.insert(name->text);
        return name != nullptr;
      });
      again = !gone.empty();
      for (YamlValue& row : list_.items) forget(row, gone);
    }
  }

  static void forget(YamlValue& row, const std::set<std::string>& gone) {
    const YamlValue* below = entry_of(row, "switches");
    if (below == nullptr || gone.empty()) return;
    Result<std::vector<std::string>> names = base::parse_hosts(below->text);
    if (!names) return;
    std::erase_if(*names, [&](const std::string& name) { return gone.contains(name); });
    const int line = below->line;
    drop_entry(row, "switches");
    if (!names->empty()) put(row, "switches", base::join(*names, ","), line);
  }

  const TopologySource& source_;
  LeftOut& left_out_;
  bool block_;
  std::set<std::string> known_;
  YamlValue list_;
};

// A line of gres.conf.
struct GresRow {
  std::string name;
  std::string type;
  std::uint64_t count = 0;
  std::vector<std::string> files;
  std::string cores;  // "0-15"; empty: any
  int line = 0;
};

class GresReader {
 public:
  GresReader(const SlurmFile& file, LeftOut& left_out, std::vector<model::NodeSetting>& nodes)
      : file_(file), left_out_(left_out), nodes_(nodes) {}

  Status read() {
    const Result<std::vector<SlurmLine>> lines = read_slurm_text(file_.text, file_.name);
    if (!lines) return tl::unexpected(lines.error());
    for (const SlurmLine& line : *lines) {
      if (Status done = take(line); !done) return done;
    }
    for (model::NodeSetting& node : nodes_) {
      for (model::NodeGres& gres : node.facts.gres) {
        if (Status done = settle(node, gres); !done) return done;
      }
    }
    return {};
  }

 private:
  [[nodiscard]] Place place(int line, std::string key) const {
    return {file_.name, line, std::move(key)};
  }

  Status check_keys(const SlurmLine& line) {
    for (const SlurmPair& pair : line.pairs) {
      const auto is = [&](std::string_view key) { return base::iequals(key, pair.key); };
      if (std::ranges::any_of(kGresMissing, is)) {
        left_out_.add(place(line.line, pair.key + "=" + pair.value),
                      "nothing here corresponds to it");
      } else if (std::ranges::none_of(kGresKeys, is)) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("{}:{}: unknown key {}", file_.name, line.line, pair.key));
      }
    }
    return {};
  }

  Status take(const SlurmLine& line) {
    if (Status known = check_keys(line); !known) return known;
    const auto text = [&](std::string_view key) {
      const std::string* value = find_pair(line, key);
      return value == nullptr ? std::string() : *value;
    };
    GresRow row;
    row.line = line.line;
    row.name = text("Name");
    row.type = text("Type");
    row.cores = find_pair(line, "Cores") != nullptr ? text("Cores") : text("CPUs");
    if (row.name.empty()) {
      if (find_pair(line, "AutoDetect") != nullptr) return {};
      return wrong(place(line.line, ""), "Name=", "");
    }
    Result<std::vector<std::string>> files = base::parse_hosts(text("File"));
    if (!files) return wrong(place(line.line, "File"), "device files", text("File"));
    row.files = std::move(*files);
    row.count = std::max<std::uint64_t>(row.files.size(), 1);
    if (const std::string* count = find_pair(line, "Count")) {
      const Result<std::uint64_t> parsed = base::parse_count(*count);
      if (!parsed) return wrong(place(line.line, "Count"), "a number", *count);
      row.count = *parsed;
    }
    return give_to_nodes(std::move(row), text("NodeName"));
  }

  Status give_to_nodes(GresRow row, const std::string& names) {
    const std::size_t number = rows_.size();
    const int line = row.line;
    rows_.push_back(std::move(row));
    if (names.empty()) {
      for (const model::NodeSetting& node : nodes_) of_node_[node.name.str()].push_back(number);
      return {};
    }
    const Result<std::vector<std::string>> hosts = base::parse_hosts(names);
    if (!hosts) return wrong(place(line, "NodeName"), "node names", names);
    for (const std::string& host : *hosts) of_node_[host].push_back(number);
    return {};
  }

  // The rows that describe one kind on a node.
  [[nodiscard]] std::vector<const GresRow*> rows_of(const model::NodeSetting& node,
                                                    const model::NodeGres& gres) const {
    std::vector<const GresRow*> found;
    const auto all = of_node_.find(node.name.str());
    if (all == of_node_.end()) return found;
    for (const std::size_t number : all->second) {
      const GresRow& row = rows_[number];
      const bool type = row.type.empty() || gres.type.empty() || gres.type.view() == row.type;
      if (gres.name.view() == row.name && type) found.push_back(&row);
    }
    return found;
  }

  Status settle(const model::NodeSetting& node, model::NodeGres& gres) {
    const std::vector<const GresRow*> rows = rows_of(node, gres);
    if (rows.empty()) return {};
    std::uint64_t count = 0;
    std::size_t files = 0;
    bool some_cores = false;
    for (const GresRow* row : rows) {
      count += row->count;
      files += row->files.size();
      some_cores = some_cores || !row->cores.empty();
    }
    if (count < gres.count) {
      return wrong(place(rows.back()->line, "Count"),
                   fmt::format("{} of {} on {}, as slurm.conf says", gres.count, gres.name.view(),
                               node.name.view()),
                   std::to_string(count));
    }
    if (!some_cores) return {};
    if (files != gres.count) {
      const GresRow& row = *rows.front();
      if (noted_.insert(row.line).second) {
        left_out_.add(place(row.line, "Cores=" + row.cores), "as many File as devices are needed");
      }
      return {};
    }
    return place_devices(node, gres, rows);
  }

  Status place_devices(const model::NodeSetting& node, model::NodeGres& gres,
                       const std::vector<const GresRow*>& rows) {
    const model::NodeFacts& facts = node.facts;
    gres.files.clear();
    gres.devices.clear();
    for (const GresRow* row : rows) {
      const std::size_t cores = std::size_t{facts.sockets} * facts.cores_per_socket;
      Result<base::Bitmap> beside = base::Bitmap(cores);
      if (!row->cores.empty()) beside = base::Bitmap::from_ranges(row->cores, cores);
      if (!beside) {
        return wrong(place(row->line, "Cores"),
                     fmt::format("cores of {}, which has {}", node.name.view(), cores), row->cores);
      }
      base::Bitmap cpus(row->cores.empty() ? 0 : facts.cpus());
      for (const std::uint32_t core : beside->members()) {
        for (std::uint32_t t = 0; t < facts.threads_per_core; ++t) {
          cpus.set(core * facts.threads_per_core + t);
        }
      }
      for (const std::string& file : row->files) {
        model::Device device;
        device.file = file;
        device.number = static_cast<std::uint32_t>(gres.devices.size());
        device.cpus = cpus;
        gres.files.emplace_back(file);
        gres.devices.push_back(std::move(device));
      }
    }
    return {};
  }

  const SlurmFile& file_;
  LeftOut& left_out_;
  std::vector<model::NodeSetting>& nodes_;
  std::vector<GresRow> rows_;
  std::map<std::string, std::vector<std::size_t>> of_node_;
  std::set<int> noted_;  // lines
};

}  // namespace

Result<YamlValue> slurm_topology(const TopologySource& source, LeftOut& left_out) {
  return TopologyReader(source, left_out).read();
}

Status apply_slurm_gres(const SlurmFile& file, LeftOut& left_out,
                        std::vector<model::NodeSetting>& nodes) {
  return GresReader(file, left_out, nodes).read();
}

}  // namespace sluice::config
