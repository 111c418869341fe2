// See slurm_config.hpp. The files become the document that sluice.yaml would have been, with the
// lines they stand on, and that is settled as ever; what differs between the two in meaning is
// settled here.
#include "config/slurm_config.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <utility>

#include "base/file.hpp"
#include "base/hostlist.hpp"
#include "base/strings.hpp"
#include "config/cluster_document.hpp"
#include "config/slurm_hardware.hpp"
#include "config/slurm_rows.hpp"

namespace sluice::config {

namespace {

constexpr std::size_t kMaxFile = 64 * 1024 * 1024;

constexpr auto kSelectWords = std::to_array<std::string_view>(
    {"CR_Core", "CR_Core_Memory", "CR_CPU", "CR_CPU_Memory", "CR_Socket", "CR_Socket_Memory",
     "CR_LLN", "CR_Pack_Nodes", "CR_ONE_TASK_PER_CORE"});
constexpr auto kSchedulerWords =
    std::to_array<std::string_view>({"bf_window", "bf_max_job_test", "bf_resolution",
                                     "bf_job_part_count_reserve", "max_switch_wait"});

class Translator {
 public:
  explicit Translator(const SlurmFiles& files) : files_(files), left_out_(made_.left_out) {}

  Result<SlurmConfig> translate() {
    root_.kind = YamlValue::Kind::map;
    const Result<std::vector<SlurmLine>> lines =
        read_slurm_text(files_.conf.text, files_.conf.name);
    if (!lines) return tl::unexpected(lines.error());
    for (const SlurmLine& line : *lines) {
      if (Status done = take(line); !done) return tl::unexpected(done.error());
    }
    if (Status done = finish(); !done) return tl::unexpected(done.error());
    const std::string topology = files_.topology ? files_.topology->name : files_.conf.name;
    Result<ClusterConfig> config = settle_document(root_, {files_.conf.name, topology});
    if (!config) return tl::unexpected(config.error());
    if (files_.gres) {
      model::Settings settings = *config->settings;
      if (Status done = apply_slurm_gres(*files_.gres, left_out_, settings.nodes); !done) {
        return tl::unexpected(done.error());
      }
      config->settings = std::make_shared<const model::Settings>(std::move(settings));
    }
    made_.config = std::move(*config);
    return std::move(made_);
  }

 private:
  [[nodiscard]] const std::string& name() const { return files_.conf.name; }

  Status take(const SlurmLine& line) {
    const std::string& first = line.pairs.front().key;
    if (base::iequals(first, "FrontendName")) return {};
    if (base::iequals(first, "NodeName")) {
      take_row(line, node_defaults_, nodes_);
      return {};
    }
    if (base::iequals(first, "PartitionName")) {
      take_row(line, partition_defaults_, partitions_);
      return {};
    }
    if (base::iequals(first, "DownNodes")) {
      left_out_.add({name(), line.line, "DownNodes"}, "all nodes are taken to be up");
      return {};
    }
    SlurmLine rest{line.line, {}};
    for (const SlurmPair& pair : line.pairs) {
      const Result<bool> settled = take_special(pair, line.line);
      if (!settled) return tl::unexpected(settled.error());
      if (!*settled) rest.pairs.push_back(pair);
    }
    return translate_row(rest, name(), slurm_global_keys(), left_out_, root_);
  }

  // A row named DEFAULT says what later rows have where they don't say it themselves.
  static void take_row(const SlurmLine& line, std::vector<SlurmPair>& defaults,
                       std::vector<SlurmLine>& rows) {
    const bool for_others = base::iequals(line.pairs.front().value, "DEFAULT");
    SlurmLine whole{line.line, defaults};
    for (const SlurmPair& pair : line.pairs) {
      if (for_others && &pair == &line.pairs.front()) continue;
      const auto known = std::ranges::find_if(
          whole.pairs, [&](const SlurmPair& one) { return base::iequals(one.key, pair.key); });
      if (known != whole.pairs.end()) {
        known->value = pair.value;
      } else {
        whole.pairs.push_back(pair);
      }
    }
    if (for_others) {
      defaults = std::move(whole.pairs);
    } else {
      rows.push_back(std::move(whole));
    }
  }

  // Of words separated by commas those that there are; the others are noted.
  template <std::size_t N>
  std::string known_words(const SlurmPair& pair, int line,
                          const std::array<std::string_view, N>& known) {
    std::string kept;
    for (const std::string_view part : base::split_nonempty(pair.value, ',')) {
      const std::string_view word = base::cut(base::trim(part), '=').before;
      const auto is = [word](std::string_view one) { return base::iequals(one, word); };
      if (std::ranges::any_of(known, is)) {
        kept.append(kept.empty() ? "" : ",").append(base::trim(part));
      } else {
        left_out_.add({name(), line, pair.key + "=" + std::string(part)},
                      "nothing here corresponds to it");
      }
    }
    return kept;
  }

