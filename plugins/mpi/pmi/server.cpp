// The commands of PMI-1 and PMI-2. What is not offered (spawn, name publishing, connecting jobs) is
// refused in the protocol's own words, so that the MPI library reports it.
#include "plugins/mpi/pmi/server.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/core.h>

namespace sluice::mpi_pmi {
namespace {

constexpr std::string_view kMappingKey = "PMI_process_mapping";

Command named(std::string_view name) { return Command{std::string(name), {}}; }

Command response(std::string_view name, const std::string& thread) {
  Command command = named(name);
  if (!thread.empty()) command.add("thrid", thread);
  return command;
}

int to_int(std::string_view text, int otherwise) {
  int value = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

bool fits(const Command& command) {
  const std::string_view key = command.get("key");
  return !key.empty() && key.size() <= kMaxKey && command.get("value").size() <= kMaxValue;
}

}  // namespace

Server::Server(Step step, Outside outside) : step_(std::move(step)), outside_(std::move(outside)) {
  for (const std::uint32_t rank : step_.local_ranks) {
    tasks_.emplace_back();
    tasks_.back().rank = rank;
  }
  const std::string mapping = process_mapping(step_.task_node);
  if (!mapping.empty()) kvs_.preset(kMappingKey, mapping);
}

Status Server::receive(std::size_t index, std::string_view bytes) {
  Task& task = tasks_[index];
  task.in += bytes;
  std::size_t at = 0;
  while (at < task.in.size()) {
    const std::string_view rest = std::string_view(task.in).substr(at);
    const auto extent = task.speaks == Speaks::v2 ? cut_message(rest) : cut_line(rest);
    if (!extent) return tl::unexpected(extent.error());
    if (!extent->found) break;
    const auto command =
        task.speaks == Speaks::v2 ? parse_message(extent->text) : parse_line(extent->text);
    if (!command) return tl::unexpected(command.error());
    if (auto handled = handle(task, *command); !handled) return handled;
    at += extent->end;
  }
  task.in.erase(0, at);
  return {};
}

void Server::reply(Task& task, const Command& command) {
  task.out += task.speaks == Speaks::v2 ? format_message(command) : format_line(command);
}

Status Server::handle(Task& task, const Command& command) {
  switch (task.speaks) {
    case Speaks::undecided: return handle_init(task, command);
    case Speaks::v1: return handle_v1(task, command);
    case Speaks::v2: return handle_v2(task, command);
  }
  return {};
}

// The answer is a line in both protocols.
Status Server::handle_init(Task& task, const Command& command) {
  if (command.name != "init") return fail(ErrorCode::protocol, "PMI: no init");
  const int version = to_int(command.get("pmi_version"), 0);
  Command answer = named("response_to_init");
  answer.add("pmi_version", version == 2 ? "2" : "1");
  answer.add("pmi_subversion", version == 2 ? "0" : "1");
  answer.add("rc", version == 1 || version == 2 ? "0" : "-1");
  task.out += format_line(answer);
  task.speaks = version == 2 ? Speaks::v2 : Speaks::v1;
  if (version == 1) outside_.initialized(task.rank);
  return {};
}

// --- PMI-1 -------------------------------------------------------------------------------------

Status Server::handle_v1(Task& task, const Command& command) {
  if (handle_v1_kvs(task, command)) return {};
  if (command.name == "get_maxes") {
    reply(task, named("maxes")
                    .add("kvsname_max", std::to_string(kMaxKvsName))
                    .add("keylen_max", std::to_string(kMaxKey))
                    .add("vallen_max", std::to_string(kMaxValue)));
  } else if (command.name == "get_appnum") {
    reply(task, named("appnum").add("appnum", "0"));
  } else if (command.name == "get_my_kvsname") {
    reply(task, named("my_kvsname").add("kvsname", step_.name));
  } else if (command.name == "get_universe_size") {
    reply(task, named("universe_size").add("size", std::to_string(step_.universe)));
  } else if (command.name == "finalize") {
    outside_.finalized(task.rank);  // before the task may leave
    reply(task, named("finalize_ack"));
  } else if (command.name == "abort") {
    outside_.abort(task.rank, to_int(command.get("exitcode"), 1), "MPI_Abort");
  } else if (command.name == "publish_name") {
    reply(task, named("publish_result").add("info", "not_supported"));
  } else if (command.name == "unpublish_name") {
    reply(task, named("unpublish_result").add("info", "not_supported"));
  } else if (command.name == "lookup_name") {
    reply(task, named("lookup_result").add("info", "not_found"));
  } else if (command.name == "spawn") {
    reply(task, named("spawn_result").add("rc", "-1").add("msg", "not_supported"));
  } else {
    return fail(ErrorCode::protocol, fmt::format("PMI: unknown command {}", command.name));
  }
  return {};
}

bool Server::handle_v1_kvs(Task& task, const Command& command) {
  if (command.name == "barrier_in") {
    enter_fence(task, "");
  } else if (command.name == "put") {
    const bool good = fits(command);
    if (good) kvs_.put(command.get("key"), command.get("value"));
    reply(
        task,
        named("put_result").add("rc", good ? "0" : "-1").add("msg", good ? "success" : "too_long"));
  } else if (command.name == "get") {
    const auto value = kvs_.get(command.get("key"));
    reply(task, named("get_result")
                    .add("rc", value ? "0" : "-1")
                    .add("msg", value ? "success" : "key_not_found")
                    .add("value", value ? *value : "unknown"));
  } else if (command.name == "getbyidx") {
    reply(task, named("getbyidx_results").add("rc", "-2").add("reason", "no_more_keyvals"));
  } else {
    return false;
  }
  return true;
}

// --- PMI-2 -------------------------------------------------------------------------------------

Status Server::handle_v2(Task& task, const Command& command) {
  const std::string thread(command.get("thrid"));
  if (handle_v2_kvs(task, command, thread) || handle_v2_info(task, command, thread)) return {};
  const std::string& name = command.name;
  if (name == "fullinit") {
    reply(task, response("fullinit-response", thread)
                    .add("pmi-version", "2")
                    .add("pmi-subversion", "0")
                    .add("rank", std::to_string(task.rank))
                    .add("size", std::to_string(step_.task_node.size()))
                    .add("appnum", "0")
                    .add("debugged", "FALSE")
                    .add("pmiverbose", "FALSE")
                    .add("rc", "0"));
    outside_.initialized(task.rank);
  } else if (name == "finalize") {
    outside_.finalized(task.rank);
    reply(task, response("finalize-response", thread).add("rc", "0"));
  } else if (name == "abort") {
    outside_.abort(task.rank, 1, std::string(command.get("msg")));
  } else if (name == "job-getid") {
    reply(task, response("job-getid-response", thread).add("jobid", step_.name).add("rc", "0"));
  } else if (name == "spawn" || name == "job-connect" || name == "job-disconnect" ||
             name == "name-publish" || name == "name-unpublish" || name == "name-lookup") {
    reply(task,
          response(name + "-response", thread).add("rc", "-1").add("errmsg", "not supported"));
  } else {
    return fail(ErrorCode::protocol, fmt::format("PMI-2: unknown command {}", name));
  }
  return {};
}

bool Server::handle_v2_kvs(Task& task, const Command& command, const std::string& thread) {
  if (command.name == "kvs-fence") {
    enter_fence(task, thread);
  } else if (command.name == "kvs-put") {
    const bool good = fits(command);
    if (good) kvs_.put(command.get("key"), command.get("value"));
    Command answer = response("kvs-put-response", thread);
    answer.add("rc", good ? "0" : "-1");
    if (!good) answer.add("errmsg", "too long");
    reply(task, answer);
  } else if (command.name == "kvs-get") {
    const auto value = kvs_.get(command.get("key"));
    Command answer = response("kvs-get-response", thread);
    answer.add("found", value ? "TRUE" : "FALSE");
    if (value) answer.add("value", *value);
    reply(task, answer.add("rc", "0"));
  } else {
    return false;
  }
  return true;
}

void Server::answer_attribute(Task& task, std::string_view value, const std::string& thread) {
  reply(task, response("info-getnodeattr-response", thread)
                  .add("found", "TRUE")
                  .add("value", value)
                  .add("rc", "0"));
}

bool Server::handle_v2_info(Task& task, const Command& command, const std::string& thread) {
  const std::string key(command.get("key"));
  if (command.name == "info-getjobattr") {
    std::string value;
    if (key == "universeSize") value = std::to_string(step_.universe);
    if (key == kMappingKey) value = kvs_.get(key).value_or("");
    Command answer = response("info-getjobattr-response", thread);
    answer.add("found", value.empty() ? "FALSE" : "TRUE");
    if (!value.empty()) answer.add("value", value);
    reply(task, answer.add("rc", "0"));
  } else if (command.name == "info-putnodeattr") {
    const std::string value(command.get("value"));
    node_attributes_.insert_or_assign(key, value);
    reply(task, response("info-putnodeattr-response", thread).add("rc", "0"));
    const auto [first, last] = attribute_waiters_.equal_range(key);
    for (auto waiter = first; waiter != last; ++waiter) {
      answer_attribute(tasks_[waiter->second.task], value, waiter->second.thread);
    }
    attribute_waiters_.erase(first, last);
  } else if (command.name == "info-getnodeattr") {
    const auto found = node_attributes_.find(key);
    if (found != node_attributes_.end()) {
      answer_attribute(task, found->second, thread);
    } else if (command.get("wait") == "TRUE") {
      const auto index = static_cast<std::size_t>(&task - tasks_.data());
      attribute_waiters_.emplace(key, Waiting{index, thread});
    } else {
      reply(task,
            response("info-getnodeattr-response", thread).add("found", "FALSE").add("rc", "0"));
    }
  } else {
    return false;
  }
  return true;
}

// --- Fences ------------------------------------------------------------------------------------

void Server::enter_fence(Task& task, std::string thread) {
  task.in_fence = true;
  task.fence_thread = std::move(thread);
  const bool all =
      std::all_of(tasks_.begin(), tasks_.end(), [](const Task& one) { return one.in_fence; });
  if (!all) return;
  const std::string changes = kvs_.take_changes();
  if (step_.node_count == 1) return leave_fence();
  outside_.fence(next_fence_, changes);
}

void Server::leave_fence() {
  ++next_fence_;
  for (Task& task : tasks_) {
    task.in_fence = false;
    reply(task, task.speaks == Speaks::v2
                    ? response("kvs-fence-response", task.fence_thread).add("rc", "0")
                    : named("barrier_out"));
  }
}

void Server::fence_done(std::uint64_t id, std::string_view changes) {
  if (id != next_fence_) return;
  if (!kvs_.merge(changes)) {
    outside_.abort(tasks_[0].rank, 1, "PMI: a fence's data can't be read");
    return;
  }
  leave_fence();
}

}  // namespace sluice::mpi_pmi
