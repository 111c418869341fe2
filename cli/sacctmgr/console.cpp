// See console.hpp.
#include "cli/sacctmgr/console.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <string>

#include <fmt/core.h>

#include "base/clock.hpp"
#include "base/entropy.hpp"
#include "base/strings.hpp"
#include "base/user.hpp"
#include "cli/common/output.hpp"
#include "cli/common/program.hpp"
#include "wire/account_messages.hpp"
#include "wire/cluster_messages.hpp"

namespace sluice::cli::accounting {

namespace {

constexpr std::int64_t kDecideMs = 30'000;
// Others may be editing too; each try is made from what they left, after a pause of random length
// so that many at once come through.
constexpr std::int64_t kRedoMs = 30'000;
constexpr int kLongestPauseMs = 200;

void pause_a_little() {
  std::byte byte{};
  base::random_bytes({&byte, 1});
  ::poll(nullptr, 0, 1 + std::to_integer<int>(byte) * kLongestPauseMs / 256);
}

constexpr std::string_view kActiveJobs = ": Job(s) active, cancel job(s) before remove";

void put_out(std::string_view text) { static_cast<void>(write_out(text)); }

int tell(const Refusal& refusal) {
  put_out(refusal.out);
  std::fputs(refusal.err.c_str(), stderr);
  return 1;
}

// "user ann in account physics: Job(s) active, cancel job(s) before remove (JobId=7)" as Slurm has
// it; empty: another complaint.
std::string active_job_line(std::string_view complaint, std::string_view cluster) {
  const auto between = [&](std::string_view from, std::string_view to) -> std::string_view {
    const std::size_t start = complaint.find(from);
    if (start == std::string_view::npos) return {};
    const std::string_view rest = complaint.substr(start + from.size());
    return rest.substr(0, rest.find(to));
  };
  if (complaint.find(kActiveJobs) == std::string_view::npos) return {};
  const std::string_view job = between("(JobId=", ")");
  const std::string_view user = between("user ", " in account ");
  std::string_view account = between("in account ", kActiveJobs);
  account = account.substr(0, account.find_first_of(" :"));
  if (job.empty() || user.empty() || account.empty()) return {};
  return fmt::format("  JobID = {:<10} C = {:<10} A = {:<10} U = {:<9}\n", job, cluster, account,
                     user);
}

// What the controller says of an edit that it doesn't take.
int tell_refused(std::string_view text, std::string_view cluster) {
  std::string active;
  std::string others;
  for (const std::string_view line : base::split_nonempty(text, '\n')) {
    const std::string of_job = active_job_line(line, cluster);
    active += of_job;
    if (of_job.empty()) others += (others.empty() ? "" : "\n") + std::string(line);
  }
  if (!active.empty()) {
    active = fmt::format(" Error with request:{}\n{}", kActiveJobs.substr(1), active);
    std::fputs(active.c_str(), stderr);
  }
  if (!others.empty()) {
    std::fputs(" Error with request: nothing was changed\n", stderr);
    print_error(kProgram, others);
  }
  return 1;
}

std::int64_t now_ms() { return static_cast<std::int64_t>(base::monotonic_ms()); }

}  // namespace

LineReader::Answer LineReader::next(std::int64_t timeout_ms) {
  const std::int64_t deadline = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
  while (true) {
    if (const std::size_t end = buffer_.find('\n'); end != std::string::npos) {
      Answer answer{Ending::line, buffer_.substr(0, end)};
      buffer_.erase(0, end + 1);
      return answer;
    }
    if (ended_) {
      if (buffer_.empty()) return {Ending::end, {}};
      return {Ending::line, std::exchange(buffer_, {})};
    }
    if (deadline >= 0) {
      const std::int64_t left = deadline - now_ms();
      pollfd wanted{STDIN_FILENO, POLLIN, 0};
      const int ready = left <= 0 ? 0 : ::poll(&wanted, 1, static_cast<int>(left));
      if (ready == 0) return {Ending::time_over, {}};
      if (ready < 0) continue;
    }
    char bytes[4096];
    const ssize_t count = ::read(STDIN_FILENO, bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      ended_ = true;
    } else {
      buffer_.append(bytes, static_cast<std::size_t>(count));
    }
  }
}

Result<Client*> Console::client() {
  if (!client_) {
    Result<Client> made = Client::create(environment_);
    if (!made) return tl::unexpected(as_seen_by_user(made.error()));
    client_.emplace(std::move(*made));
    if (options_.verbose > 0) {
      const Sockets& sockets = client_->sockets();
      print_info(kProgram,
                 "asking " + (sockets.controller.empty() ? sockets.agent : sockets.controller));
    }
  }
  return &*client_;
}

Result<Snapshot> Console::read() {
  Result<Client*> there = client();
  if (!there) return tl::unexpected(there.error());
  return read_accounts(**there, WithUsage::no);
}

Result<report::ClusterFacts> Console::cluster_facts(const std::string& name) {
  Result<Client*> there = client();
  if (!there) return tl::unexpected(there.error());
  const auto ping = (*there)->call<wire::PingReply>(wire::Ping{});
  if (!ping) return tl::unexpected(as_seen_by_user(ping.error()));
  return report::ClusterFacts{name, ping->host.str(), ping->nodes_total};
}

ListStyle Console::style() const {
  ListStyle style;
  style.header = !options_.no_header;
  style.with_associations = options_.associations;
  if (options_.parsable) style.shape = report::ListShape::delimited_end;
  if (options_.parsable2) style.shape = report::ListShape::delimited;
  return style;
}

int Console::complain(std::string_view text) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
  return 1;
}

