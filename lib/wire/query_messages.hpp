// Reading: jobs, steps, nodes, partitions, history. Large answers come in several frames of the
// same id; the last one says so.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "model/job.hpp"
#include "model/node.hpp"
#include "model/step.hpp"
#include "wire/conversation.hpp"
#include "wire/job_messages.hpp"
#include "wire/message_types.hpp"

namespace sluice::wire {

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

}  // namespace sluice::wire
