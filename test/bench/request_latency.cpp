// How long readers wait for their answers while the controller works: asks for one job (what
// `squeue -j ID` sends), for a ping (`scontrol ping`) and for the nodes (`sinfo`) in turn, each on
// a connection of its own as a command does, and prints for each kind "KIND count p50 p99 worst"
// in milliseconds. For scripts/bench.
//   request_latency SECONDS JOBID
//   request_latency fill COUNT        first: COUNT jobs of many shapes; prints the last one's id
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/entropy.hpp"
#include "base/env.hpp"
#include "cli/common/client.hpp"
#include "wire/cluster_messages.hpp"
#include "wire/query_messages.hpp"
#include "wire/submit_messages.hpp"

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

// Submits in one conversation, some on their way at any time.
int fill(const cli::Sockets& sockets, std::uint32_t count) {
  constexpr std::uint32_t kOnTheWay = 64;
  Result<cli::Session> session = cli::Session::to_controller(sockets);
  if (!session) return 1;
  std::mt19937 random(1);
  const auto pick = [&](std::uint32_t most) {
    return 1 + static_cast<std::uint32_t>(random() % most);
  };
  JobId last;
  for (std::uint32_t n = 0; n < count + kOnTheWay; ++n) {
    if (n >= kOnTheWay) {
      const Result<wire::SubmitReply> reply = session->receive_as<wire::SubmitReply>(60'000);
      if (!reply) {
        std::fprintf(stderr, "request_latency: %s\n", reply.error().text.c_str());
        return 1;
      }
      last = std::max(last, reply->job);
    }
    if (n >= count) continue;
    wire::Submit job;
    job.request_id = base::random_uid();
    job.spec.name = "nap";
    job.spec.work_dir = "/tmp";
    job.spec.std_out = "/dev/null";
    job.script = "#!/bin/sh\nsleep 2\n";
    job.request.tasks = pick(16);
    job.request.cpus_per_task = pick(2);
    job.request.time_limit = 10 * pick(144);
    job.request.memory_per_node = 16;
    if (const Status sent = session->send(job, n + 1); !sent) return 1;
  }
  std::printf("%u\n", last.value);
  return 0;
}

double part(const std::vector<double>& sorted, double share) {
  const auto at = static_cast<std::size_t>(share * static_cast<double>(sorted.size()));
  return sorted[std::min(at, sorted.size() - 1)];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "request_latency SECONDS JOBID | fill COUNT\n");
    return 2;
  }
  const Result<cli::Sockets> sockets = cli::find_sockets(base::Environment::of_process());
  if (!sockets) {
    std::fprintf(stderr, "request_latency: %s\n", sockets.error().text.c_str());
    return 1;
  }
  const std::uint32_t number = static_cast<std::uint32_t>(std::strtoul(argv[2], nullptr, 10));
  if (std::string_view(argv[1]) == "fill") return fill(*sockets, number);
  wire::QueryJobs job;
  wire::JobRef ref;
  ref.job = JobId(number);
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
