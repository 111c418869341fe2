// SLUICE_ASSERT: the channel for bugs. Always compiled in: a scheduler that goes on from a state it
// believed impossible does more harm than one that stops and restarts from its store. Prints the
// expression, the place and a message with what the caller knows, then aborts.
// Failures of the outside world are no bugs: return a Result for those.
// Pure: usable from core (it prints only when the process is lost anyway).
#pragma once

#include <fmt/core.h>

namespace sluice::base {

struct AssertSite {
  const char* expression;
  const char* file;
  int line;
};

[[noreturn]] void assert_failed_text(const AssertSite& site, fmt::string_view format,
                                     fmt::format_args args);

[[noreturn]] inline void assert_failed(const AssertSite& site) {
  assert_failed_text(site, "", fmt::format_args());
}

template <class... Args>
[[noreturn]] void assert_failed(const AssertSite& site, fmt::format_string<Args...> format,
                                Args&&... args) {
  assert_failed_text(site, fmt::string_view(format), fmt::make_format_args(args...));
}

}  // namespace sluice::base

// SLUICE_ASSERT(condition) or SLUICE_ASSERT(condition, "format {}", argument...).
// The only macro of the code base: nothing else can name the expression and the caller's line.
#define SLUICE_ASSERT(condition, ...)                              \
  (__builtin_expect(static_cast<bool>(condition), 1)               \
       ? static_cast<void>(0)                                      \
       : ::sluice::base::assert_failed(::sluice::base::AssertSite{ \
             #condition, __FILE__, __LINE__} __VA_OPT__(, ) __VA_ARGS__))
