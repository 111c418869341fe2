// See controller_host.hpp.
#include "test/sim/controller_host.hpp"

#include "test/sim/world.hpp"

namespace sluice::sim {

namespace {
constexpr Micros kTurnAtMost = 300;
}

void ControllerHost::start() {
  if (service_) return;
  ++life_;
  changed_ = true;
  turn_end_set_ = false;
  const store::LoadedState loaded = world_.disk.load();
  world_.trace.note("controller starts, epoch {}, {} jobs", loaded.epoch, loaded.jobs.size());
  world_.judge.recovered();
  controller::ServiceOptions options;
  options.settings = world_.settings;
  options.node_settings = world_.node_settings;
  options.host = "controller";
  options.hosts = world_.hosts;
  options.report_interval_s = world_.report_interval_s;
  options.plan_budget = world_.plan_budget;
  service_ = std::make_unique<controller::Service>(static_cast<controller::Env&>(*this),
                                                   std::move(options), loaded);
  after_turn();
}

void ControllerHost::crash() {
  if (!service_) return;
  world_.trace.note("controller crashes");
  ++life_;
  service_.reset();
  for (const auto& [session, pipe] : sessions_) world_.pipes.drop(pipe, Side::far);
  for (const auto& [pipe, node] : links_) world_.pipes.drop(pipe, Side::far);
  sessions_.clear();
  links_.clear();
  node_links_.clear();
  world_.disk.crash();
}

void ControllerHost::start_after(Micros delay) {
  world_.timeline.after(delay, [this] { start(); });
}

void ControllerHost::reboot_clock() {
  mono_origin_ = world_.timeline.now() - world_.random.between(kSec, 100 * kSec);
}

PipeId ControllerHost::accept_session(PipeEnd client, const auth::Peer& peer) {
  if (!service_) return 0;
  const Place from = client.place;
  if (!world_.pipes.reachable(from, kController)) return 0;
  auto id = std::make_shared<PipeId>(0);
  PipeEnd own;
  own.place = kController;
  own.frame = [this, id, peer](const net::Frame& frame) {
    turn([&] { service_->on_request({*id, frame.id, peer}, frame); });
  };
  own.closed = [this, id] {
    sessions_.erase(*id);
    turn([&] { service_->on_session_closed(*id); });
  };
  *id = world_.pipes.open(PipeKind::network, std::move(client), std::move(own));
  sessions_[*id] = *id;
  return *id;
}

PipeId ControllerHost::accept_node(PipeEnd daemon, NodeIndex node) {
  if (!service_ || !world_.pipes.reachable(daemon.place, kController)) return 0;
  auto id = std::make_shared<PipeId>(0);
  PipeEnd own;
  own.place = kController;
  own.frame = [this, id, node](const net::Frame& frame) {
    turn([&] { on_link_frame(*id, node, frame); });
  };
  own.closed = [this, id, node] { turn([&] { on_link_closed(*id, node); }); };
  *id = world_.pipes.open(PipeKind::host_link, std::move(daemon), std::move(own));
  links_[*id] = node;
  return *id;
}

void ControllerHost::on_link_frame(PipeId pipe, NodeIndex node, const net::Frame& frame) {
  const auto type = static_cast<wire::MessageType>(frame.type);
  if (type != wire::MessageType::node_hello) {
    const auto latest = node_links_.find(node);
    if (latest == node_links_.end() || latest->second != pipe) return;
    if (type != wire::MessageType::node_report) {
      world_.trace.note("controller gets {} from n{}", frame.type, node.value + 1);
    }
    return service_->on_node_message(node, type, frame.payload);
  }
  const auto hello = wire::decode<wire::NodeHello>(frame.payload);
  if (!hello) return world_.judge.violation("a hello can't be read");
  world_.trace.note("controller gets hello from n{}, holds {}", node.value + 1,
                    hello->holds.size());
  for (const wire::Hold& hold : hello->holds) {
    world_.trace.note("  it holds job {} attempt {} in phase {}", hold.job.value,
                      hold.attempt.number, static_cast<unsigned>(hold.phase));
  }
  const auto older = node_links_.find(node);
  if (older != node_links_.end() && older->second != pipe) {
    world_.pipes.close(older->second, Side::far);
    links_.erase(older->second);
    service_->on_node_closed(node);
  }
  node_links_[node] = pipe;
  service_->on_node_hello(node, *hello);
}

void ControllerHost::on_link_closed(PipeId pipe, NodeIndex node) {
  links_.erase(pipe);
  const auto latest = node_links_.find(node);
  if (latest == node_links_.end() || latest->second != pipe) return;
  world_.trace.note("controller hears that the link of n{} is gone", node.value + 1);
  node_links_.erase(latest);
  service_->on_node_closed(node);
}

void ControllerHost::after_turn() {
  if (std::exchange(changed_, false)) world_.judge.look_at(service_->cluster());
  if (turn_end_set_) return;
  turn_end_set_ = true;
  world_.timeline.after(world_.random.between(0, kTurnAtMost - 1), [this, life = life_] {
    if (life != life_ || !service_) return;
    turn_end_set_ = false;
    service_->on_turn_end();
    if (std::exchange(changed_, false)) world_.judge.look_at(service_->cluster());
    if (world_.disk.is_quiet()) world_.judge.compare_reload(service_->cluster(), now());
  });
}

core::Now ControllerHost::now() const {
  return {world_.timeline.wall(), (world_.timeline.now() - mono_origin_) / kMilli};
}

Uid128 ControllerHost::random_uid() { return {world_.random.next(), world_.random.next()}; }

// A wake that is due comes in the loop's next turn, after this one's end.
void ControllerHost::wake_at(std::int64_t mono_ms) {
  const Micros when =
      std::max(mono_ms * kMilli + mono_origin_, world_.timeline.now() + kTurnAtMost);
  world_.timeline.at(when, [this, life = life_, wake = ++wakes_] {
    if (life != life_ || wake != wakes_) return;
    turn([&] { service_->on_wake(); });
  });
}

void ControllerHost::reply(controller::SessionId session, wire::MessageType type, std::uint64_t id,
                           std::string payload) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  if (world_.random.permille(world_.weather.answers_lost)) {
    world_.count(Fault::answer_lost);
    return world_.pipes.cut(found->second);
  }
  world_.pipes.send(found->second, Side::far,
                    {static_cast<std::uint16_t>(type), id, std::move(payload)});
}

