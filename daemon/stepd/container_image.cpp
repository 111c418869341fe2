// See the header.
#include "daemon/stepd/container_image.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/strings.hpp"
#include "daemon/stepd/poller.hpp"
#include "image/home.hpp"
#include "net/client/blocking_session.hpp"
#include "wire/codec.hpp"
#include "wire/image_messages.hpp"

namespace sluice::stepd {
namespace {

constexpr std::size_t kMaxRecord = 1U << 20U;
constexpr std::size_t kMaxMessages = 64U << 10U;
constexpr std::size_t kMaxReason = 900;
constexpr int kProgressFd = 3;
constexpr std::int64_t kConnectMs = 10'000;

struct Streams {
  int in = -1;        // -1: /dev/null
  int out = -1;       // -1: /dev/null
  int errors = -1;    // -1: /dev/null
  int progress = -1;  // becomes descriptor 3
};

class SpawnActions {
 public:
  SpawnActions() { ::posix_spawn_file_actions_init(&actions_); }
  ~SpawnActions() { ::posix_spawn_file_actions_destroy(&actions_); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  void set(int fd, int number, int flags) {
    if (fd >= 0) {
      ::posix_spawn_file_actions_adddup2(&actions_, fd, number);
    } else {
      ::posix_spawn_file_actions_addopen(&actions_, number, "/dev/null", flags, 0);
    }
  }
  void go_to(const std::string& folder) {
    if (!folder.empty()) ::posix_spawn_file_actions_addchdir_np(&actions_, folder.c_str());
  }
  [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> list;
  for (std::string& word : words) list.push_back(word.data());
  list.push_back(nullptr);
  return list;
}

Result<pid_t> spawn(QuietRun run, const Streams& streams) {
  SpawnActions actions;
  actions.set(streams.in, STDIN_FILENO, O_RDONLY);
  actions.set(streams.out, STDOUT_FILENO, O_WRONLY);
  actions.set(streams.errors, STDERR_FILENO, O_WRONLY);
  if (streams.progress >= 0) actions.set(streams.progress, kProgressFd, O_WRONLY);
  actions.go_to(run.folder);
  pid_t pid = -1;
  const int code = ::posix_spawn(&pid, run.argv[0].c_str(), actions.get(), nullptr,
                                 pointers(run.argv).data(), pointers(run.environment).data());
  if (code != 0) return tl::unexpected(base::errno_error(run.argv[0], code));
  return pid;
}

int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return status;
}

base::UniqueFd message_file() { return base::UniqueFd(::memfd_create("messages", MFD_CLOEXEC)); }

std::string messages_of(const base::UniqueFd& file) {
  std::string text(kMaxMessages, '\0');
  const ssize_t size = ::pread(file.get(), text.data(), text.size(), 0);
  text.resize(static_cast<std::size_t>(size < 0 ? 0 : size));
  return text;
}

Error reason_of(const std::string& program, int status, const base::UniqueFd& messages) {
  std::string text = condensed_reason(messages_of(messages));
  const std::string name = program.substr(program.rfind('/') + 1);
  if (text.empty() && WIFSIGNALED(status)) {
    text = fmt::format("{} was ended by signal {}", name, WTERMSIG(status));
  } else if (text.empty()) {
    text = fmt::format("{} failed with exit code {}", name, WEXITSTATUS(status));
  }
  return Error{ErrorCode::failure, std::move(text)};
}

std::uint16_t number_of(wire::MessageType type) { return static_cast<std::uint16_t>(type); }

// What another node of the step has, by way of our agent.
class Fetch {
 public:
  static Result<Fetch> begin(const ContainerPlan& plan) {
    auto session = net::BlockingSession::connect(plan.agent_socket, kConnectMs);
    if (!session) return tl::unexpected(session.error());
    Fetch fetch(std::move(*session));
    wire::ImageFetch ask;
    ask.job = plan.job;
    ask.from = Text(plan.settings.fetch_from);
    ask.step = plan.step;
    auto sent = fetch.send(wire::ImageFetch::kType, wire::encode(ask));
    if (!sent) return tl::unexpected(sent.error());
    return fetch;
  }
  // Waits until the image is there: its digest.
  Result<std::string> digest(std::int64_t limit_ms) {
    auto data = next(limit_ms);
    if (!data) return tl::unexpected(data.error());
    if (!*data || (*data)->digest.empty()) {
      return fail(ErrorCode::protocol, "the node's agent names no image");
    }
    return (*data)->digest.str();
  }
  // All of it into `to`.
  Status copy(int to) {
    wire::ImageAck ack;
    for (;;) {
      // Queued, as the agent may have sent its last word and gone: reading tells.
      session_.queue({number_of(wire::ImageAck::kType), 1, wire::encode(ack)});
      auto data = next(-1);
      if (!data) return tl::unexpected(data.error());
      if (!*data) return {};
      if (auto written = base::write_all(to, (*data)->bytes); !written) return written;
      ack.offset = (*data)->offset + (*data)->bytes.size();
    }
  }

