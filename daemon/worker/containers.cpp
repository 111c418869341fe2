// See containers.hpp.
#include "daemon/worker/containers.hpp"

#include <charconv>
#include <utility>

#include "base/log/log.hpp"
#include "base/strings.hpp"
#include "daemon/worker/host/runtime_warning.hpp"
#include "daemon/worker/service/context.hpp"

namespace sluice::worker {

namespace {

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kCollectMs = 60'000;       // between two runs for one user
constexpr std::int64_t kCollectMostMs = 600'000;  // a run's time limit
constexpr std::int64_t kSoonMs = 90'000;          // from a job's end to a run
constexpr std::int64_t kRemoveMostMs = 120'000;

std::vector<std::string> words_of(std::string_view list) {
  std::vector<std::string> words;
  for (const std::string_view word : base::split_nonempty(list, ',')) words.emplace_back(word);
  return words;
}

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

Containers::Containers(net::Loop& loop, const AgentConfig& config, Handlers handlers)
    : loop_(loop), config_(config), handlers_(std::move(handlers)) {
  hourly_ = loop_.every(kHourMs, [this] { collect_all(); });
}

void Containers::configure(const std::vector<wire::KeyValue>& settings) {
  ContainerSettings site;
  site.image_program = folder_of(config_.stepd) + "/sluice-image";
  site.pull_timeout_s = 1800;
  site.cdi_folders = {"/etc/cdi", "/var/run/cdi"};
  std::string wanted;
  cache_dir_.clear();
  cache_bytes_ = 0;
  cache_age_s_ = 30ULL * 24 * 3600;
  for (const wire::KeyValue& entry : settings) {
    const std::string_view key = entry.key.view();
    const std::string value = entry.value.str();
    const auto number = [&](auto& target) {
      std::from_chars(value.data(), value.data() + value.size(), target);
    };
    const auto flag = [&](bool& target) { target = value == "yes"; };
    if (key == "container_runtime") wanted = value;
    if (key == "container_run_pattern") site.run_pattern = value;
    if (key == "image_cache") cache_dir_ = value;
    if (key == "image_cache_size") number(cache_bytes_);
    if (key == "image_cache_age") number(cache_age_s_);
    if (key == "image_pull_timeout") number(site.pull_timeout_s);
    if (key == "image_pull_policy") site.keep_images = value == "missing";
    if (key == "image_max_size") number(site.max_image_bytes);
    if (key == "insecure_registries") site.insecure_registries = value;
    if (key == "container_mounts") site.mounts = words_of(value);
    if (key == "container_mount_home") flag(site.mount_home);
    if (key == "container_remap_root") flag(site.remap_root);
    if (key == "container_writable") flag(site.writable);
    if (key == "container_entrypoint") flag(site.entrypoint);
    if (key == "container_scope") site.user_scope = value == "user";
    if (key == "cdi_dirs") site.cdi_folders = words_of(value);
  }
  const bool changed =
      !looked_ || wanted != wanted_runtime_ || site.run_pattern != site_.run_pattern;
  site_ = std::move(site);
  wanted_runtime_ = wanted;
  if (!changed || config_.login) return;
  looked_ = true;
  runtime_ = find_container_runtime(wanted, site_.run_pattern);
  if (!runtime_.why_not.empty()) return log::info("no containers: {}", runtime_.why_not);
  const std::string warning = stepd::runtime_warning(runtime_.version);
  if (!warning.empty()) log::warn("{}", warning);
  log::info("containers by {} {}", runtime_.path.empty() ? site_.run_pattern : runtime_.path,
            runtime_.version.substr(0, runtime_.version.find('\n')));
}

std::string Containers::cache() const {
  return cache_dir_.empty() ? config_.spool_dir + "/images" : cache_dir_;
}

Result<std::string> Containers::home_of(std::uint32_t uid, std::uint32_t gid) const {
  return make_image_home(cache(), {uid, gid}, !config_.single_user);
}

ContainerSettings Containers::settings_for(const JobOnHost& job, const wire::LaunchStep& launch) {
  if (launch.spec.container.empty()) {
    ContainerSettings plain;
    plain.cdi_folders = site_.cdi_folders;  // what they say of devices holds without one, too
    return plain;
  }
  jobs_.insert(job.attempt);
  ContainerSettings settings = site_;
  settings.runtime = runtime_.path;
  settings.runtime_version = runtime_.version;
  for (const wire::KeyValue& entry : launch.settings) {
    if (entry.key.view() == kFetchFromKey) settings.fetch_from = entry.value.str();
  }
  if (!looked_ || !runtime_.why_not.empty()) {
    settings.disabled_reason = "no container runtime on " + config_.name;
    if (!runtime_.why_not.empty()) settings.disabled_reason += ": " + runtime_.why_not;
    return settings;
  }
  const Result<std::string> home = home_of(job.uid(), job.job->spec->gid);
  if (!home) {
    settings.disabled_reason = home.error().text;
    return settings;
  }
  settings.image_home = *home;
  settings.enabled = true;
  return settings;
}

// --- errands ------------------------------------------------------------------------------------

UserErrand::Spec Containers::errand(const std::string& home, const ImageOwner& owner,
                                    std::vector<std::string> words) const {
  UserErrand::Spec spec;
  spec.command = {site_.image_program, words.front(), "--home", home};
  spec.command.insert(spec.command.end(), words.begin() + 1, words.end());
  spec.user = auth::resolve_user_or_bare(owner.uid, owner.gid);
  spec.change_user = !config_.single_user;
  return spec;
}

void Containers::run(UserErrand::Spec spec, std::function<void(Status)> done) {
  std::erase_if(errands_, [](const auto& errand) { return errand->over(); });
  errands_.push_back(UserErrand::start(loop_, std::move(spec), std::move(done)));
}

ImageSourceId Containers::open_image(const JobOnHost& job, const std::string& digest) {
  const ImageSourceId id = next_source_++;
  Source& source = sources_[id];
  const ImageOwner owner{job.uid(), job.job->spec->gid};
  const std::string home = find_image_home(cache(), owner.uid);
  if (home.empty()) {
    source.over = true;
    source.result = fail(ErrorCode::not_found, "no images of this user on " + config_.name);
    return id;
  }
  UserErrand::Spec spec = errand(home, owner, {"send", "--digest", digest});
  spec.output = true;
  spec.before = [this, &job](pid_t pid) { handlers_.into_job(job, pid); };
  source.errand = UserErrand::start(loop_, std::move(spec), [this, id](const Status& status) {
    const auto found = sources_.find(id);
    if (found == sources_.end()) return;
    found->second.over = true;
    found->second.result = status;
    answer(id);
  });
  return id;
}

void Containers::read_image(ImageSourceId id) {
  const auto found = sources_.find(id);
  if (found == sources_.end()) return;
  found->second.wanted = true;
  if (found->second.over) return loop_.post([this, id] { answer(id); });
  found->second.errand->read(wire::kImageChunk, [this, id](const std::string& bytes) {
    const auto source = sources_.find(id);
    if (source == sources_.end()) return;
    source->second.wanted = false;
    handlers_.image_data(id, bytes);
  });
}

// Its end, to whoever asked for more.
void Containers::answer(ImageSourceId id) {
  const auto found = sources_.find(id);
  if (found == sources_.end() || !found->second.over || !found->second.wanted) return;
  found->second.wanted = false;
  if (found->second.result) return handlers_.image_data(id, {});
  handlers_.image_failed(id, found->second.result.error().text);
}

void Containers::close_image(ImageSourceId id) {
  auto source = sources_.extract(id);
  if (source.empty() || !source.mapped().errand) return;
  source.mapped().errand->abandon();
  errands_.push_back(std::move(source.mapped().errand));  // until it is dead
}

void Containers::found_job(const JobOnHost& job) {
  if (!find_image_home(cache(), job.uid()).empty()) jobs_.insert(job.attempt);
}

void Containers::job_ended(const JobOnHost& job, std::function<void()> done) {
  const ImageOwner owner{job.uid(), job.job->spec->gid};
  const std::string home = find_image_home(cache(), owner.uid);
  const bool used = jobs_.erase(job.attempt) > 0 && !home.empty();
  if (!used || site_.user_scope) {
    if (used) collect_soon(home, owner);
    return loop_.post(std::move(done));
  }
  UserErrand::Spec spec =
      errand(home, owner, {"rm-containers", "--job", std::to_string(job.job->id.value)});
  spec.timeout_ms = kRemoveMostMs;
  run(std::move(spec),
      [this, home, owner, id = job.job->id.value, done = std::move(done)](const Status& status) {
        if (!status) log::warn("job {}: removing its containers: {}", id, status.error().text);
        collect_soon(home, owner);
        done();
      });
}

// What was used a moment ago stays in any case, so that collecting at once would do little.
void Containers::collect_soon(const std::string& home, const ImageOwner& owner) {
  soon_[home] = owner;
  if (soon_timer_.active()) return;
  soon_timer_ = loop_.after(kSoonMs, [this] {
    for (const auto& [folder, user] : std::exchange(soon_, {})) collect(folder, user);
  });
}

void Containers::collect_all() {
  for (const auto& [home, owner] : image_homes(cache())) collect(home, owner);
}

void Containers::collect(const std::string& home, const ImageOwner& owner) {
  if (cache_bytes_ == 0 && cache_age_s_ == 0) return;
  const std::int64_t now_ms = loop_.now_ms();
  const auto last = collected_ms_.find(owner.uid);
  if (last != collected_ms_.end() && now_ms - last->second < kCollectMs) return;
  collected_ms_[owner.uid] = now_ms;
  UserErrand::Spec spec = errand(home, owner,
                                 {"gc", "--max-size", std::to_string(cache_bytes_), "--max-age",
                                  std::to_string(cache_age_s_)});
  spec.timeout_ms = kCollectMostMs;
  run(std::move(spec), [home](const Status& status) {
    if (!status) log::warn("cleaning {}: {}", home, status.error().text);
  });
}

}  // namespace sluice::worker
