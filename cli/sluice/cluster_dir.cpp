// See cluster_dir.hpp.
#include "cli/sluice/cluster_dir.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/file.hpp"
#include "base/quantity.hpp"
#include "config/cluster_config.hpp"

extern char** environ;

namespace sluice::cli {

namespace {

constexpr std::size_t kMaxLogTail = 64 * 1024 * 1024;

std::string absolute(const std::string& path) {
  if (!path.empty() && path.front() == '/') return path;
  char here[4096] = {};
  if (::getcwd(here, sizeof here) == nullptr) return path;
  return std::string(here) + "/" + path;
}

std::string without_trailing_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

}  // namespace

Result<ClusterDir> ClusterDir::locate(const std::string& given) {
  std::string path = given;
  if (path.empty()) {
    if (const char* set = std::getenv("SLUICE_DIR"); set != nullptr && *set != '\0') path = set;
  }
  if (path.empty()) {
    const char* home = std::getenv("HOME");
    if (home == nullptr)
      return fail(ErrorCode::invalid_argument, "--dir is needed (HOME is not set)");
    path = std::string(home) + "/.sluice";
  }
  return ClusterDir(without_trailing_slash(absolute(path)));
}

bool ClusterDir::exists() const { return base::file_exists(config()); }

Result<std::vector<Daemon>> ClusterDir::daemons() const {
  Result<config::ClusterConfig> config = config::load_cluster_config(this->config());
  if (!config) return tl::unexpected(config.error());
  Result<std::string> port = base::read_file(path_ + "/port", 64);
  if (!port) return tl::unexpected(port.error());
  while (!port->empty() && port->back() == '\n') port->pop_back();
  std::vector<Daemon> all;
  all.push_back({"controller",
                 "sluicectld",
                 controller(),
                 {"--dir", controller(), "--config", this->config(), "--port", *port}});
  all.push_back({"login", "sluiced", login(), {"--dir", login(), "--login"}});
  for (const model::NodeSetting& setting : config->settings->nodes) {
    const std::string name = setting.name.str();
    all.push_back({name, "sluiced", node(name), {"--dir", node(name)}});
  }
  if (!config->relay.empty()) {
    all.push_back({"relay",
                   "sluice-relay",
                   relay(),
                   {"--dir", relay(), "--config", this->config(), "--socket",
                    controller() + "/controller.sock"}});
  }
  return all;
}

std::vector<Daemon> ClusterDir::made() const {
  std::vector<Daemon> all = {{"controller", "sluicectld", controller(), {}},
                             {"login", "sluiced", login(), {}}};
  std::error_code none;
  if (std::filesystem::is_directory(relay(), none)) {
    all.push_back({"relay", "sluice-relay", relay(), {}});
  }
  for (const auto& entry : std::filesystem::directory_iterator(path_ + "/nodes", none)) {
    all.push_back({entry.path().filename(), "sluiced", entry.path(), {}});
  }
  return all;
}

std::optional<pid_t> find_running(const Daemon& daemon) {
  const Result<std::string> text = base::read_file(daemon.pid_file(), 64);
  if (!text) return std::nullopt;
  const pid_t pid = static_cast<pid_t>(std::strtol(text->c_str(), nullptr, 10));
  if (pid <= 1) return std::nullopt;
  const Result<std::string> line =
      base::read_kernel_file("/proc/" + std::to_string(pid) + "/cmdline");
  // Arguments end with zero bytes; a zombie has none.
  const std::string argument = std::string("\0", 1) + daemon.dir + std::string("\0", 1);
  if (!line || line->find(argument) == std::string::npos) return std::nullopt;
  return pid;
}

Status start_daemon(const Daemon& daemon) {
  if (Status made = base::make_directories(daemon.dir, 0755); !made) return made;
  const std::string program = program_folder() + "/" + daemon.program;
  std::vector<std::string> words = {program};
  words.insert(words.end(), daemon.options.begin(), daemon.options.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attributes);
  const std::string log = daemon.log_file();
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0640);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  posix_spawn_file_actions_addclosefrom_np(&files, 3);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
  pid_t child = 0;
  const int failed =
      posix_spawn(&child, program.c_str(), &files, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) return fail(ErrorCode::io, program + ": " + std::strerror(failed));
  return base::write_file_atomic(daemon.pid_file(), std::to_string(child) + "\n");
}

std::string last_log_line(const Daemon& daemon) {
  Result<std::string> log = base::read_file(daemon.log_file(), kMaxLogTail);
  if (!log) return "no log";
  while (!log->empty() && log->back() == '\n') log->pop_back();
  const std::size_t line = log->rfind('\n');
  return line == std::string::npos ? *log : log->substr(line + 1);
}

std::string program_folder() {
  char path[4096] = {};
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path - 1);
  if (length <= 0) return "/usr/bin";
  const std::string whole(path, static_cast<std::size_t>(length));
  return whole.substr(0, whole.rfind('/'));
}

}  // namespace sluice::cli
