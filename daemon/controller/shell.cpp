// The shell's start and its Env; conversations are in sessions.cpp, hosts in links.cpp.
#include "daemon/controller/shell.hpp"

#include <dirent.h>
#include <spawn.h>
#include <unistd.h>

#include <algorithm>

#include "auth/role.hpp"
#include "base/clock.hpp"
#include "base/entropy.hpp"
#include "base/file.hpp"
#include "base/key_values.hpp"
#include "base/log/log.hpp"
#include "base/user.hpp"
#include "daemon/controller/host_clock.hpp"

extern char** environ;

namespace sluice::controller {

namespace {

constexpr std::size_t kQueryThreads = 2;
constexpr std::size_t kMaxHostFile = 64 * 1024;
constexpr std::int64_t kUserCacheMs = 60'000;

std::string this_host() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0) return "localhost";
  return name;
}

Result<std::vector<std::string>> files_in(const std::string& path) {
  std::vector<std::string> names;
  DIR* folder = ::opendir(path.c_str());
  if (folder == nullptr) return names;
  while (const dirent* entry = ::readdir(folder)) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  ::closedir(folder);
  std::ranges::sort(names);
  return names;
}

store::PurgePolicy purge_of(const config::ClusterConfig& config) {
  return {config.purge_job_after_s, config.purge_event_after_s, config.max_events};
}

std::vector<wire::KeyValue> key_values(
    const std::vector<std::pair<std::string, std::string>>& values) {
  std::vector<wire::KeyValue> out;
  for (const auto& [key, value] : values) out.push_back({key, value});
  return out;
}

}  // namespace

Shell::Shell(net::Loop& loop, ShellOptions options, config::ClusterConfig config)
    : loop_(loop), options_(std::move(options)), config_(std::move(config)), pool_(kQueryThreads) {}

Shell::~Shell() {
  *alive_ = false;
  store_.reset();  // waits for the writer, whose callbacks then find nobody
}

std::uint16_t Shell::port() const { return link_listener_->port(); }

Result<std::unique_ptr<Shell>> Shell::create(net::Loop& loop, const ShellOptions& options) {
  ShellOptions full = options;
  if (full.config_file.empty()) full.config_file = full.dir + "/sluice.yaml";
  Result<config::ClusterConfig> config = config::load_cluster_config(full.config_file);
  if (!config) return tl::unexpected(config.error());
  std::unique_ptr<Shell> shell(new Shell(loop, std::move(full), std::move(*config)));
  Result<auth::HostKey> key =
      auth::HostKey::load_or_create(shell->options_.dir + "/controller.key");
  if (!key) return tl::unexpected(key.error());
  shell->key_ = std::move(*key);
  for (const auto step :
       {&Shell::open_store, &Shell::load_hosts, &Shell::listen, &Shell::start_service}) {
    if (Status done = (shell.get()->*step)(); !done) return tl::unexpected(done.error());
  }
  return shell;
}

std::string Shell::store_path() const { return options_.dir + "/state/sluice.db"; }

Status Shell::open_store() {
  const std::string folder = options_.dir + "/state";
  if (Status made = base::make_directories(folder, 0700); !made) return made;
  store::OpenOptions open;
  open.path = store_path();
  open.min_job_age_s = config_.settings->min_job_age_s;
  open.now = base::wall_micros();
  open.clock = host_clock();
  open.purge = purge_of(config_);
  Result<std::unique_ptr<store::Store>> opened = store::Store::open(open);
  if (!opened) return tl::unexpected(opened.error());
  store_ = std::move(*opened);
  Result<store::LoadedState> loaded = store_->load();
  if (!loaded) return tl::unexpected(loaded.error());
  loaded_ = std::move(*loaded);
  for (const store::TokenRecord& token : loaded_.tokens) tokens_[token.secret_hash.str()] = token;
  Result<store::Reader> reader = store_->reader();
  if (!reader) return tl::unexpected(reader.error());
  reader_.emplace(std::move(*reader));
  return {};
}

