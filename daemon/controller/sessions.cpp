// Conversations with commands: who speaks is known before the first frame (kernel or stamp), reads
// go to the query threads, the rest to the service.
#include <utility>

#include "base/clock.hpp"
#include "base/log/log.hpp"
#include "daemon/controller/account_queries.hpp"
#include "daemon/controller/ledger_queries.hpp"
#include "daemon/controller/priority_queries.hpp"
#include "daemon/controller/service/policies.hpp"
#include "daemon/controller/shell.hpp"
#include "daemon/controller/stats_query.hpp"
#include "daemon/controller/use_queries.hpp"

namespace sluice::controller {

namespace {

constexpr std::size_t kMaxRequest = 32 * 1024 * 1024;

}  // namespace

void Shell::add_session(std::unique_ptr<net::FrameChannel> channel, auth::Peer peer) {
  const SessionId id = next_session_++;
  Session& session = sessions_[id];
  session.channel = std::move(channel);
  session.peer = std::move(peer);
  session.channel->set_max_payload(kMaxRequest);
  session.channel->on_frame([this, id](const net::Frame& frame) { on_frame(id, frame); });
  session.channel->on_drain([this, id] {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) return;
    for (auto& run : std::exchange(found->second.waiting, {})) advance(run);
  });
  session.channel->on_close([this, id](const Error&) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) return;
    for (const auto& run : found->second.waiting) finish(*run);
    sessions_.erase(found);
    service_->on_session_closed(id);
  });
  session.channel->resume();
}

void Shell::refuse(const Call& call, const Error& error) { service_->refuse(call, error); }

void Shell::on_frame(SessionId id, const net::Frame& frame) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  const Call call{id, frame.id, found->second.peer};
  const std::uint64_t begin = base::monotonic_us();
  const std::uint16_t type = frame.type;  // the frame may go with its session
  if (!answer_frame(call, frame)) return;
  service_->statistics().note_request(type, call.peer.uid,
                                      static_cast<std::int64_t>(base::monotonic_us() - begin));
}

// False: a query thread goes on with it, and counts it in the end.
bool Shell::answer_frame(const Call& call, const net::Frame& frame) {
  switch (static_cast<wire::MessageType>(frame.type)) {
    case wire::MessageType::hello: {
      const Result<wire::Hello> hello = wire::decode<wire::Hello>(frame.payload);
      if (!hello) {
        refuse(call, hello.error());
      } else if (hello->version < wire::kOldestProtocol) {
        refuse(call, {ErrorCode::protocol, "this release of the command is too old"});
      }
      return false;  // no request
    }
    case wire::MessageType::route: return false;  // this is where it leads
    case wire::MessageType::make_token: make_token(call, frame); return true;
    case wire::MessageType::reconfigure: reconfigure(call); return true;
    default: break;
  }
  const std::uint32_t before = queries_under_way_;
  if (!start_query(call, frame)) service_->on_request(call, frame);
  return queries_under_way_ == before;
}

template <class Request, class Make>
bool Shell::try_query(const Call& call, const net::Frame& frame, Make make) {
  if (frame.type != static_cast<std::uint16_t>(Request::kType)) return false;
  Result<Request> request = wire::decode<Request>(frame.payload);
  if (!request) {
    refuse(call, request.error());
    return true;
  }
  if (const Status allowed = service_->may_read<Request>(call.peer); !allowed) {
    refuse(call, allowed.error());
    return true;
  }
  make(std::move(*request));
  return true;
}

void Shell::start(const Call& call, const net::Frame& frame, std::unique_ptr<Query> query) {
  ++queries_under_way_;
  advance(std::make_shared<QueryRun>(
      QueryRun{call.session, call.id, frame.type, call.peer.uid, std::move(query)}));
}

bool Shell::start_ledger_query(const Call& call, const net::Frame& frame) {
  const auto events = [&](wire::QueryEvents request) {
    start_events(call, frame, std::move(request));
  };
  if (try_query<wire::QueryEvents>(call, frame, events)) return true;
  const auto with_reader = [&](auto make) {
    Result<store::LedgerReader> reader = store::LedgerReader::open(store_path());
    if (!reader) return refuse(call, reader.error());
    start(call, frame, make(std::move(*reader)));
  };
  return try_query<wire::QueryEntries>(call, frame,
                                       [&](wire::QueryEntries request) {
                                         with_reader([&](store::LedgerReader reader) {
                                           return query_entries(std::move(reader),
                                                                std::move(request),
                                                                service_->ledger_sight(call.peer));
                                         });
                                       }) ||
         try_query<wire::VerifyBooks>(call, frame, [&](const wire::VerifyBooks&) {
           with_reader([](store::LedgerReader reader) { return verify_books(std::move(reader)); });
         });
}

bool Shell::start_rebuild(const Call& call, const net::Frame& frame) {
  return try_query<wire::EditHistory>(
      call, frame, [&](const wire::EditHistory&) { start(call, frame, rebuild_use(store_)); });
}

