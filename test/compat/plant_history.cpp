// Puts a past into the database of a cluster that is down, through the store's own writer, so that
// reports can be compared of days that nobody wants to wait for.
//   plant_history DATABASE < LINES
// Lines; times are seconds since 1970, 0 means never, "-" an empty text:
//   job ID USER UID ACCOUNT WCKEY CPUS MIB NODES ELIGIBLE START END STATE RESERVATION STILL
//       STILL: "from-to" of each suspension, comma separated, or "-"
//   span NODE FROM TO CPUS MIB STATE       NODE "-": the cluster itself
//   reservation ID NAME START END CPUS FLAGS ACCOUNTS NODES
#include <cstdio>
#include <future>
#include <iostream>
#include <sstream>
#include <string>

#include "base/strings.hpp"
#include "store/store.hpp"

namespace {

using namespace sluice;

std::string text(std::istream& line) {
  std::string word;
  line >> word;
  return word == "-" ? "" : word;
}
std::int64_t number(std::istream& line) {
  std::int64_t value = 0;
  line >> value;
  return value;
}
model::WallTime when(std::istream& line) { return number(line) * model::kSecond; }

void suspend(model::Job& job, const std::string& still) {
  for (const std::string_view piece : base::split_nonempty(still, ',')) {
    const base::Cut cut = base::cut(piece, '-');
    model::Suspension one{std::stoll(std::string(cut.before)) * model::kSecond,
                          std::stoll(std::string(cut.after)) * model::kSecond};
    job.suspended_us += one.to - one.from;
    job.suspensions.push_back(one);
  }
}

model::AllocationPtr allocation(std::uint32_t cpus, std::uint64_t memory, std::uint32_t nodes) {
  model::Allocation made;
  made.cpus = cpus;
  for (std::uint32_t n = 1; n <= nodes; ++n) {
    model::NodeShare share;
    share.name = "n" + std::to_string(n);
    share.cpu_count = cpus / nodes;
    share.memory = memory / nodes;
    made.shares.push_back(std::move(share));
  }
  made.nodes = nodes == 1 ? "n1" : "n[1-" + std::to_string(nodes) + "]";
  return std::make_shared<const model::Allocation>(std::move(made));
}

model::JobPtr job(std::istream& line) {
  model::Job job;
  model::JobSpec spec;
  model::Request request;
  job.id = JobId(static_cast<std::uint32_t>(number(line)));
  job.uid = Uid128{7, job.id.value};
  spec.name = "j" + std::to_string(job.id.value);
  spec.user = text(line);
  spec.uid = spec.gid = static_cast<std::uint32_t>(number(line));
  spec.work_dir = "/";
  request.account = text(line);
  spec.wckey = text(line);
  const auto cpus = static_cast<std::uint32_t>(number(line));
  const auto memory = static_cast<std::uint64_t>(number(line));
  const auto nodes = static_cast<std::uint32_t>(number(line));
  job.eligible = job.submit = when(line);
  job.start = when(line);
  job.end = when(line);
  job.state = static_cast<model::JobState>(number(line));
  job.reservation = text(line);
  suspend(job, text(line));
  request.tasks = cpus;
  request.min_nodes = nodes;
  request.memory_per_node = memory / nodes;
  request.qos = job.qos = "normal";
  request.partitions = job.partition = "batch";
  job.priority = 1;
  job.time_limit = 60;
  if (job.start != 0) {
    job.allocation = allocation(cpus, memory, nodes);
    job.tres = {{model::kTresCpu, cpus},
                {model::kTresMemory, static_cast<std::int64_t>(memory)},
                {model::kTresNode, nodes},
                {model::kTresBilling, cpus}};
  }
  job.spec = std::make_shared<const model::JobSpec>(std::move(spec));
  job.request = std::make_shared<const model::Request>(std::move(request));
  return std::make_shared<const model::Job>(std::move(job));
}

model::NodeSpan span(std::istream& line) {
  model::NodeSpan span;
  span.node = text(line);
  span.from = when(line);
  span.to = when(line);
  const std::int64_t cpus = number(line);
  span.tres = {{model::kTresCpu, cpus}, {model::kTresMemory, number(line)}};
  span.state = static_cast<std::uint32_t>(number(line));
  if (span.node.empty()) model::set_tres(span.tres, model::kTresBilling, cpus);
  return span;
}

model::ReservationPtr reservation(std::istream& line) {
  model::Reservation made;
  made.id = static_cast<std::uint32_t>(number(line));
  made.name = text(line);
  made.start = when(line);
  made.end = when(line);
  made.cpu_count = static_cast<std::uint32_t>(number(line));
  made.flags = static_cast<std::uint32_t>(number(line));
  made.accounts = text(line);
  made.nodes = text(line);
  return std::make_shared<const model::Reservation>(std::move(made));
}

bool take(const std::string& written, store::Transaction& all) {
  std::istringstream line(written);
  std::string kind;
  line >> kind;
  if (kind == "job") {
    all.jobs.push_back(job(line));
    all.ended.push_back(all.jobs.back());
  } else if (kind == "span") {
    all.node_spans.push_back(span(line));
  } else if (kind == "reservation") {
    all.reservations.push_back(reservation(line));
    all.reservations_gone.push_back(all.reservations.back());
  } else {
    return false;
  }
  return !line.fail();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: plant_history DATABASE < LINES\n", stderr);
    return 2;
  }
  store::Transaction all;
  for (std::string line; std::getline(std::cin, line);) {
    if (take(line, all)) continue;
    std::fprintf(stderr, "plant_history: can't read: %s\n", line.c_str());
    return 1;
  }
  store::OpenOptions options;
  options.path = argv[1];
  auto store = store::Store::open(options);
  if (!store) {
    std::fprintf(stderr, "plant_history: %s\n", store.error().text.c_str());
    return 1;
  }
  std::promise<Status> done;
  (*store)->commit(std::move(all), [&](const Status& status) { done.set_value(status); });
  const Status status = done.get_future().get();
  if (!status) std::fprintf(stderr, "plant_history: %s\n", status.error().text.c_str());
  return status ? 0 : 1;
}
