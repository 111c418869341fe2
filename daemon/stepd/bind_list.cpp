// Lists of CPUs and masks, the --cpu-bind option's text, and what is printed about a binding: in
// the environment and by "verbose". Formats are Slurm's.
#include "daemon/stepd/bind_list.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/core.h>

#include "base/strings.hpp"

namespace sluice::stepd {
namespace {

using base::Bitmap;
using model::CpuBind;

constexpr std::size_t kMaxCpu = 65536;
constexpr std::size_t kMaxEntries = 65536;

tl::unexpected<Error> bad_number(std::string_view text) {
  return fail(ErrorCode::invalid_argument, fmt::format("Failed to validate number: {}", text));
}

std::optional<std::size_t> to_number(std::string_view text) {
  std::size_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

// "0*2,3" -> "0","0","3".
Result<std::vector<std::string>> write_out(std::string_view list) {
  std::vector<std::string> entries;
  for (const std::string_view piece : base::split_nonempty(list, ',')) {
    const base::Cut repeat = base::cut(piece, '*');
    const auto times = repeat.found ? to_number(repeat.after) : std::optional<std::size_t>(1);
    if (!times || *times == 0 || *times > kMaxEntries - entries.size()) return bad_number(piece);
    entries.insert(entries.end(), *times, std::string(repeat.before));
  }
  if (entries.empty()) return fail(ErrorCode::invalid_argument, "an empty list of CPUs");
  return entries;
}

Result<Bitmap> entry_set(const std::string& entry, CpuBind kind) {
  if (kind == CpuBind::mask) return Bitmap::from_hex(entry, kMaxCpu);
  const auto cpu = to_number(entry);
  if (!cpu || *cpu >= kMaxCpu) return bad_number(entry);
  Bitmap result(kMaxCpu);
  result.set(*cpu);
  return result;
}

// "0x00ff": as many digits as the node's CPUs need.
std::string padded_hex(const Bitmap& set) {
  const std::string hex = set.to_hex();
  const std::size_t digits = (set.size() + 3) / 4;
  const std::size_t has = hex.size() - 2;
  return "0x" + std::string(digits > has ? digits - has : 0, '0') + hex.substr(2);
}

std::optional<CpuBind> unit_named(std::string_view word) {
  struct Name {
    std::string_view text;
    CpuBind kind;
  };
  static constexpr Name kNames[] = {
      {"no", CpuBind::none},         {"none", CpuBind::none},       {"rank", CpuBind::rank},
      {"threads", CpuBind::threads}, {"thread", CpuBind::threads},  {"cores", CpuBind::cores},
      {"core", CpuBind::cores},      {"sockets", CpuBind::sockets}, {"socket", CpuBind::sockets},
      {"ldoms", CpuBind::ldoms},     {"ldom", CpuBind::ldoms}};
  for (const Name& name : kNames) {
    if (base::iequals(word, name.text)) return name.kind;
  }
  return std::nullopt;
}

tl::unexpected<Error> unrecognized(std::string_view text) {
  return fail(ErrorCode::invalid_argument,
              fmt::format("unrecognized --cpu-bind argument \"{}\"", text));
}

// Checks each entry, and writes repetitions out.
Result<CpuBindOption> with_list(CpuBindOption option, std::string_view list) {
  const bool is_mask = option.kind == CpuBind::mask;
  if (list.empty()) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("missing list for \"--cpu-bind={}:<list>\"", is_mask ? "mask_cpu" : "map_cpu"));
  }
  auto entries = write_out(list);
  if (!entries) return tl::unexpected(entries.error());
  for (std::string& entry : *entries) {
    const auto set = entry_set(entry, option.kind);
    if (!set || set->none()) return bad_number(entry);
    if (is_mask && base::istarts_with(entry, "0x")) entry.erase(0, 2);
  }
  option.list = base::join(*entries, ",");
  return option;
}

}  // namespace

