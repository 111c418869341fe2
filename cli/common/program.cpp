// See program.hpp.
#include "cli/common/program.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "base/clock.hpp"
#include "base/fd.hpp"
#include "base/file.hpp"

namespace sluice::cli {

namespace {

void print_lines(std::string_view prefix, std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    std::fprintf(stderr, "%.*s%.*s\n", static_cast<int>(prefix.size()), prefix.data(),
                 static_cast<int>(line.size()), line.data());
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
}

}  // namespace

opt::Invocation invocation_of(int argc, char** argv, std::size_t max_file) {
  opt::Invocation invocation;
  invocation.arguments.assign(argv + 1, argv + argc);
  invocation.environment = base::Environment::of_process();
  invocation.now = base::wall_seconds();
  invocation.uid = ::geteuid();
  invocation.read_file = [max_file](const std::string& path) -> Result<std::string> {
    Result<base::UniqueFd> file;
    if (!path.empty()) file = base::open_file(path, O_RDONLY);
    if (!file) return tl::unexpected(file.error());
    Result<std::string> text =
        base::read_to_end(path.empty() ? STDIN_FILENO : file->get(), max_file);
    if (!text && text.error().text.starts_with("longer than")) {
      return fail(ErrorCode::script_too_large);
    }
    return text;
  };
  return invocation;
}

int stop_with(const opt::Stop& stop) {
  std::fputs(stop.out.c_str(), stdout);
  std::fputs(stop.err.c_str(), stderr);
  return stop.exit_code;
}

void print_error(std::string_view program, std::string_view text) {
  print_lines(std::string(program) + ": error: ", text);
}

void print_info(std::string_view program, std::string_view text) {
  print_lines(std::string(program) + ": ", text);
}

std::string reason_of(const Error& error, const std::string& path) {
  return error.text.starts_with(path + ": ") ? error.text.substr(path.size() + 2) : error.text;
}

Refusal refusal_of(const Error& error) {
  const std::string own(base::error_text(error.code));
  if (!error.text.starts_with(own + ": ")) return {error.text, ""};
  return {own, error.text.substr(own.size() + 2)};
}

void print_refusal(std::string_view program, std::string_view doing, const Error& error) {
  const Refusal refusal = refusal_of(error);
  if (!refusal.cause.empty()) print_error(program, refusal.cause);
  print_error(program, std::string(doing) + ": " + refusal.text);
}

}  // namespace sluice::cli
