// See the header.
#include "daemon/stepd/task_io.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "wire/step_messages.hpp"

namespace sluice::stepd {
namespace {

bool would_block(int code) { return code == EAGAIN || code == EWOULDBLOCK || code == EINTR; }

// A pipe of which we keep the end `ours` (0: we read) without blocking on it.
Status make_pipe(base::UniqueFd& ours, base::UniqueFd& theirs, bool we_read) {
  auto pipe = base::make_pipe();
  if (!pipe) return tl::unexpected(pipe.error());
  ours = std::move(we_read ? pipe->first : pipe->second);
  theirs = std::move(we_read ? pipe->second : pipe->first);
  return base::set_nonblocking(ours.get());
}

}  // namespace

TaskIo::~TaskIo() {
  for (const base::UniqueFd* fd : {&in_, &out_, &err_, &master_}) {
    if (fd->is_open()) poller_.forget(fd->get());
  }
}

Status TaskIo::open(const StepPlan& step, const TaskPlan& task) {
  if (task.out.kind == StreamKind::pty) return open_terminal(step);
  if (task.in.kind == StreamKind::agent) {
    if (auto made = make_pipe(in_, child_in_, false); !made) return made;
  }
  if (task.out.kind == StreamKind::agent) {
    if (auto made = make_pipe(out_, child_out_, true); !made) return made;
    out_window_.emplace(wire::kOutputWindow);
  }
  if (task.err.kind == StreamKind::agent) {
    if (auto made = make_pipe(err_, child_err_, true); !made) return made;
    err_window_.emplace(wire::kOutputWindow);
  }
  return {};
}

// The slave is opened through the master, not by its path, and given to the user.
Status TaskIo::open_terminal(const StepPlan& step) {
  master_.reset(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  if (!master_.is_open() || ::unlockpt(master_.get()) != 0) {
    return tl::unexpected(base::errno_error("opening a pseudo terminal", errno));
  }
  child_pty_.reset(::ioctl(master_.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!child_pty_.is_open()) {
    return tl::unexpected(base::errno_error("opening a pseudo terminal", errno));
  }
  if (step.change_user && ::fchown(child_pty_.get(), step.user.uid, static_cast<gid_t>(-1)) != 0) {
    return tl::unexpected(base::errno_error("giving the pseudo terminal to the user", errno));
  }
  if (step.rows != 0 || step.columns != 0) resize(step.rows, step.columns);
  out_window_.emplace(wire::kOutputWindow);
  pty_open_ = true;
  return {};
}

TaskFds TaskIo::child_ends() const {
  TaskFds fds;
  fds.in = child_in_.get();
  fds.out = child_out_.get();
  fds.err = child_err_.get();
  fds.pty = child_pty_.get();
  return fds;
}

void TaskIo::start() {
  for (base::UniqueFd* fd : {&child_in_, &child_out_, &child_err_, &child_pty_}) fd->reset();
  if (out_.is_open()) {
    poller_.watch(out_.get(), POLLIN, [this](short) { on_output(out_, *out_window_); });
  }
  if (err_.is_open()) {
    poller_.watch(err_.get(), POLLIN, [this](short) { on_output(err_, *err_window_); });
  }
  if (in_.is_open()) {
    // No events: only its end would be told, and the next write finds that out.
    poller_.watch(in_.get(), 0, [this](short) {
      poller_.change(in_.get(), 0);
      input_waits_ = false;
      handlers_.input();
    });
  }
  if (pty_open_) {
    poller_.watch(master_.get(), POLLIN, [this](short events) { on_terminal(events); });
  }
}

OutputWindow* TaskIo::window(std::uint8_t stream) {
  if (stream == wire::kStdout) return out_window_ ? &*out_window_ : nullptr;
  if (stream == wire::kStderr) return err_window_ ? &*err_window_ : nullptr;
  return nullptr;
}

OutputWindow* TaskIo::message_window() {
  OutputWindow* const own = has_terminal() ? window(wire::kStdout) : window(wire::kStderr);
  return own != nullptr && !own->ended() ? own : nullptr;
}

void TaskIo::on_output(base::UniqueFd& fd, OutputWindow& window) {
  std::array<char, wire::kOutputChunk> buffer;
  const std::size_t room = std::min(window.room(), buffer.size());
  if (room == 0) return poller_.change(fd.get(), 0);
  const ssize_t count = ::read(fd.get(), buffer.data(), room);
  if (count > 0) {
    window.append(std::string_view(buffer.data(), static_cast<std::size_t>(count)));
    if (window.room() == 0) poller_.change(fd.get(), 0);
    return handlers_.output();
  }
  if (count < 0 && would_block(errno)) return;
  poller_.forget(fd.get());
  fd.reset();
  end_windows();
  handlers_.output();
}

void TaskIo::on_terminal(short events) {
  if ((events & POLLOUT) != 0) {
    input_waits_ = false;
    handlers_.input();
  }
  std::array<char, wire::kOutputChunk> buffer;
  const std::size_t room = std::min(out_window_->room(), buffer.size());
  const bool readable = (events & ~POLLOUT) != 0 && room > 0;
  if (readable) {
    const ssize_t count = ::read(master_.get(), buffer.data(), room);
    if (count > 0) {
      out_window_->append(std::string_view(buffer.data(), static_cast<std::size_t>(count)));
    } else if (count == 0 || !would_block(errno)) {  // EIO: no slave is open any more
      poller_.forget(master_.get());
      pty_open_ = false;
      end_windows();
    }
    handlers_.output();
  }
  update_terminal();
}

void TaskIo::update_terminal() {
  if (!pty_open_) return;
  int events = 0;
  if (out_window_->room() > 0) events |= POLLIN;
  if (input_waits_) events |= POLLOUT;
  poller_.change(master_.get(), static_cast<short>(events));
}

void TaskIo::resume() {
  if (out_.is_open() && out_window_->room() > 0) poller_.change(out_.get(), POLLIN);
  if (err_.is_open() && err_window_->room() > 0) poller_.change(err_.get(), POLLIN);
  update_terminal();
}

void TaskIo::end_windows() {
  if (!released_) return;
  if (out_window_ && !out_.is_open() && !pty_open_) out_window_->end();
  if (err_window_ && !err_.is_open()) err_window_->end();
}

void TaskIo::release() {
  released_ = true;
  end_windows();
}

void TaskIo::cut() {
  for (base::UniqueFd* fd : {&in_, &out_, &err_}) {
    if (!fd->is_open()) continue;
    poller_.forget(fd->get());
    fd->reset();
  }
  if (pty_open_) poller_.forget(master_.get());
  pty_open_ = false;
  end_windows();
}

std::size_t TaskIo::give(std::string_view bytes) {
  std::size_t taken = 0;
  base::UniqueFd& fd = master_.is_open() ? master_ : in_;
  while (taken < bytes.size() && takes_input()) {
    const ssize_t count = ::write(fd.get(), bytes.data() + taken, bytes.size() - taken);
    if (count >= 0) {
      taken += static_cast<std::size_t>(count);
      continue;
    }
    if (errno == EINTR) continue;
    if (would_block(errno)) {
      input_waits_ = true;
      if (pty_open_) {
        update_terminal();
      } else {
        poller_.change(fd.get(), POLLOUT);
      }
      return taken;
    }
    end_input();  // the task reads no more
  }
  return taken;
}

void TaskIo::end_input() {
  if (input_ended_) return;
  input_ended_ = true;
  if (in_.is_open()) {
    poller_.forget(in_.get());
    in_.reset();
    return;
  }
  termios mode{};
  if (!pty_open_ || ::tcgetattr(master_.get(), &mode) != 0 || (mode.c_lflag & ICANON) == 0) return;
  const char end = static_cast<char>(mode.c_cc[VEOF]);
  static_cast<void>(::write(master_.get(), &end, 1));
}

void TaskIo::resize(std::uint16_t rows, std::uint16_t columns) {
  if (!master_.is_open()) return;
  winsize size{};
  size.ws_row = rows;
  size.ws_col = columns;
  ::ioctl(master_.get(), TIOCSWINSZ, &size);
}

}  // namespace sluice::stepd
