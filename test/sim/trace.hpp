// Trace: what happened, as a running digest (always) and as lines (only when somebody wants to read
// them: a seed that failed is run again with lines on). Two runs of a seed must have one digest.
#pragma once

#include <cstdint>
#include <cstdio>
#include <deque>
#include <string>
#include <string_view>
#include <type_traits>

#include <fmt/core.h>

#include "test/sim/timeline.hpp"

namespace sluice::sim {

enum class Lines : std::uint8_t { none, last, all };

class Trace {
 public:
  static constexpr std::size_t kKept = 120;

  Trace(const Timeline& timeline, Lines lines) : timeline_(timeline), lines_(lines) {}

  template <class... Args>
  void note(fmt::format_string<Args...> format, Args&&... args) {
    mix(static_cast<std::uint64_t>(timeline_.now()));
    (mix_one(args), ...);
    if (lines_ == Lines::none) return;
    add(fmt::format(format, std::forward<Args>(args)...));
  }
  [[nodiscard]] bool wanted() const { return lines_ != Lines::none; }
  [[nodiscard]] std::uint64_t digest() const { return digest_; }
  [[nodiscard]] const std::deque<std::string>& lines() const { return kept_; }

 private:
  void mix(std::uint64_t value) {
    digest_ = (digest_ ^ value) * 0x100000001b3ULL;
    digest_ ^= digest_ >> 29U;
  }
  template <class T>
  void mix_one(const T& value) {
    if constexpr (std::is_enum_v<T> || std::is_integral_v<T>) {
      mix(static_cast<std::uint64_t>(value));
    } else {
      for (const char c : std::string_view(value)) mix(static_cast<unsigned char>(c));
    }
  }
  void add(std::string text) {
    std::string line =
        fmt::format("{:>12.6f} {}", static_cast<double>(timeline_.now()) / 1e6, text);
    if (lines_ == Lines::all) {
      std::fprintf(stderr, "%s\n", line.c_str());
      return;
    }
    kept_.push_back(std::move(line));
    if (kept_.size() > kKept) kept_.pop_front();
  }

  const Timeline& timeline_;
  Lines lines_;
  std::uint64_t digest_ = 0xcbf29ce484222325ULL;
  std::deque<std::string> kept_;
};

}  // namespace sluice::sim
