// The PMIx plugin: libpmix's server inside the helper process. libpmix speaks with the tasks
// through sockets of its own below the step's directory; what concerns other nodes goes through the
// callbacks to stepd. Two threads: libpmix's, which only puts letters into the mailbox, and the
// helper's, which does everything else.
//
// A fence of the whole step takes the supervisors' fence, one of fewer nodes goes by Gather. Data
// of a remote task that no fence brought ("direct modex") is asked for from its node.
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <pmix.h>
#include <pmix_server.h>

#include "plugins/mpi/mpi_plugin.h"
#include "plugins/mpi/pmix/gather.hpp"
#include "plugins/mpi/pmix/mailbox.hpp"
#include "plugins/mpi/pmix/register.hpp"

namespace sluice::mpi_pmix {
namespace {

class Server {
 public:
  Server(const SluiceMpiStep& step, const SluiceMpiCallbacks& callbacks);
  ~Server();
  bool start();
  bool environment(std::uint32_t rank, SluiceMpiSetEnv set, void* sink);
  void read_mail();
  void fence_done(std::uint64_t id, std::string data);
  void direct_received(std::uint32_t from, std::string_view message);
  Mailbox& mailbox() { return mailbox_; }
  const SluiceMpiStep& step() const { return step_; }
  const std::string& nspace() const { return nspace_; }

 private:
  bool problem(std::string_view what, pmix_status_t status);
  void handle(Letter letter);
  void fence(Letter letter);
  void ask_remote(Letter letter);
  void answer_local(const Letter& letter);
  void send(std::uint32_t node, char kind, std::uint64_t id, std::string_view rest);
  void answer(std::uint64_t ticket, pmix_status_t status, std::string data);
  std::uint64_t wait_for(Letter& letter);

