// See scripts.hpp.
#include "cli/sacct/scripts.hpp"

#include <algorithm>

#include "cli/common/job_query.hpp"
#include "report/job_text.hpp"

namespace sluice::cli {

namespace {

constexpr std::size_t kRuler = 80;

std::string title(const model::Job& job, Stored what) {
  const std::string id = report::job_id_text(job);
  if (what == Stored::script) return "Batch Script for " + id + "\n";
  return "Environment used for " + id + " (must be batch to display)\n";
}

}  // namespace

std::string stored_text(Client& client, const JobAnswer& answer, Stored what) {
  std::string out;
  for (const model::JobPtr& job : answer.jobs) {
    wire::QueryScript query;
    query.job = ref_of(*job);
    query.environment = what == Stored::environment;
    const auto reply = client.call<wire::ScriptReply>(query);
    std::string content = reply && !reply->content.empty() ? reply->content : "NONE\n";
    std::ranges::replace(content, '\0', '\n');
    if (!content.ends_with('\n')) content += '\n';
    out += title(*job, what) + std::string(kRuler, '-') + "\n" + content + "\n";
  }
  return out;
}

}  // namespace sluice::cli