// Hosts that were named when the cluster was made (hosts.d), then those that joined.
Status Shell::load_hosts() {
  const std::string folder = options_.dir + "/hosts.d";
  Result<std::vector<std::string>> names = files_in(folder);
  if (!names) return tl::unexpected(names.error());
  for (const std::string& name : *names) {
    const std::string path = folder + "/" + name;
    Result<std::string> text = base::read_file(path, kMaxHostFile);
    if (!text) return tl::unexpected(text.error());
    Result<base::KeyValues> values = base::parse_key_values(*text, path);
    if (!values) return tl::unexpected(values.error());
    if (Result<auth::PublicKey> key =
            auth::parse_public_key(base::value_or(*values, "public_key", ""));
        !key) {
      return context(path, key.error());
    }
    wire::HostRow row;
    row.name = name;
    row.public_key = base::value_or(*values, "public_key", "");
    row.roles = base::value_or(*values, "roles", "");
    row.address = base::value_or(*values, "address", "127.0.0.1");
    row.port = static_cast<std::uint32_t>(std::stoul(base::value_or(*values, "port", "0")));
    hosts_.push_back(std::move(row));
  }
  for (const store::HostRecord& host : loaded_.hosts) {
    std::erase_if(hosts_, [&](const wire::HostRow& known) { return known.name == host.name; });
    hosts_.push_back({host.name, host.address, host.port, host.public_key, host.roles});
  }
  return {};
}

Status Shell::start_service() {
  const std::uint64_t begin = base::monotonic_us();
  for (int i = 0; i < 1000; ++i) static_cast<void>(base::wall_micros());
  clock_us_ = base::monotonic_us() - begin;
  ServiceOptions options;
  options.settings = config_.settings;
  options.node_settings = key_values(config_.node_settings);
  options.host = this_host();
  options.service_uid = ::geteuid();
  for (const auto& [names, uids] : {std::pair(&config_.admins, &options.admins),
                                    std::pair(&config_.operators, &options.operators)}) {
    for (const std::string& name : *names) {
      const Result<std::uint32_t> uid = base::parse_user(name);
      if (!uid) return context("admins or operators: " + name, uid.error());
      uids->push_back(*uid);
    }
  }
  options.private_data = config_.private_data;
  options.pid = static_cast<std::uint32_t>(::getpid());
  options.hosts = hosts_;
  service_ = std::make_unique<Service>(static_cast<Env&>(*this), std::move(options), loaded_);
  loaded_ = {};
  watch_archive();
  loop_.on_turn_end([this] {
    if (service_) service_->on_turn_end();
  });
  return {};
}

Status Shell::reconfigure() {
  Result<config::ClusterConfig> config = config::load_cluster_config(options_.config_file);
  if (!config) return tl::unexpected(config.error());
  const Status applied = service_->configure(config->settings, key_values(config->node_settings));
  if (applied) {
    config_ = std::move(*config);
    service_->set_private_data(config_.private_data);
    store_->set_purge(purge_of(config_));
    watch_archive();
  }
  return applied;
}

// Nobody waits for old jobs to be moved: that they can't be is told once, while it is so.
void Shell::watch_archive() {
  constexpr std::int64_t kLookMs = 60'000;
  if (config_.purge_job_after_s == 0) return;
  const std::string error = store_->archive_error();
  if (!error.empty() && error != archive_error_) {
    log::warn("old jobs can't be archived: {}", error);
  }
  archive_error_ = error;
  archive_watch_ = loop_.after(kLookMs, [this] { watch_archive(); });
}

core::Now Shell::now() const {
  return {base::wall_micros(), static_cast<std::int64_t>(base::monotonic_ms())};
}

Uid128 Shell::random_uid() { return base::random_uid(); }

// A due wake is posted, not timed: libuv would fire a timer of no delay again and again before the
// turn's end, where planning is done.
void Shell::wake_at(std::int64_t mono_ms) {
  const std::int64_t delay = mono_ms - static_cast<std::int64_t>(base::monotonic_ms());
  if (delay > 0) {
    wake_ = loop_.after(delay, [this] { service_->on_wake(); });
    return;
  }
  if (std::exchange(wake_posted_, true)) return;
  loop_.post([this, alive = alive_] {
    if (!*alive) return;
    wake_posted_ = false;
    service_->on_wake();
  });
}

void Shell::reply(SessionId session, wire::MessageType type, std::uint64_t id,
                  std::string payload) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  found->second.channel->send({static_cast<std::uint16_t>(type), id, std::move(payload)});
}

