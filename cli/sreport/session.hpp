// One run of sreport: the options in force, which interactive commands change, and the connection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "cli/common/client.hpp"
#include "cli/sreport/reports.hpp"
#include "opt/invocation.hpp"
#include "opt/query_options.hpp"

namespace sluice::cli::reporting {

inline constexpr std::string_view kProgram = "sreport";

class Session {
 public:
  Session(opt::SreportOptions options, opt::Invocation invocation);

  // A command, or a report with its conditions. The exit code.
  int run(const std::vector<std::string>& words);
  [[nodiscard]] bool over() const { return over_; }

 private:
  int report(const std::vector<std::string>& words);
  int make(ReportKind kind, const std::vector<std::string>& conditions);
  [[nodiscard]] Result<Answer> ask(ReportKind kind, const Conditions& conditions);
  [[nodiscard]] Result<Style> style_for(ReportKind kind, const model::TresTable& table) const;
  // False: not one of those.
  bool set(const std::string& word);
  int set_unit(std::string_view word);

  opt::SreportOptions options_;
  opt::Invocation invocation_;
  TimeUnit unit_ = TimeUnit::minutes;
  std::optional<Client> client_;
  bool over_ = false;
};

}  // namespace sluice::cli::reporting