  const SluiceMpiStep& step_;
  const SluiceMpiCallbacks& callbacks_;
  std::string nspace_;
  Mailbox mailbox_;
  Gather gather_;
  bool running_ = false;
  std::uint64_t next_fence_ = 0;
  std::uint64_t next_ticket_ = 1;
  std::map<std::uint64_t, std::uint64_t> fences_;                           // fence id -> ticket
  std::map<std::uint64_t, std::function<void(int, std::string)>> waiting_;  // by ticket
  struct Question {
    std::uint32_t node = 0;
    std::uint64_t id = 0;
  };
  std::map<std::uint64_t, Question> questions_;  // of other nodes about our tasks, by ticket
};

// libpmix's calls to its host carry no pointer of ours, and there is one server in a process.
Server* the_server = nullptr;

// --- libpmix's thread --------------------------------------------------------------------------

pmix_status_t put(Letter letter) {
  if (the_server == nullptr) return PMIX_ERR_INIT;
  the_server->mailbox().put(std::move(letter));
  return PMIX_SUCCESS;
}

Letter client_letter(Letter::Kind kind, const pmix_proc_t* proc, pmix_op_cbfunc_t op, void* to) {
  Letter letter;
  letter.kind = kind;
  letter.rank = proc->rank;
  letter.done = [op, to](int status) {
    if (op != nullptr) op(status, to);
  };
  return letter;
}

// libpmix reads the data after the call and says when it is through with it.
std::function<void(int, std::string)> answer_by(pmix_modex_cbfunc_t modex, void* to) {
  return [modex, to](int status, std::string data) {
    if (modex == nullptr) return;
    const auto release = [](void* kept) { delete static_cast<std::string*>(kept); };
    auto* kept = std::make_unique<std::string>(std::move(data)).release();
    modex(status, kept->data(), kept->size(), to, release, kept);
  };
}

pmix_proc_t proc_of(const std::string& nspace, std::uint32_t rank) {
  pmix_proc_t proc;
  std::memset(&proc, 0, sizeof(proc));
  std::strncpy(proc.nspace, nspace.c_str(), PMIX_MAX_NSLEN);
  proc.rank = rank;
  return proc;
}

pmix_status_t on_connected(const pmix_proc_t* proc, void*, pmix_info_t*, std::size_t,
                           pmix_op_cbfunc_t op, void* to) {
  return put(client_letter(Letter::Kind::connected, proc, op, to));
}

pmix_status_t on_finalized(const pmix_proc_t* proc, void*, pmix_op_cbfunc_t op, void* to) {
  return put(client_letter(Letter::Kind::finalized, proc, op, to));
}

pmix_status_t on_abort(const pmix_proc_t* proc, void*, int status, const char* message,
                       pmix_proc_t*, std::size_t, pmix_op_cbfunc_t op, void* to) {
  Letter letter = client_letter(Letter::Kind::aborted, proc, op, to);
  letter.status = status;
  if (message != nullptr) letter.data = message;
  return put(std::move(letter));
}

pmix_status_t on_fence(const pmix_proc_t* procs, std::size_t count, const pmix_info_t*, std::size_t,
                       char* data, std::size_t size, pmix_modex_cbfunc_t modex, void* to) {
  Letter letter;
  letter.kind = Letter::Kind::fence;
  bool all = procs == nullptr;
  for (std::size_t i = 0; procs != nullptr && i < count; ++i) {
    if (the_server == nullptr || the_server->nspace() != procs[i].nspace)
      return PMIX_ERR_NOT_SUPPORTED;
    if (procs[i].rank == PMIX_RANK_WILDCARD) all = true;
    letter.ranks.push_back(procs[i].rank);
  }
  if (all) letter.ranks.clear();
  if (data != nullptr) letter.data.assign(data, size);
  letter.answer = answer_by(modex, to);
  return put(std::move(letter));
}

pmix_status_t on_direct_modex(const pmix_proc_t* proc, const pmix_info_t*, std::size_t,
                              pmix_modex_cbfunc_t modex, void* to) {
  if (the_server == nullptr || the_server->nspace() != proc->nspace) return PMIX_ERR_NOT_FOUND;
  Letter letter;
  letter.kind = Letter::Kind::wants_remote;
  letter.rank = proc->rank;
  letter.answer = answer_by(modex, to);
  return put(std::move(letter));
}

void on_local_data(pmix_status_t status, char* data, std::size_t size, void* ticket) {
  Letter letter;
  letter.kind = Letter::Kind::local_data;
  letter.status = status;
  letter.id = reinterpret_cast<std::uintptr_t>(ticket);
  if (data != nullptr) letter.data.assign(data, size);
  put(std::move(letter));
}

pmix_server_module_t host_functions() {
  pmix_server_module_t host;
  std::memset(&host, 0, sizeof(host));
  host.client_connected2 = on_connected;
  host.client_finalized = on_finalized;
  host.abort = on_abort;
  host.fence_nb = on_fence;
  host.direct_modex = on_direct_modex;
  return host;
}

// --- The helper's thread -----------------------------------------------------------------------

Server::Server(const SluiceMpiStep& step, const SluiceMpiCallbacks& callbacks)
    : step_(step),
      callbacks_(callbacks),
      nspace_(nspace_of(step)),
      gather_(
          step.node, {step.task_node, step.task_node + step.task_count},
          [this](std::uint32_t node, const std::string& message) { send(node, 'g', 0, message); },
          [this](std::uint64_t ticket, const std::string& data) {
            answer(ticket, PMIX_SUCCESS, data);
          }) {}

Server::~Server() {
  if (running_) PMIx_server_finalize();
  the_server = nullptr;
}

bool Server::problem(std::string_view what, pmix_status_t status) {
  if (status == PMIX_SUCCESS || status == PMIX_OPERATION_SUCCEEDED) return false;
  callbacks_.problem(callbacks_.context,
                     fmt::format("PMIx: {}: {}", what, PMIx_Error_string(status)).c_str());
  return true;
}

bool Server::start() {
  the_server = this;
  // One implementation of each kind: loading the others and asking them costs time at every start.
  // hwloc, which libpmix insists on, need not look for graphics cards (its plugins).
  for (const auto& [name, value] : {std::pair{"PMIX_MCA_gds", "hash"},
                                    {"PMIX_MCA_preg", "native"},
                                    {"PMIX_MCA_psec", "native"},
                                    {"PMIX_MCA_prm", "default"},
                                    {"PMIX_MCA_pcompress", "^zlib"},
                                    {"PMIX_MCA_ptl_tcp_if_include", "lo"},
                                    {"PMIX_MCA_mca_base_component_show_load_errors", "0"},
                                    {"HWLOC_PLUGINS_PATH", "/nonexistent"}}) {
    ::setenv(name, value, 0);
  }
  static pmix_server_module_t host = host_functions();
  if (problem("starting", start_libpmix(step_, nspace_, &host))) return false;
  running_ = true;
  return !problem("describing the step", register_step(step_, nspace_)) &&
         !problem("describing the tasks", register_tasks(step_, nspace_));
}

bool Server::environment(std::uint32_t rank, SluiceMpiSetEnv set, void* sink) {
  const pmix_proc_t proc = proc_of(nspace_, rank);
  char** entries = nullptr;
  if (problem("the environment", PMIx_server_setup_fork(&proc, &entries))) return false;
  for (char** entry = entries; entry != nullptr && *entry != nullptr; ++entry) {
    char* equals = std::strchr(*entry, '=');
    if (equals != nullptr) {
      *equals = '\0';
      set(sink, *entry, equals + 1);
    }
    std::free(*entry);  // NOLINT(cppcoreguidelines-no-malloc): libpmix's own
  }
  std::free(entries);  // NOLINT(cppcoreguidelines-no-malloc)
  set(sink, "PMIX_MCA_gds", "hash");
  set(sink, "PMIX_MCA_mca_base_component_show_load_errors", "0");
  if (step_.shared_host != 0) {
    // Open MPI names its shared segments by host, job and local rank.
    set(sink, "OMPI_MCA_btl_vader_backing_directory", step_.directory);
    set(sink, "OMPI_MCA_osc_sm_backing_directory", step_.directory);
  }
  return true;
}

void Server::read_mail() {
  for (Letter& letter : mailbox_.take_all()) handle(std::move(letter));
}

void Server::handle(Letter letter) {
  switch (letter.kind) {
    case Letter::Kind::connected: callbacks_.initialized(callbacks_.context, letter.rank); break;
    case Letter::Kind::finalized: callbacks_.finalized(callbacks_.context, letter.rank); break;
    case Letter::Kind::aborted:
      callbacks_.abort(callbacks_.context, letter.rank, letter.status, letter.data.c_str());
      break;
    case Letter::Kind::fence: return fence(std::move(letter));
    case Letter::Kind::wants_remote: return ask_remote(std::move(letter));
    case Letter::Kind::local_data: return answer_local(letter);
  }
  letter.done(PMIX_SUCCESS);
}

std::uint64_t Server::wait_for(Letter& letter) {
  waiting_[next_ticket_] = std::move(letter.answer);
  return next_ticket_++;
}

void Server::answer(std::uint64_t ticket, pmix_status_t status, std::string data) {
  auto found = waiting_.extract(ticket);
  if (!found.empty()) found.mapped()(status, std::move(data));
}

void Server::fence(Letter letter) {
  const std::uint64_t ticket = wait_for(letter);
  const bool all = letter.ranks.empty() || letter.ranks.size() == step_.task_count;
  if (!all) return gather_.contribute(letter.ranks, letter.data, ticket);
  if (step_.node_count == 1) return answer(ticket, PMIX_SUCCESS, std::move(letter.data));
  const std::uint64_t id = next_fence_++;
  fences_[id] = ticket;
  callbacks_.fence(callbacks_.context, id, letter.data.data(), letter.data.size());
}

void Server::fence_done(std::uint64_t id, std::string data) {
  const auto found = fences_.find(id);
  if (found == fences_.end()) return;
  const std::uint64_t ticket = found->second;
  fences_.erase(found);
  answer(ticket, PMIX_SUCCESS, std::move(data));
}

// Direct messages: a kind, an id of the asker, the rest. 'g' gather; 'q' a question, the rest is a
// rank; 'a' an answer, the rest is a status and the data.
void Server::send(std::uint32_t node, char kind, std::uint64_t id, std::string_view rest) {
  std::string message(1, kind);
  message.append(reinterpret_cast<const char*>(&id), sizeof(id));
  message += rest;
  callbacks_.direct(callbacks_.context, node, message.data(), message.size());
}

void Server::ask_remote(Letter letter) {
  const std::uint64_t ticket = wait_for(letter);
  if (letter.rank >= step_.task_count || step_.task_node[letter.rank] == step_.node) {
    return answer(ticket, PMIX_ERR_NOT_FOUND, "");
  }
  const std::uint32_t rank = letter.rank;
  send(step_.task_node[rank], 'q', ticket, {reinterpret_cast<const char*>(&rank), sizeof(rank)});
}

void Server::answer_local(const Letter& letter) {
  const auto found = questions_.find(letter.id);
  if (found == questions_.end()) return;
  const Question question = found->second;
  questions_.erase(found);
  const std::int32_t status = letter.status;
  std::string rest(reinterpret_cast<const char*>(&status), sizeof(status));
  rest += letter.data;
  send(question.node, 'a', question.id, rest);
}

void Server::direct_received(std::uint32_t from, std::string_view message) {
  std::uint64_t id = 0;
  if (message.size() < 1 + sizeof(id)) return;
  const char kind = message[0];
  std::memcpy(&id, message.data() + 1, sizeof(id));
  const std::string_view rest = message.substr(1 + sizeof(id));
  if (kind == 'g') {
    if (!gather_.received(from, std::string(rest))) problem("a message", PMIX_ERR_BAD_PARAM);
    return;
  }
  std::int32_t number = 0;
  if (rest.size() < sizeof(number)) return;
  std::memcpy(&number, rest.data(), sizeof(number));
  if (kind == 'a') return answer(id, number, std::string(rest.substr(sizeof(number))));
  const std::uint64_t ticket = next_ticket_++;
  questions_[ticket] = Question{from, id};
  const pmix_proc_t proc = proc_of(nspace_, static_cast<std::uint32_t>(number));
  const pmix_status_t status =
      PMIx_server_dmodex_request(&proc, on_local_data, reinterpret_cast<void*>(ticket));
  if (status == PMIX_SUCCESS) return;
  Letter failed;
  failed.id = ticket;
  failed.status = status;
  answer_local(failed);
}

// --- The table ---------------------------------------------------------------------------------

Server& server(void* state) { return *static_cast<Server*>(state); }

void* plugin_start(const SluiceMpiStep* step, const SluiceMpiCallbacks* callbacks) {
  auto made = std::make_unique<Server>(*step, *callbacks);
  return made->start() ? made.release() : nullptr;
}

std::size_t plugin_poll_fds(void* state, struct pollfd* fds, std::size_t room) {
  if (room == 0) return 0;
  fds[0] = {server(state).mailbox().fd(), POLLIN, 0};
  return 1;
}

void plugin_fence_done(void* state, uint64_t id, const void* data, const std::size_t* parts) {
  std::size_t size = 0;
  for (std::uint32_t node = 0; node < server(state).step().node_count; ++node) size += parts[node];
  server(state).fence_done(id, std::string(static_cast<const char*>(data), size));
}

}  // namespace
}  // namespace sluice::mpi_pmix

extern "C" __attribute__((visibility("default"))) const SluiceMpiPlugin* sluice_mpi_plugin_v1() {
  using namespace sluice::mpi_pmix;  // NOLINT(google-build-using-namespace)
  static const SluiceMpiPlugin table = {
      .abi = SLUICE_MPI_ABI,
      .name = "pmix",
      .version = PMIx_Get_version(),
      .flags = 0,
      .start = plugin_start,
      .environment = [](void* state, uint32_t rank, SluiceMpiSetEnv set,
                        void* sink) { return server(state).environment(rank, set, sink) ? 0 : -1; },
      .poll_fds = plugin_poll_fds,
      .ready = [](void* state, int, short) { server(state).read_mail(); },
      .fence_done = plugin_fence_done,
      .direct_received =
          [](void* state, uint32_t from, const void* data, std::size_t size) {
            server(state).direct_received(from, {static_cast<const char*>(data), size});
          },
      // libpmix notices a task's end by its socket.
      .task_ended = [](void*, uint32_t) {},
      .stop = [](void* state) { delete static_cast<Server*>(state); },
  };
  return &table;
}
