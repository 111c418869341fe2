// WorkPool: a few threads for work that must not hold up the loop: queries over snapshots, history
// from the database, name service look-ups. Work sees only immutable values and posts its result
// back with Loop::post.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace sluice::net {

class WorkPool {
 public:
  explicit WorkPool(std::size_t threads);
  ~WorkPool();  // finishes what runs, drops what waits
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  // From any thread. Tasks start in order.
  void run(std::function<void()> task);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::net
