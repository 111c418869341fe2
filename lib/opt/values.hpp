// The argument languages of single options: text in, value out. Errors carry the text that follows
// "error: "; where Slurm only says "Invalid --x specification", the text is empty and the caller
// words it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "model/request.hpp"
#include "model/step_spec.hpp"

namespace sluice::opt {

// "USR1", "SIGUSR1", "usr1", "10". Fails outside 1..64.
[[nodiscard]] Result<std::uint32_t> parse_signal_name(std::string_view text);

// --signal=[B:]SIG[@seconds]
struct SignalRequest {
  std::uint32_t signal = 0;
  std::uint32_t before = 60;  // seconds
  bool batch_only = false;
  bool reservation = false;  // R:

  bool operator==(const SignalRequest&) const = default;
};
[[nodiscard]] Result<SignalRequest> parse_signal_request(std::string_view text);

// -m, in lower case and without defaults at the end: "block:cyclic", "plane=4", "arbitrary",
// "block,pack". `plane_size` is SLURM_DIST_PLANESIZE, for "plane" alone.
struct Distribution {
  std::string text;
  bool pack = false;
};
[[nodiscard]] Result<Distribution> parse_distribution(std::string_view text,
                                                      std::string_view plane_size);

// --cpu-bind
struct CpuBinding {
  model::CpuBind kind = model::CpuBind::automatic;
  std::string list;  // of map_cpu and mask_cpu, repetitions ("0*4") written out
  bool verbose = false;

  bool operator==(const CpuBinding&) const = default;
};
[[nodiscard]] Result<CpuBinding> parse_cpu_bind(std::string_view text);

// --gres=name[:type][:count],...; "none" gives an empty list with `none` set.
struct GresList {
  std::vector<model::GresRequest> items;
  bool none = false;
};
[[nodiscard]] Result<GresList> parse_gres(std::string_view text);
// --gpus and its family: [type:]count,...
[[nodiscard]] Result<std::vector<model::GresRequest>> parse_gpus(std::string_view text,
                                                                 model::GresScope scope);
// --gpu-bind: closest, none, map_gpu:..., mask_gpu:..., per_task:n, single:n, each with an optional
// "verbose,".
[[nodiscard]] Status check_gpu_bind(std::string_view text);
// --tres-bind: "gres/gpu:closest+gres/npu:single:1", each with a binding as above.
[[nodiscard]] Status check_tres_bind(std::string_view text);

// --mail-type, in upper case: "BEGIN,END". NONE gives "".
[[nodiscard]] Result<std::string> parse_mail_types(std::string_view text);

// --propagate: a bit (1 << RLIMIT_x) for each limit named; ALL and NONE.
[[nodiscard]] Result<std::uint32_t> parse_rlimits(std::string_view text);

// -B sockets[:cores[:threads]]; 0 for '*'. The error names the part: "first arg of -B".
struct NodeShape {
  std::uint32_t sockets = 0;
  std::uint32_t cores = 0;
  std::uint32_t threads = 0;

  bool operator==(const NodeShape&) const = default;
};
[[nodiscard]] Result<NodeShape> parse_node_shape(std::string_view text);

// Syntax only; the core gives them their meaning.
[[nodiscard]] Status check_dependency(std::string_view text);
struct ArrayText {
  std::string tasks;        // without the limit
  std::uint32_t limit = 0;  // %N; 0: none
};
[[nodiscard]] Result<ArrayText> parse_array_text(std::string_view text);

// --export-file's, --multi-prog's kind of lines: "0-3,5 program args", '#' comments. Fails with the
// number of the bad line, or with the first of `tasks` (0: not known yet) that no line names.
[[nodiscard]] Status check_multi_prog(std::string_view text, std::string_view file,
                                      std::uint32_t tasks);

// With lines that end with a backslash joined to the next ones.
[[nodiscard]] std::string join_continued(std::string_view text);

// "2G", "0": MiB.
[[nodiscard]] Result<std::uint64_t> parse_memory(std::string_view text);

}  // namespace sluice::opt
