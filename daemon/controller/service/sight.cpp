// See sight.hpp; and how a peer comes by its sight.
#include "daemon/controller/service/sight.hpp"

#include "daemon/controller/service/service.hpp"

namespace sluice::controller {

bool Sight::sees(const model::Job& job) const {
  return !hides(model::kSecretJobs) || job.spec->uid == viewer_.uid ||
         coordinates(job.request->account);
}

bool Sight::sees_account(std::string_view name) const {
  return !hides(model::kSecretAccounts) || viewer_.member_of.contains(name) || coordinates(name);
}

bool Sight::sees_user(std::string_view name) const {
  return !hides(model::kSecretUsers) || name == viewer_.user || !viewer_.coordinates.empty();
}

bool Sight::sees(const model::Association& association, std::uint32_t secrets) const {
  if (!sees_account(association.account)) return false;
  const bool personal = !association.user.empty();
  if (!personal || !hides(secrets & (model::kSecretUsers | model::kSecretUsage))) return true;
  return association.user.view() == viewer_.user || coordinates(association.account);
}

bool Service::has_job_on_its_host(const auth::Peer& peer) const {
  const auto node = cluster_.find_node(peer.host);
  if (!node) return false;
  const std::vector<model::JobPtr> jobs = cluster_.jobs_on(*node);
  return std::ranges::any_of(jobs,
                             [&](const model::JobPtr& job) { return job->spec->uid == peer.uid; });
}

bool Service::coordinates(const auth::Peer& peer, std::string_view account) const {
  if (account.empty() || !peer.trusted_host()) return false;
  return cluster_.accounts().is_coordinator(env_.user_facts(peer.uid).user, account);
}

// A compute node's word counts for its own users only, and for no coordinator.
Sight Service::sight_of(const auth::Peer& peer, std::uint32_t secrets) const {
  const std::uint32_t hidden = options_.private_data & secrets;
  if (hidden == 0) return {};
  const bool here = peer.trusted_host() || has_job_on_its_host(peer);
  const auth::Level level = auth::effective_level(peer, level_of(peer.uid), here);
  if (level >= auth::Level::operator_) return {};
  Viewer viewer;
  if (level == auth::Level::none) return {hidden, std::move(viewer)};
  viewer.uid = peer.uid;
  viewer.user = env_.user_facts(peer.uid).user;
  const core::AccountTree& tree = cluster_.accounts();
  for (const core::AccountTree::Place own : tree.of_user(viewer.user)) {
    for (const core::AccountTree::Place above : tree.chain(own)) {
      viewer.member_of.insert(tree.at(above).account.str());
    }
  }
  if (!peer.trusted_host()) return {hidden, std::move(viewer)};
  for (const model::Account& account : tree.accounts().accounts) {
    if (tree.is_coordinator(viewer.user, account.name)) {
      viewer.coordinates.insert(account.name.str());
    }
  }
  return {hidden, std::move(viewer)};
}

EventSight Service::event_sight(const auth::Peer& peer) const {
  EventSight sight;
  sight.ledger = ledger_sight(peer);
  const bool here = peer.trusted_host() || has_job_on_its_host(peer);
  const bool counts = auth::effective_level(peer, level_of(peer.uid), here) != auth::Level::none;
  if (counts) sight.uid = peer.uid;
  constexpr std::uint32_t kOfNodes = model::kSecretNodes | model::kSecretEvents;
  sight.nodes = (options_.private_data & kOfNodes) == 0;
  return sight;
}

}  // namespace sluice::controller
