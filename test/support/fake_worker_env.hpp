// A world for the node daemon's service, under the test's control: time stands still until it is
// moved, callbacks wait until run(), everything that was sent is kept.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daemon/worker/service/service.hpp"

namespace sluice::test {

struct Sent {
  wire::MessageType type = wire::MessageType::none;
  std::string payload;
};

struct FakeImage {
  std::string digest;
  std::size_t asked = 0;  // pieces
  bool closed = false;
};

class FakeWorkerEnv : public worker::Env {
 public:
  std::int64_t now_ms = 1'000'000;
  std::int64_t wake_ms = -1;
  std::vector<Sent> to_controller;
  std::map<std::string, std::string> ledger;
  std::vector<std::string> ledger_order;
  std::vector<std::function<void()>> callbacks;
  std::map<worker::StepdId, wire::LaunchStep> launches;
  std::map<worker::StepdId, StepNumber> adopted;
  std::map<worker::StepdId, std::vector<Sent>> to_stepd;
  std::map<worker::StreamId, std::vector<Sent>> to_stream;
  std::map<worker::StreamId, std::string> peers;
  std::set<worker::StreamId> closed_streams;
  std::map<worker::ImageSourceId, FakeImage> images;
  std::map<StepNumber, wire::StepDone> records;
  std::vector<std::string> lines;
  Status prepare_result;
  Status clean_result;
  std::size_t left_processes = 0;
  std::size_t cleaned = 0;
  bool frozen = false;
  bool began = true;

  [[nodiscard]] worker::Now now() const override { return {now_ms * 1000, now_ms}; }
  void wake_at(std::int64_t mono_ms) override { wake_ms = mono_ms; }
  void log(worker::LogLevel, std::string_view line) override { lines.emplace_back(line); }
  void send_controller(wire::MessageType type, std::string payload) override {
    to_controller.push_back({type, std::move(payload)});
  }
  [[nodiscard]] worker::Load load() override { return {}; }
  void ledger_put(std::string_view key, std::string value) override {
    ledger[std::string(key)] = std::move(value);
    std::erase(ledger_order, key);
    ledger_order.emplace_back(key);
  }
  void ledger_forget(std::string_view key) override {
    ledger.erase(std::string(key));
    std::erase(ledger_order, key);
  }
  void prepare_job(const worker::JobOnHost&, std::function<void(Status)> done) override {
    callbacks.push_back([done = std::move(done), result = prepare_result] { done(result); });
  }
  void clean_job(const worker::JobOnHost&, std::function<void(Status)> done) override {
    ++cleaned;
    callbacks.push_back([done = std::move(done), result = clean_result] { done(result); });
  }
  void freeze_job(const worker::JobOnHost&, bool freeze) override { frozen = freeze; }
  worker::StepdId start_stepd(const worker::JobOnHost&, wire::LaunchStep launch) override {
    launches[++last_stepd_] = std::move(launch);
    return last_stepd_;
  }
  [[nodiscard]] bool step_began(const worker::JobOnHost&, StepNumber) const override {
    return began;
  }
  worker::StepdId adopt_stepd(const worker::JobOnHost&, StepNumber step) override {
    adopted[++last_stepd_] = step;
    return last_stepd_;
  }
  void send_stepd(worker::StepdId stepd, wire::MessageType type, std::string payload) override {
    to_stepd[stepd].push_back({type, std::move(payload)});
  }
  void close_stepd(worker::StepdId) override {}
  std::optional<wire::StepDone> step_record(const worker::JobOnHost&, StepNumber step) override {
    const auto found = records.find(step);
    if (found == records.end()) return std::nullopt;
    return found->second;
  }
  std::size_t kill_step(const worker::JobOnHost&, StepNumber) override {
    return std::exchange(left_processes, 0);
  }
  void remove_step(const worker::JobOnHost&, StepNumber) override {}
  void send_stream(worker::StreamId stream, wire::MessageType type, std::uint64_t,
                   std::string payload) override {
    to_stream[stream].push_back({type, std::move(payload)});
  }
  void close_stream(worker::StreamId stream) override { closed_streams.insert(stream); }
  [[nodiscard]] bool congested(worker::StreamId) const override { return false; }
  worker::StreamId open_peer(const std::string& node, const model::JobSpec&) override {
    peers[++last_peer_] = node;
    return last_peer_;
  }

  worker::ImageSourceId open_image(const worker::JobOnHost&, const std::string& digest) override {
    images[++last_image_] = {digest, 0, false};
    return last_image_;
  }
  void read_image(worker::ImageSourceId source) override { ++images.at(source).asked; }
  void close_image(worker::ImageSourceId source) override { images.at(source).closed = true; }

  // Runs what waits, also what that adds.
  void run() {
    while (!callbacks.empty()) {
      const auto now = std::exchange(callbacks, {});
      for (const auto& callback : now) callback();
    }
  }
  // Lets time pass, waking the service when it asked for it.
  void pass(worker::Service& service, std::int64_t ms) {
    const std::int64_t until = now_ms + ms;
    while (wake_ms >= 0 && wake_ms <= until) {
      now_ms = std::max(now_ms, wake_ms);
      wake_ms = -1;
      service.on_wake();
      run();
    }
    now_ms = until;
  }
  template <class Message>
  [[nodiscard]] static std::vector<Message> of(const std::vector<Sent>& sent) {
    std::vector<Message> found;
    for (const Sent& each : sent) {
      if (each.type == Message::kType) found.push_back(*wire::decode<Message>(each.payload));
    }
    return found;
  }
  template <class Message>
  [[nodiscard]] std::vector<Message> reported() const {
    return of<Message>(to_controller);
  }
  [[nodiscard]] worker::LedgerRecords ledger_records() const {
    worker::LedgerRecords list;
    for (const std::string& key : ledger_order) list.emplace_back(key, ledger.at(key));
    return list;
  }

 private:
  worker::StepdId last_stepd_ = 0;
  worker::StreamId last_peer_ = 1000;
  worker::ImageSourceId last_image_ = 0;
};

// A job on nodes n1, n2, … with `cpus` CPUs on each.
struct WorkerJob {
  std::uint32_t id = 7;
  std::uint32_t attempt = 0;
  std::uint32_t nodes = 1;
  std::uint32_t cpus = 4;
  std::uint32_t uid = 1000;
  model::JobKind kind = model::JobKind::batch;

  [[nodiscard]] model::Job make() const {
    model::Job job;
    job.id = JobId(id);
    job.uid = Uid128{1, id};
    job.attempt = attempt;
    auto spec = std::make_shared<model::JobSpec>();
    spec->uid = uid;
    spec->gid = uid;
    spec->kind = kind;
    spec->command = "/tmp/script";
    job.spec = spec;
    auto request = std::make_shared<model::Request>();
    job.request = request;
    auto allocation = std::make_shared<model::Allocation>();
    for (std::uint32_t i = 0; i < nodes; ++i) {
      model::NodeShare share;
      share.node = NodeIndex(i);
      share.name = "n" + std::to_string(i + 1);
      share.cpus = base::Bitmap::full(cpus);
      share.cpu_count = cpus;
      share.memory = 1000;
      allocation->shares.push_back(share);
      allocation->cpus += cpus;
    }
    allocation->nodes = nodes == 1 ? Text("n1") : Text("n[1-" + std::to_string(nodes) + "]");
    job.allocation = allocation;
    return job;
  }
  [[nodiscard]] Attempt name() const { return {Uid128{1, id}, attempt}; }
};

}  // namespace sluice::test