int Console::error(std::string_view text) {
  print_error(kProgram, text);
  return 1;
}

bool Console::confirm(std::string_view question) {
  if (options_.immediate) return true;
  put_out(std::string(question) + " (You have 30 seconds to decide)\n(N/y): ");
  const bool typed = ::isatty(STDIN_FILENO) == 1;
  const std::int64_t deadline = now_ms() + kDecideMs;
  while (true) {
    const LineReader::Answer answer = input_.next(deadline - now_ms());
    if (!typed || answer.ending != LineReader::Ending::line) put_out("\n");
    if (answer.ending != LineReader::Ending::line) return false;
    const std::string word = base::to_lower(base::trim(answer.line));
    if (word == "y" || word == "yes") return true;
    if (word.empty() || word == "n" || word == "no") return false;
    put_out("Y or N please\n(N/y): ");
  }
}

bool Console::accept(const Plan& plan) {
  if (!plan.questions.empty() && !confirm(plan.questions + "Are you sure you want to continue?")) {
    put_out(" Changes Discarded\n");
    return false;
  }
  put_out(plan.notes);
  if (confirm("Would you like to commit changes?")) return true;
  put_out(" Changes Discarded\n");
  return false;
}

Status Console::send(const Snapshot& snapshot, const Plan& plan) {
  wire::EditAccounts request;
  request.request_id = base::random_uid();
  request.edit = edit_between(snapshot.accounts, plan);
  Result<Client*> there = client();
  if (!there) return tl::unexpected(there.error());
  const auto done = (*there)->call<wire::DoneReply>(request);
  if (!done) return tl::unexpected(done.error());
  return {};
}

int Console::change(const Maker& make) {
  if (options_.read_only) return complain("Can't run this command in readonly mode.");
  bool accepted = false;
  std::int64_t until = now_ms() + kRedoMs;
  do {
    const Result<Snapshot> snapshot = read();
    if (!snapshot) return error(snapshot.error().text);
    const World world{snapshot->accounts, snapshot->cluster,
                      [](const std::string& name) { return base::find_user(name).has_value(); }};
    const Planned<Plan> plan = make(world);
    if (!plan) return tell(plan.error());
    // Who isn't asked is told what was done, or why it wasn't.
    const std::int64_t asked = now_ms();
    if (!options_.immediate && !accepted && !accept(*plan)) return 0;
    accepted = true;
    until += now_ms() - asked;  // the user's time doesn't count
    const Status sent = send(*snapshot, *plan);
    if (sent && options_.immediate) put_out(plan->notes);
    if (sent) return 0;
    if (sent.error().code != ErrorCode::busy) {
      return tell_refused(as_seen_by_user(sent.error()).text, snapshot->cluster);
    }
    pause_a_little();
  } while (now_ms() < until);
  return error("the accounts are being changed by others all the time; try again");
}

int Console::print(const Lister& make) {
  const Result<Snapshot> snapshot = read();
  if (!snapshot) return error(snapshot.error().text);
  const World world{snapshot->accounts, snapshot->cluster,
                    [](const std::string& name) { return base::find_user(name).has_value(); }};
  const ListWorld all{world, {snapshot->cluster, {}, 0}, style()};
  const Planned<std::string> text = make(all);
  if (!text) return tell(text.error());
  put_out(*text);
  return 0;
}

}  // namespace sluice::cli::accounting