Result<Binding> bind_by_list(const NodeShare& share, const BindingRequest& request) {
  const auto entries = write_out(request.list);
  if (!entries) return tl::unexpected(entries.error());
  Binding binding;
  binding.kind = request.kind;
  binding.os_numbers = true;
  binding.list = request.list;
  for (std::uint32_t task = 0; task < request.tasks; ++task) {
    const std::string& entry = (*entries)[task % entries->size()];
    auto set = entry_set(entry, request.kind);
    if (!set || set->none()) return bad_number(entry);
    const std::size_t last = set->find_last();
    const std::size_t size = std::max(share.os_cpus.size(), last + 1);
    set->resize(size);
    Bitmap allowed = share.os_cpus;
    allowed.resize(size);
    if (share.os_cpus.size() != 0 && !set->is_subset_of(allowed)) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("CPU binding outside of job step allocation, allocated CPUs are: {}.",
                              padded_hex(share.os_cpus)));
    }
    binding.masks.push_back(std::move(*set));
  }
  return binding;
}

Result<CpuBindOption> parse_cpu_bind(std::string_view text) {
  CpuBindOption option;
  std::string_view rest = text;
  while (!rest.empty()) {
    if (base::istarts_with(rest, "map_cpu") || base::istarts_with(rest, "mask_cpu")) {
      const base::Cut parts = base::cut(rest, ':');
      const bool map = base::iequals(parts.before, "map_cpu");
      if (!map && !base::iequals(parts.before, "mask_cpu")) return unrecognized(text);
      option.kind = map ? CpuBind::map : CpuBind::mask;
      return with_list(option, parts.after);
    }
    const base::Cut parts = base::cut(rest, ',');
    const std::string_view word = parts.before;
    rest = parts.after;
    if (base::iequals(word, "q") || base::iequals(word, "quiet")) {
      option.verbose = false;
    } else if (base::iequals(word, "v") || base::iequals(word, "verbose")) {
      option.verbose = true;
    } else if (const auto kind = unit_named(word)) {
      option.kind = *kind;
    } else if (word.find("ldom") != std::string_view::npos) {
      return fail(ErrorCode::unsupported,
                  fmt::format("--cpu-bind={}: lists of locality domains are not supported", word));
    } else {
      return unrecognized(text);
    }
  }
  return option;
}

std::vector<EnvPair> binding_environment(const Binding& binding, bool verbose,
                                         const std::vector<Bitmap>& os_masks) {
  std::string type;
  std::string list = binding.list;
  switch (binding.kind) {
    case CpuBind::none: type = "none"; break;
    case CpuBind::rank: type = "rank"; break;
    case CpuBind::map: type = "map_cpu:"; break;
    default: type = "mask_cpu:"; break;
  }
  if (type == "mask_cpu:" && list.empty()) {
    for (const Bitmap& mask : os_masks) {
      if (!list.empty()) list += ',';
      list += padded_hex(mask);
      if (binding.one_for_all) break;
    }
  }
  const std::string how = verbose ? "verbose" : "quiet";
  return {{"SLURM_CPU_BIND", how + ',' + type + list},
          {"SLURM_CPU_BIND_LIST", list},
          {"SLURM_CPU_BIND_TYPE", type},
          {"SLURM_CPU_BIND_VERBOSE", how}};
}

std::string binding_report(const Binding& binding, const Bitmap& os_mask,
                           const BindingReport& who) {
  std::string_view action = "MASK";
  if (binding.kind == CpuBind::none) action = "NONE";
  if (binding.kind == CpuBind::rank) action = "RANK";
  if (binding.kind == CpuBind::map) action = "MAP ";
  const bool bound = binding.kind != CpuBind::none;
  return fmt::format("cpu-bind={} - {}, task {:2} {:2} [{}]: mask {}{}\n", action, who.node,
                     who.task, who.local_task, who.pid, bound ? os_mask.to_hex() : "0x0",
                     bound ? " set" : "");
}

}  // namespace sluice::stepd
