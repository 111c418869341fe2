// Writes the fields of wire::JobsReply by hand: specs 1, requests 2, jobs 3, steps 4, last 5. Going
// through the struct would copy every record; this is the path of each squeue.
#include "daemon/controller/job_rows.hpp"

#include "wire/client_messages.hpp"

namespace sluice::controller {

namespace {

constexpr int kSpecs = 1;
constexpr int kRequests = 2;
constexpr int kJobs = 3;
constexpr int kSteps = 4;
constexpr int kLast = 5;
constexpr int kSpecIndex = 101;
constexpr int kRequestIndex = 102;

}  // namespace

void JobRows::add(const model::Job& job) {
  const auto index_of = [&](auto& known, const auto& shared, int number) {
    const auto next = static_cast<std::uint32_t>(known.size());
    const auto [entry, fresh] = known.try_emplace(shared.get(), next);
    if (fresh) {
      kept_.push_back(shared);
      wire::detail::write_message(writer_, number, *shared);
    }
    return entry->second;
  };
  const std::uint32_t spec = index_of(specs_, job.spec, kSpecs);
  const std::uint32_t request = index_of(requests_, job.request, kRequests);
  static const model::Job defaults{};
  const std::size_t mark = writer_.begin_message(kJobs);
  wire::detail::EncodeVisitor<model::Job> visitor(writer_, job, defaults);
  model::Job::own_fields(job, visitor);
  if (spec != 0) writer_.varint(kSpecIndex, spec);
  if (request != 0) writer_.varint(kRequestIndex, request);
  writer_.end_message(mark);
}

void JobRows::add(const model::Step& step) { wire::detail::write_message(writer_, kSteps, step); }

std::string JobRows::take(bool last) {
  if (last) writer_.varint(kLast, 1);
  return writer_.take();
}

}  // namespace sluice::controller
