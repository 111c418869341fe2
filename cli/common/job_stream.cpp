// See job_stream.hpp.
#include "cli/common/job_stream.hpp"

#include <memory>
#include <utility>

namespace sluice::cli {

namespace {

// Sends the request and gives each piece to `take`, which says whether it was the last.
template <class Reply, class Request, class Take>
Status each_piece(Client& client, const Request& request, Take take) {
  Result<Session> session = client.session();
  if (!session) return tl::unexpected(as_seen_by_user(session.error()));
  if (Status sent = session->send(request); !sent) {
    return tl::unexpected(as_seen_by_user(sent.error()));
  }
  while (true) {
    Result<Reply> piece = session->receive_as<Reply>(kAnswerMs);
    if (!piece) return tl::unexpected(as_seen_by_user(piece.error()));
    Result<bool> last = take(*piece);
    if (!last) return tl::unexpected(last.error());
    if (*last) return {};
  }
}

// Indices of specs and requests count on over all pieces.
class JobAssembler {
 public:
  template <class Reply>
  Result<bool> take(Reply& piece) {
    for (model::JobSpec& spec : piece.specs) {
      specs_.push_back(std::make_shared<const model::JobSpec>(std::move(spec)));
    }
    for (model::Request& request : piece.requests) {
      requests_.push_back(std::make_shared<const model::Request>(std::move(request)));
    }
    answer_.jobs.reserve(answer_.jobs.size() + piece.jobs.size());
    for (wire::JobRow& row : piece.jobs) {
      if (row.spec >= specs_.size() || row.request >= requests_.size()) {
        return fail(ErrorCode::protocol, "an answer names what it has not brought");
      }
      row.job.spec = specs_[row.spec];
      row.job.request = requests_[row.request];
      answer_.jobs.push_back(std::make_shared<const model::Job>(std::move(row.job)));
    }
    for (model::Step& step : piece.steps) {
      answer_.steps.push_back(std::make_shared<const model::Step>(std::move(step)));
    }
    return piece.last;
  }
  [[nodiscard]] JobAnswer finish() { return std::move(answer_); }

 private:
  std::vector<model::JobSpecPtr> specs_;
  std::vector<model::RequestPtr> requests_;
  JobAnswer answer_;
};

}  // namespace

Result<JobAnswer> fetch_jobs(Client& client, const wire::QueryJobs& query) {
  JobAssembler assembler;
  const Status done = each_piece<wire::JobsReply>(
      client, query, [&](wire::JobsReply& piece) { return assembler.take(piece); });
  if (!done) return tl::unexpected(done.error());
  return assembler.finish();
}

Result<JobAnswer> fetch_history(Client& client, const wire::QueryHistory& query) {
  JobAssembler assembler;
  const Status done = each_piece<wire::HistoryReply>(
      client, query, [&](wire::HistoryReply& piece) { return assembler.take(piece); });
  if (!done) return tl::unexpected(done.error());
  return assembler.finish();
}

Result<std::vector<model::NodePtr>> fetch_nodes(Client& client, const wire::QueryNodes& query) {
  std::vector<model::NodePtr> nodes;
  const Status done =
      each_piece<wire::NodesReply>(client, query, [&](wire::NodesReply& piece) -> Result<bool> {
        for (model::Node& node : piece.nodes) {
          nodes.push_back(std::make_shared<const model::Node>(std::move(node)));
        }
        return piece.last;
      });
  if (!done) return tl::unexpected(done.error());
  return nodes;
}

Result<std::vector<model::PartitionPtr>> fetch_partitions(Client& client,
                                                          const wire::QueryPartitions& query) {
  std::vector<model::PartitionPtr> partitions;
  const Status done = each_piece<wire::PartitionsReply>(
      client, query, [&](wire::PartitionsReply& piece) -> Result<bool> {
        for (model::Partition& partition : piece.partitions) {
          partitions.push_back(std::make_shared<const model::Partition>(std::move(partition)));
        }
        return true;
      });
  if (!done) return tl::unexpected(done.error());
  return partitions;
}

}  // namespace sluice::cli
