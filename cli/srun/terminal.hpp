// srun's terminal with --pty: raw while the step runs, as it was afterwards.
#pragma once

#include <termios.h>

#include <cstdint>
#include <optional>
#include <utility>

namespace sluice::cli {

class RawTerminal {
 public:
  RawTerminal() = default;
  ~RawTerminal() { restore(); }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

  // Does nothing if standard input is no terminal.
  void enter();
  void restore();

 private:
  std::optional<termios> saved_;
};

// Rows and columns of the terminal; nothing if there is none.
[[nodiscard]] std::optional<std::pair<std::uint16_t, std::uint16_t>> window_size();

}  // namespace sluice::cli
