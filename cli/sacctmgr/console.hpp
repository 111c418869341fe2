// Console: what sacctmgr's commands share: the options in force (interactive commands change them),
// the connection, questions to the user, and how a plan is shown, confirmed and sent.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/env.hpp"
#include "base/result.hpp"
#include "cli/common/accounts_query.hpp"
#include "cli/common/client.hpp"
#include "cli/sacctmgr/list.hpp"
#include "cli/sacctmgr/plan.hpp"
#include "opt/query_options.hpp"

namespace sluice::cli::accounting {

inline constexpr std::string_view kProgram = "sacctmgr";

// Lines of standard input, with a time limit where wanted. Nothing is read ahead by anyone else.
class LineReader {
 public:
  enum class Ending : std::uint8_t { line, end, time_over };
  struct Answer {
    Ending ending = Ending::end;
    std::string line;
  };
  // Without limit if negative.
  [[nodiscard]] Answer next(std::int64_t timeout_ms = -1);

 private:
  std::string buffer_;
  bool ended_ = false;
};

using Snapshot = AccountsSnapshot;

class Console {
 public:
  Console(opt::SacctmgrOptions options, base::Environment environment)
      : options_(std::move(options)), environment_(std::move(environment)) {}

  [[nodiscard]] opt::SacctmgrOptions& options() { return options_; }
  [[nodiscard]] LineReader& input() { return input_; }
  [[nodiscard]] ListStyle style() const;

  // Makes the plan, shows it, asks, sends it; made anew where others were faster. The exit code.
  using Maker = std::function<Planned<Plan>(const World& world)>;
  int change(const Maker& make);
  // What reading commands print.
  using Lister = std::function<Planned<std::string>(const ListWorld& world)>;
  int print(const Lister& make);

  // "TEXT Are you sure..." True: go on.
  [[nodiscard]] bool confirm(std::string_view question);
  [[nodiscard]] Result<Snapshot> read();
  [[nodiscard]] Result<report::ClusterFacts> cluster_facts(const std::string& name);

  // The exit code 1, with the text on standard error (as it stands, or after "sacctmgr: error: ").
  static int complain(std::string_view text);
  static int error(std::string_view text);

 private:
  [[nodiscard]] Result<Client*> client();
  [[nodiscard]] Status send(const Snapshot& snapshot, const Plan& plan);
  [[nodiscard]] bool accept(const Plan& plan);

  opt::SacctmgrOptions options_;
  base::Environment environment_;
  std::optional<Client> client_;
  LineReader input_;
};

// What a command line would change; nothing: it only shows something.
[[nodiscard]] Planned<std::optional<Plan>> plan_command(const World& world, Words words);
// Runs one command line. The exit code.
[[nodiscard]] int run_command(Console& console, Words words);

}  // namespace sluice::cli::accounting
