// Salloc: a user's allocation. It is asked for, waited for, used for some steps from outside, and
// given back; or its owner goes away without a word.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "auth/policy.hpp"
#include "test/sim/pipes.hpp"
#include "wire/client_messages.hpp"
#include "wire/codec.hpp"

namespace sluice::sim {

class Srun;
class Users;

class Salloc {
 public:
  Salloc(World& world, Users& users, auth::Peer peer);
  ~Salloc();
  Salloc(Salloc&&) = delete;

  [[nodiscard]] bool is_over() const { return over_; }

 private:
  void wait_for_job();
  void on_frame(const net::Frame& frame);
  void use();
  void give_back();
  void leave();

  World& world_;
  Users& users_;
  auth::Peer peer_;
  PipeId pipe_ = 0;
  std::optional<JobId> job_;
  std::optional<model::Job> granted_;
  std::unique_ptr<Srun> srun_;
  std::uint32_t steps_left_ = 0;
  bool over_ = false;
};

}  // namespace sluice::sim