 private:
  explicit Fetch(net::BlockingSession session) : session_(std::move(session)) {}
  Status send(wire::MessageType type, std::string payload) {
    return session_.send({number_of(type), 1, std::move(payload)}, kConnectMs);
  }
  // Nothing: that was all.
  Result<std::optional<wire::ImageData>> next(std::int64_t limit_ms) {
    auto frame = session_.receive(limit_ms);
    if (!frame) return tl::unexpected(frame.error());
    if (!*frame) return fail(ErrorCode::unavailable, "the time is over");
    if ((*frame)->type == number_of(wire::ImageData::kType)) {
      auto data = wire::decode<wire::ImageData>((*frame)->payload);
      if (!data) return tl::unexpected(data.error());
      return std::optional<wire::ImageData>(std::move(*data));
    }
    if ((*frame)->type != number_of(wire::ImageEnd::kType)) {
      return fail(ErrorCode::protocol, "the node's agent doesn't hand out images");
    }
    const auto end = wire::decode<wire::ImageEnd>((*frame)->payload);
    if (!end) return tl::unexpected(end.error());
    if (!end->error.empty()) return fail(ErrorCode::failure, end->error.str());
    return std::optional<wire::ImageData>();
  }
  net::BlockingSession session_;
};

struct Fetcher {
  pid_t pid = -1;
  base::UniqueFd bytes;
};

// A child that copies while sluice-image unpacks.
Result<Fetcher> start_fetcher(const ContainerPlan& plan, Fetch& fetch,
                              const base::UniqueFd& messages) {
  auto pipe = base::make_pipe();
  if (!pipe) return tl::unexpected(pipe.error());
  Fetcher fetcher;
  fetcher.bytes = std::move(pipe->first);
  fetcher.pid = ::fork();
  if (fetcher.pid < 0) return tl::unexpected(base::errno_error("fork", errno));
  if (fetcher.pid != 0) return fetcher;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::signal(SIGPIPE, SIG_IGN);
  fetcher.bytes.reset();
  const Status fetched = fetch.copy(pipe->second.get());
  if (fetched) ::_exit(0);
  const std::string text = fmt::format("error: fetching the image from node {}: {}\n",
                                       plan.settings.fetch_from, fetched.error().text);
  static_cast<void>(base::write_all(messages.get(), text));
  ::_exit(1);
}

// "PHASE DONE TOTAL"
void tell_progress(std::string_view line, const ImageProgress& progress) {
  const auto words = base::split_nonempty(line, ' ');
  if (words.size() != 3) return;
  std::array<std::uint64_t, 2> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const std::string_view word = words[i + 1];
    std::from_chars(word.data(), word.data() + word.size(), numbers[i]);
  }
  progress(words[0], numbers[0], numbers[1]);
}

// Reads both until the program has closed its output.
class Listener {
 public:
  Listener(base::UniqueFd out, base::UniqueFd progress, const ImageProgress& tell)
      : out_(std::move(out)), progress_(std::move(progress)), tell_(tell) {}

  // False: the time is over, or it says too much.
  [[nodiscard]] bool listen(std::int64_t limit_ms) {
    const std::int64_t end = Poller::now_ms() + limit_ms;
    while (out_.is_open()) {
      std::array<pollfd, 2> fds = {{{out_.get(), POLLIN, 0}, {progress_.get(), POLLIN, 0}}};
      const std::int64_t wait = limit_ms > 0 ? end - Poller::now_ms() : -1;
      if (limit_ms > 0 && wait <= 0) return false;
      const int ready = ::poll(fds.data(), fds.size(), static_cast<int>(wait));
      if (ready < 0 && errno != EINTR) return false;
      if (ready <= 0) continue;
      if (fds[1].revents != 0) read_progress();
      if (fds[0].revents != 0) read_output();
      if (record.size() > kMaxRecord) return false;
    }
    return true;
  }

  std::string record;

