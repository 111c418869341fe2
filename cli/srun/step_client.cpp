// See step_client.hpp.
#include "cli/srun/step_client.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "cli/common/program.hpp"

namespace sluice::cli {

namespace {

constexpr std::string_view kProgram = "srun";
constexpr std::uint64_t kInputWindow = 64 * 1024;
constexpr std::uint64_t kPatienceMs = 55'000;   // below the agents' own
constexpr std::uint64_t kAbortWindowMs = 1000;  // a second Ctrl-C within this ends the step
constexpr int kTickMs = 50;
constexpr std::uint64_t kGatherMs = 50;  // how long a task's end waits for others like it
constexpr std::int64_t kSayBusyMs = 1000;
constexpr std::array kForwarded = {SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCONT, SIGALRM};

std::string step_text(JobId job, std::uint32_t step) {
  return std::to_string(job.value) + "." + std::to_string(step);
}

}  // namespace

template <class Message>
void StepClient::send(const Message& message) {
  if (!session_) return;
  session_->link().queue({static_cast<std::uint16_t>(Message::kType), 1, wire::encode(message)});
}

Status StepClient::connect_and_request() {
  Result<Session> session = Session::to_node(options_.sockets, options_.manager);
  if (!session) return tl::unexpected(session.error());
  session_.emplace(std::move(*session));
  return session_->send(options_.request);
}

Status StepClient::wait_granted() {
  bool said = false;
  while (true) {
    Result<net::Frame> frame = session_->receive(said ? -1 : kSayBusyMs);
    if (frame) {
      if (frame->type != static_cast<std::uint16_t>(wire::StepGranted::kType)) {
        return fail(ErrorCode::protocol, "unexpected answer from the step manager");
      }
      Result<wire::StepGranted> granted = wire::decode<wire::StepGranted>(frame->payload);
      if (!granted) return tl::unexpected(granted.error());
      layout_ = std::move(granted->layout);
      if (said && !options_.quiet) {
        print_info(kProgram,
                   "Step created for StepId=" + step_text(options_.request.job, layout_.step));
      }
      return {};
    }
    const bool timed_out = frame.error().text.find("timed out") != std::string::npos;
    if (!timed_out || said) return tl::unexpected(frame.error());
    said = true;
    if (!options_.quiet) {
      print_info(kProgram,
                 "Job " + std::to_string(options_.request.job.value) +
                     " step creation temporarily disabled, retrying (Requested nodes are busy)");
    }
  }
}

Status StepClient::begin() {
  const std::uint64_t until = base::monotonic_ms() + kPatienceMs;
  while (true) {
    Status done = connect_and_request();
    if (done) done = wait_granted();
    if (done) return prepare_streams();
    // The agent restarts: the request id makes asking again safe.
    if (done.error().code != ErrorCode::unavailable || base::monotonic_ms() > until) return done;
    ::poll(nullptr, 0, kTickMs * 4);
  }
}

Status StepClient::prepare_streams() {
  exits_.emplace(layout_.tasks);
  node_done_.assign(layout_.nodes.size(), false);
  input_.taken.assign(layout_.nodes.size(), 0);
  options_.output.tasks = layout_.tasks;
  Result<OutputSink> sink = OutputSink::create(options_.output);
  if (!sink) return tl::unexpected(sink.error());
  output_.emplace(std::move(*sink));
  const model::InputMode mode = options_.request.spec.input;
  if (!options_.input_path.empty()) {
    Result<base::UniqueFd> file = base::open_file(options_.input_path, O_RDONLY);
    if (!file) {
      return fail(file.error().code,
                  "Could not open stdin file: " + reason_of(file.error(), options_.input_path));
    }
    input_file_ = std::move(*file);
    input_.fd = input_file_.get();
  } else if (mode == model::InputMode::all || mode == model::InputMode::one_task) {
    input_.fd = STDIN_FILENO;
  }
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : kForwarded) sigaddset(&set, signal);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGWINCH);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  signals_ = base::UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (options_.request.spec.pty) terminal_.enter();
  return {};
}

