// The log, on spdlog. The logger is replaced as a whole by init() and reopen(), so that a thread
// that is writing keeps the old one until it is done.
#include "base/log/log.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace sluice::log {
namespace {

using Logger = std::shared_ptr<spdlog::logger>;

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::error: return spdlog::level::err;
    case Level::warn: return spdlog::level::warn;
    case Level::info: return spdlog::level::info;
    case Level::debug: return spdlog::level::debug;
  }
  return spdlog::level::info;
}

Logger make_logger(const Options& options) {
  spdlog::sink_ptr sink;
  if (options.file.empty()) {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  } else {
    sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.file);
  }
  auto logger = std::make_shared<spdlog::logger>(options.program, std::move(sink));
  logger->set_pattern(options.program.empty() ? "[%Y-%m-%dT%H:%M:%S.%e] %l: %v"
                                              : "[%Y-%m-%dT%H:%M:%S.%e] %n: %l: %v");
  logger->set_level(spdlog::level::debug);  // write() has judged the level
  logger->flush_on(spdlog::level::debug);   // a crash must not take the last lines with it
  return logger;
}

struct State {
  std::atomic<Level> level{Level::info};
  std::atomic<Logger> logger{make_logger({})};
  std::atomic<std::shared_ptr<const Options>> options{std::make_shared<const Options>()};
};

State& state() {
  static State instance;
  return instance;
}

base::Status open_log(const Options& options) {
  try {
    state().logger.store(make_logger(options));
  } catch (const std::exception& error) {
    return base::fail(base::ErrorCode::io, error.what());
  }
  return {};
}

}  // namespace

base::Status init(const Options& options) {
  auto opened = open_log(options);
  if (!opened) return opened;
  state().options.store(std::make_shared<const Options>(options));
  set_level(options.level);
  return {};
}

void set_level(Level level) { state().level.store(level, std::memory_order_relaxed); }

base::Status reopen() { return open_log(*state().options.load()); }

void flush() { state().logger.load()->flush(); }

bool enabled(Level level) { return level <= state().level.load(std::memory_order_relaxed); }

base::Result<Level> parse_level(const std::string& text) {
  if (text == "error") return Level::error;
  if (text == "warn" || text == "warning") return Level::warn;
  if (text == "info") return Level::info;
  if (text == "debug") return Level::debug;
  return base::fail(base::ErrorCode::invalid_argument, "invalid log level '" + text + "'");
}

namespace {

// Texts of others end up in messages: none of them may forge a line or steer a terminal.
void make_printable(fmt::memory_buffer& buffer) {
  const auto prints = [](char c) { return c >= ' ' && c <= '~'; };
  if (std::all_of(buffer.begin(), buffer.end(), prints)) return;
  fmt::memory_buffer clean;
  for (const char c : buffer) {
    if (prints(c)) {
      clean.push_back(c);
    } else {
      fmt::format_to(fmt::appender(clean), "\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  buffer = std::move(clean);
}

}  // namespace

void write(Level level, fmt::string_view format, fmt::format_args args) {
  if (!enabled(level)) return;
  fmt::memory_buffer buffer;
  fmt::vformat_to(fmt::appender(buffer), format, args);
  make_printable(buffer);
  state().logger.load()->log(to_spdlog(level), spdlog::string_view_t(buffer.data(), buffer.size()));
}

}  // namespace sluice::log
