// Requests on reservations and licences.
#include <utility>

#include "core/reservation_rules.hpp"
#include "daemon/controller/service/policies.hpp"
#include "daemon/controller/service/service.hpp"

namespace sluice::controller {

namespace {

constexpr std::size_t kMaxText = 64 * 1024;

bool too_long(const std::optional<Text>& text) { return text && text->size() > kMaxText; }
bool too_long(const std::optional<model::ListEdit>& edit) {
  return edit && edit->list.size() > kMaxText;
}

Status check_sizes(const wire::EditReservation& request) {
  const model::ReservationPatch& patch = request.patch;
  const bool wrong =
      request.name.size() > 255 || too_long(patch.nodes) || too_long(patch.features) ||
      too_long(patch.licenses) || too_long(patch.comment) || too_long(patch.partition) ||
      too_long(patch.users) || too_long(patch.groups) || too_long(patch.accounts) ||
      too_long(patch.qos) || too_long(patch.partitions) || patch.core_counts.size() > kMaxText;
  if (wrong) return fail(ErrorCode::invalid_argument, "a text of the request is too long");
  if (request.name.view().find_first_of(",/= \t\n") != std::string_view::npos) {
    return fail(ErrorCode::invalid_reservation, "Requested reservation is invalid");
  }
  return {};
}

}  // namespace

void Service::handle(const Call& call, wire::EditReservation& request) {
  if (answer_again(call, request.request_id)) return;
  if (Status sizes = check_sizes(request); !sizes) return refuse(call, sizes.error());
  core::EditReservation event;
  event.verb = request.verb;
  event.name = request.name;
  event.patch = std::move(request.patch);
  event.by_uid = call.peer.uid;
  event.by_operator = is_admin(call.peer);
  if (!event.by_operator) {
    const UserFacts user = env_.user_facts(call.peer.uid);
    event.by_user = user.user;
    event.by_groups.emplace_back(user.group);
    for (const std::string& group : user.groups) event.by_groups.emplace_back(group);
  }
  core::Changes changes = cluster_.apply(event, env_.now());
  if (!changes.outcome) return refuse(call, changes.outcome.error());
  wire::EditReservationReply message;
  message.name = changes.reservation;
  answer_stored(call, request.request_id, std::move(changes), wire::EditReservationReply::kType,
                wire::encode(message));
}

// In one of the user's accounts, under any QOS.
bool Service::may_use(const model::Reservation& reservation, const auth::Peer& peer) const {
  const UserFacts user = env_.user_facts(peer.uid);
  std::vector<Text> groups(user.groups.begin(), user.groups.end());
  model::Reservation plain = reservation;
  plain.qos = Text();
  core::ReservationUser who{.user = user.user,
                            .group = user.group,
                            .account = {},
                            .ancestors = {},
                            .qos = {},
                            .uid = peer.uid,
                            .groups = &groups};
  if (plain.accounts.empty()) return core::may_use_reservation(plain, who);
  const core::AccountTree& tree = cluster_.accounts();
  for (const core::AccountTree::Place place : tree.of_user(user.user)) {
    who.account = tree.at(place).account;
    who.ancestors.clear();
    for (const core::AccountTree::Place above : tree.chain(place)) {
      who.ancestors.emplace_back(tree.at(above).account);
    }
    if (core::may_use_reservation(plain, who)) return true;
  }
  return false;
}

// There are few: answered at once.
void Service::handle(const Call& call, wire::QueryReservations& request) {
  wire::ReservationsReply message;
  message.now = env_.now().wall;
  const bool hidden = sight_for<wire::QueryReservations>(call.peer).hides(
      auth::Policy<wire::QueryReservations>::rule.secrets);
  for (const model::ReservationPtr& known : cluster_.all_reservations()) {
    if (hidden && !may_use(*known, call.peer)) continue;
    if (request.name.empty() || request.name == known->name) {
      message.reservations.push_back(*known);
    }
  }
  reply(env_, call.session, call.id, message);
}

void Service::handle(const Call& call, wire::QueryLicenses& /*request*/) {
  wire::LicensesReply message;
  for (const core::LicenseUse& use : cluster_.licenses()) {
    message.licenses.push_back({use.name, use.total, use.used, use.reserved});
  }
  reply(env_, call.session, call.id, message);
}

}  // namespace sluice::controller