Result<int> StepClient::run() {
  while (!finished() && !broken_) poll_once();
  terminal_.restore();
  flush_messages();
  if (broken_) return tl::unexpected(*broken_);
  if (session_) {
    const Status flushed = session_->link().flush();
    if (!flushed) session_.reset();  // the step is over; nobody needs the last acknowledgement
  }
  if (exits_->forced() && !options_.quiet) {
    print_info(kProgram,
               "Force Terminated StepId=" + step_text(options_.request.job, layout_.step));
  }
  return std::max(exits_->exit_code(), start_failures_ > 0 ? 1 : 0);
}

bool StepClient::may_read_input() const {
  if (input_.fd < 0 || !session_) return false;
  return input_.unacknowledged.size() < kInputWindow;
}

void StepClient::poll_once() {
  std::array<pollfd, 4> polls = {{{-1, 0, 0}, {-1, 0, 0}, {signals_.get(), POLLIN, 0}, {-1, 0, 0}}};
  if (session_) {
    polls[0].fd = session_->link().fd();
    polls[0].events = static_cast<short>(POLLIN | (session_->link().wants_write() ? POLLOUT : 0));
  }
  if (may_read_input()) polls[1] = {input_.fd, POLLIN, 0};
  if (options_.allocation != nullptr) polls[3] = {options_.allocation->fd(), POLLIN, 0};
  const bool soon = !session_ || (exits_ && exits_->has_lines());
  const int ready = ::poll(polls.data(), polls.size(), soon ? kTickMs : 1000);
  if (ready < 0 && errno != EINTR) {
    broken_ = Error{ErrorCode::io, std::string("poll: ") + std::strerror(errno)};
    return;
  }
  if (polls[2].revents != 0) {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
      on_signal(static_cast<int>(info.ssi_signo));
    }
  }
  if (options_.allocation != nullptr && (polls[3].revents != 0 || ready == 0)) {
    const bool over = options_.allocation->attend();
    if (over) options_.allocation = nullptr;  // the node ends the tasks; we hear of it here
  }
  if (polls[1].revents != 0) read_input();
  if (!session_) return lost_session();
  while (session_) {
    Result<std::optional<net::Frame>> frame = session_->link().try_receive();
    if (!frame) {
      session_.reset();
      lost_since_ms_ = base::monotonic_ms();
      return;
    }
    if (!*frame) break;
    if (Status handled = on_frame(**frame); !handled) broken_ = handled.error();
    if (broken_) return;
  }
  for (const wire::OutputAck& ack : output_->acks()) send(ack);
  if (Status flushed = session_->link().flush(); !flushed) {
    session_.reset();
    lost_since_ms_ = base::monotonic_ms();
  }
  flush_old_messages();
}

Status StepClient::on_frame(const net::Frame& frame) {
  const auto with = [&]<class Message>(Message* /*tag*/, auto use) -> Status {
    Result<Message> message = wire::decode<Message>(frame.payload);
    if (!message) return tl::unexpected(message.error());
    use(*message);
    return {};
  };
  switch (static_cast<wire::MessageType>(frame.type)) {
    case wire::MessageType::output: {
      const Result<wire::Output> output = wire::decode<wire::Output>(frame.payload);
      if (!output) return tl::unexpected(output.error());
      return output_->take(*output);
    }
    case wire::MessageType::step_started:
      return with(static_cast<wire::StepStarted*>(nullptr), [&](const wire::StepStarted& m) {
        if (m.error.empty()) return;
        ++start_failures_;
        told_errors_.insert(m.error);
        const std::string node =
            m.node < layout_.nodes.size() ? layout_.nodes[m.node].name.str() : "";
        print_error(kProgram,
                    "task launch for StepId=" + step_text(options_.request.job, layout_.step) +
                        " failed on node " + node + ": " + m.error.str());
      });
    case wire::MessageType::step_progress:
      return with(static_cast<wire::StepProgress*>(nullptr),
                  [&](const wire::StepProgress& m) { print_progress(m); });
    case wire::MessageType::task_exit:
      return with(static_cast<wire::TaskExit*>(nullptr),
                  [&](const wire::TaskExit& m) { exits_->add(m); });
    case wire::MessageType::step_done:
      return with(static_cast<wire::StepDone*>(nullptr),
                  [&](const wire::StepDone& m) { on_step_done(m); });
    case wire::MessageType::input_ack:
      return with(static_cast<wire::InputAck*>(nullptr),
                  [&](const wire::InputAck& m) { on_input_ack(m); });
    case wire::MessageType::error_reply:
      return with(static_cast<wire::ErrorReply*>(nullptr), [&](const wire::ErrorReply& m) {
        broken_ = Error{m.code, m.text.str()};
      });
    default: return {};
  }
}

