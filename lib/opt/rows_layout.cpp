// The rows that say which nodes a job gets and how its tasks lie on them: node lists, features,
// node shape, hints, distribution, memory binding.
#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "base/duration.hpp"
#include "base/hostlist.hpp"
#include "base/strings.hpp"
#include "opt/submit_state.hpp"
#include "opt/values.hpp"

namespace sluice::opt {
namespace {

using model::Request;

constexpr std::string_view kHintHelp =
    "Application hint options:\n"
    "    --hint=             Bind tasks according to application hints\n"
    "        compute_bound   use all cores in each socket, one thread per core\n"
    "        [no]multithread [don't] use extra threads with in-core multi-threading\n"
    "        help            show this help message\n";

// Names, or with a '/' a file of names, which may stand on several lines.
Result<std::vector<std::string>> read_hosts(const SubmitState& s, const std::string& text) {
  if (text.find('/') == std::string::npos) return base::parse_hosts(text);
  auto content = read_named(s, text);
  if (!content) return tl::unexpected<Error>(content.error());
  std::replace(content->begin(), content->end(), '\n', ',');
  return base::parse_hosts(*content);
}

Outcome set_hosts(SubmitState& s, const Given& use, const std::vector<std::string>& hosts) {
  s.job.request.node_list = base::compress_sorted_hosts(hosts);
  s.step.node_list = base::compress_hosts(hosts);  // the order counts for -m arbitrary
  s.nodefile = use.row->name;
  return {};
}

Outcome set_nodelist(SubmitState& s, const Given& use) {
  const auto hosts = read_hosts(s, use.value);
  if (!hosts) return submit_failure(s.command, {ErrorCode::invalid_node_name, ""});
  return set_hosts(s, use, *hosts);
}

Outcome set_nodefile(SubmitState& s, const Given& use) {
  auto content = read_named(s, use.value);
  if (!content) {
    return complain(
        fmt::format("slurm_allocate_resources error opening file {}, {}\n"
                    "Invalid --nodefile node file",
                    use.value, reason_of(content.error(), use.value)));
  }
  std::replace(content->begin(), content->end(), '\n', ',');
  const auto hosts = base::parse_hosts(*content);
  if (!hosts || hosts->empty()) return complain("Invalid --nodefile node file");
  return set_hosts(s, use, *hosts);
}

Outcome set_exclude(SubmitState& s, const Given& use) {
  const auto hosts = read_hosts(s, use.value);
  if (!hosts) return submit_failure(s.command, {ErrorCode::invalid_node_name, ""});
  s.job.request.exclude = base::compress_sorted_hosts(*hosts);
  return {};
}

Outcome set_shape(SubmitState& s, const Given& use) {
  const auto shape = parse_node_shape(use.value);
  if (!shape) return bad_value(use, shape.error());
  Request& request = s.job.request;
  if (shape->sockets != 0) request.sockets_per_node = shape->sockets;
  if (shape->cores != 0) request.cores_per_socket = shape->cores;
  if (shape->threads != 0) request.threads_per_core = shape->threads;
  return {};
}

Outcome set_hint(SubmitState& s, const Given& use) {
  const std::string word = base::to_lower(use.value);
  if (word == "help") {
    return tl::unexpected<Complaint>(Complaint{"", 0, Severity::error, std::string(kHintHelp)});
  }
  if (word == "memory_bound") return unsupported(use, "cores of a socket can't be left idle");
  if (word == "multithread") {
    s.job.request.no_multithread = false;
  } else if (word == "nomultithread" || word == "compute_bound") {
    s.job.request.no_multithread = true;
  } else {
    return complain(fmt::format("unrecognized --hint argument \"{}\", see --hint=help", use.value),
                    1);
  }
  return {};
}

Outcome set_distribution(SubmitState& s, const Given& use) {
  const auto plane = s.in->environment.get("SLURM_DIST_PLANESIZE").value_or("");
  const auto layout = parse_distribution(use.value, plane);
  if (!layout) {
    const std::string& why = layout.error().text;
    return complain(
        fmt::format("{}Invalid --{} specification", why.empty() ? why : why + "\n", use.row->name));
  }
  if (layout->pack) return unsupported(use, "tasks can't be packed; use --ntasks-per-node");
  s.job.spec.distribution = layout->text;
  return {};
}

Outcome set_mem_bind(SubmitState& s, const Given& use) {
  const std::string word = base::to_lower(use.value);
  const bool none =
      word == "none" || word == "quiet" || word == "q" || word == "quiet,none" || word == "q,none";
  constexpr std::array<std::string_view, 8> kKinds{"local", "map_mem", "mask_mem", "no",
                                                   "none",  "nosort",  "prefer",   "rank"};
  const std::string_view kind = base::cut(word.substr(word.rfind(',') + 1), ':').before;
  const bool other = kind == "sort" || kind == "help" || kind == "p" || kind.starts_with("v");
  if (!none && !other && std::find(kKinds.begin(), kKinds.end(), kind) == kKinds.end()) {
    return complain(fmt::format("unrecognized --mem-bind argument \"{}\"", use.value));
  }
  if (!none) return unsupported(use, "memory is not bound to NUMA domains");
  s.job.spec.mem_bind = "quiet,none";
  return {};
}

// <count>[@<time>]; without a time, that of the environment.
Outcome set_switches(SubmitState& s, const Given& use) {
  const base::Cut parts = base::cut(use.value, '@');
  const auto count = base::parse_u32(parts.before, model::kUnlimited - 2);
  if (!count || *count == 0) return bad_number(use);
  constexpr std::array<std::string_view, 3> kWaits{"SBATCH_WAIT4SWITCH", "SALLOC_WAIT4SWITCH",
                                                   "SLURM_WAIT4SWITCH"};
  std::optional<std::string> wait;
  if (parts.found) {
    wait = std::string(parts.after);
  } else {
    wait = s.in->environment.get(kWaits.at(static_cast<std::size_t>(s.command)));
  }
  Request& request = s.job.request;
  request.switches = *count;
  request.switch_wait_s = model::kUnlimited;
  if (!wait) return {};
  const Result<std::int64_t> seconds = base::parse_duration(*wait);
  if (!seconds) return bad_value(use);
  if (*seconds != base::kUnlimited) {
    request.switch_wait_s =
        static_cast<std::uint32_t>(std::min<std::int64_t>(*seconds, model::kUnlimited - 2));
  }
  return {};
}

constexpr SubmitRow kRows[] = {
    SubmitRow::valued(
        "constraint", 'C', "<features>",
        "Only nodes with these features: a&b, a|b; [a|b]: all nodes with one of them; "
        "[a*2&b*4]: two with a, four with b.")
        .on(kSubmit)
        .in(Group::nodes)
        .env("SBATCH_CONSTRAINT", "SALLOC_CONSTRAINT", "SLURM_CONSTRAINT")
        .sets(text_to<&Request::features>),
    SubmitRow::valued("cores-per-socket", 0, "<count>", "Only nodes with this many cores a socket.")
        .on(kSubmit)
        .in(Group::affinity)
        .sets(count_to<&Request::cores_per_socket>),
    SubmitRow::valued("distribution", 'm', "<nodes>[:<sockets>[:<cores>]]",
                      "How tasks go round: nodes by block, cyclic, plane=<size> or arbitrary; "
                      "sockets and cores by block, cyclic or fcyclic.")
        .on(kSubmit)
        .in(Group::affinity)
        .env("SBATCH_DISTRIBUTION", "", "SLURM_DISTRIBUTION")
        .sets(set_distribution),
    SubmitRow::valued("exclude", 'x', "<nodes>|<file>", "None of these nodes.")
        .on(kSubmit)
        .in(Group::nodes)
        .sets(set_exclude),
    SubmitRow::valued("extra-node-info", 'B', "<sockets>[:<cores>[:<threads>]]",
                      "Only nodes with at least this many sockets, cores, threads; * for any.")
        .on(kSubmit)
        .in(Group::affinity)
        .sets(set_shape),
    SubmitRow::valued("hint", 0, "{compute_bound|multithread|nomultithread|help}",
                      "What the application is like: whether tasks use one thread of a core.")
        .on(kSubmit)
        .in(Group::affinity)
        .env("SBATCH_HINT,SLURM_HINT", "SALLOC_HINT,SLURM_HINT", "SLURM_HINT")
        .sets(set_hint),
    SubmitRow::valued("mem-bind", 0, "{none}", "Binding of tasks to memory: none.")
        .on(kSubmit)
        .in(Group::affinity)
        .env("SBATCH_MEM_BIND", "SALLOC_MEM_BIND", "SLURM_MEM_BIND")
        .sets(set_mem_bind),
    SubmitRow::valued("nodefile", 'F', "<file>", "The nodes to use, listed in a file.")
        .on(kSubmit)
        .in(Group::nodes)
        .sets(set_nodefile),
    SubmitRow::valued("prefer", 0, "<features>",
                      "Nodes with these features if they can be had at once; else those of "
                      "--constraint.")
        .on(kSubmit)
        .in(Group::nodes)
        .sets(text_to<&Request::prefer>),
    SubmitRow::valued("segment", 0, "<count>",
                      "In a block topology: each block gives a multiple of so many nodes.")
        .on(kSubmit)
        .in(Group::nodes)
        .env("SBATCH_SEGMENT_SIZE", "SALLOC_SEGMENT_SIZE", "SRUN_SEGMENT_SIZE")
        .sets(count_to<&Request::segment>),
    SubmitRow::valued(
        "switches", 0, "<count>[@<time>]",
        "In a tree topology: at most so many leaf switches; after the time any number "
        "does.")
        .on(kSubmit)
        .in(Group::nodes)
        .env("SBATCH_REQ_SWITCH", "SALLOC_REQ_SWITCH", "SLURM_REQ_SWITCH")
        .sets(set_switches),
    SubmitRow::valued("nodelist", 'w', "<nodes>|<file>", "Use at least these nodes.")
        .on(kSubmit)
        .in(Group::nodes)
        .sets(set_nodelist),
    SubmitRow::valued("sockets-per-node", 0, "<count>", "Only nodes with this many sockets.")
        .on(kSubmit)
        .in(Group::affinity)
        .sets(count_to<&Request::sockets_per_node>),
    SubmitRow::valued("threads-per-core", 0, "<count>",
                      "Use this many threads of each core, on nodes that have them.")
        .on(kSubmit)
        .in(Group::affinity)
        .env("SBATCH_THREADS_PER_CORE", "SALLOC_THREADS_PER_CORE", "SLURM_THREADS_PER_CORE")
        .sets(count_to<&Request::threads_per_core>),
};

}  // namespace

std::span<const SubmitRow> layout_rows() { return kRows; }

}  // namespace sluice::opt