void Shell::send_node(NodeIndex node, wire::MessageType type, std::string payload) {
  const auto found = node_links_.find(node);
  if (found == node_links_.end()) return;
  links_.at(found->second).link->send({static_cast<std::uint16_t>(type), 0, std::move(payload)});
}

void Shell::commit(store::Transaction transaction, std::function<void(Status)> done) {
  const bool events = may_hold_events(transaction);
  store_->commit(std::move(transaction),
                 [this, events, alive = alive_, done = std::move(done)](Status status) {
                   loop_.post([this, events, alive, done, status] {
                     if (!*alive) return;
                     done(status);
                     if (events) note_commit();
                   });
                 });
}

bool Shell::accepts_work() const { return store_->accepts_work(); }

std::optional<store::StoredReply> Shell::find_reply(const Uid128& request) {
  Result<std::optional<store::StoredReply>> found = reader_->find_reply(request);
  return found ? *found : std::nullopt;
}

Result<std::string> Shell::blob(std::string_view hash) { return reader_->blob(hash); }

std::vector<model::JobPtr> Shell::past_jobs(JobId id, std::uint32_t task) {
  store::HistoryFilter filter;
  filter.jobs.push_back({id, {}});
  if (task != model::kNoTask) filter.jobs.back().tasks.push_back({task, task, 1});
  filter.with_steps = false;
  std::vector<model::JobPtr> found;
  const Status read = reader_->history(filter, [&](const store::HistoryRow& row) {
    found.push_back(row.job);
    return true;
  });
  if (!read) found.clear();
  return found;
}

Result<store::ChargeFacts> Shell::charge_facts(std::uint64_t entry) {
  Result<store::LedgerReader> reader = store::LedgerReader::open(store_path());
  if (!reader) return tl::unexpected(reader.error());
  return reader->charge(entry);
}

void Shell::publish(Delta delta) { snapshot_.apply(delta); }

UserFacts Shell::user_facts(std::uint32_t uid) {
  const std::int64_t now_ms = loop_.now_ms();
  CachedUser& cached = users_[uid];
  if (cached.until_ms > now_ms) return cached.facts;
  UserFacts facts;
  if (const Result<base::User> user = base::find_user(uid)) {
    facts.known = true;
    facts.user = user->name;
    facts.gid = user->gid;
    facts.group = base::group_label(user->gid);
    if (const auto groups = base::find_groups(*user)) {
      for (const std::uint32_t gid : *groups) facts.groups.push_back(base::group_label(gid));
    }
  }
  cached = {facts, now_ms + kUserCacheMs};
  return facts;
}

std::string Shell::content_hash(std::string_view bytes) const {
  return store::content_hash(bytes).str();
}

void Shell::fatal(const Error& error) {
  log::error("the state can't be kept: {}; stopping", error.text);
  failed_ = true;
  loop_.stop();
}

void Shell::log(std::string_view line) { log::info("{}", line); }

// MailProg is called as Slurm calls it: -s SUBJECT ADDRESS, with an empty body.
void Shell::send_mail(const model::JobPtr& job, std::string_view event) {
  if (config_.mail_prog.empty()) return;
  const std::string wanted = "," + job->spec->mail_type.str() + ",";
  const bool failed = event == "END" && job->state != model::JobState::completed;
  const bool asked = wanted.find("," + std::string(event) + ",") != std::string::npos ||
                     wanted.find(",ALL,") != std::string::npos ||
                     (failed && wanted.find(",FAIL,") != std::string::npos);
  if (!asked) return;
  const std::string to =
      job->spec->mail_user.empty() ? job->spec->user.str() : job->spec->mail_user.str();
  const std::string what = event == "END"     ? (failed ? "Failed" : "Ended")
                           : event == "BEGIN" ? "Began"
                                              : "Requeued";
  std::string subject = "Sluice Job_id=" + std::to_string(job->id.value) +
                        " Name=" + job->spec->name.str() + " " + what;
  pool_.run([program = config_.mail_prog, subject, to] {
    const char* argv[] = {program.c_str(), "-s", subject.c_str(), to.c_str(), nullptr};
    char* const plain_environment[] = {nullptr};
    pid_t child = 0;
    posix_spawn(&child, program.c_str(), nullptr, nullptr, const_cast<char* const*>(argv),
                plain_environment);
  });
}

}  // namespace sluice::controller
