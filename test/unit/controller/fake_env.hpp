// A controller Env that keeps everything in memory: commits wait until the test lets them through.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "daemon/controller/service/service.hpp"
#include "wire/codec.hpp"

namespace sluice::controller {

class FakeEnv : public Env {
 public:
  struct Reply {
    SessionId session = 0;
    wire::MessageType type = wire::MessageType::none;
    std::uint64_t id = 0;
    std::string payload;
  };
  struct NodeMessage {
    NodeIndex node;
    wire::MessageType type = wire::MessageType::none;
    std::string payload;
  };

  core::Now time{1'700'000'000 * model::kSecond, 1000};
  std::vector<Reply> replies;
  std::vector<NodeMessage> to_nodes;
  std::vector<store::Transaction> committed;
  std::map<Uid128, store::StoredReply> stored;
  bool space = true;
  bool hold_commits = false;
  std::vector<Error> fatal_errors;

  [[nodiscard]] core::Now now() const override { return time; }
  [[nodiscard]] Uid128 random_uid() override { return {1, ++random_}; }
  void wake_at(std::int64_t) override {}
  void reply(SessionId session, wire::MessageType type, std::uint64_t id,
             std::string payload) override {
    replies.push_back({session, type, id, std::move(payload)});
  }
  void tell_hosts(const wire::HostListUpdate&) override {}
  void send_node(NodeIndex node, wire::MessageType type, std::string payload) override {
    to_nodes.push_back({node, type, std::move(payload)});
  }
  void commit(store::Transaction transaction, std::function<void(Status)> done) override {
    waiting_.emplace_back(std::move(transaction), std::move(done));
    if (!hold_commits) let_commits_through();
  }
  void let_commits_through(const Status& status = {}) {
    while (!waiting_.empty()) {
      auto [transaction, done] = std::move(waiting_.front());
      waiting_.pop_front();
      if (status && transaction.reply) stored[transaction.reply->request_id] = *transaction.reply;
      if (status) committed.push_back(std::move(transaction));
      done(status);
    }
  }
  [[nodiscard]] bool accepts_work() const override { return space; }
  [[nodiscard]] std::optional<store::StoredReply> find_reply(const Uid128& request) override {
    const auto found = stored.find(request);
    return found == stored.end() ? std::nullopt : std::optional(found->second);
  }
  [[nodiscard]] Result<std::string> blob(std::string_view) override {
    return std::string("#!/bin/sh");
  }
  std::vector<model::JobPtr> history;
  [[nodiscard]] std::vector<model::JobPtr> past_jobs(JobId id, std::uint32_t task) override {
    std::vector<model::JobPtr> found;
    for (const model::JobPtr& job : history) {
      const bool whole = task == model::kNoTask && (job->id == id || job->array_job == id);
      if (whole || (job->array_job == id && job->array_task == task)) found.push_back(job);
    }
    return found;
  }
  [[nodiscard]] Result<store::ChargeFacts> charge_facts(std::uint64_t) override {
    return fail(ErrorCode::not_found, "there is no such entry");
  }
  void publish(Delta) override {}
  [[nodiscard]] UserFacts user_facts(std::uint32_t uid) override {
    UserFacts facts;
    facts.known = uid != 999;
    facts.user = "u" + std::to_string(uid);
    facts.group = facts.user;
    facts.gid = uid;
    return facts;
  }
  [[nodiscard]] std::string content_hash(std::string_view bytes) const override {
    return "hash" + std::to_string(bytes.size());
  }
  void fatal(const Error& error) override { fatal_errors.push_back(error); }
  void log(std::string_view) override {}
  void send_mail(const model::JobPtr&, std::string_view) override {}

 private:
  std::uint64_t random_ = 0;
  std::deque<std::pair<store::Transaction, std::function<void(Status)>>> waiting_;
};

}  // namespace sluice::controller
