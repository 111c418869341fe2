// The picture of a replay: over time, how many processors were busy, and how many those that waited
// wanted. Each column of pixels shows its mean.
#include <algorithm>
#include <limits>

#include <fmt/core.h>

#include "replay/metrics.hpp"

namespace sluice::replay {

namespace {

constexpr int kWidth = 1000;
constexpr int kHeight = 240;
constexpr int kLeft = 70;
constexpr int kTop = 30;

// Processor-seconds by column of time.
class Columns {
 public:
  Columns(std::int64_t first, std::int64_t last)
      : first_(first),
        each_(std::max(1.0, static_cast<double>(last - first) / kWidth)),
        sums_(kWidth, 0) {}

  void add(std::int64_t from, std::int64_t until, std::int64_t processors) {
    const double begin = static_cast<double>(from - first_) / each_;
    const double end = static_cast<double>(until - first_) / each_;
    for (auto c = static_cast<std::size_t>(begin); c < sums_.size(); ++c) {
      const auto left = static_cast<double>(c);
      if (left >= end) break;
      const double part = std::min(end, left + 1) - std::max(begin, left);
      sums_[c] += part * static_cast<double>(processors);
    }
  }
  [[nodiscard]] const std::vector<double>& means() const { return sums_; }

 private:
  std::int64_t first_;
  double each_;
  std::vector<double> sums_;
};

struct Panel {
  int top = 0;
  double full = 1;
  const char* color = "";
  std::string title;
};

std::string draw(const Columns& columns, const Panel& panel) {
  std::string text = fmt::format(
      "<text x=\"{}\" y=\"{}\">{}</text>\n<text x=\"5\" y=\"{}\">{:.0f}</text>\n"
      "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"#999\"/>\n"
      "<path fill=\"{}\" d=\"M{} {}",
      kLeft, panel.top - 8, panel.title, panel.top + 10, panel.full, kLeft, panel.top, kWidth,
      kHeight, panel.color, kLeft, panel.top + kHeight);
  for (std::size_t c = 0; c < columns.means().size(); ++c) {
    const double high = std::min(1.0, columns.means()[c] / panel.full);
    text += fmt::format(" L{} {:.1f}", kLeft + static_cast<int>(c),
                        panel.top + kHeight - high * kHeight);
  }
  return text + fmt::format(" L{} {} Z\"/>\n", kLeft + kWidth - 1, panel.top + kHeight);
}

}  // namespace

std::string load_svg(const std::vector<TraceJob>& jobs, const Played& played,
                     std::int64_t processors) {
  std::int64_t first = std::numeric_limits<std::int64_t>::max();
  std::int64_t last = 0;
  for (std::size_t n = 0; n < jobs.size(); ++n) {
    if (played.starts[n] < 0) continue;
    first = std::min(first, jobs[n].submit_s);
    last = std::max(last, played.starts[n] + jobs[n].run_s);
  }
  first = std::min(first, last);
  Columns busy(first, last);
  Columns wanted(first, last);
  for (std::size_t n = 0; n < jobs.size(); ++n) {
    const std::int64_t start = played.starts[n];
    if (start < 0) continue;
    busy.add(start, start + jobs[n].run_s, jobs[n].processors);
    wanted.add(jobs[n].submit_s, start, jobs[n].processors);
  }
  const double most = *std::max_element(wanted.means().begin(), wanted.means().end());
  std::string text = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" "
      "font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" "
      "fill=\"white\"/>\n",
      kLeft + kWidth + 20, 2 * (kHeight + kTop) + 50);
  text += draw(busy, {.top = kTop,
                      .full = static_cast<double>(processors),
                      .color = "#3a7",
                      .title = "processors that run jobs"});
  text += draw(wanted, {.top = 2 * kTop + kHeight + 10,
                        .full = std::max(1.0, most),
                        .color = "#c73",
                        .title = "processors that waiting jobs want"});
  text += fmt::format("<text x=\"{}\" y=\"{}\">{:.1f} days</text>\n</svg>\n", kLeft,
                      2 * (kHeight + kTop) + 40, static_cast<double>(last - first) / 86'400);
  return text;
}

}  // namespace sluice::replay
