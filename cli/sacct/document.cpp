// See document.hpp.
#include "cli/sacct/document.hpp"

#include <unistd.h>

#include "base/user.hpp"
#include "report/json_envelope.hpp"
#include "report/json_history.hpp"

namespace sluice::cli {

std::string history_document(std::span<const report::HistoryRow> rows,
                             const report::HistoryContext& context, opt::Dump dump,
                             std::span<const std::string> command) {
  report::JsonWriter writer(dump == opt::Dump::yaml ? report::DocumentStyle::yaml
                                                    : report::DocumentStyle::json);
  report::begin_document(writer);
  writer.key("jobs");
  writer.open_array();
  std::size_t at = 0;
  while (at < rows.size()) {
    // A job's steps follow its row. Where only steps were asked for, they stand for the job.
    const std::size_t first = rows[at].step == nullptr ? at + 1 : at;
    std::size_t end = first;
    while (end < rows.size() && rows[end].step != nullptr && rows[end].job == rows[at].job) ++end;
    report::HistoryRow job = rows[at];
    job.step = nullptr;
    report::write_history_job(writer, job, rows.subspan(first, end - first), context);
    at = end;
  }
  writer.close();
  report::DocumentOrigin origin;
  origin.cluster = context.cluster;
  origin.command = {"sacct"};
  origin.command.insert(origin.command.end(), command.begin(), command.end());
  origin.user = base::user_label(::geteuid());
  origin.group = base::group_label(::getegid());
  report::end_document(writer, origin);
  return writer.take();
}

}  // namespace sluice::cli