 private:
  static bool read_some(base::UniqueFd& fd, std::string& into) {
    std::array<char, 16U << 10U> buffer;
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) return false;
    if (count <= 0) fd.reset();
    if (count > 0) into.append(buffer.data(), static_cast<std::size_t>(count));
    return count > 0;
  }
  void read_output() { read_some(out_, record); }
  void read_progress() {
    if (!read_some(progress_, lines_)) return;
    for (std::size_t end = lines_.find('\n'); end != std::string::npos; end = lines_.find('\n')) {
      tell_progress(std::string_view(lines_).substr(0, end), tell_);
      lines_.erase(0, end + 1);
    }
    if (lines_.size() > kMaxMessages) lines_.clear();
  }

  base::UniqueFd out_;
  base::UniqueFd progress_;
  const ImageProgress& tell_;
  std::string lines_;
};

QuietRun prepare_command(const ContainerPlan& plan, const std::string& digest, bool receive) {
  const worker::ContainerSettings& settings = plan.settings;
  QuietRun run;
  run.argv = {settings.image_program, "prepare", "--home", settings.image_home};
  const auto add = [&run](const char* option, std::string value) {
    run.argv.emplace_back(option);
    run.argv.push_back(std::move(value));
  };
  if (!settings.insecure_registries.empty()) add("--insecure", settings.insecure_registries);
  if (settings.max_image_bytes != 0) add("--max-bytes", std::to_string(settings.max_image_bytes));
  if (settings.pull_timeout_s != 0) add("--timeout", std::to_string(settings.pull_timeout_s));
  if (settings.keep_images) run.argv.emplace_back("--if-missing");
  add("--progress-fd", std::to_string(kProgressFd));
  if (!digest.empty()) add("--digest", digest);
  if (receive) run.argv.emplace_back("--receive");
  run.argv.emplace_back("--");
  run.argv.push_back(plan.spec.image.str());
  run.environment = plan.helper_environment;
  run.folder = "/";
  return run;
}

std::string digits_of(std::string_view digest) {
  constexpr std::string_view kPrefix = "sha256:";
  if (!digest.starts_with(kPrefix)) return {};
  std::string digits(digest.substr(kPrefix.size()));
  const bool fine = digits.find_first_not_of("0123456789abcdef") == std::string::npos;
  return fine ? digits : std::string();
}

// "…@sha256:…"
std::string digest_in(std::string_view reference) {
  const std::size_t at = reference.rfind('@');
  return at == std::string_view::npos ? std::string() : std::string(reference.substr(at + 1));
}

// An image that lies here complete needs no other program. Locked first: so it stays.
std::optional<image::ImageRecord> find_here(const ContainerPlan& plan, const std::string& digest) {
  const std::string digits = digits_of(digest);
  if (digits.empty()) return {};
  const std::string path =
      fmt::format("{}/{}/{}", plan.settings.image_home, image::kRecordFolder, digits);
  if (::access(path.c_str(), R_OK) != 0 || !lock_image(plan, digest)) return {};
  const auto bytes = base::read_file(path, kMaxRecord);
  if (!bytes) return {};
  auto record = wire::decode<image::ImageRecord>(*bytes);
  if (!record || record->digest.view() != digest) return {};
  ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0);
  return std::move(*record);
}

// What sluice-image made of this very file before.
std::string known_file(const ContainerPlan& plan) {
  const auto file = image::identity_of_image(plan.spec.image.str());
  if (!file) return {};
  const auto bytes = base::read_file(
      fmt::format("{}/{}/{}", plan.settings.image_home, image::kFileFolder, file->file_name()),
      kMaxRecord);
  if (!bytes) return {};
  const auto name = wire::decode<image::NameRecord>(*bytes);
  return name && name->reference.view() == file->text ? name->digest.str() : std::string();
}

