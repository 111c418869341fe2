// The health of this host's accelerators: at intervals each vendor's tool is run in a child with a
// time limit, and every device file is looked for. What is found goes to whoever asked at creation,
// whenever it has changed. A tool that the driver holds is waited for without waiting.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "accel/judge.hpp"
#include "accel/tool_run.hpp"
#include "accel/vendor.hpp"
#include "model/node.hpp"
#include "net/loop.hpp"
#include "wire/report_messages.hpp"

namespace sluice::worker {

class AccelHealth {
 public:
  using Changed = std::function<void(std::vector<wire::DeviceFault>)>;
  // `changed` is called after the first round in any case, later only with other faults.
  AccelHealth(net::Loop& loop, std::vector<model::NodeGres> gres,
              std::vector<accel::Vendor> vendors, Changed changed);
  AccelHealth(const AccelHealth&) = delete;
  AccelHealth& operator=(const AccelHealth&) = delete;

  // A round now, if there was none yet, then one every so many seconds; 0: no more.
  void set_interval(std::uint32_t seconds);

 private:
  struct Watched {
    accel::Vendor vendor;
    accel::VendorJudge judge;
    std::unique_ptr<accel::ToolRun> run;
    net::Watch output;
    net::Watch end;
    net::Timer limit;
    bool judged = false;  // this run, as late
  };
  void round();
  void start(Watched& watched);
  void advance(Watched& watched);
  void take(Watched& watched, const Result<std::vector<accel::ToolRow>>& outcome);
  void tell();
  [[nodiscard]] std::vector<wire::DeviceFault> faults() const;

  net::Loop& loop_;
  std::vector<model::NodeGres> gres_;
  std::vector<std::unique_ptr<Watched>> watched_;
  Changed changed_;
  net::Timer timer_;
  std::uint32_t interval_s_ = 0;
  std::vector<wire::DeviceFault> told_;
  bool began_ = false;
  bool told_once_ = false;
};

}  // namespace sluice::worker
