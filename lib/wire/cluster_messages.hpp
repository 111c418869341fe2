// Requests on nodes, partitions and the cluster itself, and how hosts join it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "model/requests.hpp"
#include "wire/conversation.hpp"
#include "wire/message_types.hpp"

namespace sluice::wire {

struct UpdateNode {
  static constexpr MessageType kType = MessageType::update_node;
  Uid128 request_id;
  Text names;
  model::NodeVerb verb = model::NodeVerb::none;
  std::optional<Text> reason;
  std::optional<Text> features;
  std::optional<Text> comment;
  std::optional<Text> extra;
  std::optional<std::uint32_t> weight;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "request_id", self.request_id);
    visit(2, "names", self.names);
    visit(3, "verb", self.verb);
    visit(4, "reason", self.reason);
    visit(5, "features", self.features);
    visit(6, "comment", self.comment);
    visit(7, "extra", self.extra);
    visit(8, "weight", self.weight);
  }
};

struct UpdatePartition {
  static constexpr MessageType kType = MessageType::update_partition;
  Uid128 request_id;
  Text name;
  std::vector<KeyValue> changes;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "request_id", self.request_id);
    visit(2, "name", self.name);
    visit(3, "changes", self.changes);
  }
};

struct Ping {
  static constexpr MessageType kType = MessageType::ping;
  template <class Self, class Visitor>
  static void fields(Self&, Visitor&) {}
};

struct PingReply {
  static constexpr MessageType kType = MessageType::ping_reply;
  Text host;
  std::uint32_t pid = 0;
  std::uint64_t epoch = 0;
  Text cluster;
  model::WallTime started = 0;
  std::uint32_t nodes_up = 0;
  std::uint32_t nodes_total = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "host", self.host);
    visit(2, "pid", self.pid);
    visit(3, "epoch", self.epoch);
    visit(4, "cluster", self.cluster);
    visit(5, "started", self.started);
    visit(6, "nodes_up", self.nodes_up);
    visit(7, "nodes_total", self.nodes_total);
  }
};

struct Reconfigure {
  static constexpr MessageType kType = MessageType::reconfigure;
  template <class Self, class Visitor>
  static void fields(Self&, Visitor&) {}
};

// What `sluice token` asks for and `sluice join` uses.
struct MakeToken {
  static constexpr MessageType kType = MessageType::make_token;
  Text role;  // "node", "login", "gateway"
  std::uint32_t valid_s = 3600;
  std::uint32_t uses = 1;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "role", self.role);
    visit(2, "valid_s", self.valid_s);
    visit(3, "uses", self.uses);
  }
};

struct TokenReply {
  static constexpr MessageType kType = MessageType::token_reply;
  Text token;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "token", self.token);
  }
};

struct Join {
  static constexpr MessageType kType = MessageType::join;
  Text token_secret;
  Text name;
  Text public_key;
  std::uint32_t port = 0;
  Text address;
  Text role;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "token_secret", self.token_secret);
    visit(2, "name", self.name);
    visit(3, "public_key", self.public_key);
    visit(4, "port", self.port);
    visit(5, "address", self.address);
    visit(6, "role", self.role);
  }
};

struct JoinReply {
  static constexpr MessageType kType = MessageType::join_reply;
  Text cluster;
  std::string client_config;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "cluster", self.cluster);
    visit(2, "client_config", self.client_config);
  }
};

struct QueryHosts {
  static constexpr MessageType kType = MessageType::query_hosts;
  template <class Self, class Visitor>
  static void fields(Self&, Visitor&) {}
};

struct HostRow {
  Text name;
  Text address;
  std::uint32_t port = 0;
  Text public_key;
  Text roles;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "name", self.name);
    visit(2, "address", self.address);
    visit(3, "port", self.port);
    visit(4, "public_key", self.public_key);
    visit(5, "roles", self.roles);
  }
};

struct HostsReply {
  static constexpr MessageType kType = MessageType::hosts_reply;
  std::vector<HostRow> hosts;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "hosts", self.hosts);
  }
};

}  // namespace sluice::wire
