// Argument languages that name signals, limits, layouts and bindings. GRES, arrays and dependencies
// are in values_lists.cpp.
#include "opt/values.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

#include <fmt/core.h>

#include "base/quantity.hpp"
#include "base/strings.hpp"

namespace sluice::opt {
namespace {

using Named = std::pair<std::string_view, int>;

constexpr std::array kSignals{
    Named{"HUP", SIGHUP},     Named{"INT", SIGINT},       Named{"QUIT", SIGQUIT},
    Named{"ILL", SIGILL},     Named{"TRAP", SIGTRAP},     Named{"ABRT", SIGABRT},
    Named{"IOT", SIGIOT},     Named{"BUS", SIGBUS},       Named{"FPE", SIGFPE},
    Named{"KILL", SIGKILL},   Named{"USR1", SIGUSR1},     Named{"SEGV", SIGSEGV},
    Named{"USR2", SIGUSR2},   Named{"PIPE", SIGPIPE},     Named{"ALRM", SIGALRM},
    Named{"TERM", SIGTERM},   Named{"CHLD", SIGCHLD},     Named{"CONT", SIGCONT},
    Named{"STOP", SIGSTOP},   Named{"TSTP", SIGTSTP},     Named{"TTIN", SIGTTIN},
    Named{"TTOU", SIGTTOU},   Named{"URG", SIGURG},       Named{"XCPU", SIGXCPU},
    Named{"XFSZ", SIGXFSZ},   Named{"VTALRM", SIGVTALRM}, Named{"PROF", SIGPROF},
    Named{"WINCH", SIGWINCH}, Named{"IO", SIGIO},         Named{"PWR", SIGPWR},
    Named{"SYS", SIGSYS}};
constexpr std::uint32_t kMaxSignal = 64;
constexpr std::uint32_t kMaxSignalTime = 65535;

constexpr std::array kLimits{Named{"AS", RLIMIT_AS},         Named{"CORE", RLIMIT_CORE},
                             Named{"CPU", RLIMIT_CPU},       Named{"DATA", RLIMIT_DATA},
                             Named{"FSIZE", RLIMIT_FSIZE},   Named{"MEMLOCK", RLIMIT_MEMLOCK},
                             Named{"NOFILE", RLIMIT_NOFILE}, Named{"NPROC", RLIMIT_NPROC},
                             Named{"RSS", RLIMIT_RSS},       Named{"STACK", RLIMIT_STACK}};

constexpr std::array<std::string_view, 12> kMailTypes{
    "NONE",          "BEGIN",          "END",        "FAIL",          "REQUEUE",
    "ALL",           "INVALID_DEPEND", "TIME_LIMIT", "TIME_LIMIT_90", "TIME_LIMIT_80",
    "TIME_LIMIT_50", "ARRAY_TASKS"};

// Bounds what "0*1000000000" could grow to.
constexpr std::size_t kMaxBindItems = 65536;

auto invalid(std::string text = {}) { return fail(ErrorCode::invalid_argument, std::move(text)); }

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

Status check_bind_number(std::string_view number, bool hexadecimal) {
  std::string_view digits = number;
  if (digits.starts_with("0x") || digits.starts_with("0X")) {
    digits.remove_prefix(2);
    hexadecimal = true;
  }
  const auto bad = std::find_if(digits.begin(), digits.end(), [&](char c) {
    const bool decimal = c >= '0' && c <= '9';
    const bool letter = (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    return !(decimal || (hexadecimal && letter));
  });
  if (bad == digits.end() && !digits.empty()) return {};
  return invalid(fmt::format("Failed to validate number: {}, the offending character is {}", number,
                             bad == digits.end() ? ' ' : *bad));
}

// "0*2,3" -> "0,0,3".
Result<std::string> expand_bind_list(std::string_view text, bool hexadecimal) {
  std::string result;
  std::size_t items = 0;
  for (std::string_view item : base::split(text, ',')) {
    const base::Cut parts = base::cut(item, '*');
    if (auto checked = check_bind_number(parts.before, hexadecimal); !checked) {
      return tl::unexpected<Error>(checked.error());
    }
    std::uint64_t times = 1;
    if (parts.found) {
      const auto count = base::parse_unsigned(parts.after, kMaxBindItems);
      if (!count || *count == 0) return invalid(fmt::format("Invalid repetition in \"{}\"", item));
      times = *count;
    }
    items += times;
    if (items > kMaxBindItems) return invalid("too many elements in --cpu-bind list");
    for (std::uint64_t i = 0; i < times; ++i) {
      if (!result.empty()) result += ',';
      result += parts.before;
    }
  }
  return result;
}

Result<model::CpuBind> bind_word(const std::string& word) {
  using model::CpuBind;
  if (is_one_of(word, {"no", "none"})) return CpuBind::none;
  if (word == "rank") return CpuBind::rank;
  if (is_one_of(word, {"thread", "threads"})) return CpuBind::threads;
  if (is_one_of(word, {"core", "cores"})) return CpuBind::cores;
  if (is_one_of(word, {"socket", "sockets"})) return CpuBind::sockets;
  if (is_one_of(word, {"ldom", "ldoms"})) return CpuBind::ldoms;
  if (is_one_of(word, {"rank_ldom", "map_ldom", "mask_ldom"}) || word.starts_with("map_ldom:") ||
      word.starts_with("mask_ldom:")) {
    return invalid(fmt::format(
        "--cpu-bind={} is not supported by Sluice: NUMA domains can't be listed", word));
  }
  return invalid(fmt::format("unrecognized --cpu-bind argument \"{}\"", word));
}

Result<CpuBinding> bind_list(CpuBinding binding, std::string_view text, bool hexadecimal) {
  if (text.empty()) {
    return invalid(fmt::format("missing list for \"--cpu-bind={}:<list>\"",
                               hexadecimal ? "mask_cpu" : "map_cpu"));
  }
  auto list = expand_bind_list(text, hexadecimal);
  if (!list) return tl::unexpected<Error>(list.error());
  binding.kind = hexadecimal ? model::CpuBind::mask : model::CpuBind::map;
  binding.list = std::move(*list);
  return binding;
}

// One level of -m; "" and "*" are the default.
Status check_level(std::string_view word, bool first) {
  if (is_one_of(word, {"", "*", "block", "cyclic"})) return {};
  if (first && word == "arbitrary") return {};
  if (!first && word == "fcyclic") return {};
  return invalid();
}

Result<std::string> plane(std::string_view text, std::string_view plane_size) {
  const base::Cut parts = base::cut(text, '=');
  const auto size = base::parse_u32(parts.found ? parts.after : plane_size);
  if (!size || *size == 0) {
    return invalid("Invalid plane size or size not specified");
  }
  return fmt::format("plane={}", *size);
}

}  // namespace

Result<std::uint32_t> parse_signal_name(std::string_view text) {
  if (const auto number = base::parse_u32(text, kMaxSignal); number && *number > 0) return *number;
  std::string word = base::to_upper(text);
  if (word.starts_with("SIG")) word.erase(0, 3);
  for (const auto& [name, number] : kSignals) {
    if (name == word) return static_cast<std::uint32_t>(number);
  }
  return invalid(fmt::format("Unknown signal: {}", text));
}

Result<SignalRequest> parse_signal_request(std::string_view text) {
  SignalRequest request;
  const base::Cut flags = base::cut(text, ':');
  if (flags.found) {
    for (char flag : flags.before) {
      if (flag == 'B' || flag == 'b')
        request.batch_only = true;
      else if (flag == 'R' || flag == 'r')
        request.reservation = true;
      else
        return invalid();
    }
  }
  const base::Cut parts = base::cut(flags.found ? flags.after : text, '@');
  const auto number = parse_signal_name(parts.before);
  if (!number) return invalid();
  request.signal = *number;
  if (parts.found) {
    const auto before = base::parse_u32(parts.after, kMaxSignalTime);
    if (!before) return invalid();
    request.before = *before;
  }
  return request;
}

Result<Distribution> parse_distribution(std::string_view text, std::string_view plane_size) {
  const std::string lower = base::to_lower(text);
  Distribution result;
  const base::Cut packing = base::cut(lower, ',');
  if (packing.found) {
    if (!is_one_of(packing.after, {"pack", "nopack"})) return invalid();
    result.pack = packing.after == "pack";
  }
  if (packing.before.starts_with("plane")) {
    const base::Cut word = base::cut(packing.before, '=');
    if (word.before != "plane") return invalid();
    auto size = plane(packing.before, plane_size);
    if (!size) return tl::unexpected<Error>(size.error());
    result.text = std::move(*size);
    return result;
  }
  const auto levels = base::split(packing.before, ':');
  if (levels.size() > 3) return invalid();
  for (std::size_t i = 0; i < levels.size(); ++i) {
    if (auto checked = check_level(levels[i], i == 0); !checked) {
      return tl::unexpected<Error>(checked.error());
    }
  }
  result.text = packing.before;
  while (result.text.ends_with(":*") || result.text.ends_with(':')) {
    result.text.erase(result.text.rfind(':'));
  }
  if (result.text == "*") result.text.clear();
  return result;
}

Result<CpuBinding> parse_cpu_bind(std::string_view text) {
  CpuBinding binding;
  const std::string lower = base::to_lower(text);
  std::string_view rest = lower;
  while (!rest.empty()) {
    for (const auto& [prefix, hexadecimal] :
         {std::pair{std::string_view("map_cpu"), false}, {"mask_cpu", true}}) {
      if (rest.starts_with(prefix) &&
          (rest.size() == prefix.size() || rest[prefix.size()] == ':')) {
        // The list has commas of its own: it takes the rest of the text.
        return bind_list(binding, rest.substr(std::min(prefix.size() + 1, rest.size())),
                         hexadecimal);
      }
    }
    const base::Cut word = base::cut(rest, ',');
    rest = word.after;
    if (is_one_of(word.before, {"v", "verbose"})) {
      binding.verbose = true;
    } else if (is_one_of(word.before, {"q", "quiet"})) {
      binding.verbose = false;
    } else {
      auto kind = bind_word(std::string(word.before));
      if (!kind) return tl::unexpected<Error>(kind.error());
      binding.kind = *kind;
    }
  }
  return binding;
}

Status check_gpu_bind(std::string_view text) {
  std::string lower = base::to_lower(text);
  std::string_view rest = lower;
  for (std::string_view word : {"verbose,", "v,", "quiet,", "q,"}) {
    if (rest.starts_with(word)) {
      rest.remove_prefix(word.size());
      break;
    }
  }
  if (rest == "none" || rest == "closest") return {};
  const base::Cut parts = base::cut(rest, ':');
  if (is_one_of(parts.before, {"per_task", "single"})) {
    const auto count = base::parse_u32(parts.after);
    if (count && *count > 0) return {};
    return invalid();
  }
  for (const auto& [word, hexadecimal] : {std::pair{std::string_view("map_gpu"), false},
                                          {"map", false},
                                          {"mask_gpu", true},
                                          {"mask", true}}) {
    if (parts.before != word) continue;
    if (expand_bind_list(parts.after, hexadecimal)) return {};
    return invalid();
  }
  return invalid();
}

Status check_tres_bind(std::string_view text) {
  for (std::string_view part : base::split(text, '+')) {
    if (part.starts_with("gres/")) part.remove_prefix(5);
    const base::Cut named = base::cut(part, ':');
    if (named.before.empty() || !check_gpu_bind(named.after)) return invalid();
  }
  return {};
}

Result<std::string> parse_mail_types(std::string_view text) {
  std::vector<std::string> types;
  for (std::string_view word : base::split_nonempty(text, ',')) {
    const std::string upper = base::to_upper(base::trim(word));
    if (std::find(kMailTypes.begin(), kMailTypes.end(), upper) == kMailTypes.end()) {
      return invalid();
    }
    if (upper == "NONE") return std::string();
    if (std::find(types.begin(), types.end(), upper) == types.end()) types.push_back(upper);
  }
  if (types.empty()) return invalid();
  return base::join(types, ",");
}

Result<std::uint32_t> parse_rlimits(std::string_view text) {
  if (text.empty() || base::iequals(text, "ALL")) return ~0U;
  if (base::iequals(text, "NONE")) return 0U;
  std::uint32_t mask = 0;
  for (std::string_view word : base::split_nonempty(text, ',')) {
    std::string upper = base::to_upper(word);
    if (upper.starts_with("RLIMIT_")) upper.erase(0, 7);
    const auto* found = std::find_if(kLimits.begin(), kLimits.end(),
                                     [&](const Named& limit) { return limit.first == upper; });
    if (found == kLimits.end()) return invalid(fmt::format("Bad rlimit name: {}", word));
    mask |= 1U << static_cast<unsigned>(found->second);
  }
  return mask;
}

Result<NodeShape> parse_node_shape(std::string_view text) {
  static constexpr std::array<std::string_view, 3> kOrdinals{"first", "second", "third"};
  NodeShape shape;
  const std::array<std::uint32_t*, 3> parts{&shape.sockets, &shape.cores, &shape.threads};
  const auto words = base::split(text, ':');
  if (words.size() > parts.size()) return invalid();
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "*") continue;
    const auto number = base::parse_u32(words[i]);
    if (!number || *number == 0) {
      return invalid(
          fmt::format("Invalid numeric value \"{}\" for {} arg of -B.", words[i], kOrdinals[i]));
    }
    *parts[i] = *number;
  }
  return shape;
}

Result<std::uint64_t> parse_memory(std::string_view text) { return base::parse_memory_mib(text); }

}  // namespace sluice::opt
