// Users: commands of people and of an administrator, each with a request id, each repeated until it
// is answered, as sbatch and the others do; and sallocs, which hold an allocation for a while.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "auth/policy.hpp"
#include "model/requests.hpp"
#include "test/sim/pipes.hpp"
#include "wire/client_messages.hpp"
#include "wire/codec.hpp"

namespace sluice::sim {

class Salloc;

class Users {
 public:
  using Answer = std::function<void(const net::Frame&)>;

  explicit Users(World& world);
  ~Users();
  Users(Users&&) = delete;

  void begin(Micros end);
  // The administrator clears up: nodes back to work, nothing held, nothing waiting for ever.
  void tend();
  [[nodiscard]] bool is_idle() const;

  // A request of a user's; `answer` is called once, with the first answer that arrives.
  template <class Message>
  void ask(const auth::Peer& peer, const Message& message, Answer answer) {
    ask(peer, message.request_id,
        {static_cast<std::uint16_t>(Message::kType), 1, wire::encode(message)}, std::move(answer));
  }
  void ask(const auth::Peer& peer, const Uid128& request, net::Frame frame, Answer answer);
  [[nodiscard]] Uid128 new_request();
  [[nodiscard]] wire::Submit new_submit(model::JobKind kind);
  [[nodiscard]] auth::Peer some_user();
  [[nodiscard]] static auth::Peer user(std::uint32_t uid);

 private:
  struct Call {
    auth::Peer peer;
    Uid128 request;
    net::Frame frame;
    Answer answer;
    std::vector<PipeId> pipes;  // conversations that stand
    std::uint32_t tries = 0;
  };

  void next_action();
  void act();
  void submit();
  void start_salloc();
  void act_on_job(model::JobVerb verb);
  void update_job();
  void update_node();
  void call(std::uint64_t id);
  void answered(std::uint64_t id, const net::Frame& frame);
  void hang_up(Call& call);
  void shape(wire::Submit& message);
  [[nodiscard]] std::string some_dependency();

  World& world_;
  Micros end_ = 0;
  Micros pause_ = kSec;
  std::uint32_t submits_left_ = 0;
  std::map<std::uint64_t, Call> calls_;
  std::vector<std::unique_ptr<Salloc>> sallocs_;
  std::vector<JobId> jobs_;
};

}  // namespace sluice::sim
