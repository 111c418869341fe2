// sacctmgr's commands and their entities, and those that it refuses with the reason.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <optional>

#include <fmt/core.h>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/strings.hpp"
#include "base/timetext.hpp"
#include "cli/common/output.hpp"
#include "cli/common/program.hpp"
#include "cli/sacctmgr/console.hpp"
#include "cli/sacctmgr/flat_file.hpp"
#include "opt/invocation.hpp"
#include "opt/render.hpp"

namespace sluice::cli::accounting {

namespace {

constexpr std::size_t kMaxFile = 256 * 1024 * 1024;

using Planner = Planned<Plan> (*)(const World& world, const Specs& specs);
using Lister = Planned<std::string> (*)(const ListWorld& all, const Specs& specs);

struct EntityName {
  std::string_view name;
  std::size_t least = 1;
};

struct Changes {
  EntityName entity;
  Planner add = nullptr;
  Planner modify = nullptr;
  Planner remove = nullptr;
  std::string_view refusal = {};
};
constexpr Changes kChanges[] = {
    {{"account", 3}, add_accounts, modify_accounts, delete_accounts},
    {{"acct", 3}, add_accounts, modify_accounts, delete_accounts},
    {{"cluster", 2}, add_cluster, modify_cluster, delete_cluster},
    {{"coordinator", 2}, add_coordinators, nullptr, delete_coordinators},
    {{"qos", 1}, add_qos, modify_qos, delete_qos},
    {{"user", 1}, add_users, modify_users, delete_users},
    {{"federation", 1}, nullptr, nullptr, nullptr, "there is one cluster, and no federation"},
    {{"resource", 3}, nullptr, nullptr, nullptr, "licenses are configured in sluice.yaml"},
    {{"job", 1}, nullptr, nullptr, nullptr, "the records of jobs that have ended stay as they are"},
};

struct Lists {
  EntityName entity;
  Lister list = nullptr;
  std::string_view refusal = {};
};
constexpr Lists kLists[] = {
    {{"account", 3}, list_accounts},
    {{"acct", 3}, list_accounts},
    {{"association", 2}, list_associations},
    {{"problem", 1}, list_problems},
    {{"qos", 1}, list_qos},
    {{"tres", 3}, list_tres},
    {{"user", 1}, list_users},
    {{"wckeys", 1}, list_wckeys},
    {{"event", 1}, nullptr, "no history of nodes is kept; the controller's log has it"},
    {{"federation", 1}, nullptr, "there is one cluster, and no federation"},
    {{"resource", 4}, nullptr, "licenses are configured in sluice.yaml; see scontrol show license"},
    {{"reservation", 4}, nullptr, "no history of reservations is kept; see scontrol"},
    {{"stats", 1}, nullptr, "there is no database daemon whose statistics could be shown"},
    {{"transactions", 1}, nullptr, "no history of changes is kept; the controller's log has them"},
};

template <class Entries>
const auto* find_entity(const Entries& entries, std::string_view word) {
  for (const auto& entry : entries) {
    if (base::abbreviates(word, entry.entity.name, entry.entity.least)) return &entry;
    const bool plural =
        word.ends_with('s') && base::iequals(word.substr(0, word.size() - 1), entry.entity.name);
    if (plural) return &entry;
  }
  return static_cast<decltype(&entries[0])>(nullptr);
}

int no_entity(std::string_view command, std::string_view entities) {
  return Console::complain(
      fmt::format("No valid entity in {} command\nInput line must include {}", command, entities));
}

int refused(std::string_view what, std::string_view why) {
  return Console::error(fmt::format("{} is not supported: {}", what, why));
}

constexpr std::string_view kAddEntities =
    R"("Account", "Cluster", "Coordinator", "QOS", or "User")";
constexpr std::string_view kModifyEntities = R"("Account", "Cluster", "QOS" or "User")";
constexpr std::string_view kListEntities =
    R"("Account", "Association", "Cluster", "Configuration", "Problem", "QOS",)"
    "\n"
    R"("RunAwayJobs", "TRES", "User", or "WCKey")";

struct Verb {
  std::string_view name;
  Planner Changes::*planner;
  Part first;
  std::string_view entities;
};
constexpr Verb kAdd{"add", &Changes::add, Part::set, kAddEntities};
constexpr Verb kModify{"modify", &Changes::modify, Part::where, kModifyEntities};
constexpr Verb kDelete{"delete", &Changes::remove, Part::where, kAddEntities};

// Nothing: no such entity, or one that can't be changed so.
const Changes* changes_of(Words words, const Verb& verb) {
  const Changes* entry = words.empty() ? nullptr : find_entity(kChanges, words[0]);
  if (entry == nullptr || (entry->refusal.empty() && entry->*(verb.planner) == nullptr)) {
    return nullptr;
  }
  return entry;
}

int change(Console& console, Words words, const Verb& verb) {
  if (console.options().read_only) {
    return Console::complain("Can't run this command in readonly mode.");
  }
  const Changes* entry = changes_of(words, verb);
  if (entry == nullptr) return no_entity(verb.name, verb.entities);
  if (!entry->refusal.empty()) {
    return refused(fmt::format("{} {}", verb.name, entry->entity.name), entry->refusal);
  }
  const Specs specs = parse_specs(words.subspan(1), verb.first);
  const Planner plan = entry->*(verb.planner);
  return console.change([&](const World& world) { return plan(world, specs); });
}

template <const Verb& verb>
int change_by(Console& console, Words words) {
  return change(console, words, verb);
}

int list_cluster(Console& console, const Specs& specs) {
  return console.print([&](const ListWorld& all) -> Planned<std::string> {
    ListWorld more = all;
    Result<report::ClusterFacts> facts = console.cluster_facts(all.cluster.name);
    if (!facts) return refuse("sacctmgr: error: " + facts.error().text + "\n");
    more.cluster = std::move(*facts);
    return list_clusters(more, specs);
  });
}

int list_configuration(Console& console) {
  return console.print([&](const ListWorld& all) -> Planned<std::string> {
    return fmt::format(
        "Configuration data as of {}\n"
        "ClusterName            = {}\n"
        "AccountingStorageType  = sluicectld\n"
        "Associations           = {}\n"
        "SLURM_VERSION          = {}",
        base::format_time(base::wall_seconds()), all.cluster.name,
        all.world.accounts.associations.size(), std::string_view(opt::kVersionLine).substr(6));
  });
}

// Jobs live and die in one controller: none is forgotten by another.
int list_runaway(Console& console) {
  return console.print([](const ListWorld& all) -> Planned<std::string> {
    return fmt::format("Runaway Jobs: No runaway jobs found on cluster {}\n", all.cluster.name);
  });
}

constexpr std::string_view kWithoutAssociations =
    "You requested options that are only valid when querying with the withassoc option.\n"
    "Are you sure you want to continue?";

int list(Console& console, Words words) {
  if (words.empty()) return no_entity("list", kListEntities);
  const Specs specs = parse_specs(words.subspan(1), Part::where);
  if (base::abbreviates(words[0], "clusters", 2)) return list_cluster(console, specs);
  if (base::abbreviates(words[0], "configuration", 2)) return list_configuration(console);
  if (base::abbreviates(words[0], "runawayjobs", 2)) return list_runaway(console);
  const Lists* entry = find_entity(kLists, words[0]);
  if (entry == nullptr) return no_entity("list", kListEntities);
  if (entry->list == nullptr) {
    return refused(fmt::format("list {}", entry->entity.name), entry->refusal);
  }
  const bool user = entry->list == list_users;
  const bool asks = (user || entry->list == list_accounts) &&
                    asks_without_associations(specs, console.style(), user);
  if (asks && !console.confirm(kWithoutAssociations)) return 0;
  return console.print([&](const ListWorld& all) { return entry->list(all, specs); });
}

struct FileWords {
  std::string cluster;
  std::string file;
  bool clean = false;
};

int dump(Console& console, Words words) {
  FileWords given;
  for (const std::string& word : words) {
    const Spec spec = parse_spec(word);
    if (!spec.is_word() && spec.is("File", 1)) {
      given.file = spec.value;
    } else if (spec.is("Clusters", 1) || spec.is("Names", 1) || spec.is_word()) {
      given.cluster = spec.value;
    } else {
      return Console::complain(fmt::format(" Unknown option: {}", spec.text));
    }
  }
  if (given.cluster.empty()) return Console::complain(" We need a cluster to dump.");
  const Result<Snapshot> snapshot = console.read();
  if (!snapshot) return Console::error(snapshot.error().text);
  if (given.cluster != snapshot->cluster) {
    return Console::complain(fmt::format(" Cluster {} doesn't exist.", given.cluster));
  }
  if (given.file.empty()) {
    given.file = fmt::format("./{}.cfg", given.cluster);
    static_cast<void>(write_out(fmt::format(" No filename given, using {}.\n", given.file)));
  }
  const std::string lines = dump_lines(snapshot->accounts, snapshot->cluster);
  const Status written =
      base::write_file_atomic(given.file, std::string(dump_heading()) + lines, {.mode = 0644});
  if (!written) {
    return Console::complain(
        fmt::format("Can't open file {}, {}", given.file, reason_of(written.error(), given.file)));
  }
  if (!console.options().quiet) print_info(kProgram, base::trim(lines));
  return 0;
}

int load(Console& console, Words words) {
  FileWords given;
  for (const std::string& word : words) {
    const Spec spec = parse_spec(word);
    if (spec.is_word() && base::iequals(spec.value, "clean")) {
      given.clean = true;
    } else if (!spec.is_word() && spec.is("Clusters", 1)) {
      given.cluster = spec.value;
    } else if (spec.is_word() || spec.is("File", 1)) {
      if (!given.file.empty()) {
        return Console::complain(fmt::format(" File name already set to {}", given.file));
      }
      given.file = spec.value;
    } else {
      return Console::complain(fmt::format(" Unknown option: {}", spec.text));
    }
  }
  if (console.options().read_only) {
    return Console::complain("Can't run this command in readonly mode.");
  }
  if (given.file.empty()) {
    return Console::complain(" No filename given, specify one with file=''");
  }
  const Result<std::string> text = base::read_file(given.file, kMaxFile);
  if (!text) {
    return Console::complain(
        fmt::format(" Unable to read \"{}\": {}", given.file, reason_of(text.error(), given.file)));
  }
  LoadOptions options;
  options.mode = given.clean ? LoadMode::clean : LoadMode::merge;
  options.cluster = given.cluster;
  bool unchanged = false;
  const int code = console.change([&](const World& world) -> Planned<Plan> {
    Planned<Plan> plan = load_lines(world, *text, options);
    unchanged = plan && plan->notes.empty();
    if (!unchanged) return plan;
    return nothing(fmt::format("For cluster {}\n Nothing new added.\n", world.cluster));
  });
  return unchanged ? 0 : code;
}

int version(Console&, Words) {
  static_cast<void>(write_out(opt::kVersionLine));
  return 0;
}

template <bool opt::SacctmgrOptions::*member>
int turn_on(Console& console, Words) {
  console.options().*member = true;
  return 0;
}

int louder(Console& console, Words) {
  ++console.options().verbose;
  console.options().quiet = false;
  return 0;
}

int pass(Console&, Words) { return 0; }

int help(Console& console, Words words);

struct Command {
  std::string_view name;
  std::size_t least = 1;
  int (*run)(Console& console, Words words) = nullptr;
  bool takes_words = true;
  std::string_view refusal = {};
};
constexpr std::string_view kNoDaemon = "there is no database daemon";
constexpr Command kCommands[] = {
    {"add", 3, change_by<kAdd>},
    {"associations", 3, turn_on<&opt::SacctmgrOptions::associations>, false},
    {"create", 2, change_by<kAdd>},
    {"delete", 3, change_by<kDelete>},
    {"dump", 3, dump},
    {"help", 1, help, false},
    {"list", 3, list},
    {"load", 2, load},
    {"modify", 1, change_by<kModify>},
    {"oneliner", 1, pass, false},
    {"quiet", 4, turn_on<&opt::SacctmgrOptions::quiet>, false},
    {"readonly", 4, turn_on<&opt::SacctmgrOptions::read_only>, false},
    {"remove", 3, change_by<kDelete>},
    {"show", 3, list},
    {"verbose", 4, louder, false},
    {"version", 4, version, false},
    {"archive", 3, nullptr, true,
     "past months are files in history/ beside the controller's state, which may be moved away "
     "and back (purge_job_after in sluice.yaml)"},
    {"clear", 3, nullptr, true, kNoDaemon},
    {"reconfigure", 4, nullptr, true, "scontrol reconfigure has the controller read its files"},
    {"shutdown", 4, nullptr, true, kNoDaemon},
};

int help(Console&, Words) {
  std::string out = "Commands, each of which may be abbreviated:\n";
  for (const Command& command : kCommands) {
    if (command.run != nullptr) out += fmt::format("  {}\n", command.name);
  }
  out += fmt::format("Entities to add, modify and delete: {}\nEntities to list: {}\n", kAddEntities,
                     kListEntities);
  out += "`man sacctmgr` explains them.\n";
  static_cast<void>(write_out(out));
  return 0;
}

// The change that a command makes; nullptr: it makes none.
const Verb* verb_of(const Command& command) {
  if (command.run == change_by<kAdd>) return &kAdd;
  if (command.run == change_by<kModify>) return &kModify;
  return command.run == change_by<kDelete> ? &kDelete : nullptr;
}

}  // namespace

Planned<std::optional<Plan>> plan_command(const World& world, Words words) {
  const auto command = std::ranges::find_if(kCommands, [&](const Command& one) {
    return base::abbreviates(words[0], one.name, one.least);
  });
  if (command == std::end(kCommands)) return refuse("invalid keyword: " + words[0]);
  const Verb* verb = verb_of(*command);
  if (verb == nullptr && command->run != nullptr && command->run != load) return {};
  if (verb == nullptr) return refuse(fmt::format("{} can't be a line here", command->name));
  const Changes* entry = changes_of(words.subspan(1), *verb);
  if (entry == nullptr || !entry->refusal.empty()) {
    return refuse(entry == nullptr ? "no valid entity" : std::string(entry->refusal));
  }
  Planned<Plan> plan = (entry->*(verb->planner))(world, parse_specs(words.subspan(2), verb->first));
  if (!plan) return tl::unexpected<Refusal>(std::move(plan.error()));
  return std::optional<Plan>(std::move(*plan));
}

int run_command(Console& console, Words words) {
  for (const Command& command : kCommands) {
    if (!base::abbreviates(words[0], command.name, command.least)) continue;
    if (command.run == nullptr) return refused(command.name, command.refusal);
    if (!command.takes_words && words.size() > 1) {
      return Console::complain("too many arguments for keyword:" + words[0]);
    }
    return command.run(console, words.subspan(1));
  }
  return Console::complain("invalid keyword: " + words[0]);
}

}  // namespace sluice::cli::accounting