// With -v: each node's phases, and the first node's way through them in steps of a tenth.
void StepClient::print_progress(const wire::StepProgress& progress) {
  if (!options_.verbose || progress.node >= layout_.nodes.size()) return;
  std::string line = layout_.nodes[progress.node].name.str() + ": image " + progress.phase.str();
  if (progress.total != 0) {
    line += " " + std::to_string(progress.done * 10 / progress.total * 10) + "% of " +
            std::to_string(progress.total >> 20U) + " MiB";
  }
  if (!progress.image_digest.empty()) line += " " + progress.image_digest.str();
  if (std::exchange(said_progress_, line) == line) return;
  print_info(kProgram, line);
}

void StepClient::on_step_done(const wire::StepDone& done) {
  if (done.node >= node_done_.size() || node_done_[done.node]) return;
  node_done_[done.node] = true;
  ++nodes_done_;
  send(wire::StepDoneAck{done.node});
  if (!done.error.empty() && !told_errors_.contains(done.error)) {
    print_error(kProgram, layout_.nodes[done.node].name.str() + ": " + done.error.str());
    ++start_failures_;
  }
}

void StepClient::on_input_ack(const wire::InputAck& ack) {
  if (ack.node >= input_.taken.size()) return;
  const auto least = [&] {
    std::uint64_t least_taken = UINT64_MAX;
    for (std::size_t i = 0; i < input_.taken.size(); ++i) {
      if (!node_done_[i]) least_taken = std::min(least_taken, input_.taken[i]);
    }
    return std::min(least_taken, input_.sent);
  };
  input_.taken[ack.node] = std::max(input_.taken[ack.node], ack.offset);
  const std::uint64_t begins = input_.sent - input_.unacknowledged.size();
  const std::uint64_t now = least();
  if (now > begins) input_.unacknowledged.erase(0, static_cast<std::size_t>(now - begins));
}

void StepClient::read_input() {
  char buffer[16384];
  const ssize_t count = ::read(input_.fd, buffer, sizeof buffer);
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
  wire::Input message;
  message.offset = input_.sent;
  if (options_.request.spec.input == model::InputMode::one_task) {
    message.task = options_.request.spec.input_task;
  }
  if (count <= 0) {
    message.end = true;
    input_.fd = -1;
    input_.ended = true;
  } else {
    message.data.assign(buffer, static_cast<std::size_t>(count));
    input_.unacknowledged += message.data;
    input_.sent += message.data.size();
  }
  send(message);
}

void StepClient::on_signal(int signal) {
  if (signal == SIGWINCH) {
    const auto size = window_size();
    if (size && options_.request.spec.pty) send(wire::WindowSize{size->first, size->second});
    return;
  }
  if (signal == SIGINT) return on_interrupt();
  send_signal(signal);
  if (signal == SIGTERM || signal == SIGQUIT || signal == SIGHUP) aborting_ = true;
}

