// See filter.hpp.
#include "event/filter.hpp"

#include <string>

#include "base/strings.hpp"
#include "event/text.hpp"

namespace sluice::event {

namespace {

// Of what an event is about, in one form for jobs and entries.
struct Subject {
  JobId job;
  JobId array_job;
  JobId het_job;
  std::string_view user;
  std::string_view account;
  std::string_view partition;
};

Subject subject_of(const Event& event) {
  if (event.job) {
    const JobChange& job = *event.job;
    return {job.job,         job.array_job,      job.het_job,
            job.user.view(), job.account.view(), job.partition.view()};
  }
  if (event.entry) {
    const ledger::JobRef& job = event.entry->job;
    return {job.job,         job.array_job,      job.het_job,
            job.user.view(), job.account.view(), job.partition.view()};
  }
  return {};
}

bool is_wanted(const Text& wanted, std::string_view found) {
  return wanted.empty() || wanted.view() == found;
}

}  // namespace

bool passes(const Event& event, const EventFilter& filter) {
  if ((filter.kinds >> static_cast<unsigned>(event.kind) & 1U) == 0) return false;
  const Subject subject = subject_of(event);
  if (filter.job.is_set() && subject.job != filter.job && subject.array_job != filter.job &&
      subject.het_job != filter.job) {
    return false;
  }
  return is_wanted(filter.user, subject.user) && is_wanted(filter.account, subject.account) &&
         is_wanted(filter.partition, subject.partition);
}

Result<std::uint32_t> parse_kinds(std::string_view text) {
  std::uint32_t kinds = 0;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view word = base::trim(text.substr(0, comma));
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    std::uint32_t found = 0;
    for (std::uint32_t kind = 1; kind < kKinds; ++kind) {
      if (word == kind_name(static_cast<Kind>(kind))) found = 1U << kind;
    }
    if (found == 0) {
      return fail(ErrorCode::invalid_argument,
                  std::string(word) + ": expected job, node, ledger, or several of them");
    }
    kinds |= found;
  }
  return kinds == 0 ? kAllKinds : kinds;
}

}  // namespace sluice::event
