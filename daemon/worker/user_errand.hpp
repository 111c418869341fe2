// UserErrand: a program that the agent runs as a user, for that user: reading an image, cleaning a
// store of images. It becomes the user before anything else, has an environment made from nothing
// and a session of its own, and is killed when it takes too long or nobody wants it any more.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "auth/user/become_user.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"
#include "net/loop.hpp"

namespace sluice::worker {

class UserErrand {
 public:
  struct Spec {
    std::vector<std::string> command;  // the first is an absolute path
    auth::UserIdentity user;
    bool change_user = true;                 // no: the daemon is this user's own
    bool output = false;                     // whether read() will take what it prints
    std::int64_t timeout_ms = 0;             // 0: none
    std::function<void(pid_t)> before = {};  // called in the parent before the program starts
  };
  // `done` comes once, later: after the program's end, and (with `output`) after the last piece was
  // taken. An error is the last line that it printed on standard error.
  static std::unique_ptr<UserErrand> start(net::Loop& loop, Spec spec,
                                           std::function<void(Status)> done);
  ~UserErrand();
  UserErrand(const UserErrand&) = delete;

  // Asks for the next piece of at most `most` bytes; `take` comes later. At the end of the output
  // it doesn't come: `done` will.
  void read(std::size_t most, std::function<void(std::string)> take);
  // Kills it, and nothing will be called any more. A process that can't die yet (its group is
  // frozen) is waited for: keep this object until it is over().
  void abandon();
  [[nodiscard]] bool over() const { return over_; }

 private:
  explicit UserErrand(net::Loop& loop) : loop_(loop) {}
  Status spawn(Spec& spec);
  void take_output();
  void take_errors();
  void exited();
  void finish_if_over();

  net::Loop& loop_;
  std::string program_;
  pid_t pid_ = -1;
  base::UniqueFd pidfd_;
  base::UniqueFd output_;
  base::UniqueFd errors_;
  net::Watch pid_watch_;
  net::Watch output_watch_;
  net::Watch error_watch_;
  net::Timer timer_;
  std::size_t most_ = 0;
  std::function<void(std::string)> take_;
  std::string error_text_;
  int status_ = 0;
  bool late_ = false;
  bool exited_ = false;
  bool over_ = false;
  std::function<void(Status)> done_;
};

}  // namespace sluice::worker
