// See console.hpp.
#include "cli/scontrol/console.hpp"

#include <cstdio>

#include "base/clock.hpp"
#include "cli/common/job_query.hpp"
#include "cli/common/program.hpp"

namespace sluice::cli {

Result<Client*> Console::client() {
  if (client_) return &*client_;
  Result<Client> made = Client::create(environment_);
  if (!made) return tl::unexpected(as_seen_by_user(made.error()));
  client_.emplace(std::move(*made));
  if (options_.verbose > 0) {
    const Sockets& sockets = client_->sockets();
    print_info(kScontrol,
               "asking " + (sockets.controller.empty() ? sockets.agent : sockets.controller));
  }
  if (Status cluster = check_named_cluster(*client_, options_.clusters); !cluster) {
    client_.reset();
    return tl::unexpected(cluster.error());
  }
  return &*client_;
}

int Console::complain(const std::string& text) const {
  if (!options_.quiet) std::fprintf(stderr, "%s\n", text.c_str());
  return 1;
}

int Console::error(const std::string& text) const {
  if (!options_.quiet) print_error(kScontrol, text);
  return 1;
}

void Console::say(const std::string& text) const {
  if (!options_.quiet) std::printf("%s\n", text.c_str());
}

report::ShowStyle Console::style() const {
  report::ShowStyle style;
  style.details = options_.details;
  style.one_line = options_.one_line;
  style.time = {environment_.get("SLURM_TIME_FORMAT").value_or(std::string_view()),
                base::wall_seconds()};
  style.task_list_room = report::task_list_room(environment_.get("SLURM_BITSTR_LEN"));
  return style;
}

}  // namespace sluice::cli
