// --json and --yaml of the reading commands: who asked, and with what words.
#pragma once

#include <string>
#include <string_view>

#include "opt/invocation.hpp"
#include "opt/query_options.hpp"
#include "report/json_envelope.hpp"

namespace sluice::cli {

[[nodiscard]] report::DocumentOrigin origin_of(std::string_view program,
                                               const opt::Invocation& invocation,
                                               std::string cluster);
[[nodiscard]] report::JsonWriter writer_for(opt::Dump dump);

}  // namespace sluice::cli