  // Whether the pair needed a hand.
  Result<bool> take_special(const SlurmPair& pair, int line) {
    const auto is = [&](std::string_view key) { return base::iequals(pair.key, key); };
    if (is("SelectTypeParameters")) {
      select_ = known_words(pair, line, kSelectWords);
      select_line_ = line;
    } else if (is("SchedulerParameters")) {
      const std::string kept = known_words(pair, line, kSchedulerWords);
      if (!kept.empty()) put(root_, "scheduler_parameters", kept, line);
    } else if (is("SelectType")) {
      return take_select_type(pair, line);
    } else if (is("TopologyPlugin")) {
      topology_ = base::to_lower(pair.value);
    } else if (is("EnforcePartLimits")) {
      const bool any = base::iequals(pair.value, "ANY");
      if (any) left_out_.add({name(), line, "EnforcePartLimits=ANY"}, "taken as ALL");
      const bool all = any || base::iequals(pair.value, "ALL");
      put(root_, "enforce_part_limits", all ? "yes" : pair.value, line);
    } else if (is("DefCpuPerGPU") || is("DefMemPerGPU") || is("JobDefaults")) {
      const std::string entry = is("JobDefaults") ? pair.value : pair.key + "=" + pair.value;
      job_defaults_ += (job_defaults_.empty() ? "" : ",") + entry;
      put(root_, "job_defaults", job_defaults_, line);
    } else {
      return false;
    }
    return true;
  }

  Result<bool> take_select_type(const SlurmPair& pair, int line) {
    const std::string type = base::to_lower(pair.value);
    linear_ = type == "select/linear";
    if (!linear_ && type != "select/cons_tres" && type != "select/cons_res") {
      return wrong({name(), line, "SelectType"},
                   "select/cons_tres, select/cons_res or select/linear", pair.value);
    }
    return true;
  }

  Status finish() {
    // Which is what Slurm does without the key; sluice.yaml has an order of its own then.
    const bool ordered = std::ranges::any_of(
        root_.entries, [](const auto& e) { return e.first == "priority_type"; });
    if (!ordered) put(root_, "priority_type", "priority/multifactor", 1);
    if (!select_.empty() && !linear_) put(root_, "select_type_parameters", select_, select_line_);
    YamlValue nodes;
    nodes.kind = YamlValue::Kind::list;
    std::vector<std::string> names;
    for (SlurmLine& row : nodes_) {
      const std::string* hosts = find_pair(row, "NodeName");
      const auto listed = base::parse_hosts(hosts == nullptr ? "" : *hosts);
      if (listed) names.insert(names.end(), listed->begin(), listed->end());
      Result<YamlValue> node = slurm_node(std::move(row), name(), left_out_);
      if (!node) return tl::unexpected(node.error());
      nodes.items.push_back(std::move(*node));
    }
    if (!nodes.items.empty()) root_.entries.emplace_back("nodes", std::move(nodes));
    if (Status done = finish_partitions(); !done) return done;
    return finish_topology(names);
  }

  Status finish_partitions() {
    YamlValue partitions;
    partitions.kind = YamlValue::Kind::list;
    for (SlurmLine& row : partitions_) {
      const int line = row.line;
      Result<YamlValue> partition = slurm_partition(std::move(row), name(), left_out_);
      if (!partition) return tl::unexpected(partition.error());
      if (linear_) put(*partition, "cpu_unit", "node", line);
      partitions.items.push_back(std::move(*partition));
    }
    if (!partitions.items.empty()) root_.entries.emplace_back("partitions", std::move(partitions));
    return {};
  }

  Status finish_topology(const std::vector<std::string>& names) {
    const bool tree = topology_ == "topology/tree";
    if (!tree && topology_ != "topology/block") {
      const bool none = topology_ == "topology/none" || topology_ == "topology/default" ||
                        topology_ == "topology/flat" || topology_.empty();
      if (none) return {};
      return wrong({name(), 0, "TopologyPlugin"}, "topology/tree or topology/block", topology_);
    }
    if (!files_.topology) {
      return fail(ErrorCode::not_found,
                  name() + ": TopologyPlugin wants a topology.conf beside it");
    }
    Result<YamlValue> section =
        slurm_topology({*files_.topology, tree ? "tree" : "block", names}, left_out_);
    if (!section) return tl::unexpected(section.error());
    root_.entries.emplace_back("topology", std::move(*section));
    return {};
  }

  const SlurmFiles& files_;
  SlurmConfig made_;
  LeftOut left_out_;
  YamlValue root_;
  std::vector<SlurmPair> node_defaults_;
  std::vector<SlurmPair> partition_defaults_;
  std::vector<SlurmLine> nodes_;
  std::vector<SlurmLine> partitions_;
  std::string select_;
  int select_line_ = 0;
  bool linear_ = false;
  std::string topology_;
  std::string job_defaults_;
};

Result<std::optional<SlurmFile>> read_beside(const std::string& conf, std::string_view kind) {
  constexpr std::string_view kName = "slurm.conf";
  if (!conf.ends_with(kName)) return std::optional<SlurmFile>();
  SlurmFile file;
  file.name = conf.substr(0, conf.size() - kName.size()) + std::string(kind);
  std::error_code ignored;
  if (!std::filesystem::exists(file.name, ignored)) return std::optional<SlurmFile>();
  Result<std::string> text = base::read_file(file.name, kMaxFile);
  if (!text) return tl::unexpected(text.error());
  file.text = std::move(*text);
  return std::optional<SlurmFile>(std::move(file));
}

}  // namespace

Result<SlurmConfig> parse_slurm_config(const SlurmFiles& files) {
  return Translator(files).translate();
}

Result<SlurmConfig> load_slurm_config(const std::string& path) {
  Result<std::string> text = base::read_file(path, kMaxFile);
  if (!text) return tl::unexpected(text.error());
  SlurmFiles files{{path, std::move(*text)}, {}, {}};
  auto gres = read_beside(path, "gres.conf");
  if (!gres) return tl::unexpected(gres.error());
  files.gres = std::move(*gres);
  auto topology = read_beside(path, "topology.conf");
  if (!topology) return tl::unexpected(topology.error());
  files.topology = std::move(*topology);
  return parse_slurm_config(files);
}

}  // namespace sluice::config
