// The service's frame: start from the ledger, the controller's link, reports. Sessions and agents
// are in streams.cpp.
#include "daemon/worker/service/service.hpp"

#include <charconv>

#include "base/uid_text.hpp"

namespace sluice::worker {

namespace {

constexpr std::int64_t kResendQuietMs = 5'000;

// "<32 hex digits>.<number>", maybe with ".<step>" behind.
std::optional<Attempt> attempt_of(std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto uid = base::parse_uid(text.substr(0, dot));
  Attempt attempt;
  const char* begin = text.data() + dot + 1;
  const auto number = std::from_chars(begin, text.data() + text.size(), attempt.number);
  if (!uid || number.ec != std::errc{}) return std::nullopt;
  attempt.job = *uid;
  return attempt;
}

template <class Number>
Number number_of(std::string_view text, Number otherwise) {
  Number value{};
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size() ? value : otherwise;
}

}  // namespace

Service::Service(Env& env, ServiceOptions options, const LedgerRecords& ledger)
    : context_(env, std::move(options)),
      tree_(context_),
      manager_(context_, tree_),
      jobs_(context_, tree_, manager_),
      images_(context_) {
  tree_.on_root_message(
      [this](JobRun& job, StepRun& step, wire::MessageType type, std::string_view payload) {
        manager_.up(job, step, type, payload);
      });
  tree_.on_gone([this](const Attempt& attempt) { jobs_.steps_gone(attempt); });
  tree_.on_image_news([this](const StepKey& key) { images_.look(key); });
  manager_.on_batch_done(
      [this](JobRun& job, const wire::StepDone& done) { jobs_.batch_done(job, done); });
  load(ledger);
}

void Service::load(const LedgerRecords& ledger) {
  // Jobs first: progress and steps belong to them.
  for (const auto& [key, value] : ledger) {
    if (key.empty() || key.front() != 'J') continue;
    if (auto entry = wire::decode<JobEntry>(value)) jobs_.restore_job(std::move(*entry));
  }
  for (const auto& [key, value] : ledger) {
    if (key.empty()) continue;
    const std::string_view name = std::string_view(key).substr(1);
    const auto attempt = attempt_of(name);
    switch (key.front()) {
      case 'P':
        if (const auto progress = wire::decode<JobProgress>(value); progress && attempt) {
          jobs_.restore_progress(*attempt, *progress);
        }
        break;
      case 'S':
        if (auto entry = wire::decode<StepEntry>(value)) adopted_.push_back(std::move(*entry));
        break;
      case 'T':
        if (attempt) jobs_.restore_tombstone(*attempt, JobId(number_of<std::uint32_t>(value, 0)));
        break;
      case 'R':
        if (auto report = wire::decode<Report>(value)) {
          context_.reports.restore(number_of<std::uint64_t>(name, 0), std::move(*report));
        }
        break;
      case 'E': context_.epoch = Epoch(number_of<std::uint64_t>(value, 0)); break;
      case 'N':
        if (auto update = wire::decode<wire::HostListUpdate>(value))
          context_.cluster = std::move(*update);
        break;
      case 'C': cluster_name_ = value; break;
      case 'B': boot_id_ = value; break;
      default: break;
    }
  }
  context_.settings.cluster = cluster_name_;
  apply_settings();
}

// A ledger from before a reboot may lack its end, and nothing of its jobs lives: what it says of
// them only serves to refuse them. Reports that were not acknowledged still go out.
void Service::note_boot() {
  const std::string now = context_.options.facts.boot_id.str();
  if (now.empty() || now == boot_id_) return;
  if (!boot_id_.empty()) jobs_.bury_all();
  boot_id_ = now;
  context_.env.ledger_put("B", boot_id_);
}

void Service::begin() {
  note_boot();
  adopt_steps();
  jobs_.resume();
}

void Service::adopt_steps() {
  const std::vector<StepEntry> entries = std::move(adopted_);
  adopted_.clear();
  for (const StepEntry& entry : entries) {
    JobRun* job = context_.find(entry.attempt);
    if (job == nullptr) {
      context_.env.ledger_forget(ledger_key(StepKey{entry.attempt, entry.number}));
      continue;
    }
    if (entry.number < base::kInteractiveStep) {
      job->next_step = std::max(job->next_step, entry.number + 1);
    }
    if (entry.finished) {
      job->finished.insert(entry.number);
    } else if (entry.root) {
      manager_.adopt(*job, entry);
    } else {
      StepRun step;
      step.number = entry.number;
      step.spec = entry.spec;
      step.layout = entry.layout;
      step.first = entry.first;
      step.count = entry.count;
      step.portions = entry.portions;
      if (index_layout(step)) tree_.adopt(*job, std::move(step));
    }
  }
}

wire::NodeHello Service::hello() const {
  wire::NodeHello message;
  message.name = context_.options.name;
  message.facts = context_.options.facts;
  message.last_epoch = context_.epoch;
  message.port = context_.options.port;
  message.holds = jobs_.holds();
  return message;
}

void Service::apply_settings() {
  NodeSettings& settings = context_.settings;
  for (const wire::KeyValue& entry : context_.cluster.settings) {
    const std::string_view key = entry.key.view();
    const auto take = [&](std::uint32_t& out) {
      out = number_of<std::uint32_t>(entry.value.view(), out);
    };
    if (key == "kill_wait") take(settings.kill_wait_s);
    if (key == "unkillable_step_timeout") take(settings.unkillable_s);
    if (key == "tree_width") take(settings.tree_width);
    if (key == "step_patience") take(settings.patience_s);
  }
}

void Service::take_cluster(wire::HostListUpdate update) {
  context_.cluster = std::move(update);
  context_.env.ledger_put("N", wire::encode(context_.cluster));
  apply_settings();
}

void Service::welcomed(const wire::NodeWelcome& welcome) {
  if (welcome.epoch < context_.epoch) {
    return context_.log(LogLevel::error, "a controller of the older epoch {} is ignored (know {})",
                        welcome.epoch.value, context_.epoch.value);
  }
  linked_ = true;
  last_order_ = 0;
  for (auto& [attempt, job] : context_.jobs) job.still_order = 0;
  if (context_.epoch != welcome.epoch) {
    context_.epoch = welcome.epoch;
    context_.env.ledger_put("E", std::to_string(welcome.epoch.value));
  }
  if (cluster_name_ != welcome.cluster.view()) {
    cluster_name_ = welcome.cluster.str();
    context_.settings.cluster = cluster_name_;
    context_.env.ledger_put("C", cluster_name_);
  }
  context_.settings.report_interval_s = std::max<std::uint32_t>(welcome.report_interval_s, 1);
  take_cluster({welcome.hosts, welcome.settings});
  context_.reports.resend(0);
  context_.timers.cancel(report_timer_);
  send_report();
}

void Service::send_report() {
  if (!linked_) return;
  context_.reports.resend(kResendQuietMs);
  wire::NodeReport report;
  report.last_order = last_order_;
  report.holds = jobs_.holds();
  const Load load = context_.env.load();
  report.cpu_load = load.load_hundredths;
  report.free_memory = load.free_memory_mib;
  report.device_faults = device_faults_;
  report.devices_judged = devices_judged_;
  send_controller(context_.env, report);
  report_timer_ = context_.timers.after(std::int64_t{context_.settings.report_interval_s} * 1000,
                                        [this] { send_report(); });
}

void Service::set_device_faults(std::vector<wire::DeviceFault> faults) {
  for (model::NodeGres& gres : context_.options.facts.gres) {
    for (model::Device& device : gres.devices) device.fault = "";
    for (const wire::DeviceFault& fault : faults) {
      const bool here = fault.name == gres.name && fault.type == gres.type;
      if (here && fault.index < gres.devices.size()) gres.devices[fault.index].fault = fault.fault;
    }
  }
  device_faults_ = std::move(faults);
  devices_judged_ = true;
  context_.timers.cancel(report_timer_);
  send_report();
}

void Service::on_controller_closed() {
  linked_ = false;
  context_.timers.cancel(report_timer_);
}

bool Service::accept_order(Epoch epoch, std::uint64_t order) {
  if (!linked_ || epoch < context_.epoch) {
    context_.log(LogLevel::warn, "an order of the older epoch {} is ignored", epoch.value);
    return false;
  }
  if (context_.options.login) return false;
  last_order_ = std::max(last_order_, order);
  return true;
}

template <class Order>
void Service::take_order(std::string_view payload, const auto& use) {
  auto order = wire::decode<Order>(payload);
  if (!order)
    return context_.log(LogLevel::error, "a malformed order of the controller is ignored");
  if (accept_order(order->epoch, order->order)) use(*order);
}

void Service::on_controller_message(wire::MessageType type, std::string_view payload) {
  using wire::MessageType;
  switch (type) {
    case MessageType::node_welcome:
      if (const auto welcome = wire::decode<wire::NodeWelcome>(payload)) welcomed(*welcome);
      return;
    case MessageType::host_list:
      if (auto update = wire::decode<wire::HostListUpdate>(payload)) {
        take_cluster(std::move(*update));
      }
      return;
    case MessageType::report_ack:
      if (const auto ack = wire::decode<wire::ReportAck>(payload)) {
        context_.reports.acknowledge(ack->serial);
      }
      return;
    case MessageType::launch_job:
      return take_order<wire::LaunchJob>(payload, [this](wire::LaunchJob& order) {
        const std::vector<wire::Hold> still = std::move(order.still);
        const std::uint64_t number = order.order;
        for (const wire::Hold& hold : still) jobs_.freeze(hold.attempt, true, number);
        jobs_.launch(std::move(order));
        for (const wire::Hold& hold : still) jobs_.freeze(hold.attempt, true, number);
      });
    case MessageType::signal_job:
      return take_order<wire::SignalJob>(
          payload, [this](const wire::SignalJob& order) { jobs_.signal(order); });
    case MessageType::terminate_job:
      return take_order<wire::TerminateJob>(
          payload, [this](const wire::TerminateJob& order) { jobs_.terminate(order); });
    case MessageType::lose_node:
      return take_order<wire::LoseNode>(
          payload, [this](const wire::LoseNode& order) { jobs_.lose_node(order); });
    case MessageType::tell_job:
      return take_order<wire::TellJob>(payload,
                                       [this](const wire::TellJob& order) { jobs_.tell(order); });
    case MessageType::suspend_job:
      return take_order<wire::SuspendJob>(payload, [this](const wire::SuspendJob& order) {
        jobs_.freeze(order.attempt, true, order.order);
      });
    case MessageType::resume_job:
      return take_order<wire::ResumeJob>(payload, [this](const wire::ResumeJob& order) {
        jobs_.freeze(order.attempt, false, order.order);
      });
    case MessageType::error_reply:
      if (const auto error = wire::decode<wire::ErrorReply>(payload)) {
        context_.log(LogLevel::error, "the controller refuses this node: {}", error->text.view());
      }
      return;
    default:
      return context_.log(LogLevel::warn, "unexpected message {} from the controller",
                          static_cast<unsigned>(type));
  }
}

bool Service::user_shares_job_with(std::uint32_t uid, std::string_view host) const {
  for (const auto& [attempt, job] : context_.jobs) {
    if (job.host.uid() != uid) continue;
    for (const model::NodeShare& share : job.host.job->allocation->shares) {
      if (share.name.view() == host) return true;
    }
  }
  return false;
}

}  // namespace sluice::worker
