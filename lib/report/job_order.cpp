// See job_order.hpp.
#include "report/job_order.hpp"

#include <limits>
#include <utility>

#include "report/job_text.hpp"
#include "report/keyed_sort.hpp"

namespace sluice::report {

namespace {

using model::Job;

constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();

// Slurm's numbers: the base state, below flags that hide it.
std::int64_t state_order(const Job& job) {
  constexpr std::uint32_t kShown = model::kFlagCompleting | model::kFlagConfiguring |
                                   model::kFlagResizing | model::kFlagRequeued |
                                   model::kFlagStopped | model::kFlagSignaling;
  return static_cast<std::int64_t>(job.state) | std::int64_t{job.flags & kShown} << 8;
}

std::int64_t id_order(const Job& job) {
  const std::int64_t id = job.array_job.is_set() ? job.array_job.value : job.id.value;
  return id << 32 | job.array_task;
}

std::int64_t start_order(const Job& job, const JobContext& context) {
  if (job.start != 0) return job.start;
  if (job.planned_start != 0) return job.planned_start;
  return job.eligible > context.now * model::kSecond ? job.eligible : kLast;
}

std::int64_t limit_of(const Job& job) { return job.time_limit; }

// The letter's key if it is a number.
std::optional<std::int64_t> number_key(char letter, const Job& job, const JobContext& context) {
  switch (letter) {
    case 't':
    case 'T': return state_order(job);
    case 'p':
    case 'Q': return job.priority;
    case 'i': return id_order(job);
    case 'A': return job.id.value;
    case 'F': return id_order(job) >> 32;
    case 'K': return job.array_task;
    case 'C': return cpu_count(job);
    case 'D': return node_count(job);
    case 'S': return start_order(job, context);
    case 'V': return job.submit;
    case 'e': return end_seconds(job) == 0 ? kLast : end_seconds(job);
    case 'M': return run_seconds(job, context.now);
    case 'L': return limit_of(job) * 60 - run_seconds(job, context.now);
    case 'l': return limit_of(job);
    case 'U': return job.spec->uid;
    case 'G': return job.spec->gid;
    case 'y': return job.spec->nice;
    case 'd': return static_cast<std::int64_t>(job.request->tmp_disk);
    case 'm':
      return static_cast<std::int64_t>(job.request->memory_per_cpu != 0
                                           ? job.request->memory_per_cpu
                                           : job.request->memory_per_node);
    case 'c': return job.request->min_cpus_per_node;
    default: return std::nullopt;
  }
}

std::optional<std::int64_t> number_key(char letter, const StepRecord& record, const JobContext&) {
  switch (letter) {
    // The batch step and its kin have the greatest numbers: they stand behind the numbered ones.
    case 'i': return std::int64_t{record.step->job.value} << 32 | record.step->number;
    case 'A': return record.step->tasks;
    case 'S': return record.step->start;
    case 'M': return -record.step->start;
    case 'l': return record.step->time_limit;
    case 'U': return record.step->uid;
    default: return std::nullopt;
  }
}

template <class Record, class Pointer>
KeyColumn keys_of(std::span<const Field<Record, JobContext>> fields,
                  const std::vector<Pointer>& records, SortLetter letter,
                  const JobContext& context) {
  const auto record_of = [](const Pointer& pointer) -> const Record& {
    if constexpr (std::is_same_v<Record, Pointer>) {
      return pointer;
    } else {
      return *pointer;
    }
  };
  KeyColumn column;
  column.down = letter.down;
  const long field = letters_of(fields)(letter.letter);
  for (const Pointer& pointer : records) {
    if (const auto number = number_key(letter.letter, record_of(pointer), context)) {
      column.numbers.push_back(*number);
    } else if (field >= 0) {
      std::string& text = column.texts.emplace_back();
      fields[static_cast<std::size_t>(field)].text(record_of(pointer), context, text);
    }
  }
  return column;
}

template <class Record, class Pointer>
void sort_records(std::span<const Field<Record, JobContext>> fields, std::vector<Pointer>& records,
                  std::span<const SortLetter> order, const JobContext& context) {
  if (records.empty()) return;
  std::vector<KeyColumn> columns;
  for (const SortLetter& letter : order) {
    columns.push_back(keys_of(fields, records, letter, context));
  }
  sort_by_keys(records, columns);
}

}  // namespace

Result<std::vector<SortLetter>> parse_sort(std::string_view text, std::string_view known) {
  std::vector<SortLetter> letters;
  SortLetter next;
  for (const char c : text) {
    if (c == ',') continue;
    if (c == '+' || c == '-') {
      next.down = c == '-';
      continue;
    }
    if (c == '#' && known.find(c) != std::string_view::npos) {
      next.configured = true;
      continue;
    }
    if (known.find(c) == std::string_view::npos) {
      return fail(ErrorCode::invalid_argument, std::string(1, c));
    }
    next.letter = c;
    letters.push_back(std::exchange(next, {}));
  }
  return letters;
}

std::string_view job_sort_letters() { return "abcdefghijklmnpqrtuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"; }
void sort_jobs(std::vector<model::JobPtr>& jobs, std::span<const SortLetter> order,
               const JobContext& context) {
  sort_records<Job>(job_fields(), jobs, order, context);
}

std::string_view step_sort_letters() { return "bijluAMNPSU"; }
void sort_steps(std::vector<StepRecord>& steps, std::span<const SortLetter> order,
                const JobContext& context) {
  sort_records<StepRecord>(step_fields(), steps, order, context);
}

}  // namespace sluice::report
