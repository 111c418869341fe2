// Plays sluiced for one real Supervisor, which runs in a forked child: makes the folders, sends a
// launch over a socket pair, collects what comes back, acknowledges output, and reconnects by the
// step's socket. Builders fill in a launch that only a test's own wishes are added to.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/worker/host/nursery.hpp"
#include "daemon/worker/host/step_settings.hpp"
#include "net/client/blocking_session.hpp"
#include "wire/step_messages.hpp"

namespace sluice::stepd_test {

// The program that was built beside the tests.
[[nodiscard]] std::string stepd_program();

// A job n1..nN with `tasks` tasks on node 0, as sluiced would hand it to stepd of that node.
[[nodiscard]] wire::LaunchStep a_launch(std::uint32_t tasks);
// The batch step of the same job.
[[nodiscard]] wire::LaunchStep a_batch(const std::string& script);
// Replaces the job's spec with a changed one.
void change_spec(wire::LaunchStep& launch, const std::function<void(model::JobSpec&)>& change);

class StepWorld {
 public:
  StepWorld();
  ~StepWorld();
  StepWorld(const StepWorld&) = delete;
  StepWorld& operator=(const StepWorld&) = delete;

  [[nodiscard]] const std::string& dir() const { return dir_; }
  [[nodiscard]] std::string file(const std::string& name) const;  // content; "" if missing
  worker::StepSettings settings;
  bool acknowledges = true;           // output
  stepd::Nursery* nursery = nullptr;  // makes the stepd; none: a child of the test is it

  // Runs with the identity of the job: the world's folder is given to it.
  void start(wire::LaunchStep launch);
  template <class Message>
  void send(const Message& message) {
    send_frame(static_cast<std::uint16_t>(Message::kType), wire::encode(message));
  }
  void signal(int number, std::uint32_t task = model::kNoTask);
  void input(const std::string& data, bool end);
  void acknowledge(std::uint32_t task, std::uint8_t stream, std::uint64_t offset);
  // Reads messages until it holds; false when the time is over.
  [[nodiscard]] bool wait(const std::function<bool()>& until, int limit_ms = 10'000);
  // Waits for the end, acknowledges it, and for stepd's exit.
  [[nodiscard]] bool finish(int limit_ms = 10'000);
  void drop();  // as if sluiced had died
  [[nodiscard]] bool reconnect();
  [[nodiscard]] bool exited(int limit_ms = 10'000);  // stepd
  [[nodiscard]] pid_t pid() const { return pid_; }

  // What came.
  std::optional<wire::StepStarted> started;
  std::vector<wire::TaskExit> exits;
  std::optional<wire::StepDone> done;
  std::vector<wire::StepAbort> aborts;
  std::optional<wire::StepStatus> status;
  std::uint64_t input_taken = 0;
  int hellos = 0;
  [[nodiscard]] std::string output(std::uint32_t task, std::uint8_t stream = wire::kStdout) const;
  [[nodiscard]] bool ended(std::uint32_t task, std::uint8_t stream = wire::kStdout) const;
  // The status of a task, or -1.
  [[nodiscard]] int exit_of(std::uint32_t task) const;

 private:
  void send_frame(std::uint16_t type, std::string payload);
  bool read_some(int wait_ms);
  void take(const net::Frame& frame);

  std::string dir_;
  pid_t pid_ = -1;
  std::optional<net::BlockingSession> session_;
  struct Stream {
    std::string data;
    bool ended = false;
  };
  std::map<std::pair<std::uint32_t, std::uint8_t>, Stream> streams_;
  std::uint64_t input_sent_ = 0;
};

}  // namespace sluice::stepd_test
