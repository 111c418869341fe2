// What stands around the payload of every --json document: where it comes from, errors, warnings.
// The shape is that of Slurm's data_parser v0.0.43, for all commands.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "report/json_writer.hpp"

namespace sluice::report {

inline constexpr std::string_view kDataParser = "v0.0.43";

struct DocumentOrigin {
  std::string cluster;
  std::vector<std::string> command;  // the words of the command line
  std::string user;
  std::string group;
};

// Opens the outermost object.
void begin_document(JsonWriter& writer);
// Members meta, errors and warnings behind the payload; closes the object.
void end_document(JsonWriter& writer, const DocumentOrigin& origin);

// The word after --json=. "" and the parser that we have are fine, other parsers fail.
[[nodiscard]] Status check_data_parser(std::string_view wanted);
// --json=list: what to print, empty for other words.
[[nodiscard]] std::string data_parser_list(std::string_view wanted);

// {"status": ["SUCCESS"], "return_code": {…}, "signal": {…}} of a status as wait() has it.
void write_exit_code(JsonWriter& writer, std::string_view name, std::uint32_t wait_status);

}  // namespace sluice::report
