// Finds out what an update is about.
#include "cli/scontrol/update.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "cli/scontrol/reservation.hpp"

namespace sluice::cli {

namespace {

constexpr std::size_t kLeastLetters = 3;

struct Entity {
  std::string_view key;
  int (*update)(Console& console, const std::vector<Change>& changes);
};

int no_steps(Console& console, const std::vector<Change>&) {
  return console.error("steps can not be updated; update their job");
}
int no_debug(Console& console, const std::vector<Change>&) {
  return console.error("the log level is set where the daemon is started");
}

constexpr Entity kEntities[] = {
    {"NodeName", update_nodes},  {"PartitionName", update_partition},
    {"JobId", update_jobs},      {"JobName", update_jobs},
    {"StepId", no_steps},        {"ReservationName", update_reservation},
    {"SlurmctldDebug", no_debug}};

const Entity* entity_of(std::string_view key) {
  for (const Entity& entity : kEntities) {
    if (base::abbreviates(key, entity.key, kLeastLetters)) return &entity;
  }
  return nullptr;
}

Change read_change(const std::string& word) {
  const base::Cut cut = base::cut(word, '=');
  Change change{std::string(cut.before), std::string(cut.after), 0, word};
  if (cut.found && !change.key.empty() && (change.key.back() == '+' || change.key.back() == '-')) {
    change.sign = change.key.back();
    change.key.pop_back();
  }
  // "TimeLimit=+5" is "TimeLimit+=5"; other values may begin with a sign of their own.
  const bool is_limit = base::abbreviates(change.key, "TimeLimit", 5);
  if (is_limit && change.sign == 0 && change.value.find_first_of("+-") == 0) {
    change.sign = change.value.front();
    change.value.erase(0, 1);
  }
  return change;
}

// "job 12" means "job=12".
std::vector<Change> read_changes(Words words) {
  std::vector<Change> changes;
  for (std::size_t at = 0; at < words.size(); ++at) {
    Change change = read_change(words[at]);
    const bool apart = at == 0 && words[at].find('=') == std::string::npos &&
                       entity_of(change.key) != nullptr && words.size() > 1;
    if (apart) change.value = words[++at];
    changes.push_back(std::move(change));
  }
  return changes;
}

}  // namespace

int update(Console& console, Words words) {
  if (words.empty()) return console.complain("too few arguments for update keyword");
  const std::vector<Change> changes = read_changes(words);
  for (const Change& change : changes) {
    // A reservation, or a name, is also something that a job may be given.
    const Entity* entity = change.value.empty() ? nullptr : entity_of(change.key);
    const bool of_job = std::ranges::any_of(changes, [](const Change& other) {
      return base::abbreviates(other.key, "JobId", kLeastLetters) && !other.value.empty();
    });
    if (of_job) return update_jobs(console, changes);
    if (entity != nullptr) return entity->update(console, changes);
  }
  console.complain("No valid entity in update command");
  return console.complain(
      "Input line must include \"NodeName\", \"PartitionName\", \"Reservation\", \"JobId\", or "
      "\"SlurmctldDebug\"");
}

}  // namespace sluice::cli
