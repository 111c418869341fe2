// The agent's frame: start, the spool and its ledger, the service's clock and the controller's
// link.
#include "daemon/worker/agent.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "accel/cdi_registry.hpp"
#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/lock_file.hpp"
#include "base/log/log.hpp"
#include "daemon/worker/accel_setup.hpp"
#include "daemon/worker/host/sample.hpp"

namespace sluice::worker {

namespace {

constexpr std::string_view kVersion = "25.11.0";

void override_facts(model::NodeFacts& facts, const AgentConfig& config) {
  const model::NodeFacts& given = config.facts;
  if (config.facts_given) {
    facts.sockets = std::max<std::uint32_t>(given.sockets, 1);
    facts.cores_per_socket = std::max<std::uint32_t>(given.cores_per_socket, 1);
    facts.threads_per_core = std::max<std::uint32_t>(given.threads_per_core, 1);
  }
  if (given.memory > 0) facts.memory = given.memory;
  if (given.tmp_disk > 0) facts.tmp_disk = given.tmp_disk;
  if (!given.features.empty()) facts.features = given.features;
}

}  // namespace

Result<std::unique_ptr<Agent>> Agent::create(net::Loop& loop, AgentConfig config) {
  std::unique_ptr<Agent> agent(new Agent(loop, std::move(config)));
  if (Status started = agent->start(); !started) return tl::unexpected(started.error());
  return agent;
}

Agent::~Agent() = default;

Status Agent::start() {
  LedgerRecords records;
  if (!config_.login) {
    if (Status opened = open_spool(records); !opened) return opened;
    if (Status found = discover(); !found) return found;
  }
  HostLinks::Handlers handlers;
  handlers.controller_up = [this] { controller_up(); };
  handlers.controller_message = [this](const net::Frame& frame) { controller_message(frame); };
  handlers.controller_down = [this] { service_->on_controller_closed(); };
  handlers.channel = [this](const net::HostIdentity& from, const net::ChannelStamp& stamp,
                            std::unique_ptr<net::FrameChannel> channel) {
    channel_arrived(from, stamp, std::move(channel));
  };
  auto links = HostLinks::create(loop_, config_, std::move(handlers));
  if (!links) return tl::unexpected(links.error());
  links_ = std::move(*links);
  Containers::Handlers images;
  images.image_data = [this](ImageSourceId source, std::string_view bytes) {
    service_->on_image_data(source, bytes);
  };
  images.image_failed = [this](ImageSourceId source, const Text& why) {
    service_->on_image_failed(source, why);
  };
  images.into_job = [this](const JobOnHost& job, pid_t pid) { host_->take_in(job, pid); };
  containers_ = std::make_unique<Containers>(loop_, config_, std::move(images));
  ServiceOptions options;
  options.name = config_.name;
  options.facts = facts_.facts;
  options.port = links_->port();
  options.login = config_.login;
  options.service_uid = static_cast<std::uint32_t>(::geteuid());
  service_.reset(new Service(*this, std::move(options), records));
  if (!vendors_.empty()) {
    health_ = std::make_unique<AccelHealth>(loop_, facts_.facts.gres, vendors_,
                                            [this](std::vector<wire::DeviceFault> faults) {
                                              service_->set_device_faults(std::move(faults));
                                            });
  }
  configure_host();
  if (Status opened = open_door(); !opened) return opened;
  loop_.on_turn_end([this] { turn_end(); });
  service_->begin();
  std::vector<std::string> known;
  std::vector<JobId> jobs;
  for (const auto& [attempt, job] : service_->context().jobs) {
    known.push_back(host_->job_dir(job.host));
    jobs.push_back(job.host.job->id);
    containers_->found_job(job.host);
  }
  if (host_) host_->sweep(known, jobs);
  links_->start();
  return {};
}

Status Agent::open_spool(LedgerRecords& records) {
  // Only root may write here, and users pass through to their scripts.
  if (Status made = base::make_directories(config_.spool_dir, 0755); !made) return made;
  Result<base::UniqueFd> lock = base::take_lock(config_.spool_dir + "/lock", "sluiced");
  if (!lock) return context(config_.spool_dir, lock.error());
  lock_ = std::move(*lock);
  Result<LedgerFile> ledger = LedgerFile::open(config_.spool_dir + "/ledger", records);
  if (!ledger) return tl::unexpected(ledger.error());
  ledger_.emplace(std::move(*ledger));
  return {};
}

Status Agent::discover() {
  Result<HostFacts> found = discover_host("/tmp");
  if (!found) return context("looking at this host", found.error());
  facts_ = std::move(*found);
  const model::NodeFacts host = facts_.facts;
  override_facts(facts_.facts, config_);
  if (facts_.facts.cpus() != host.cpus() || facts_.facts.sockets != host.sockets ||
      facts_.facts.cores_per_socket != host.cores_per_socket) {
    facts_.map = map_for(facts_.map, facts_.facts);
  }
  if (Status found_devices = discover_accelerators(); !found_devices) return found_devices;
  facts_.facts.version = kVersion;
  facts_.facts.daemon_start = base::wall_micros();
  CgroupMounts mounts;
  mounts.why_not = "switched off in agent.conf";
  if (config_.cgroups) mounts = probe_cgroups();
  CgroupTree cgroups(std::move(mounts), cgroup_node_name(config_));
  if (cgroups.usable()) {
    if (Status made = cgroups.prepare_node(); !made) return context("cgroups", made.error());
  } else if (config_.require_cgroups) {
    return fail(ErrorCode::failure, "cgroups are required: " + cgroups.mounts().why_not);
  } else {
    log::warn("jobs are not confined: {}", cgroups.mounts().why_not);
  }
  host_ = std::make_unique<HostJobs>(loop_, config_, facts_, std::move(cgroups));
  host_->set_vendors(vendors_);
  return {};
}

Status Agent::discover_accelerators() {
  Result<HostAccelerators> found = find_accelerators(config_, facts_.map);
  if (!found) return context("accelerators", found.error());
  for (const std::string& note : found->notes) log::warn("{}", note);
  facts_.facts.gres = std::move(found->gres);
  vendors_ = std::move(found->vendors);
  for (const std::string& error : accel::CdiRegistry::load(config_.accelerator_root).errors()) {
    log::warn("{}", error);
  }
  return {};
}

// Settings and hosts as the controller last told.
void Agent::configure_host() {
  const wire::HostListUpdate& cluster = service_->cluster();
  links_->set_hosts(cluster.hosts);
  containers_->configure(cluster.settings);
  if (!host_) return;
  HostSettings settings = host_settings(cluster.settings);
  settings.cluster = service_->context().settings.cluster;
  const auto mine = std::ranges::find(cluster.hosts, std::string_view(config_.name),
                                      [](const wire::HostRow& row) { return row.name.view(); });
  if (mine != cluster.hosts.end()) {
    const auto same = std::ranges::count_if(cluster.hosts, [&](const wire::HostRow& row) {
      return row.address == mine->address &&
             row.roles.view().find("node") != std::string_view::npos;
    });
    settings.shared_host = same > 1;
  }
  if (health_) health_->set_interval(settings.accelerator_health_s);
  host_->configure(std::move(settings));
}

// Before the streams send what this turn queued: what it says must be in the ledger first.
void Agent::turn_end() {
  if (!ledger_ || !ledger_->dirty()) return;
  const Status written = ledger_->flush();
  if (!written && !ledger_failed_) log::error("{}", written.error().text);
  ledger_failed_ = !written;
}

void Agent::stop() {
  turn_end();
  door_.reset();
  log::info("stopped; jobs go on");
}

void Agent::end_jobs(std::int64_t most_ms, std::function<void()> done) {
  std::vector<Attempt> attempts;
  for (const auto& [attempt, job] : service_->context().jobs) attempts.push_back(attempt);
  for (const Attempt& attempt : attempts) service_->end_job(attempt);
  const std::int64_t until = loop_.now_ms() + most_ms;
  end_timer_ = loop_.every(20, [this, until, done = std::move(done)] {
    if (!service_->context().jobs.empty() && loop_.now_ms() < until) return;
    end_timer_.cancel();
    if (host_) host_->remove_node_group();
    done();
  });
}

Now Agent::now() const {
  return {base::wall_micros(), static_cast<std::int64_t>(base::monotonic_ms())};
}

void Agent::wake_at(std::int64_t mono_ms) {
  const std::int64_t delay = std::max<std::int64_t>(mono_ms - now().mono_ms, 0);
  wake_ = loop_.after(delay, [this] { service_->on_wake(); });
}

void Agent::log(LogLevel level, std::string_view line) {
  switch (level) {
    case LogLevel::error: return log::error("{}", line);
    case LogLevel::warn: return log::warn("{}", line);
    case LogLevel::info: return log::info("{}", line);
    case LogLevel::debug: return log::debug("{}", line);
  }
}

void Agent::send_controller(wire::MessageType type, std::string payload) {
  if (net::Link* link = links_->controller()) {
    link->send({static_cast<std::uint16_t>(type), 0, std::move(payload)});
  }
}

Load Agent::load() {
  const Result<HostLoad> sample = sample_host();
  if (!sample) return {};
  return {sample->load_hundredths, sample->free_memory_mib};
}

void Agent::ledger_put(std::string_view key, std::string value) {
  if (ledger_) ledger_->put(key, value);
}

void Agent::ledger_forget(std::string_view key) {
  if (ledger_) ledger_->forget(key);
}

void Agent::prepare_job(const JobOnHost& job, std::function<void(Status)> done) {
  // A job whose acceptance can't be remembered must not start.
  turn_end();
  if (ledger_failed_) {
    return loop_.post([done = std::move(done)] {
      done(fail(ErrorCode::storage, "the node's spool can't be written"));
    });
  }
  host_->prepare(job, std::move(done));
}

void Agent::clean_job(const JobOnHost& job, std::function<void(Status)> done) {
  host_->clean(job, [this, job, done = std::move(done)](const Status& status) {
    if (!status) return done(status);
    containers_->job_ended(job, [done] { done({}); });
  });
}

ImageSourceId Agent::open_image(const JobOnHost& job, const std::string& digest) {
  return containers_->open_image(job, digest);
}

void Agent::read_image(ImageSourceId source) { containers_->read_image(source); }

void Agent::close_image(ImageSourceId source) { containers_->close_image(source); }

void Agent::freeze_job(const JobOnHost& job, bool frozen) { host_->freeze(job, frozen); }

std::optional<wire::StepDone> Agent::step_record(const JobOnHost& job, StepNumber step) {
  return host_->record(job, step);
}

std::size_t Agent::kill_step(const JobOnHost& job, StepNumber step) {
  return host_->kill_step(job, step);
}

void Agent::remove_step(const JobOnHost& job, StepNumber step) { host_->remove_step(job, step); }

void Agent::controller_up() {
  const wire::NodeHello hello = service_->hello();
  send_controller(wire::NodeHello::kType, wire::encode(hello));
}

void Agent::controller_message(const net::Frame& frame) {
  const auto type = static_cast<wire::MessageType>(frame.type);
  service_->on_controller_message(type, frame.payload);
  if (type == wire::MessageType::node_welcome || type == wire::MessageType::host_list) {
    configure_host();
  }
}

}  // namespace sluice::worker
