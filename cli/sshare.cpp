// sshare: the shares of accounts and users, and what they have used of them.
#include <string>

#include "base/user.hpp"
#include "cli/common/accounts_query.hpp"
#include "cli/common/client.hpp"
#include "cli/common/job_query.hpp"
#include "cli/common/output.hpp"
#include "cli/common/program.hpp"
#include "cli/sshare/rows.hpp"
#include "opt/query_options.hpp"
#include "report/share_fields.hpp"

using namespace sluice;

namespace {

constexpr std::string_view kProgram = "sshare";
constexpr std::size_t kMaxFile = 1024 * 1024;

int fail_with(const Error& error) {
  cli::print_error(kProgram, error.text);
  return 1;
}

int run(const opt::SshareOptions& options, const opt::Invocation& invocation) {
  if (options.help_format) return cli::write_out(report::share_field_list()) ? 0 : 1;
  Result<cli::Client> client = cli::Client::create(invocation.environment);
  if (!client) return fail_with(cli::as_seen_by_user(client.error()));
  if (const Status cluster = cli::check_named_cluster(*client, options.clusters); !cluster) {
    return fail_with(cluster.error());
  }
  const Result<cli::AccountsSnapshot> all = cli::read_accounts(*client, cli::WithUsage::yes);
  if (!all) return fail_with(all.error());
  const Result<std::string> text =
      cli::share_report(*all, options, base::user_label(invocation.uid));
  if (!text) return fail_with(text.error());
  return cli::write_out(*text) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const opt::Invocation invocation = cli::invocation_of(argc, argv, kMaxFile);
  const opt::Parsed<opt::SshareOptions> options = opt::parse_sshare(invocation);
  if (!options) return cli::stop_with(options.error());
  return run(*options, invocation);
}
