// See submission_log.hpp. Requests of equal content become one object, which is how the scheduler
// knows them as equal.
#include "cli/sluice/submission_log.hpp"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include <fmt/core.h>

#include "base/strings.hpp"
#include "opt/job_options.hpp"
#include "wire/codec.hpp"

namespace sluice::cli {

namespace {

constexpr std::uint32_t kFirstUid = 1000;
constexpr double kMostSeconds = 1e9;
constexpr std::string_view kForm =
    "-dt SECONDS -e submit_batch_job | -sim-walltime SECONDS [sbatch's options] SCRIPT";

Error malformed(std::string text) { return {ErrorCode::invalid_argument, std::move(text)}; }

// Seconds with a fraction, as milliseconds.
Result<std::int64_t> milliseconds(const std::string& word, std::string_view option) {
  char* end = nullptr;
  const double seconds = std::strtod(word.c_str(), &end);
  const bool good =
      !word.empty() && *end == '\0' && std::isfinite(seconds) && std::abs(seconds) <= kMostSeconds;
  if (!good) return tl::unexpected(malformed(fmt::format("{} {}: no number", option, word)));
  return static_cast<std::int64_t>(std::llround(seconds * 1000));
}

struct Line {
  std::int64_t at_ms = 0;
  std::int64_t run_ms = -1;
  std::string user;
  std::vector<std::string> arguments;  // of sbatch
};

// The word after an option, or after its '='.
std::optional<std::string> value_of(const std::vector<std::string>& words, std::size_t& place,
                                    std::string_view option) {
  const std::string& word = words[place];
  if (word == option && place + 1 < words.size()) return words[++place];
  const std::string prefix = std::string(option) + "=";
  if (word.starts_with(prefix)) return word.substr(prefix.size());
  return {};
}

Result<Line> cut_line(std::string_view text) {
  const Result<std::vector<std::string>> words = base::split_words(text);
  if (!words) return tl::unexpected(words.error());
  Line line;
  bool timed = false;
  bool runs = false;
  std::size_t place = 0;
  for (; place < words->size() && (*words)[place] != "|"; ++place) {
    if (const auto when = value_of(*words, place, "-dt")) {
      const Result<std::int64_t> read = milliseconds(*when, "-dt");
      if (!read) return tl::unexpected(read.error());
      if (*read < 0) return tl::unexpected(malformed("-dt " + *when + ": before the beginning"));
      line.at_ms = *read;
      timed = true;
    } else if (const auto event = value_of(*words, place, "-e")) {
      if (*event == "submit_batch_job") continue;
      return tl::unexpected(malformed(*event + ": only submit_batch_job is replayed"));
    } else {
      return tl::unexpected(malformed(fmt::format("{}: a line is {}", (*words)[place], kForm)));
    }
  }
  for (++place; place < words->size(); ++place) {
    if (const auto run = value_of(*words, place, "-sim-walltime")) {
      const Result<std::int64_t> read = milliseconds(*run, "-sim-walltime");
      if (!read) return tl::unexpected(read.error());
      line.run_ms = *read;
      runs = true;
    } else if (const auto user = value_of(*words, place, "--uid")) {
      line.user = *user;
    } else {
      line.arguments.push_back((*words)[place]);
    }
  }
  if (!timed || !runs) return tl::unexpected(malformed(fmt::format("a line is {}", kForm)));
  if (line.user.empty()) return tl::unexpected(malformed("--uid=USER is missing"));
  return line;
}

// sbatch's complaint, on one line.
Error complaint_of(const opt::Stop& stop) {
  std::string_view first = base::trim(stop.err.empty() ? stop.out : stop.err);
  first = first.substr(0, first.find('\n'));
  return malformed(std::string(first.empty() ? "no submission" : first));
}

class Reader {
 public:
  Result<replay::Submission> read(std::string_view text) {
    Result<Line> line = cut_line(text);
    if (!line) return tl::unexpected(line.error());
    opt::Invocation invocation;
    invocation.arguments = std::move(line->arguments);
    invocation.now = replay::kLogBegin / model::kSecond + line->at_ms / 1000;
    invocation.uid = kFirstUid;
    invocation.read_file = [](const std::string&) { return std::string("#!/bin/sh\n"); };
    opt::Parsed<opt::SbatchOptions> options = opt::parse_sbatch(invocation);
    if (!options) return tl::unexpected(complaint_of(options.error()));
    if (!options->more.empty()) {
      return tl::unexpected(malformed("heterogeneous jobs can't be replayed"));
    }
    replay::Submission made;
    made.id = ++count_;
    made.at_ms = line->at_ms;
    made.run_ms = line->run_ms;
    model::JobSpec spec = std::move(options->job.spec);
    spec.user = line->user;
    spec.uid = uid_of(line->user);
    spec.gid = spec.uid;
    spec.submit_line = "";
    made.spec = std::make_shared<const model::JobSpec>(std::move(spec));
    made.request = intern(std::move(options->job.request));
    return made;
  }

 private:
  std::uint32_t uid_of(const std::string& user) {
    const auto next = static_cast<std::uint32_t>(kFirstUid + users_.size());
    return users_.try_emplace(user, next).first->second;
  }

  model::RequestPtr intern(model::Request request) {
    model::RequestPtr& known = requests_[wire::encode(request)];
    if (known == nullptr) known = std::make_shared<const model::Request>(std::move(request));
    return known;
  }

  std::int64_t count_ = 0;
  std::map<std::string, std::uint32_t> users_;
  std::unordered_map<std::string, model::RequestPtr> requests_;
};

}  // namespace

Result<std::vector<replay::Submission>> read_submission_log(std::string_view text,
                                                            const std::string& name) {
  Reader reader;
  std::vector<replay::Submission> log;
  std::size_t number = 0;
  for (const std::string_view line : base::split(text, '\n')) {
    ++number;
    const std::string_view trimmed = base::trim(line);
    if (trimmed.empty() || trimmed.starts_with('#')) continue;
    Result<replay::Submission> submission = reader.read(trimmed);
    if (!submission) return context(fmt::format("{}:{}", name, number), submission.error());
    log.push_back(std::move(*submission));
  }
  return log;
}

}  // namespace sluice::cli
