// How long readers wait for their answers while the controller works: asks for one job (what
// `squeue -j ID` sends), for a ping (`scontrol ping`) and for the nodes (`sinfo`) in turn, each on a
// connection of its own as a command does, and prints for each kind "KIND count p50 p99 worst" in
// milliseconds. For scripts/bench.
//   request_latency SECONDS JOBID
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/env.hpp"
#include "cli/common/client.hpp"
#include "wire/cluster_messages.hpp"
#include "wire/query_messages.hpp"

namespace {

using namespace sluice;
using Clock = std::chrono::steady_clock;

constexpr auto kBetween = std::chrono::milliseconds(2);  // a crowd of users, not a flood

template <class Reply, class Request>
double ask_ms(const cli::Sockets& sockets, const Request& request) {
  const auto start = Clock::now();
  cli::Client client(sockets);
  const Result<Reply> reply = client.call<Reply>(request);
  if (!reply) {
    std::fprintf(stderr, "request_latency: %s\n", reply.error().text.c_str());
    std::exit(1);
  }
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double part(const std::vector<double>& sorted, double share) {
  const auto at = static_cast<std::size_t>(share * static_cast<double>(sorted.size()));
  return sorted[std::min(at, sorted.size() - 1)];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "request_latency SECONDS JOBID\n");
    return 2;
  }
  const Result<cli::Sockets> sockets = cli::find_sockets(base::Environment::of_process());
  if (!sockets) {
    std::fprintf(stderr, "request_latency: %s\n", sockets.error().text.c_str());
    return 1;
  }
  wire::QueryJobs job;
  wire::JobRef ref;
  ref.job = JobId(static_cast<std::uint32_t>(std::strtoul(argv[2], nullptr, 10)));
  job.filter.jobs.push_back(ref);
  std::map<std::string, std::vector<double>> times;
  const auto end = Clock::now() + std::chrono::seconds(std::atoi(argv[1]));
  while (Clock::now() < end) {
    times["job"].push_back(ask_ms<wire::JobsReply>(*sockets, job));
    std::this_thread::sleep_for(kBetween);
    times["ping"].push_back(ask_ms<wire::PingReply>(*sockets, wire::Ping{}));
    std::this_thread::sleep_for(kBetween);
    times["nodes"].push_back(ask_ms<wire::NodesReply>(*sockets, wire::QueryNodes{}));
    std::this_thread::sleep_for(kBetween);
  }
  for (auto& [kind, all] : times) {
    std::sort(all.begin(), all.end());
    std::printf("%s %zu %.2f %.2f %.2f\n", kind.c_str(), all.size(), part(all, 0.5),
                part(all, 0.99), all.back());
  }
  return 0;
}
