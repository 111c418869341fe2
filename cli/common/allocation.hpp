// An allocation that a command owns: salloc's, and srun's outside of a job. Asks for it, waits for
// it, and keeps an open conversation with the controller as the sign that the owner lives: when
// that goes away for good, the controller ends the allocation.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "base/result.hpp"
#include "cli/common/client.hpp"
#include "model/job.hpp"

namespace sluice::cli {

class Allocation {
 public:
  // Submits. The job may still be pending.
  [[nodiscard]] static Result<Allocation> request(const Sockets& sockets,
                                                  const wire::Submit& request);
  // The job waited for is the first component; what is done to it is done to all.
  [[nodiscard]] static Result<Allocation> request(const Sockets& sockets,
                                                  const wire::SubmitHeterogeneous& request);

  [[nodiscard]] JobId job() const { return job_; }
  [[nodiscard]] std::string_view cluster() const { return cluster_; }
  // Waits until the resources are granted and the nodes ready, or the job has ended. `interrupted`
  // is asked every 100 ms; true ends the waiting with ErrorCode::interrupted. `timeout_ms` < 0: for
  // ever; ErrorCode::busy when it is over.
  [[nodiscard]] Result<model::Job> wait_ready(std::int64_t timeout_ms,
                                              const std::function<bool()>& interrupted);

  // While running: poll fd() with others; call attend() when it is readable and about once a
  // second. Tells when the job has ended (cancelled, time limit).
  [[nodiscard]] int fd() { return session_ ? session_->link().fd() : -1; }
  [[nodiscard]] bool attend();

  // Called with what an operator or the owner has to say (scontrol notify).
  void on_notice(std::function<void(const Text&)> tell) { on_notice_ = std::move(tell); }

  // Leaves the allocation to itself (salloc --no-shell).
  [[nodiscard]] Status disown();
  // Gives the allocation back; `status` as wait() has it is the job's exit code.
  [[nodiscard]] Status complete(std::uint32_t status);
  // Takes it back before it started.
  [[nodiscard]] Status cancel();

 private:
  Allocation(Sockets sockets, const wire::SubmitReply& reply)
      : sockets_(std::move(sockets)), job_(reply.job), cluster_(reply.cluster.str()) {}
  Status own(bool started);
  bool take_notice(const net::Frame& frame);

  Sockets sockets_;
  JobId job_;
  std::string cluster_;
  std::optional<Session> session_;
  bool ended_ = false;
  std::function<void(const Text&)> on_notice_;
};

}  // namespace sluice::cli
