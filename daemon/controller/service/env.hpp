// Env: everything that the controller's service needs from outside, and nothing else. main.cpp
// binds it to the event loop, the store and the links; the simulation binds it to a simulated
// world. All calls come from, and all callbacks go to, the one thread that owns the service.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "core/settings.hpp"
#include "store/ledger_reader.hpp"
#include "store/store.hpp"
#include "wire/codec.hpp"
#include "wire/message_types.hpp"
#include "wire/node_messages.hpp"

namespace sluice::controller {

// One client conversation; made by the shell, never reused.
using SessionId = std::uint64_t;

// What the name service says of a user.
struct UserFacts {
  bool known = false;
  std::string user;
  std::string group;
  std::uint32_t gid = 0;
  std::vector<std::string> groups;
};

// Records that changed, for the read snapshot; published when they are durable.
struct Delta {
  std::vector<model::JobPtr> jobs;
  std::vector<JobId> forgotten;
  std::vector<model::NodePtr> nodes;
  std::vector<model::PartitionPtr> partitions;
  std::vector<model::StepPtr> steps;
  model::AccountsPtr accounts;  // null: as before
};

class Env {
 public:
  virtual ~Env() = default;

  [[nodiscard]] virtual core::Now now() const = 0;
  [[nodiscard]] virtual Uid128 random_uid() = 0;
  // Asks for one call of Service::on_wake at (or after) this monotonic time; replaces the former.
  virtual void wake_at(std::int64_t mono_ms) = 0;

  // To a session; dropped if it is gone.
  virtual void reply(SessionId session, wire::MessageType type, std::uint64_t id,
                     std::string payload) = 0;
  // The host list has changed: to every host that isn't told by the service as a node.
  virtual void tell_hosts(const wire::HostListUpdate& update) = 0;
  // To a node's daemon; dropped if it isn't connected.
  virtual void send_node(NodeIndex node, wire::MessageType type, std::string payload) = 0;

  // Makes it durable; `done` comes later, in the order of the calls. A failure means that nothing
  // can be promised any more: the service stops answering.
  virtual void commit(store::Transaction transaction, std::function<void(Status)> done) = 0;
  [[nodiscard]] virtual bool accepts_work() const = 0;
  [[nodiscard]] virtual std::optional<store::StoredReply> find_reply(const Uid128& request) = 0;
  [[nodiscard]] virtual Result<std::string> blob(std::string_view hash) = 0;
  // The last attempts of jobs that the cluster's memory has forgotten: of a job, of all tasks of an
  // array, or (unless kNoTask) of one. Empty if there never was one, or if nothing is kept.
  [[nodiscard]] virtual std::vector<model::JobPtr> past_jobs(JobId id, std::uint32_t task) = 0;
  // What the stored ledger says of a charge. Fails: there is no such entry.
  [[nodiscard]] virtual Result<store::ChargeFacts> charge_facts(std::uint64_t entry) = 0;
  virtual void publish(Delta delta) = 0;

  [[nodiscard]] virtual UserFacts user_facts(std::uint32_t uid) = 0;
  [[nodiscard]] virtual std::string content_hash(std::string_view bytes) const = 0;
  // Durability is lost or the state is broken: stop, so that a restart can recover.
  virtual void fatal(const Error& error) = 0;
  virtual void log(std::string_view line) = 0;
  // Runs the configured mail program, if any, in the background.
  virtual void send_mail(const model::JobPtr& job, std::string_view event) = 0;
};

template <class Message>
void reply(Env& env, SessionId session, std::uint64_t id, const Message& message) {
  env.reply(session, Message::kType, id, wire::encode(message));
}

template <class Message>
void send_node(Env& env, NodeIndex node, const Message& message) {
  env.send_node(node, Message::kType, wire::encode(message));
}

}  // namespace sluice::controller
