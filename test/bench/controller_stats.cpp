// Prints what the controller counts about itself, one "key value" a line, for scripts/bench.
#include <cstdio>

#include "base/env.hpp"
#include "cli/common/client.hpp"
#include "wire/client_messages.hpp"

int main() {
  using namespace sluice;
  Result<cli::Client> client = cli::Client::create(base::Environment::of_process());
  if (!client) {
    std::fprintf(stderr, "%s\n", client.error().text.c_str());
    return 1;
  }
  const Result<wire::StatsReply> stats = client->call<wire::StatsReply>(wire::QueryStats{});
  if (!stats) {
    std::fprintf(stderr, "%s\n", stats.error().text.c_str());
    return 1;
  }
  for (const wire::KeyValue& entry : stats->values) {
    std::printf("%s %s\n", entry.key.str().c_str(), entry.value.str().c_str());
  }
  return 0;
}