void StepClient::send_signal(int signal) {
  wire::SignalStep message;
  message.signal = static_cast<std::uint32_t>(signal);
  send(message);
}

// The first Ctrl-C tells how the tasks are, a second within a second ends them; -X hands the first
// one to the tasks at once.
void StepClient::on_interrupt() {
  const std::uint64_t now = base::monotonic_ms();
  if (options_.request.spec.pty || options_.disable_status) return send_signal(SIGINT);
  if (options_.quit_on_interrupt || now - last_interrupt_ms_ <= kAbortWindowMs) {
    if (aborting_) return send_signal(SIGKILL);
    aborting_ = true;
    print_info(kProgram,
               "sending Ctrl-C to StepId=" + step_text(options_.request.job, layout_.step));
    print_info(kProgram, "Job step aborted: Waiting up to " +
                             std::to_string(options_.kill_wait_s + 2) +
                             " seconds for job step to finish.");
    send_signal(SIGINT);
    return send_signal(SIGTERM);
  }
  last_interrupt_ms_ = now;
  print_info(kProgram, "interrupt (one more within 1 sec to abort)");
  print_status();
}

void StepClient::print_status() {
  std::uint32_t running = 0;
  for (std::uint32_t task = 0; task < layout_.tasks; ++task)
    running += exits_->has_ended(task) ? 0 : 1;
  const std::string step = "StepId=" + step_text(options_.request.job, layout_.step);
  const std::string tasks =
      layout_.tasks == 1 ? " task 0" : " tasks 0-" + std::to_string(layout_.tasks - 1);
  if (running == layout_.tasks) return print_info(kProgram, step + tasks + ": running");
  for (std::uint32_t task = 0; task < layout_.tasks; ++task) {
    print_info(kProgram, step + " task " + std::to_string(task) +
                             (exits_->has_ended(task) ? ": exited" : ": running"));
  }
}

void StepClient::flush_messages() {
  if (!exits_) return;
  exits_since_ms_ = 0;
  for (const std::string& line : exits_->take_lines(layout_.nodes)) print_error(kProgram, line);
}

// Tasks that end alike within a moment are told of in one line.
void StepClient::flush_old_messages() {
  if (!exits_ || !exits_->has_lines()) return;
  const std::uint64_t now = base::monotonic_ms();
  if (exits_since_ms_ == 0) exits_since_ms_ = now;
  if (now - exits_since_ms_ >= kGatherMs) flush_messages();
}

void StepClient::lost_session() {
  if (base::monotonic_ms() - lost_since_ms_ > kPatienceMs) {
    broken_ = Error{ErrorCode::unavailable, "the step manager on " + options_.manager + " is gone"};
    return;
  }
  const Status attached = attach();
  if (attached) return;
  if (attached.error().code != ErrorCode::unavailable) broken_ = attached.error();
}

Status StepClient::attach() {
  Result<Session> session = Session::to_node(options_.sockets, options_.manager);
  if (!session) return tl::unexpected(session.error());
  wire::AttachStep message;
  message.job = options_.request.job;
  message.step = layout_.step;
  message.owner = true;
  message.positions = output_->positions();
  message.input_offset = input_.sent - input_.unacknowledged.size();
  if (Status sent = session->send(message); !sent) return sent;
  Result<wire::AttachReply> reply = session->receive_as<wire::AttachReply>(5000);
  if (!reply) return tl::unexpected(reply.error());
  session_.emplace(std::move(*session));
  for (const wire::TaskExit& exit : reply->exits) exits_->add(exit);
  // What nodes had not taken goes out again, from where they are.
  wire::Input again;
  again.offset = input_.sent - input_.unacknowledged.size();
  again.data = input_.unacknowledged;
  again.end = input_.ended;
  if (options_.request.spec.input == model::InputMode::one_task) {
    again.task = options_.request.spec.input_task;
  }
  if (!again.data.empty() || again.end) send(again);
  return {};
}

}  // namespace sluice::cli