// Runs sluice-image; with a fetch it reads what that brings.
Result<image::ImageRecord> run_prepare(const ContainerPlan& plan, const std::string& digest,
                                       Fetch* fetch, const ImageProgress& progress) {
  const base::UniqueFd messages = message_file();
  const base::UniqueFd fetch_messages = message_file();
  Fetcher fetcher;
  if (fetch != nullptr) {
    auto started = start_fetcher(plan, *fetch, fetch_messages);
    if (!started) return tl::unexpected(started.error());
    fetcher = std::move(*started);
  }
  auto out = base::make_pipe();
  auto told = base::make_pipe();
  if (!out || !told) return fail(ErrorCode::io, "no pipe for the image");
  const Streams streams{fetcher.bytes.get(), out->second.get(), messages.get(), told->second.get()};
  // Before the first byte has come: that may take its time.
  if (!plan.spec.image.view().starts_with('/')) {
    progress(fetch != nullptr ? "fetching" : "pulling", 0, 0);
  }
  const auto pid = spawn(prepare_command(plan, digest, fetch != nullptr), streams);
  if (!pid) return tl::unexpected(pid.error());
  fetcher.bytes.reset();
  out->second.reset();
  told->second.reset();
  Listener listener(std::move(out->first), std::move(told->first), progress);
  const bool heard = listener.listen(std::int64_t{plan.settings.pull_timeout_s} * 1000);
  if (!heard) ::kill(*pid, SIGKILL);
  const int status = wait_for(*pid);
  if (fetcher.pid > 0) {
    if (status != 0) ::kill(fetcher.pid, SIGKILL);
    // What the source says explains more than what the receiver makes of it.
    const int fetched = wait_for(fetcher.pid);
    if (fetched != 0 && !messages_of(fetch_messages).empty()) {
      return tl::unexpected(reason_of("fetch", fetched, fetch_messages));
    }
  }
  if (!heard) {
    return fail(ErrorCode::failure,
                fmt::format("the image {} was not there after {} seconds", plan.spec.image.view(),
                            plan.settings.pull_timeout_s));
  }
  if (status != 0) return tl::unexpected(reason_of(plan.settings.image_program, status, messages));
  return wire::decode<image::ImageRecord>(listener.record);
}

Result<image::ImageRecord> prepare_by_fetch(const ContainerPlan& plan,
                                            const ImageProgress& progress) {
  const std::int64_t limit_ms = std::int64_t{plan.settings.pull_timeout_s} * 1000;
  auto fetch = Fetch::begin(plan);
  auto digest = fetch ? fetch->digest(limit_ms > 0 ? limit_ms : -1)
                      : Result<std::string>(tl::unexpected(fetch.error()));
  if (!digest) {
    return context(fmt::format("fetching the image from node {}", plan.settings.fetch_from),
                   std::move(digest.error()));
  }
  if (auto here = find_here(plan, *digest)) return std::move(*here);
  return run_prepare(plan, *digest, &*fetch, progress);
}

}  // namespace

std::string condensed_reason(std::string_view messages) {
  std::string_view last;
  std::string_view error;
  for (const std::string_view line : base::split_nonempty(messages, '\n')) {
    if (base::trim(line).empty()) continue;
    last = base::trim(line);
    const std::size_t at = last.find("error: ");
    if (at != std::string_view::npos) error = last.substr(at + 7);
  }
  std::string reason(error.empty() ? last : error);
  for (char& c : reason) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  reason.resize(std::min(reason.size(), kMaxReason));
  return reason;
}

Result<QuietChild> start_quietly(const QuietRun& run) {
  QuietChild child;
  child.messages = message_file();
  child.program = run.argv[0];
  Streams streams;
  streams.errors = child.messages.get();
  const auto pid = spawn(run, streams);
  if (!pid) return tl::unexpected(pid.error());
  child.pid = *pid;
  return child;
}

Status end_quietly(QuietChild& child) {
  const int status = wait_for(std::exchange(child.pid, -1));
  if (status == 0) return {};
  return tl::unexpected(reason_of(child.program, status, child.messages));
}

Status run_quietly(const QuietRun& run) {
  auto child = start_quietly(run);
  if (!child) return tl::unexpected(child.error());
  return end_quietly(*child);
}

Status lock_image(const ContainerPlan& plan, std::string_view digest) {
  const std::string digits = digits_of(digest);
  if (digits.empty()) return {};
  const std::string path = fmt::format("{}/locks/{}", plan.settings.image_home, digits);
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
  if (fd < 0) return tl::unexpected(base::errno_error(path, errno));
  while (::flock(fd, LOCK_SH) != 0) {
    if (errno != EINTR) return tl::unexpected(base::errno_error(path, errno));
  }
  return {};
}

Result<image::ImageRecord> prepare_image(const ContainerPlan& plan, const ImageProgress& progress) {
  const bool is_file = plan.spec.image.view().starts_with('/');
  Result<image::ImageRecord> record;
  if (!plan.settings.fetch_from.empty() && !is_file) {
    record = prepare_by_fetch(plan, progress);
  } else {
    const std::string asked = digest_in(plan.spec.image.view());
    const std::string digest = is_file         ? known_file(plan)
                               : asked.empty() ? plan.known_digest
                                               : asked;
    if (auto here = find_here(plan, digest)) return std::move(*here);
    const bool known = asked.empty() && !is_file;
    record = run_prepare(plan, known ? digest : std::string(), nullptr, progress);
  }
  if (!record) return record;
  if (auto locked = lock_image(plan, record->digest.view()); !locked) {
    return tl::unexpected(locked.error());
  }
  return record;
}

}  // namespace sluice::stepd
