// StepClient: srun's end of the step stream, from the request of a step to its last exit. One poll
// loop over the conversation with the step manager, standard input, signals, and (outside of a job)
// the allocation. A lost conversation is taken up again where it stopped.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "cli/common/allocation.hpp"
#include "cli/common/client.hpp"
#include "cli/srun/exits.hpp"
#include "cli/srun/output.hpp"
#include "cli/srun/terminal.hpp"
#include "wire/image_messages.hpp"
#include "wire/step_messages.hpp"

namespace sluice::cli {

struct StepClientOptions {
  Sockets sockets;
  std::string manager;  // the job's first node
  wire::StepRequest request;
  OutputOptions output;
  std::string input_path;  // a local file for standard input; empty: our own
  bool quiet = false;
  bool verbose = false;         // tells how far an image is
  bool disable_status = false;  // -X
  bool quit_on_interrupt = false;
  std::uint32_t kill_wait_s = 30;
  Allocation* allocation = nullptr;  // ours, to be kept alive; null inside a job
};

class StepClient {
 public:
  explicit StepClient(StepClientOptions options) : options_(std::move(options)) {}

  // Asks for the step and waits until it is granted.
  [[nodiscard]] Status begin();
  // Whether it was granted, though begin() may have failed afterwards.
  [[nodiscard]] bool has_step() const { return exits_.has_value(); }
  // Runs it to its end; srun's exit code.
  [[nodiscard]] Result<int> run();
  [[nodiscard]] std::uint32_t wait_status() const { return exits_ ? exits_->wait_status() : 0; }

 private:
  struct InputState {
    int fd = -1;                       // -1: nothing (more) to read
    std::uint64_t sent = 0;            // bytes
    std::vector<std::uint64_t> taken;  // by node
    std::string unacknowledged;        // from the least `taken` on
    bool ended = false;
  };

  Status connect_and_request();
  Status wait_granted();
  Status prepare_streams();
  [[nodiscard]] bool finished() const { return nodes_done_ == layout_.nodes.size(); }
  void poll_once();
  Status on_frame(const net::Frame& frame);
  void print_progress(const wire::StepProgress& progress);
  void on_step_done(const wire::StepDone& done);
  void on_input_ack(const wire::InputAck& ack);
  void read_input();
  [[nodiscard]] bool may_read_input() const;
  void on_signal(int signal);
  void on_interrupt();
  void send_signal(int signal);
  void print_status();
  void flush_messages();
  void flush_old_messages();
  void lost_session();
  Status attach();
  template <class Message>
  void send(const Message& message);

  StepClientOptions options_;
  std::optional<Session> session_;
  wire::StepLayout layout_;
  std::optional<OutputSink> output_;
  std::optional<TaskExits> exits_;
  InputState input_;
  base::UniqueFd input_file_;
  base::UniqueFd signals_;
  RawTerminal terminal_;
  std::vector<bool> node_done_;
  std::size_t nodes_done_ = 0;
  std::uint32_t start_failures_ = 0;
  std::set<Text> told_errors_;  // of nodes that could not start
  std::string said_progress_;   // the last line of it
  std::uint64_t last_interrupt_ms_ = 0;
  std::uint64_t lost_since_ms_ = 0;
  std::uint64_t exits_since_ms_ = 0;  // since when lines about ended tasks wait; 0: unknown
  bool aborting_ = false;
  std::optional<Error> broken_;
};

}  // namespace sluice::cli
