// sprio: what the priorities of jobs that wait are made of.
#include <cstdio>
#include <string>

#include "base/user.hpp"
#include "cli/common/client.hpp"
#include "cli/common/job_query.hpp"
#include "cli/common/output.hpp"
#include "cli/common/program.hpp"
#include "cli/sprio/table.hpp"
#include "opt/query_options.hpp"
#include "wire/account_messages.hpp"
#include "wire/cluster_messages.hpp"
#include "wire/query_messages.hpp"

using namespace sluice;

namespace {

constexpr std::string_view kProgram = "sprio";
constexpr std::size_t kMaxFile = 1024 * 1024;

int fail_with(const Error& error) {
  cli::print_error(kProgram, error.text);
  return 1;
}

Status read_rows(cli::Client& client, cli::PriorityTable& table) {
  Result<cli::Session> session = client.session();
  if (!session) return tl::unexpected(session.error());
  if (Status sent = session->send(wire::QueryPriorities{}); !sent) return sent;
  while (true) {
    auto reply = session->receive_as<wire::PrioritiesReply>(cli::kAnswerMs);
    if (!reply) return tl::unexpected(reply.error());
    if (!reply->tres.empty()) table.tres = std::move(reply->tres);
    for (std::size_t i = 0; i < reply->rows.size(); ++i) {
      const std::string user = i < reply->jobs_user.size() ? reply->jobs_user[i].str() : "";
      table.lines.push_back({std::move(reply->rows[i]), user});
    }
    if (reply->last) return {};
  }
}

Status read_weights(cli::Client& client, cli::PriorityTable& table) {
  const auto config = client.call<wire::ConfigReply>(wire::QueryConfig{});
  if (!config) return tl::unexpected(config.error());
  for (const auto& entry : config->values) table.weights.emplace(entry.key, entry.value);
  const auto ping = client.call<wire::PingReply>(wire::Ping{});
  if (!ping) return tl::unexpected(ping.error());
  table.cluster = ping->cluster.str();
  return {};
}

// Names that the system doesn't know are told and passed over; numbers become names.
void settle_users(opt::SprioOptions& options) {
  for (std::string& name : options.users) {
    const auto uid = base::parse_user(name);
    if (!uid) {
      cli::print_error(kProgram, "Invalid user: " + name);
    } else {
      name = base::user_label(*uid);
    }
  }
}

int run(opt::SprioOptions options, const opt::Invocation& invocation) {
  settle_users(options);
  Result<cli::Client> client = cli::Client::create(invocation.environment);
  if (!client) return fail_with(cli::as_seen_by_user(client.error()));
  if (const Status cluster = cli::check_named_cluster(*client, options.clusters); !cluster) {
    return fail_with(cluster.error());
  }
  cli::PriorityTable table;
  if (const Status read = read_weights(*client, table); !read) {
    return fail_with(cli::as_seen_by_user(read.error()));
  }
  const auto type = table.weights.find("PriorityType");
  if (type != table.weights.end() && type->second == "priority/basic") {
    std::fputs(
        "You are not running a supported priority plugin\n(priority/basic).\n"
        "Only 'priority/multifactor' is supported.\n",
        stderr);
    return 1;
  }
  if (const Status read = read_rows(*client, table); !read) {
    return fail_with(cli::as_seen_by_user(read.error()));
  }
  const cli::PriorityText text = cli::priority_report(std::move(table), options);
  for (const std::string& problem : text.problems) cli::print_error(kProgram, problem);
  return cli::write_out(text.out) ? text.exit_code : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const opt::Invocation invocation = cli::invocation_of(argc, argv, kMaxFile);
  opt::Parsed<opt::SprioOptions> options = opt::parse_sprio(invocation);
  if (!options) return cli::stop_with(options.error());
  return run(std::move(*options), invocation);
}