bool Shell::start_query(const Call& call, const net::Frame& frame) {
  const auto start = [&](std::unique_ptr<Query> query) {
    this->start(call, frame, std::move(query));
  };
  if (start_ledger_query(call, frame) || start_rebuild(call, frame)) return true;
  return try_query<wire::QueryJobs>(
             call, frame,
             [&](wire::QueryJobs request) {
               start(
                   query_jobs(snapshot_.current(),
                              {std::move(request), service_->sight_for<wire::QueryJobs>(call.peer),
                               service_->cluster().priority_inputs()}));
             }) ||
         try_query<wire::QueryNodes>(call, frame,
                                     [&](wire::QueryNodes request) {
                                       start(query_nodes(snapshot_.current(), std::move(request)));
                                     }) ||
         try_query<wire::QueryPartitions>(
             call, frame,
             [&](wire::QueryPartitions request) {
               start(query_partitions(snapshot_.current(), std::move(request)));
             }) ||
         try_query<wire::QueryHistory>(
             call, frame,
             [&](const wire::QueryHistory& request) {
               Result<store::Reader> reader = store_->reader();
               if (!reader) return refuse(call, reader.error());
               start(query_history(std::move(*reader), request,
                                   service_->sight_for<wire::QueryHistory>(call.peer)));
             }) ||
         try_query<wire::QueryUse>(
             call, frame,
             [&](const wire::QueryUse& request) {
               Result<store::Reader> reader = store_->reader();
               if (!reader) return refuse(call, reader.error());
               start(query_use(std::move(*reader), snapshot_.current(),
                               {request, service_->sight_for<wire::QueryUse>(call.peer),
                                config_.settings->cluster_name.str(), now().wall}));
             }) ||
         try_query<wire::QueryAccounts>(call, frame,
                                        [&](const wire::QueryAccounts& request) {
                                          AccountsAnswer answer{
                                              config_.settings->cluster_name,
                                              snapshot_.current()->accounts,
                                              {},
                                              request.usage,
                                              service_->sight_for<wire::QueryAccounts>(call.peer)};
                                          if (request.usage)
                                            answer.usage = service_->cluster().usage();
                                          start(query_accounts(std::move(answer)));
                                        }) ||
         try_query<wire::QueryPriorities>(
             call, frame,
             [&](const wire::QueryPriorities&) {
               start(query_priorities(snapshot_.current(), service_->cluster().priority_inputs(),
                                      service_->sight_for<wire::QueryPriorities>(call.peer)));
             }) ||
         try_query<wire::QueryConfig>(call, frame,
                                      [&](const wire::QueryConfig&) { answer_config(call); }) ||
         try_query<wire::QueryStats>(call, frame, [&](const wire::QueryStats& request) {
           const auth::Rule& reset = auth::Policy<wire::QueryStats>::reset;
           const Status may = service_->judge(reset, call.peer, std::nullopt);
           if (request.reset && !may) return refuse(call, may.error());
           start(query_stats(snapshot_.current(), stats_reply()));
           if (!request.reset) return;
           service_->statistics().reset(now().wall);
         });
}

void Shell::advance(const std::shared_ptr<QueryRun>& run) {
  run->seen = commits_;
  pool_.run([this, alive = alive_, run] {
    const std::uint64_t begin = base::monotonic_us();
    auto made = std::make_shared<MadePiece>();
    made->piece = run->query->next();
    made->us = static_cast<std::int64_t>(base::monotonic_us() - begin);
    loop_.post([this, alive, run, made] {
      if (*alive) deliver(run, std::move(*made));
    });
  });
}

void Shell::deliver(const std::shared_ptr<QueryRun>& run, MadePiece made) {
  run->us += made.us;
  const auto found = sessions_.find(run->session);
  if (found == sessions_.end()) return finish(*run);
  net::FrameChannel& channel = *found->second.channel;
  Query::Piece& piece = made.piece;
  if (piece.wait) return follow(run);
  channel.send({static_cast<std::uint16_t>(piece.type), run->id, std::move(piece.payload)});
  if (piece.last) return finish(*run);
  if (channel.congested()) {
    found->second.waiting.push_back(run);
  } else {
    advance(run);
  }
}

void Shell::finish(const QueryRun& run) {
  --queries_under_way_;
  service_->statistics().note_request(run.type, run.uid, run.us);
}

void Shell::answer_config(const Call& call) {
  wire::ConfigReply message;
  for (const auto& [key, value] : config_.shown) message.values.push_back({key, value});
  controller::reply(*static_cast<Env*>(this), call.session, call.id, message);
}

// Without the jobs that wait and run.
wire::StatsReply Shell::stats_reply() {
  const store::StoreStats stats = store_->stats();
  wire::StatsReply message;
  const auto add = [&](const char* key, std::uint64_t value) {
    message.values.push_back({key, std::to_string(value)});
  };
  message.scheduler = service_->scheduler_stats();
  // The loop, the one that answers this, and those that don't wait for events.
  message.scheduler.threads =
      2 + queries_under_way_ - static_cast<std::uint32_t>(followers_.size());
  message.scheduler.clock_us = clock_us_;
  add("store_commits", stats.commits);
  add("store_transactions", stats.transactions);
  add("store_rows", stats.rows);
  add("sessions", sessions_.size());
  add("jobs", snapshot_.current()->job_count());
  add("epoch", service_->epoch());
  const wire::CycleStats& plan = message.scheduler.main;
  add("plan_passes", plan.count);
  add("plan_us_last", plan.us.last);
  add("plan_us_most", plan.us.most);
  add("plan_us_all", plan.us.all);
  return message;
}

void Shell::reconfigure(const Call& call) {
  const Status allowed =
      service_->judge(auth::Policy<wire::Reconfigure>::rule, call.peer, std::nullopt);
  if (!allowed) return refuse(call, allowed.error());
  if (const Status done = reconfigure(); !done) return refuse(call, done.error());
  log::info("configuration read again");
  controller::reply(*static_cast<Env*>(this), call.session, call.id, wire::DoneReply{});
}

}  // namespace sluice::controller
