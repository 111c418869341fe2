// What commands say to the controller, and its answers. Requests that change something carry a
// request id made by the client: a retry after a lost answer gets the first answer (design: request
// ids live in the same transaction as the change). No message has a field for the caller's own
// identity: that comes from the kernel (R2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/text.hpp"
#include "model/job.hpp"
#include "model/node.hpp"
#include "model/requests.hpp"
#include "model/step.hpp"
#include "wire/message_types.hpp"

namespace sluice::wire {

inline constexpr std::uint32_t kProtocolVersion = 1;
inline constexpr std::uint32_t kOldestProtocol = 1;

// First message of each conversation. The answer comes only if the versions can't talk.
struct Hello {
  static constexpr MessageType kType = MessageType::hello;
  std::uint32_t version = kProtocolVersion;
  Text program;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "version", self.version);
    visit(2, "program", self.program);
  }
};

struct ErrorReply {
  static constexpr MessageType kType = MessageType::error_reply;
  ErrorCode code = ErrorCode::failure;
  Text text;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "code", self.code);
    visit(2, "text", self.text);
  }
};

struct DoneReply {
  static constexpr MessageType kType = MessageType::done_reply;
  template <class Self, class Visitor>
  static void fields(Self&, Visitor&) {}
};

// First frame to an agent (sluiced): which process the rest of the conversation is for.
// Empty node: the controller.
struct Route {
  static constexpr MessageType kType = MessageType::route;
  Text node;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "node", self.node);
  }
};

// sbatch, salloc, srun. The identity fields of `spec` are filled in by the controller.
struct Submit {
  static constexpr MessageType kType = MessageType::submit;
  Uid128 request_id;
  model::JobSpec spec;
  model::Request request;
  std::string script;
  std::string environment;  // "NAME=value" entries, each ended by a zero byte
  bool test_only = false;
  std::uint32_t as_uid = model::kNoTask;  // root only: submit for this user (--uid)
  std::uint32_t as_gid = model::kNoTask;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "request_id", self.request_id);
    visit(2, "spec", self.spec);
    visit(3, "request", self.request);
    visit(4, "script", self.script);
    visit(5, "environment", self.environment);
    visit(6, "test_only", self.test_only);
    visit(7, "as_uid", self.as_uid);
    visit(8, "as_gid", self.as_gid);
  }
};

struct SubmitReply {
  static constexpr MessageType kType = MessageType::submit_reply;
  JobId job;
  Text message;  // a note for the user; usually empty
  model::WallTime planned_start = 0;  // of a test
  Text planned_nodes;
  std::uint32_t planned_cpus = 0;
  Text partition;
  Text cluster;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "job", self.job);
    visit(2, "message", self.message);
    visit(3, "planned_start", self.planned_start);
    visit(4, "planned_nodes", self.planned_nodes);
    visit(5, "planned_cpus", self.planned_cpus);
    visit(6, "partition", self.partition);
    visit(7, "cluster", self.cluster);
  }
};

// One job, one array, or some tasks of one: as the user wrote it, "123", "123_4", "123_[1-5]".
struct JobRef {
  JobId job;
  std::vector<model::TaskRun> tasks;
  std::uint32_t step = model::kNoTask;  // with scancel JOB.STEP

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "job", self.job);
    visit(2, "tasks", self.tasks);
    visit(3, "step", self.step);
  }
};

// Which jobs a request or a query means. Empty lists: any. Lists are or-ed, kinds are and-ed.
struct JobFilter {
  std::vector<JobRef> jobs;
  std::vector<std::uint32_t> uids;
  std::vector<Text> accounts;
  std::vector<Text> partitions;
  std::vector<Text> names;
  std::vector<Text> qos;
  std::vector<Text> nodes;
  std::vector<Text> reservations;
  std::vector<Text> wckeys;
  std::vector<Text> licenses;
  std::uint64_t states = 0;  // bits by JobState, and bits 32+ by JobFlag; 0: any

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "jobs", self.jobs);
    visit(2, "uids", self.uids);
    visit(3, "accounts", self.accounts);
    visit(4, "partitions", self.partitions);
    visit(5, "names", self.names);
    visit(6, "qos", self.qos);
    visit(7, "nodes", self.nodes);
    visit(8, "reservations", self.reservations);
    visit(9, "wckeys", self.wckeys);
    visit(10, "licenses", self.licenses);
    visit(11, "states", self.states);
  }
};

struct JobAction {
  static constexpr MessageType kType = MessageType::job_action;
  Uid128 request_id;
  model::JobVerb verb = model::JobVerb::cancel;
  JobFilter filter;
  std::uint32_t signal = 0;
  bool batch_only = false;
  bool full = false;
  std::uint32_t exit_code = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "request_id", self.request_id);
    visit(2, "verb", self.verb);
    visit(3, "filter", self.filter);
    visit(4, "signal", self.signal);
    visit(5, "batch_only", self.batch_only);
    visit(6, "full", self.full);
    visit(7, "exit_code", self.exit_code);
  }
};

struct JobActionOutcome {
  JobId job;
  JobId array_job;
  std::uint32_t array_task = model::kNoTask;
  std::uint32_t step = model::kNoTask;
  ErrorCode code = ErrorCode::ok;
  Text text;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "job", self.job);
    visit(2, "array_job", self.array_job);
    visit(3, "array_task", self.array_task);
    visit(4, "step", self.step);
    visit(5, "code", self.code);
    visit(6, "text", self.text);
  }
};