void ControllerHost::send_node(NodeIndex node, wire::MessageType type, std::string payload) {
  const auto found = node_links_.find(node);
  if (found == node_links_.end()) return;
  if (const auto end = wire::decode<wire::TerminateJob>(payload);
      type == wire::MessageType::terminate_job && end) {
    world_.trace.note("controller ends job {} attempt {} on n{}", end->job.value,
                      end->attempt.number, node.value + 1);
  } else {
    world_.trace.note("controller sends {} to n{}", static_cast<unsigned>(type), node.value + 1);
  }
  world_.pipes.send(found->second, Side::far,
                    {static_cast<std::uint16_t>(type), 0, std::move(payload)});
}

void ControllerHost::commit(store::Transaction transaction, std::function<void(Status)> done) {
  changed_ = true;
  world_.judge.committing(transaction);
  world_.disk.commit(std::move(transaction), std::move(done));
}

bool ControllerHost::accepts_work() const { return world_.disk.accepts_work(); }

std::optional<store::StoredReply> ControllerHost::find_reply(const Uid128& request) {
  return world_.disk.find_reply(request);
}

Result<std::string> ControllerHost::blob(std::string_view hash) { return world_.disk.blob(hash); }

std::vector<model::JobPtr> ControllerHost::past_jobs(JobId id, std::uint32_t task) {
  return world_.disk.past_jobs(id, task);
}

controller::UserFacts ControllerHost::user_facts(std::uint32_t uid) {
  controller::UserFacts facts;
  facts.known = true;
  facts.user = "user" + std::to_string(uid);
  facts.group = "users";
  facts.gid = 100;
  facts.groups = {"users"};
  return facts;
}

std::string ControllerHost::content_hash(std::string_view bytes) const {
  return store::content_hash(bytes).str();
}

// The program ends and is started again, as its service manager does.
void ControllerHost::fatal(const Error& error) {
  world_.trace.note("controller gives up: {}", error.text);
  world_.timeline.after(0, [this, life = life_] {
    if (life != life_) return;
    crash();
    start_after(world_.random.between(100 * kMilli, 5 * kSec));
  });
}

void ControllerHost::log(std::string_view line) { world_.trace.note("controller says: {}", line); }

}  // namespace sluice::sim
