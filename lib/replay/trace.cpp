// Reading lines of the Standard Workload Format, and making a trace ready to be replayed.
#include "replay/trace.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/core.h>

namespace sluice::replay {

namespace {

constexpr std::size_t kColumns = 18;
constexpr std::int64_t kMost = std::int64_t{1} << 40;  // of any number; sums stay in range

// Columns, counted from 0.
constexpr std::size_t kId = 0;
constexpr std::size_t kSubmit = 1;
constexpr std::size_t kRun = 3;
constexpr std::size_t kAllocated = 4;
constexpr std::size_t kRequested = 7;
constexpr std::size_t kTime = 8;
constexpr std::size_t kUser = 11;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

// A few digits with a sign, which nearly all numbers are; false: it is to be read by the book.
bool take_plain(const char*& at, const char* end, std::int64_t& number) {
  constexpr int kMostDigits = 15;
  const bool negative = at != end && *at == '-';
  const char* const first = negative ? at + 1 : at;
  const char* next = first;
  std::int64_t sum = 0;
  while (next != end && *next >= '0' && *next <= '9' && next - first < kMostDigits) {
    sum = sum * 10 + (*next++ - '0');
  }
  if (next == first || (next != end && !is_blank(*next))) return false;
  number = negative ? -sum : sum;
  if (number > kMost || number < -kMost) return false;
  at = next;
  return true;
}

// The number before `end`, a fraction cut off; moves `at` behind it. False if there is none.
bool take_number(const char*& at, const char* end, std::int64_t& number) {
  if (take_plain(at, end, number)) return true;
  const auto [after, error] = std::from_chars(at, end, number);
  if (error != std::errc() || number > kMost || number < -kMost) return false;
  at = after;
  if (at != end && *at == '.') {
    ++at;
    while (at != end && *at >= '0' && *at <= '9') ++at;
  }
  return at == end || is_blank(*at);
}

Result<TraceJob> read_line(std::string_view line) {
  std::array<std::int64_t, kColumns> columns{};
  const char* at = line.data();
  const char* end = at + line.size();
  for (std::size_t column = 0;; ++column) {
    while (at != end && is_blank(*at)) ++at;
    if (at == end && column == kColumns) break;
    if (at == end || column == kColumns) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("a line has {} columns, this one has {}", kColumns,
                              at == end ? std::to_string(column) : "more"));
    }
    if (!take_number(at, end, columns[column])) {
      return fail(ErrorCode::invalid_argument, fmt::format("column {} is no number", column + 1));
    }
  }
  TraceJob job{.id = columns[kId], .submit_s = columns[kSubmit], .run_s = columns[kRun]};
  job.processors = columns[kRequested] > 0 ? columns[kRequested] : columns[kAllocated];
  job.estimate_s = columns[kTime] > 0 ? columns[kTime] : job.run_s;
  job.user = columns[kUser];
  return job;
}

// "; MaxProcs: 100"; 0: it is another comment.
std::int64_t header_number(std::string_view line, std::string_view key) {
  const std::size_t place = line.find(key);
  if (place == std::string_view::npos) return 0;
  std::string_view rest = line.substr(place + key.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
  std::int64_t number = 0;
  std::from_chars(rest.data(), rest.data() + rest.size(), number);
  return std::clamp<std::int64_t>(number, 0, kMost);
}

// A number that depends on the seed and the job alone (splitmix64).
std::uint64_t mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15ULL;
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31U);
}

}  // namespace

Result<Trace> read_swf(std::string_view text, std::string_view name) {
  Trace trace;
  std::int64_t nodes = 0;
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t first = line.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) continue;
    if (line[first] == ';') {
      if (trace.processors == 0) trace.processors = header_number(line, "MaxProcs:");
      if (nodes == 0) nodes = header_number(line, "MaxNodes:");
      continue;
    }
    Result<TraceJob> job = read_line(line);
    if (!job) return context(fmt::format("{}:{}", name, number), job.error());
    trace.jobs.push_back(*job);
  }
  if (trace.processors == 0) trace.processors = nodes;
  return trace;
}

std::int64_t shaking(const PrepareOptions& options, std::size_t n) {
  if (options.shake_s == 0) return 0;
  const auto width = static_cast<std::uint64_t>(2 * options.shake_s + 1);
  return static_cast<std::int64_t>(mix(mix(options.seed) + n) % width) - options.shake_s;
}

Prepared prepare(const Trace& trace, const PrepareOptions& options) {
  Prepared made;
  made.jobs.reserve(trace.jobs.size());
  for (std::size_t n = 0; n < trace.jobs.size(); ++n) {
    TraceJob job = trace.jobs[n];
    if (job.run_s <= 0 || job.submit_s < 0 || job.processors <= 0 ||
        job.processors > options.processors) {
      ++made.dropped;
      continue;
    }
    job.run_s = std::min(job.run_s, job.estimate_s);
    if (options.shake_s != 0) {
      job.submit_s = std::max<std::int64_t>(0, job.submit_s + shaking(options, n));
    }
    made.jobs.push_back(job);
  }
  std::stable_sort(made.jobs.begin(), made.jobs.end(),
                   [](const TraceJob& a, const TraceJob& b) { return a.submit_s < b.submit_s; });
  return made;
}

}  // namespace sluice::replay
