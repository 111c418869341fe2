// The PMI server of one node: answers the commands of the local tasks. No I/O: bytes in, bytes out,
// so that the tests need no process. Which protocol a task speaks shows its first line.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "plugins/mpi/pmi/command.hpp"
#include "plugins/mpi/pmi/kvs.hpp"

namespace sluice::mpi_pmi {

struct Step {
  std::string name;  // of the key-value space; unique for the step
  std::uint32_t node = 0;
  std::uint32_t node_count = 1;
  std::vector<std::uint32_t> task_node;  // per rank
  std::vector<std::uint32_t> local_ranks;
  std::uint32_t universe = 0;
};

// What the server asks of its surroundings; may be called from within any of its functions.
struct Outside {
  std::function<void(std::uint64_t id, const std::string& changes)> fence;
  std::function<void(std::uint32_t rank, int code, const std::string& message)> abort;
  std::function<void(std::uint32_t rank)> initialized;
  std::function<void(std::uint32_t rank)> finalized;
};

class Server {
 public:
  Server(Step step, Outside outside);

  // Bytes from the i-th local task. An error: it spoke nonsense, and is to be disconnected.
  [[nodiscard]] Status receive(std::size_t task, std::string_view bytes);
  // Bytes for it; the caller takes away what it has sent.
  [[nodiscard]] std::string& output(std::size_t task) { return tasks_[task].out; }
  // All nodes' changes, one after the other.
  void fence_done(std::uint64_t id, std::string_view changes);
  // The task is gone: nobody waits for its part of a fence any more.
  [[nodiscard]] std::size_t tasks() const { return tasks_.size(); }

 private:
  enum class Speaks : std::uint8_t { undecided = 0, v1 = 1, v2 = 2 };
  struct Task {
    std::uint32_t rank = 0;
    Speaks speaks = Speaks::undecided;
    std::string in;
    std::string out;
    bool in_fence = false;
    std::string fence_thread;  // PMI-2's thrid of the waiting thread, echoed in the answer
  };
  struct Waiting {  // for a node attribute
    std::size_t task = 0;
    std::string thread;
  };

  Status handle(Task& task, const Command& command);
  Status handle_init(Task& task, const Command& command);
  Status handle_v1(Task& task, const Command& command);
  Status handle_v2(Task& task, const Command& command);
  bool handle_v1_kvs(Task& task, const Command& command);
  bool handle_v2_kvs(Task& task, const Command& command, const std::string& thread);
  bool handle_v2_info(Task& task, const Command& command, const std::string& thread);
  void enter_fence(Task& task, std::string thread);
  void leave_fence();
  void reply(Task& task, const Command& command);
  void answer_attribute(Task& task, std::string_view value, const std::string& thread);

  Step step_;
  Outside outside_;
  std::vector<Task> tasks_;
  Kvs kvs_;
  std::map<std::string, std::string, std::less<>> node_attributes_;
  std::multimap<std::string, Waiting, std::less<>> attribute_waiters_;
  std::uint64_t next_fence_ = 0;
};

}  // namespace sluice::mpi_pmi
