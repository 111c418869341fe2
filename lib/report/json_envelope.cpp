// See json_envelope.hpp.
#include "report/json_envelope.hpp"

#include <csignal>
#include <cstring>

#include "base/strings.hpp"

namespace sluice::report {

namespace {

// The level that the commands claim with --version.
constexpr std::string_view kRelease = "25.11.0";

}  // namespace

void begin_document(JsonWriter& writer) { writer.open_object(); }

void end_document(JsonWriter& writer, const DocumentOrigin& origin) {
  writer.key("meta");
  writer.open_object();
  writer.key("plugin");
  writer.open_object();
  writer.member("type", "");
  writer.member("name", "");
  writer.member("data_parser", "data_parser/" + std::string(kDataParser));
  writer.member("accounting_storage", "");
  writer.close();
  writer.key("client");
  writer.open_object();
  writer.member("source", "");
  writer.member("user", origin.user);
  writer.member("group", origin.group);
  writer.close();
  writer.strings("command", origin.command);
  writer.key("slurm");
  writer.open_object();
  const auto parts = base::split(kRelease, '.');
  writer.key("version");
  writer.open_object();
  writer.member("major", parts[0]);
  writer.member("micro", parts[2]);
  writer.member("minor", parts[1]);
  writer.close();
  writer.member("release", kRelease);
  writer.member("cluster", origin.cluster);
  writer.close();
  writer.close();
  writer.strings("errors", {});
  writer.strings("warnings", {});
  writer.close();
}

Status check_data_parser(std::string_view wanted) {
  std::string_view name = wanted;
  if (name.starts_with("data_parser/")) name.remove_prefix(std::strlen("data_parser/"));
  if (name.empty() || name == kDataParser) return {};
  return fail(ErrorCode::invalid_argument, "Unable to find plugin: data_parser/" +
                                               std::string(name) + " (there is " +
                                               std::string(kDataParser) + ")");
}

std::string data_parser_list(std::string_view wanted) {
  if (wanted != "list") return {};
  return "Possible data_parser plugins:\ndata_parser/" + std::string(kDataParser) + "\n";
}

void write_exit_code(JsonWriter& writer, std::string_view name, std::uint32_t wait_status) {
  const std::uint32_t code = wait_status >> 8U & 0xffU;
  const std::uint32_t signal = wait_status & 0x7fU;
  writer.key(name);
  writer.open_object();
  std::string_view word = code == 0 ? "SUCCESS" : "ERROR";
  if (signal != 0) word = "SIGNALED";
  writer.strings("status", {word});
  writer.member("return_code", OptionalNumber::of(code));
  writer.key("signal");
  writer.open_object();
  writer.member("id", OptionalNumber::unless_zero(signal));
  const char* abbreviation = signal == 0 ? nullptr : ::sigabbrev_np(static_cast<int>(signal));
  writer.member("name", abbreviation == nullptr ? "" : abbreviation);
  writer.close();
  writer.close();
}

}  // namespace sluice::report
