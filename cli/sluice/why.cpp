// See the header. The texts are in why_text.cpp.
#include "cli/sluice/why.hpp"

#include <fmt/core.h>

#include "base/env.hpp"
#include "cli/common/job_query.hpp"
#include "wire/plan_messages.hpp"

namespace sluice::cli {

namespace {

Result<wire::QueryPlan> query_of(const WhyOptions& options) {
  const auto parsed = opt::parse_job_ref(options.job);
  if (!parsed || parsed->step) {
    return fail(ErrorCode::invalid_argument, fmt::format("{} is no job", options.job));
  }
  Result<wire::JobRef> ref = wire_ref(*parsed);
  if (!ref) return tl::unexpected(ref.error());
  wire::QueryPlan query;
  query.job = ref->job;
  query.sooner = !options.placed && !options.no_changes;
  if (!ref->tasks.empty()) {
    const model::TaskRun& run = ref->tasks.front();
    if (ref->tasks.size() != 1 || run.first != run.last) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("{}: name one task of the array", options.job));
    }
    query.task = run.first;
  }
  return query;
}

}  // namespace

Result<std::string> why_report(const WhyOptions& options) {
  Result<wire::QueryPlan> query = query_of(options);
  if (!query) return tl::unexpected(query.error());
  Result<Client> client = Client::create(base::Environment::of_process());
  if (!client) return tl::unexpected(client.error());
  Result<wire::PlanReply> reply = client->call<wire::PlanReply>(*query);
  if (!reply) return tl::unexpected(reply.error());
  const model::Explanation& why = reply->explanation;
  if (options.json) return why_json(why, reply->job);
  if (!options.placed) return why_text(why, reply->job);
  if (why.placed.empty()) {
    return fail(ErrorCode::invalid_argument,
                why.state == model::JobState::pending
                    ? fmt::format("job {} has not started; see `sluice why`", options.job)
                    : fmt::format("job {} holds no nodes any more", options.job));
  }
  return why_placed_text(why, reply->job);
}

}  // namespace sluice::cli
