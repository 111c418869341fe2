// The table of scontrol's commands, and of those that it refuses with the reason.
#include <cstdint>
#include <cstdio>

#include "cli/scontrol/console.hpp"
#include "cli/scontrol/keyword.hpp"
#include "cli/scontrol/reservation.hpp"
#include "opt/invocation.hpp"

namespace sluice::cli {

namespace {

struct Command {
  std::string_view name;
  std::size_t least = 0;  // words after it
  int (*run)(Console& console, Words words) = nullptr;
  std::size_t most = 0;  // words after it; a word too many is told, not passed over
  std::string_view refusal = {};
};

template <model::JobVerb verb>
int act_by(Console& console, Words words) {
  return act_on_jobs(console, verb, words);
}

int version(Console&, Words) {
  put_out(opt::kVersionLine);
  return 0;
}

int reconfigure(Console& console, Words) {
  const auto done = console.call<wire::DoneReply>(wire::Reconfigure{});
  if (done) return 0;
  const bool denied = done.error().code == ErrorCode::access_denied;
  return console.complain("slurm_reconfigure error: " +
                          (denied ? "Invalid user id" : done.error().text));
}

template <bool opt::ScontrolOptions::*member>
int turn_on(Console& console, Words) {
  console.options().*member = true;
  return 0;
}

int show_all(Console& console, Words) {
  console.options().all = true;
  console.options().hide = false;
  return 0;
}

int set_cluster(Console& console, Words words) {
  console.options().clusters = words.empty() ? std::string() : words[0];
  Result<Client*> client = console.client();
  return client ? 0 : console.error(client.error().text);
}

int louder(Console& console, Words) {
  ++console.options().verbose;
  console.options().quiet = false;
  return 0;
}

int help(Console& console, Words);

constexpr std::string_view kNoReboot = "nodes are not rebooted or powered by Sluice";
constexpr std::string_view kOnNode = "use listpids";
constexpr std::string_view kDebug = "the log level is set where the daemon is started";

constexpr std::size_t kAny = SIZE_MAX;

constexpr Command kCommands[] = {
    {"all", 0, show_all},
    {"cluster", 0, set_cluster, 1},
    {"create", 0, create, kAny},
    {"delete", 0, remove, kAny},
    {"details", 0, turn_on<&opt::ScontrolOptions::details>},
    {"help", 0, help},
    {"hide", 0, turn_on<&opt::ScontrolOptions::hide>},
    {"hold", 1, act_by<model::JobVerb::hold>, kAny},
    {"listpids", 0, list_pids, 2},
    {"notify", 2, notify, kAny},
    {"oneliner", 0, turn_on<&opt::ScontrolOptions::one_line>},
    {"ping", 0, ping},
    {"quiet", 0, turn_on<&opt::ScontrolOptions::quiet>},
    {"reconfigure", 0, reconfigure},
    {"release", 1, act_by<model::JobVerb::release>, kAny},
    {"requeue", 1, act_by<model::JobVerb::requeue>, kAny},
    {"requeuehold", 1, act_by<model::JobVerb::requeue_hold>, kAny},
    {"resume", 1, act_by<model::JobVerb::resume>, kAny},
    {"show", 1, show, kAny},
    {"suspend", 1, act_by<model::JobVerb::suspend>, kAny},
    {"top", 1, act_by<model::JobVerb::top>, kAny},
    {"uhold", 1, act_by<model::JobVerb::hold_user>, kAny},
    {"update", 0, update, kAny},
    {"verbose", 0, louder},
    {"version", 0, version},
    {"wait_job", 1, wait_job, 1},
    {"write", 1, write_script, 3},
    {"cancel_reboot", 0, nullptr, kAny, kNoReboot},
    {"completing", 0, nullptr, kAny, "squeue -t CG shows the jobs that are completing"},
    {"errnumstr", 0, nullptr, kAny, "Sluice has no error numbers"},
    {"fsdampeningfactor", 0, nullptr, kAny, "there is no fair-share yet to dampen"},
    {"getaddrs", 0, nullptr, kAny, "show node tells the address of a node"},
    {"listjobs", 0, nullptr, kAny, kOnNode},
    {"liststeps", 0, nullptr, kAny, kOnNode},
    {"pidinfo", 0, nullptr, kAny, kOnNode},
    {"power", 0, nullptr, kAny, kNoReboot},
    {"reboot", 0, nullptr, kAny, kNoReboot},
    {"schedloglevel", 0, nullptr, kAny, kDebug},
    {"setdebug", 0, nullptr, kAny, kDebug},
    {"setdebugflags", 0, nullptr, kAny, kDebug},
    {"shutdown", 0, nullptr, kAny,
     "daemons are stopped by their service manager, or by `sluice down`"},
    {"takeover", 0, nullptr, kAny, "there is no backup controller"},
    {"token", 0, nullptr, kAny, "there are no JSON web tokens; the kernel says who a user is"},
};

int help(Console&, Words) {
  std::string out = "Commands, each of which may be abbreviated:\n";
  for (const Command& command : kCommands) {
    if (command.run != nullptr) out += "  " + std::string(command.name) + "\n";
  }
  out += "`man scontrol` explains them.\n";
  put_out(out);
  return 0;
}

}  // namespace

int run_command(Console& console, Words words) {
  const Command* command = find_keyword<Command>(kCommands, words[0]);
  if (command == nullptr || words[0].empty()) {
    return console.complain("invalid keyword: " + words[0]);
  }
  const Words rest = words.subspan(1);
  if (command->run == nullptr) {
    return console.error(std::string(command->name) +
                         " is not supported: " + std::string(command->refusal));
  }
  if (rest.size() < command->least) {
    return console.complain("too few arguments for keyword:" + words[0]);
  }
  if (rest.size() > command->most) {
    return console.complain("too many arguments for keyword:" + words[0]);
  }
  return command->run(console, rest);
}

}  // namespace sluice::cli
