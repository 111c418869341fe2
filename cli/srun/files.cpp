// See files.hpp.
#include "cli/srun/files.hpp"

#include <unistd.h>

#include <cctype>

#include "base/user.hpp"
#include "cli/common/submission.hpp"

namespace sluice::cli {

namespace {

// Letters behind '%' and an optional width.
template <class Visit>
void each_pattern(std::string_view path, Visit visit) {
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    if (path[i] != '%') continue;
    std::size_t letter = i + 1;
    while (letter < path.size() && std::isdigit(static_cast<unsigned char>(path[letter]))) ++letter;
    if (letter >= path.size()) return;
    visit(i, letter);
    i = letter;
  }
}

std::string padded(std::uint64_t number, std::string_view width) {
  std::string text = std::to_string(number);
  const std::size_t wanted =
      width.empty() ? 0 : static_cast<std::size_t>(std::stoul(std::string(width)));
  if (text.size() < wanted && wanted <= 10) text.insert(0, wanted - text.size(), '0');
  return text;
}

// What srun knows of a job before its step has a number: %j, %J, %u, %x, %%.
std::string expand(std::string_view path, const StepClientOptions& options) {
  std::string out;
  std::size_t copied = 0;
  each_pattern(path, [&](std::size_t begin, std::size_t letter) {
    const std::string_view width = path.substr(begin + 1, letter - begin - 1);
    std::string value;
    switch (path[letter]) {
      case 'j':
      case 'A':
      case 'J': value = padded(options.request.job.value, width); break;
      case 'u': value = base::user_label(::geteuid()); break;
      case 'x': value = options.request.spec.name.str(); break;
      case '%': value = "%"; break;
      default: return;  // stays as it is
    }
    out += path.substr(copied, begin - copied);
    out += value;
    copied = letter + 1;
  });
  out += path.substr(copied);
  return out;
}

std::string absolute(const std::string& path, const model::StepSpec& spec) {
  const bool plain = path.empty() || path.front() == '/' || path == "none" || path == "all" ||
                     path.find_first_not_of("0123456789") == std::string::npos;
  return plain ? path : spec.work_dir.str() + "/" + path;
}

void take_local(Text& of_step, std::string& ours, const StepClientOptions& options) {
  if (of_step.empty() || is_per_task(of_step)) return;
  ours = absolute(expand(of_step, options), options.request.spec);
  of_step = Text();
}

}  // namespace

bool is_per_task(std::string_view path) {
  bool per_task = false;
  each_pattern(path, [&](std::size_t, std::size_t letter) {
    const char what = path[letter];
    per_task = per_task || what == 't' || what == 'n' || what == 'N' || what == 's';
  });
  return per_task;
}

Status split_files(StepClientOptions& options) {
  model::StepSpec& spec = options.request.spec;
  const model::StepSpec typed = spec;
  options.output.append = spec.append_output;
  take_local(spec.std_out, options.output.stdout_path, options);
  take_local(spec.std_err, options.output.stderr_path, options);
  if (spec.input == model::InputMode::file && !is_per_task(spec.std_in)) {
    take_local(spec.std_in, options.input_path, options);
    spec.input = model::InputMode::all;
  }
  // Components that write where the first one writes; others have files of their own.
  for (wire::StepPart& part : options.request.parts) {
    if (part.spec.std_out == typed.std_out) part.spec.std_out = spec.std_out;
    if (part.spec.std_err == typed.std_err) part.spec.std_err = spec.std_err;
    if (part.spec.std_in == typed.std_in) {
      part.spec.std_in = spec.std_in;
      part.spec.input = spec.input;
    }
  }
  return {};
}

}  // namespace sluice::cli
