// A place for one callback. Calling it keeps the function alive until it returns, so a callback may
// replace or clear itself, or destroy the object that holds the slot.
#pragma once

#include <functional>
#include <memory>
#include <utility>

namespace sluice::net {

template <class Signature>
class Slot;

template <class... Args>
class Slot<void(Args...)> {
 public:
  using Function = std::function<void(Args...)>;

  Slot() = default;
  explicit Slot(Function function) { set(std::move(function)); }

  void set(Function function) {
    function_ = function ? std::make_shared<Function>(std::move(function)) : nullptr;
  }
  void clear() { function_.reset(); }
  [[nodiscard]] bool is_set() const { return function_ != nullptr; }

  // Does nothing while the slot is empty.
  void operator()(Args... args) const {
    const std::shared_ptr<Function> kept = function_;
    if (kept) (*kept)(std::forward<Args>(args)...);
  }

 private:
  std::shared_ptr<Function> function_;
};

}  // namespace sluice::net
