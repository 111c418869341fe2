// See answer.hpp.
#include "cli/sreport/answer.hpp"

#include <iterator>
#include <map>
#include <utility>

#include "cli/common/job_query.hpp"
#include "cli/common/job_stream.hpp"
#include "rollup/attempt.hpp"

namespace sluice::cli::reporting {

Result<Answer> fetch(Client& client, const Conditions& conditions, std::uint32_t parts) {
  Result<Session> session = client.session();
  if (!session) return tl::unexpected(as_seen_by_user(session.error()));
  const wire::QueryUse question{conditions.start * model::kSecond, conditions.end * model::kSecond,
                                parts};
  if (Status sent = session->send(question); !sent) {
    return tl::unexpected(as_seen_by_user(sent.error()));
  }
  Answer answer;
  for (bool first = true; first || !answer.use.last; first = false) {
    auto reply = session->receive_as<wire::UseReply>(kAnswerMs);
    if (!reply) return tl::unexpected(as_seen_by_user(reply.error()));
    if (first) {
      answer.use = std::move(*reply);
      continue;
    }
    answer.use.rows.insert(answer.use.rows.end(), std::make_move_iterator(reply->rows.begin()),
                           std::make_move_iterator(reply->rows.end()));
    answer.use.last = reply->last;
  }
  Result<AccountsSnapshot> all = read_accounts(client, WithUsage::no);
  if (!all) return tl::unexpected(all.error());
  answer.accounts = std::move(all->accounts);
  if (answer.use.tres.empty()) answer.use.tres = model::first_tres();
  return answer;
}

bool needs_jobs(const Conditions& conditions) {
  return !conditions.jobs.empty() || !conditions.nodes.empty() || !conditions.partitions.empty();
}

Result<std::vector<model::UseRow>> fetch_by_jobs(Client& client, const Conditions& conditions,
                                                 std::int64_t now) {
  auto refs = wire_refs(conditions.jobs);
  if (!refs) return tl::unexpected(refs.error());
  wire::QueryHistory query;
  query.filter.jobs = std::move(*refs);
  query.filter.nodes = texts(conditions.nodes);
  query.filter.partitions = texts(conditions.partitions);
  query.from = conditions.start * model::kSecond;
  query.to = conditions.end * model::kSecond;
  query.duplicates = true;
  query.steps = false;
  const Result<JobAnswer> found = fetch_history(client, query);
  if (!found) return tl::unexpected(found.error());
  const rollup::Period period{conditions.start, conditions.end};
  std::vector<model::UseRow> rows;
  for (const model::JobPtr& job : found->jobs) {
    const rollup::AttemptUse use = rollup::use_of(*job, now);
    if (rollup::common(use.held, period).length() == 0) continue;
    model::UseRow row{use.key, use.cpus, 1, {}};
    use.add_to(row.seconds, period);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace sluice::cli::reporting
