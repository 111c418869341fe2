// See the header.
#include "daemon/stepd/device_sampler.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <set>

#include "accel/tool_run.hpp"
#include "auth/user/become_user.hpp"
#include "base/clock.hpp"
#include "daemon/stepd/task_child.hpp"
#include "daemon/worker/host/device_grant.hpp"

namespace sluice::stepd {
namespace {

constexpr std::int64_t kSecondSampleMs = 2000;
constexpr std::int64_t kSpareMs = 2000;  // for the helper, beyond its tools' own limits
constexpr std::size_t kMostBytes = 1 << 20;
constexpr std::uint32_t kNobody = 65534;
constexpr int kResultFd = 3;

// Nobody, in the groups that may open the step's devices.
auth::UserIdentity nobody(const StepView& step) {
  auth::UserIdentity user;
  user.uid = kNobody;
  user.gid = kNobody;
  user.name = "nobody";
  std::set<gid_t> groups;
  const worker::DeviceHolding holding{step.settings.gres, step.settings.vendors,
                                      step.node().share.gres};
  for (const std::string& path : worker::device_files(holding).open) {
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0 && info.st_gid != 0) groups.insert(info.st_gid);
  }
  user.groups.assign(groups.begin(), groups.end());
  return user;
}

// One tool, to its end, its limit, or the order to stop (a readable `stop`).
Result<std::vector<accel::ToolRow>> ask(const accel::Vendor& vendor, int stop) {
  auto started = accel::ToolRun::start(vendor);
  if (!started) return tl::unexpected(started.error());
  accel::ToolRun& run = **started;
  const auto now = [] { return static_cast<std::int64_t>(base::monotonic_ms()); };
  const std::int64_t until = now() + std::int64_t{vendor.tool.timeout_s} * 1000;
  while (!run.advance()) {
    const std::int64_t left = until - now();
    std::array<pollfd, 3> waiting{pollfd{run.end(), POLLIN, 0}, pollfd{run.output(), POLLIN, 0},
                                  pollfd{stop, POLLIN, 0}};
    if (left > 0) ::poll(waiting.data(), waiting.size(), static_cast<int>(left));
    if (left > 0 && waiting[2].revents == 0) continue;
    run.kill_late();
    break;
  }
  return run.rows();
}

std::string samples_of(const accel::Vendor& vendor, const StepDevices& devices,
                       const std::vector<accel::ToolRow>& rows) {
  std::string bytes;
  for (std::size_t i = 0; i < devices.all().size(); ++i) {
    const HeldDevice& held = devices.all()[i];
    if (held.vendor != vendor.name || held.device == nullptr) continue;
    const accel::ToolRow* const row = accel::row_of(rows, *held.device);
    if (row == nullptr) continue;
    DeviceSample sample;
    sample.position = static_cast<std::uint32_t>(i);
    if (row->utilization) sample.utilization = static_cast<std::int32_t>(*row->utilization);
    if (row->memory_used) sample.memory = static_cast<std::int64_t>(*row->memory_used);
    if (row->power_w) sample.power_w = *row->power_w;
    bytes.append(reinterpret_cast<const char*>(&sample), sizeof sample);
  }
  return bytes;
}

// The helper's whole life. Forked from a process of one thread, so it may use memory freely.
[[noreturn]] void help(const StepView& step, const StepDevices& devices,
                       const std::vector<const accel::Vendor*>& vendors, int results) {
  reset_child_signals();
  ::setsid();
  if (results != kResultFd) ::dup2(results, kResultFd);
  ::close_range(kResultFd + 1, ~0U, 0);
  if (!step.settings.single_user) auth::become_user_or_exit(nobody(step), 1);
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &ends, nullptr);
  const base::UniqueFd stop(::signalfd(-1, &ends, SFD_CLOEXEC));
  for (const accel::Vendor* const vendor : vendors) {
    const auto rows = ask(*vendor, stop.get());
    if (!rows) continue;
    static_cast<void>(base::write_all(kResultFd, samples_of(*vendor, devices, *rows)));
  }
  ::_exit(0);
}

}  // namespace

DeviceSampler::DeviceSampler(Poller& poller, const StepView& step)
    : poller_(poller),
      step_(step),
      devices_(step.settings, step.node().share),
      meter_(step.settings.node_name, devices_.all()) {
  for (const accel::Vendor& vendor : step.settings.vendors) {
    const bool held = std::ranges::any_of(devices_.all(), [&](const HeldDevice& device) {
      return device.vendor == vendor.name && device.device != nullptr;
    });
    if (held && !vendor.tool.command.empty()) vendors_.push_back(&vendor);
  }
}

DeviceSampler::~DeviceSampler() { stop(); }

void DeviceSampler::start() {
  if (vendors_.empty() || step_.settings.sample_interval_s == 0 || !stopped_) return;
  stopped_ = false;
  sample();
}

void DeviceSampler::stop() {
  stopped_ = true;
  poller_.cancel(next_);
  if (helper_ > 0) ::kill(helper_, SIGTERM);
}

void DeviceSampler::plan_next() {
  const std::int64_t interval = std::int64_t{step_.settings.sample_interval_s} * 1000;
  const std::int64_t wait = round_ <= 1 ? std::min(kSecondSampleMs, interval) : interval;
  next_ = poller_.after(wait, [this] { sample(); });
}

void DeviceSampler::sample() {
  next_ = 0;
  if (stopped_) return;
  ++round_;
  plan_next();
  if (helper_ > 0 || results_.is_open()) return;  // the last one still works
  auto pipe = base::make_pipe();
  if (!pipe || !base::set_nonblocking(pipe->first.get())) return;
  const pid_t pid = ::fork();
  if (pid == 0) help(step_, devices_, vendors_, pipe->second.get());
  if (pid < 0) return;
  helper_ = pid;
  results_ = std::move(pipe->first);
  bytes_.clear();
  poller_.watch(results_.get(), POLLIN, [this](short) { read_samples(); });
  std::int64_t limit = kSpareMs;
  for (const accel::Vendor* const vendor : vendors_) {
    limit += std::int64_t{vendor->tool.timeout_s} * 1000;
  }
  limit_ = poller_.after(limit, [this] {
    limit_ = 0;
    if (helper_ > 0) ::kill(helper_, SIGKILL);
  });
}

void DeviceSampler::read_samples() {
  std::array<char, 4096> buffer;
  while (results_.is_open()) {
    const ssize_t count = ::read(results_.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return;
    if (count > 0 && bytes_.size() < kMostBytes) {
      bytes_.append(buffer.data(), static_cast<std::size_t>(count));
      continue;
    }
    poller_.forget(results_.get());
    results_.reset();
    take_samples();
  }
}

void DeviceSampler::take_samples() {
  std::string_view rest = bytes_;
  const auto now = static_cast<std::int64_t>(base::monotonic_ms());
  DeviceSample sample;
  while (rest.size() >= sizeof sample) {
    std::memcpy(&sample, rest.data(), sizeof sample);
    rest.remove_prefix(sizeof sample);
    meter_.add(sample, now);
  }
  bytes_.clear();
}

bool DeviceSampler::reaped(pid_t pid) {
  if (pid != helper_ || pid <= 0) return false;
  helper_ = -1;
  poller_.cancel(limit_);
  return true;
}

}  // namespace sluice::stepd
