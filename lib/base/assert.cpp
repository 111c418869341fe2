// The end of a process that found a bug in itself: one line on standard error, then a core dump.
#include "base/assert.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace sluice::base {

void assert_failed_text(const AssertSite& site, fmt::string_view format, fmt::format_args args) {
  const std::string message = fmt::vformat(format, args);
  std::fprintf(stderr, "BUG: %s:%d: (%s) is false%s%s\n", site.file, site.line, site.expression,
               message.empty() ? "" : ": ", message.c_str());
  std::fflush(stderr);
  std::abort();
}

}  // namespace sluice::base
