// sacct --json and --yaml.
#pragma once

#include <span>
#include <string>

#include "opt/query_options.hpp"
#include "report/history_fields.hpp"

namespace sluice::cli {

// `rows` as history_rows() makes them; `command` are the words of the command line.
[[nodiscard]] std::string history_document(std::span<const report::HistoryRow> rows,
                                           const report::HistoryContext& context, opt::Dump dump,
                                           std::span<const std::string> command);

}  // namespace sluice::cli
