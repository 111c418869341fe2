// See reservation.hpp. What the command itself can judge it refuses, in Slurm's words; names of
// users and groups are looked up here, where the administrator sits.
#include "cli/scontrol/reservation.hpp"

#include <algorithm>

#include "base/clock.hpp"
#include "base/entropy.hpp"
#include "base/strings.hpp"
#include "base/user.hpp"
#include "cli/scontrol/document.hpp"
#include "cli/scontrol/reservation_keys.hpp"
#include "report/reservation_text.hpp"
#include "wire/reservation_messages.hpp"

namespace sluice::cli {

namespace {

constexpr std::string_view kNoneMade = ".  No reservation created.";
constexpr std::string_view kNoneUpdated = ".  No reservation update.";

Change change_of(const std::string& word) {
  const base::Cut cut = base::cut(word, '=');
  Change change{std::string(cut.before), std::string(cut.after), 0, word};
  if (cut.found && !change.key.empty() && (change.key.back() == '+' || change.key.back() == '-')) {
    change.sign = change.key.back();
    change.key.pop_back();
  }
  return change;
}

// Slurm closes its complaints about counts and TRES otherwise.
bool stands_alone(const std::string& text) {
  return text.starts_with("Invalid node count") || text.starts_with("Invalid core count") ||
         text.starts_with("couldn't identify");
}

// A number stands for the user's or group's name.
template <class Find, class Name>
Status settle_names(std::optional<model::ListEdit>& list, Find find, Name name,
                    std::string_view error) {
  if (!list) return {};
  std::vector<std::string> settled;
  for (const std::string_view entry : base::split_nonempty(list->list, ',')) {
    const bool denies = entry.front() == '-';
    const auto id = find(std::string(denies ? entry.substr(1) : entry));
    const auto known = id ? name(*id) : Result<std::string>(fail(ErrorCode::not_found));
    if (!known) return fail(ErrorCode::invalid_argument, std::string(error));
    settled.push_back((denies ? "-" : "") + *known);
  }
  list->list = Text(base::join(settled, ","));
  return {};
}

Status settle_people(model::ReservationPatch& patch) {
  const auto user_name = [](std::uint32_t uid) -> Result<std::string> {
    const Result<base::User> user = base::find_user(uid);
    if (!user) return tl::unexpected(user.error());
    return user->name;
  };
  if (Status users = settle_names(patch.users, base::parse_user, user_name, "Invalid user id");
      !users) {
    return users;
  }
  return settle_names(patch.groups, base::parse_group, base::find_group_name, "Invalid group id");
}

// What a new one must say; empty: it says all of it.
std::string missing(const ReservationEdit& edit) {
  const model::ReservationPatch& patch = edit.patch;
  const auto given = [](const std::optional<model::ListEdit>& list) {
    return list && !list->list.empty();
  };
  if (!patch.start) return "A start time must be given";
  if (!patch.end && !patch.duration_min) return "An end time or duration must be given";
  if (patch.end && *patch.start > *patch.end) return "Start time cannot be after end time";
  const bool part_nodes = (patch.set_flags & model::kResvPartNodes) != 0;
  if (part_nodes && (!patch.partition || !edit.all_nodes)) {
    return "PART_NODES flag requires specifying a Partition and ALL nodes";
  }
  const bool something = patch.nodes || patch.node_count || !patch.core_counts.empty() ||
                         patch.licenses || patch.partition || patch.features;
  if (!something) {
    return "CoreCnt, Nodes, NodeCnt, BurstBuffer, Licenses or Watts must be specified";
  }
  if (given(patch.users) && given(patch.groups)) {
    return "Users and Groups are mutually exclusive.  You can have one or the other, but not both";
  }
  const bool somebody = given(patch.users) || given(patch.groups) || given(patch.accounts) ||
                        given(patch.qos) || given(patch.partitions);
  return somebody ? std::string() : "Either Users/Groups and/or Accounts must be specified";
}

// Reads all words. The exit code, after telling what is wrong; 0: nothing.
int read_words(Console& console, const std::vector<Change>& changes, ReservationEdit& edit,
               std::string_view closing) {
  edit.now = base::wall_seconds();
  for (const Change& change : changes) {
    if (names_reservation(change)) {
      edit.name = change.value;
      continue;
    }
    const Status done = apply_reservation_key(edit, change);
    if (done) continue;
    const std::string& text = done.error().text;
    if (text.find(" time ") != std::string::npos) {
      console.complain("Invalid time specification (pos=0): " + change.value);
    }
    return console.error(stands_alone(text) ? text : text + std::string(closing));
  }
  return 0;
}

std::string told(const Error& error) {
  return error.code == ErrorCode::access_denied ? "Invalid user id" : error.text;
}

Result<wire::EditReservationReply> send(Console& console, model::ReservationVerb verb,
                                        ReservationEdit edit) {
  if (Status people = settle_people(edit.patch); !people) return tl::unexpected(people.error());
  wire::EditReservation message;
  message.request_id = base::random_uid();
  message.verb = verb;
  message.name = edit.name;
  message.patch = std::move(edit.patch);
  return console.call<wire::EditReservationReply>(message);
}

}  // namespace

int create(Console& console, Words words) {
  if (words.empty()) return console.complain("too few arguments for create keyword");
  std::vector<Change> changes;
  bool of_reservation = false;
  for (std::size_t at = 0; at < words.size(); ++at) {
    Change change = change_of(words[at]);
    const bool named = names_reservation(change);
    of_reservation = of_reservation || named;
    if (named && change.word.find('=') == std::string::npos) continue;  // the entity
    changes.push_back(std::move(change));
  }
  if (!of_reservation) {
    const std::string_view first = base::cut(words[0], '=').before;
    if (base::abbreviates(first, "PartitionName", 3)) {
      return console.error("partitions are configured in sluice.yaml");
    }
    return console.error("Invalid creation entity: " + words[0]);
  }
  ReservationEdit edit;
  if (const int code = read_words(console, changes, edit, kNoneMade); code != 0) return code;
  if (const std::string lacks = missing(edit); !lacks.empty()) {
    return console.error(lacks + std::string(kNoneMade));
  }
  const auto made = send(console, model::ReservationVerb::create, std::move(edit));
  if (made) {
    console.say("Reservation created: " + made->name.str());
    return 0;
  }
  console.complain("Error creating the reservation: " + told(made.error()));
  if (made.error().code == ErrorCode::nodes_busy) {
    console.say(
        "Note, unless nodes are directly requested a reservation must exist in a single "
        "partition.\nIf no partition is requested the default partition is assumed.");
  }
  return 1;
}

int update_reservation(Console& console, const std::vector<Change>& changes) {
  ReservationEdit edit;
  if (read_words(console, changes, edit, kNoneUpdated) != 0) {
    return console.complain("slurm_update error: No error");
  }
  const auto done = send(console, model::ReservationVerb::update, std::move(edit));
  if (done) {
    console.say("Reservation updated.");
    return 0;
  }
  console.complain("Error updating the reservation: " + told(done.error()));
  return console.complain("slurm_update error: " + told(done.error()));
}

int remove(Console& console, Words words) {
  if (words.empty()) return console.complain("too few arguments for delete keyword");
  Change change = change_of(words[0]);
  const bool apart = change.word.find('=') == std::string::npos;
  if (apart && words.size() == 1) {
    return console.error("Proper format is 'delete <ENTITY>=<ID>' or 'delete <ENTITY> <ID>'");
  }
  if (apart) change.value = words[1];
  if (words.size() > (apart ? 2U : 1U)) {
    return console.complain("too many arguments for keyword:delete");
  }
  if (!names_reservation(change)) {
    return console.complain("Invalid deletion entity: " + words[0]);
  }
  ReservationEdit edit;
  edit.name = change.value;
  const auto done = send(console, model::ReservationVerb::remove, std::move(edit));
  if (done) return 0;
  return console.complain("delete_reservation " + words[0] + ": " + told(done.error()));
}

int show_reservations(Console& console, const std::string& name) {
  wire::QueryReservations query;
  query.name = name;
  const auto reply = console.call<wire::ReservationsReply>(query);
  if (!reply) return console.complain("slurm_load_reservations error: " + reply.error().text);
  if (wants_document(console)) return print_reservations(console, reply->reservations, reply->now);
  if (reply->reservations.empty()) {
    console.say(name.empty() ? "No reservations in the system"
                             : "Reservation " + name + " not found");
    return name.empty() ? 0 : 1;
  }
  const report::ShowStyle style = console.style();
  std::string out;
  for (const model::Reservation& reservation : reply->reservations) {
    report::show_reservation(report::as_of(reservation, reply->now), reply->now, style, out);
  }
  put_out(out);
  return 0;
}

int show_licenses(Console& console, const std::string& name) {
  const auto reply = console.call<wire::LicensesReply>(wire::QueryLicenses{});
  if (!reply) return console.complain("slurm_load_licenses error: " + reply.error().text);
  if (wants_document(console)) return print_licenses(console, reply->licenses);
  if (reply->licenses.empty()) {
    console.say("No licenses configured in Slurm.");
    return 0;
  }
  const report::ShowStyle style = console.style();
  std::string out;
  for (const wire::LicenseRow& row : reply->licenses) {
    if (!name.empty() && row.name.view() != name) continue;
    const report::LicenseText license{row.name, row.total, row.used, row.reserved};
    report::show_license(license, style, out);
  }
  put_out(out);
  return 0;
}

}  // namespace sluice::cli
