// Changes of accounts, users, associations and QOS, and the ranks that follow from them.
#include <algorithm>
#include <utility>

#include "daemon/controller/service/account_rights.hpp"
#include "daemon/controller/service/service.hpp"

namespace sluice::controller {

namespace {

auth::Level level_of(model::AdminLevel level) {
  if (level == model::AdminLevel::administrator) return auth::Level::admin;
  return level == model::AdminLevel::operator_ ? auth::Level::operator_ : auth::Level::user;
}

}  // namespace

void Service::handle(const Call& call, wire::EditAccounts& request) {
  if (answer_again(call, request.request_id)) return;
  const std::string name = env_.user_facts(call.peer.uid).user;
  AccountEditor who;
  who.level = auth::effective_level(call.peer, level_of(call.peer.uid), true);
  // Whoever runs the controller stands above all that it grants.
  if (call.peer.trusted_host() && call.peer.uid == options_.service_uid) {
    who.level = auth::Level::root;
  }
  who.user = name;
  who.may_coordinate = call.peer.trusted_host();
  if (const Status allowed = may_edit(who, cluster_.accounts(), request.edit); !allowed) {
    return refuse(call, allowed.error());
  }
  core::Changes changes = cluster_.apply(core::EditAccounts{std::move(request.edit)}, env_.now());
  if (!changes.outcome) return refuse(call, changes.outcome.error());
  answer_stored(call, request.request_id, std::move(changes), wire::DoneReply::kType, {});
}

// Most clusters give ranks to a few users or none: names are only looked up if there are some.
void Service::note_ranks() {
  ranked_.clear();
  for (const model::User& user : cluster_.accounts().accounts().users) {
    const auth::Level level = controller::level_of(user.admin_level);
    if (level > auth::Level::user) ranked_.emplace(user.name.str(), level);
  }
}

auth::Level Service::accounted_level(std::uint32_t uid) const {
  if (ranked_.empty()) return auth::Level::user;
  const auto known = ranked_.find(env_.user_facts(uid).user);
  return known == ranked_.end() ? auth::Level::user : known->second;
}

}  // namespace sluice::controller
