// What libpmix's progress thread tells the helper's thread. libpmix calls its host from a thread of
// its own and forbids to block there: each call becomes a letter, and an eventfd wakes the poll
// loop.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace sluice::mpi_pmix {

struct Letter {
  enum class Kind : std::uint8_t {
    connected,     // rank, done
    finalized,     // rank, done
    aborted,       // rank, status, data: a message; done
    fence,         // ranks (empty: all of the step), data, answer
    wants_remote,  // rank, answer: data of a task of another node
    local_data,    // id, status, data: answers our question for a task of this node
  };
  Kind kind = Kind::connected;
  std::uint32_t rank = 0;
  int status = 0;
  std::uint64_t id = 0;
  std::string data;
  std::vector<std::uint32_t> ranks;
  // One of these goes back to libpmix. The statuses are its own.
  std::function<void(int status)> done;
  std::function<void(int status, std::string data)> answer;
};

class Mailbox {
 public:
  Mailbox() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;
  ~Mailbox() {
    if (wake_ >= 0) ::close(wake_);
  }
  [[nodiscard]] int fd() const { return wake_; }

  void put(Letter letter) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      letters_.push_back(std::move(letter));
    }
    const std::uint64_t one = 1;
    // Full means that it is awake already.
    [[maybe_unused]] const ssize_t written = ::write(wake_, &one, sizeof(one));
  }
  [[nodiscard]] std::vector<Letter> take_all() {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(wake_, &count, sizeof(count));
    std::vector<Letter> taken;
    const std::lock_guard<std::mutex> lock(mutex_);
    taken.swap(letters_);
    return taken;
  }

 private:
  int wake_;
  std::mutex mutex_;
  std::vector<Letter> letters_;
};

}  // namespace sluice::mpi_pmix
