// See terminal.hpp.
#include "cli/srun/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

namespace sluice::cli {

void RawTerminal::enter() {
  termios now{};
  if (::tcgetattr(STDIN_FILENO, &now) != 0) return;
  saved_ = now;
  ::cfmakeraw(&now);
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &now);
}

void RawTerminal::restore() {
  if (saved_) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &*saved_);
  saved_.reset();
}

std::optional<std::pair<std::uint16_t, std::uint16_t>> window_size() {
  winsize size{};
  if (::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) != 0) return std::nullopt;
  return std::pair(size.ws_row, size.ws_col);
}

}  // namespace sluice::cli
