// Console: what all of scontrol's commands share: the options in force (interactive commands change
// them), the connection, made when it is first needed, and where messages go.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/env.hpp"
#include "base/result.hpp"
#include "cli/common/client.hpp"
#include "cli/common/output.hpp"
#include "opt/query_options.hpp"
#include "report/scontrol_text.hpp"

namespace sluice::cli {

inline constexpr std::string_view kScontrol = "scontrol";

class Console {
 public:
  Console(opt::ScontrolOptions options, base::Environment environment)
      : options_(std::move(options)), environment_(std::move(environment)) {}

  [[nodiscard]] opt::ScontrolOptions& options() { return options_; }
  [[nodiscard]] const base::Environment& environment() const { return environment_; }

  // Checks -M on the way. The client stays this object's.
  [[nodiscard]] Result<Client*> client();

  // Sends a request and returns its answer; errors read as users know them.
  template <class Reply, class Request>
  [[nodiscard]] Result<Reply> call(const Request& request, CallOptions options = {}) {
    Result<Client*> there = client();
    if (!there) return tl::unexpected(there.error());
    Result<Reply> reply = (*there)->call<Reply>(request, options);
    if (!reply) return tl::unexpected(as_seen_by_user(reply.error()));
    return reply;
  }

  // A line on stderr, as it stands and with "scontrol: error: " in front; -Q swallows both.
  // The answer is the command's exit code: 1.
  int complain(const std::string& text) const;
  int error(const std::string& text) const;
  // A line on stdout that is not a record; -Q swallows it.
  void say(const std::string& text) const;

  [[nodiscard]] report::ShowStyle style() const;
  [[nodiscard]] bool shows_hidden() const { return options_.all && !options_.hide; }

 private:
  opt::ScontrolOptions options_;
  base::Environment environment_;
  std::optional<Client> client_;
};

// A command's words after its name.
using Words = std::span<const std::string>;

// Runs one command line: its name and its words. Returns the exit code.
[[nodiscard]] int run_command(Console& console, Words words);

// The commands, by topic.
int show(Console& console, Words words);
int ping(Console& console, Words words);
int act_on_jobs(Console& console, model::JobVerb verb, Words words);
int write_script(Console& console, Words words);
int wait_job(Console& console, Words words);
int notify(Console& console, Words words);
int list_pids(Console& console, Words words);
int update(Console& console, Words words);

// A command's whole output; a reader that went away is no failure of ours to tell.
inline void put_out(std::string_view text) { static_cast<void>(write_out(text)); }

}  // namespace sluice::cli
