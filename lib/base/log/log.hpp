// Log lines of the programs. A target of its own (sluice_log), because spdlog hides behind it and
// commands must not link that. Libraries don't log: they return Results, and a program decides.
// One process, one log, set up once in main before threads start; afterwards safe from any thread.
// Before init() lines go to standard error at level info.
#pragma once

#include <string>

#include <fmt/core.h>

#include "base/result.hpp"

namespace sluice::log {

enum class Level { error, warn, info, debug };

struct Options {
  std::string program;  // begins every line
  std::string file;     // appended to; empty: standard error
  Level level = Level::info;
};

// Fails if the file can't be opened; the log then stays as it was.
[[nodiscard]] base::Status init(const Options& options);
void set_level(Level level);
// Opens the file again under its name, after logrotate moved it.
[[nodiscard]] base::Status reopen();
void flush();

[[nodiscard]] bool enabled(Level level);
// "error", "warn" (or "warning"), "info", "debug".
[[nodiscard]] base::Result<Level> parse_level(const std::string& text);

void write(Level level, fmt::string_view format, fmt::format_args args);

template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::error, format, fmt::make_format_args(args...));
}
template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::warn, format, fmt::make_format_args(args...));
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::info, format, fmt::make_format_args(args...));
}
// The arguments are evaluated in any case; the text is made only if someone reads it.
template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::debug)) write(Level::debug, format, fmt::make_format_args(args...));
}

}  // namespace sluice::log
