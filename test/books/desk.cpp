// See desk.hpp.
#include "test/books/desk.hpp"

#include <cstdio>

#include <fmt/core.h>

#include "base/quantity.hpp"
#include "ledger/books_state.hpp"
#include "store/ledger_reader.hpp"

namespace sluice::books {

namespace {

constexpr std::uint32_t kFirstUid = 2000;
constexpr std::uint64_t kMostUnderWay = 4'000;
constexpr std::uint64_t kSteps = 200'000;  // of a planning slice

controller::ServiceOptions service_options(const config::ClusterConfig& config) {
  controller::ServiceOptions options;
  options.settings = config.settings;
  options.host = "controller";
  options.plan_budget = kSteps;
  for (const auto& [key, value] : config.node_settings)
    options.node_settings.push_back({key, value});
  return options;
}

}  // namespace

Desk::Desk(sim::Timeline& timeline, const config::ClusterConfig& config)
    : timeline_(timeline),
      config_(config),
      nodes_(timeline, config.settings, [this](const Said& said) {
        turn([&] { service_->on_node_message(said.node, said.type, said.payload); });
      }) {}

Status Desk::open(const DeskOptions& options) {
  database_ = options.database;
  random_ = sim::Random(options.seed);
  store::OpenOptions open;
  open.path = options.database;
  open.min_job_age_s = config_.settings->min_job_age_s;
  open.now = timeline_.wall();
  auto opened = store::Store::open(open);
  if (!opened) return tl::unexpected(opened.error());
  store_ = std::move(*opened);
  store::Transaction first;
  first.accounts = std::make_shared<const model::AccountsDifference>(
      model::difference(model::Accounts{}, *options.accounts));
  commit(std::move(first), [](const Status&) {});
  if (Status there = settle(); !there) return there;
  const Result<store::LoadedState> loaded = store_->load();
  if (!loaded) return tl::unexpected(loaded.error());
  service_ = std::make_unique<controller::Service>(static_cast<controller::Env&>(*this),
                                                   service_options(config_), *loaded);
  for (std::uint32_t n = 0; n < config_.settings->nodes.size(); ++n) node_comes(NodeIndex(n));
  return {};
}

std::string Desk::user_name(std::uint32_t uid) {
  return uid == 0 ? "root" : fmt::format("u{:02}", uid - kFirstUid);
}

std::uint32_t Desk::uid_of(std::string_view user) {
  if (user == "root") return 0;
  return kFirstUid + base::parse_u32(user.substr(1), 99).value_or(0);
}

template <class What>
void Desk::turn(const What& what) {
  what();
  while (service_->cluster().more_to_plan()) service_->on_turn_end();
}

void Desk::send(std::uint32_t uid, wire::MessageType type, std::string payload, Answer answer) {
  controller::Call call;
  call.session = 1;
  call.id = ++requests_;
  call.peer.uid = uid;
  call.peer.gid = 100;
  call.peer.host = "login";
  call.peer.roles = auth::Role::login;
  answers_[call.id] = std::move(answer);
  const net::Frame frame{static_cast<std::uint16_t>(type), call.id, std::move(payload)};
  turn([&] { service_->on_request(call, frame); });
}

void Desk::node_goes(NodeIndex node) {
  nodes_.lose(node);
  turn([&] { service_->on_node_closed(node); });
}

void Desk::node_comes(NodeIndex node) {
  turn([&] { service_->on_node_hello(node, nodes_.hello(node)); });
}

Status Desk::settle() {
  for (std::uint64_t left = under_way_; left != 0; left = under_way_) under_way_.wait(left);
  if (failed_) return fail(ErrorCode::storage, "the store failed");
  return {};
}

core::Now Desk::now() const { return {timeline_.wall(), timeline_.now() / sim::kMilli}; }

void Desk::wake_at(std::int64_t mono_ms) {
  timeline_.at(mono_ms * sim::kMilli, [this, wake = ++wakes_] {
    if (wake == wakes_) turn([this] { service_->on_wake(); });
  });
}

void Desk::reply(controller::SessionId, wire::MessageType type, std::uint64_t id,
                 std::string payload) {
  const auto found = answers_.find(id);
  if (found == answers_.end()) return;
  const Answer answer = std::move(found->second);
  answers_.erase(found);
  answer({static_cast<std::uint16_t>(type), id, std::move(payload)});
}

void Desk::send_node(NodeIndex node, wire::MessageType type, std::string payload) {
  timeline_.after(
      0, [this, node, type, bytes = std::move(payload)] { nodes_.take(node, type, bytes); });
}

void Desk::commit(store::Transaction transaction, std::function<void(Status)> done) {
  while (under_way_ >= kMostUnderWay) under_way_.wait(under_way_);
  ++under_way_;
  store_->commit(std::move(transaction), [this](const Status& status) {
    if (!status) failed_ = true;
    --under_way_;
    under_way_.notify_all();
  });
  timeline_.after(0, [this, done = std::move(done)] {
    done(failed_ ? Status(fail(ErrorCode::storage)) : Status());
  });
}

Result<std::string> Desk::blob(std::string_view hash) {
  if (Status there = settle(); !there) return tl::unexpected(there.error());
  Result<store::Reader> reader = store_->reader();
  if (!reader) return tl::unexpected(reader.error());
  return reader->blob(hash);
}

Result<store::ChargeFacts> Desk::charge_facts(std::uint64_t entry) {
  if (Status there = settle(); !there) return tl::unexpected(there.error());
  Result<store::LedgerReader> reader = store::LedgerReader::open(database_);
  if (!reader) return tl::unexpected(reader.error());
  return reader->charge(entry);
}

controller::UserFacts Desk::user_facts(std::uint32_t uid) {
  return {.known = true, .user = user_name(uid), .group = "users", .gid = 100, .groups = {"users"}};
}

std::string Desk::content_hash(std::string_view bytes) const {
  return store::content_hash(bytes).str();
}

void Desk::fatal(const Error& error) {
  std::fprintf(stderr, "the controller gives up: %s\n", error.text.c_str());
  failed_ = true;
}

void Desk::log(std::string_view line) {
  std::printf("controller: %.*s\n", static_cast<int>(line.size()), line.data());
}

}  // namespace sluice::books
