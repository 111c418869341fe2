// See accel_health.hpp.
#include "daemon/worker/accel_health.hpp"

#include <algorithm>

#include "accel/detect.hpp"
#include "base/log/log.hpp"

namespace sluice::worker {

AccelHealth::AccelHealth(net::Loop& loop, std::vector<model::NodeGres> gres,
                         std::vector<accel::Vendor> vendors, Changed changed)
    : loop_(loop), gres_(std::move(gres)), changed_(std::move(changed)) {
  for (accel::Vendor& vendor : vendors) {
    watched_.push_back(std::make_unique<Watched>());
    watched_.back()->vendor = std::move(vendor);
  }
}

void AccelHealth::set_interval(std::uint32_t seconds) {
  if (!began_) {
    began_ = true;
    round();
  }
  if (seconds == interval_s_) return;
  interval_s_ = seconds;
  timer_ = {};
  if (seconds > 0) timer_ = loop_.every(std::int64_t{seconds} * 1000, [this] { round(); });
}

void AccelHealth::round() {
  for (const auto& watched : watched_) start(*watched);
  tell();
}

void AccelHealth::start(Watched& watched) {
  if (watched.vendor.tool.command.empty()) return;
  if (watched.run != nullptr) return;  // it was killed and still isn't gone
  Result<std::unique_ptr<accel::ToolRun>> run = accel::ToolRun::start(watched.vendor);
  if (!run) return take(watched, tl::unexpected(run.error()));
  watched.run = std::move(*run);
  watched.judged = false;
  const auto on_event = [this, &watched](net::Readiness) { advance(watched); };
  auto output = loop_.watch(watched.run->output(), {true, false}, on_event);
  auto end = loop_.watch(watched.run->end(), {true, false}, on_event);
  if (output) watched.output = std::move(*output);
  if (end) watched.end = std::move(*end);
  watched.limit = loop_.after(std::int64_t{watched.vendor.tool.timeout_s} * 1000, [this, &watched] {
    watched.judged = true;
    watched.run->kill_late();
    take(watched, watched.run->rows());
    tell();
  });
}

void AccelHealth::advance(Watched& watched) {
  if (watched.run == nullptr) return;
  const bool over = watched.run->advance();
  if (watched.run->output() < 0) watched.output = {};
  if (!over) return;
  watched.output = {};
  watched.end = {};
  watched.limit = {};
  const Result<std::vector<accel::ToolRow>> outcome = watched.run->rows();
  watched.run.reset();
  if (watched.judged) return;
  take(watched, outcome);
  tell();
}

void AccelHealth::take(Watched& watched, const Result<std::vector<accel::ToolRow>>& outcome) {
  watched.judge.take(outcome);
  if (!watched.judge.news().empty()) {
    log::warn("accelerators of {}: {}", watched.vendor.name.view(), watched.judge.news());
  }
}

std::vector<wire::DeviceFault> AccelHealth::faults() const {
  std::vector<wire::DeviceFault> all;
  for (const model::NodeGres& gres : gres_) {
    const auto watched = std::ranges::find_if(
        watched_, [&](const auto& one) { return one->vendor.name == gres.vendor; });
    if (watched == watched_.end()) continue;
    for (std::uint32_t i = 0; i < gres.devices.size(); ++i) {
      const model::Device& device = gres.devices[i];
      std::string fault = accel::file_fault(device.file.str(), (*watched)->vendor.root.str());
      if (fault.empty()) fault = (*watched)->judge.fault_of(device);
      if (!fault.empty()) all.push_back({gres.name, gres.type, i, fault});
    }
  }
  return all;
}

// After the first round only when every tool has had its say.
void AccelHealth::tell() {
  if (!told_once_) {
    const bool busy = std::ranges::any_of(
        watched_, [](const auto& one) { return one->run != nullptr && !one->judged; });
    if (busy) return;
  }
  std::vector<wire::DeviceFault> now = faults();
  if (told_once_ && now == told_) return;
  for (const wire::DeviceFault& fault : now) {
    if (std::ranges::find(told_, fault) != told_.end()) continue;
    log::error("device {} of gres {}:{} is out of service: {}", fault.index, fault.name.view(),
               fault.type.view(), fault.fault.view());
  }
  told_once_ = true;
  told_ = now;
  changed_(std::move(now));
}

}  // namespace sluice::worker