struct JobActionReply {
  static constexpr MessageType kType = MessageType::job_action_reply;
  std::vector<JobActionOutcome> outcomes;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "outcomes", self.outcomes);
  }
};

struct UpdateJob {
  static constexpr MessageType kType = MessageType::update_job;
  Uid128 request_id;
  std::vector<JobRef> jobs;
  Text name;  // when set, jobs of this name (and `uid`) are meant instead
  model::JobPatch patch;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "request_id", self.request_id);
    visit(2, "jobs", self.jobs);
    visit(3, "name", self.name);
    visit(4, "patch", self.patch);
  }
};

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

// Fields by the names of `scontrol update partition`, as typed; the controller checks them.
struct KeyValue {
  Text key;
  Text value;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "key", self.key);
    visit(2, "value", self.value);
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

// Answers when the job is in one of the wanted conditions; the session stays open until then.
// With `owned`, a session that ends while the job is pending cancels it (salloc, srun).
struct WaitJob {
  static constexpr MessageType kType = MessageType::wait_job;
  JobId job;
  bool started = false;  // resources granted and nodes prepared
  bool ended = false;
  bool owned = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "job", self.job);
    visit(2, "started", self.started);
    visit(3, "ended", self.ended);
    visit(4, "owned", self.owned);
  }
};

struct WaitJobReply {
  static constexpr MessageType kType = MessageType::wait_job_reply;
  model::Job job;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "job", self.job);
  }
};

struct QueryJobs {
  static constexpr MessageType kType = MessageType::query_jobs;
  JobFilter filter;
  bool steps = false;  // also the running steps of the jobs found

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "filter", self.filter);
    visit(2, "steps", self.steps);
  }
};

// Records of many jobs: each distinct spec and request once. Continued in several frames of the
// same id; the indices count on over all frames of the answer.
struct JobRow {
  model::Job job;  // without spec and request
  std::uint32_t spec = 0;
  std::uint32_t request = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    model::Job::own_fields(self.job, visit);
    visit(101, "spec_index", self.spec);
    visit(102, "request_index", self.request);
  }
};

struct JobsReply {
  static constexpr MessageType kType = MessageType::jobs_reply;
  std::vector<model::JobSpec> specs;
  std::vector<model::Request> requests;
  std::vector<JobRow> jobs;
  std::vector<model::Step> steps;
  bool last = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "specs", self.specs);
    visit(2, "requests", self.requests);
    visit(3, "jobs", self.jobs);
    visit(4, "steps", self.steps);
    visit(5, "last", self.last);
  }
};

struct QueryNodes {
  static constexpr MessageType kType = MessageType::query_nodes;
  Text names;  // empty: all

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "names", self.names);
  }
};

struct NodesReply {
  static constexpr MessageType kType = MessageType::nodes_reply;
  std::vector<model::Node> nodes;
  bool last = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "nodes", self.nodes);
    visit(2, "last", self.last);
  }
};

struct QueryPartitions {
  static constexpr MessageType kType = MessageType::query_partitions;
  Text name;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "name", self.name);
  }
};

struct PartitionsReply {
  static constexpr MessageType kType = MessageType::partitions_reply;
  std::vector<model::Partition> partitions;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "partitions", self.partitions);
  }
};

struct QueryConfig {
  static constexpr MessageType kType = MessageType::query_config;
  template <class Self, class Visitor>
  static void fields(Self&, Visitor&) {}
};

struct ConfigReply {
  static constexpr MessageType kType = MessageType::config_reply;
  std::vector<KeyValue> values;  // in the order to print

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "values", self.values);
  }
};

// sacct. Times are wall clock; 0: open.
struct QueryHistory {
  static constexpr MessageType kType = MessageType::query_history;
  JobFilter filter;
  model::WallTime from = 0;
  model::WallTime to = 0;
  bool duplicates = false;  // all attempts, not only the latest
  bool steps = true;
  bool live_at_window = true;  // states are meant "at some time in the window"

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "filter", self.filter);
    visit(2, "from", self.from);
    visit(3, "to", self.to);
    visit(4, "duplicates", self.duplicates);
    visit(5, "steps", self.steps);
    visit(6, "live_at_window", self.live_at_window);
  }
};

struct HistoryReply {
  static constexpr MessageType kType = MessageType::history_reply;
  std::vector<model::JobSpec> specs;
  std::vector<model::Request> requests;
  std::vector<JobRow> jobs;
  std::vector<model::Step> steps;
  bool last = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "specs", self.specs);
    visit(2, "requests", self.requests);
    visit(3, "jobs", self.jobs);
    visit(4, "steps", self.steps);
    visit(5, "last", self.last);
  }
};

struct QueryScript {
  static constexpr MessageType kType = MessageType::query_script;
  JobRef job;
  bool environment = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "job", self.job);
    visit(2, "environment", self.environment);
  }
};

struct ScriptReply {
  static constexpr MessageType kType = MessageType::script_reply;
  std::string content;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "content", self.content);
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

struct QueryStats {
  static constexpr MessageType kType = MessageType::query_stats;
  template <class Self, class Visitor>
  static void fields(Self&, Visitor&) {}
};

struct StatsReply {
  static constexpr MessageType kType = MessageType::stats_reply;
  std::vector<KeyValue> values;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "values", self.values);
  }
};

}  // namespace sluice::wire
