// See the header.
#include "cli/sluice/rebuild.hpp"

#include <fmt/core.h>

#include "base/env.hpp"
#include "cli/common/client.hpp"
#include "wire/use_messages.hpp"

namespace sluice::cli {

Result<std::string> rebuild_sums() {
  Result<Client> client = Client::create(base::Environment::of_process());
  if (!client) return tl::unexpected(client.error());
  const CallOptions patient{.answer_ms = 60 * 60'000};  // it reads all jobs that there ever were
  const auto reply = client->call<wire::EditHistoryReply>(wire::EditHistory{}, patient);
  if (!reply) return tl::unexpected(reply.error());
  return fmt::format("{} sums of use made anew: {}\n", reply->rows,
                     reply->same ? "the same as before" : "they were not what they should be");
}

}  // namespace sluice::cli
