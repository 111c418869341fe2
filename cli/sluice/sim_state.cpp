// Everything comes over the wire, so it takes no more rights than squeue does; only the present
// configuration is read from its file, whose place the controller tells.
#include "cli/sluice/sim_state.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "base/clock.hpp"
#include "base/duration.hpp"
#include "base/file.hpp"
#include "base/quantity.hpp"
#include "cli/common/accounts_query.hpp"
#include "cli/common/job_query.hpp"
#include "cli/common/job_stream.hpp"
#include "cli/sluice/cluster_dir.hpp"
#include "cli/sluice/sim.hpp"
#include "config/cluster_config.hpp"
#include "replay/from_state.hpp"
#include "report/column_text.hpp"
#include "report/job_text.hpp"
#include "wire/reservation_messages.hpp"

namespace sluice::cli {

namespace {

using model::WallTime;

constexpr std::int64_t kDay_s = 86'400;

// Whole seconds, rounded up: nothing in the records is later.
WallTime this_second() { return (base::wall_seconds() + 1) * model::kSecond; }

Result<Client> connect(const std::string& dir) {
  base::Environment environment = base::Environment::of_process();
  if (!dir.empty()) {
    Result<ClusterDir> place = ClusterDir::locate(dir);
    if (!place) return tl::unexpected(place.error());
    if (!place->exists()) return fail(ErrorCode::not_found, dir + ": there is no cluster");
    environment.set("SLUICE_CONF", place->client_conf());
    environment.unset("SLUICE_AGENT_SOCKET");
  }
  return Client::create(environment);
}

template <class Record>
std::vector<std::shared_ptr<const Record>> pointers(std::vector<Record> records) {
  std::vector<std::shared_ptr<const Record>> all;
  all.reserve(records.size());
  for (Record& record : records) {
    all.push_back(std::make_shared<const Record>(std::move(record)));
  }
  return all;
}

// Asked one after the other while the cluster goes on. Nodes and partitions come first: what a job
// has of them follows from the jobs, which are the last.
Result<replay::LiveState> copy_state(Client& client) {
  replay::LiveState copy;
  auto nodes = fetch_nodes(client, {});
  if (!nodes) return tl::unexpected(nodes.error());
  auto partitions = fetch_partitions(client, {});
  if (!partitions) return tl::unexpected(partitions.error());
  auto reservations = client.call<wire::ReservationsReply>(wire::QueryReservations{});
  if (!reservations) return tl::unexpected(reservations.error());
  Result<AccountsSnapshot> accounts = read_accounts(client, WithUsage::yes);
  if (!accounts) return tl::unexpected(accounts.error());
  wire::QueryJobs query;
  query.filter.states = live_states();
  Result<JobAnswer> jobs = fetch_jobs(client, query);
  if (!jobs) return tl::unexpected(jobs.error());
  copy.stored.nodes = std::move(*nodes);
  copy.stored.partitions = std::move(*partitions);
  copy.stored.reservations = pointers(std::move(reservations->reservations));
  copy.stored.accounts = std::make_shared<const model::Accounts>(std::move(accounts->accounts));
  copy.stored.usage = std::move(accounts->usage);
  copy.stored.jobs = std::move(jobs->jobs);
  copy.now = this_second();
  return copy;
}

Result<core::SettingsPtr> present_settings(Client& client) {
  const auto shown = client.call<wire::ConfigReply>(wire::QueryConfig{});
  if (!shown) return tl::unexpected(shown.error());
  std::string path;
  for (const wire::KeyValue& line : shown->values) {
    if (line.key == "SLURM_CONF") path = line.value.str();
  }
  if (path.empty()) {
    return fail(ErrorCode::not_found, "the controller doesn't tell where its configuration is");
  }
  Result<config::ClusterConfig> config = config::load_cluster_config(path);
  if (!config && config.error().code == ErrorCode::not_found) {
    return fail(ErrorCode::not_found, path + ", the controller's configuration, can't be read: " +
                                          "run this on its host");
  }
  if (!config) return tl::unexpected(config.error());
  return config->settings;
}

// The part of their limits that the jobs which ended within a day took, percent.
Result<std::uint32_t> mean_part(Client& client) {
  wire::QueryHistory query;
  query.to = this_second();
  query.from = query.to - kDay_s * model::kSecond;
  query.steps = false;
  const Result<JobAnswer> past = fetch_history(client, query);
  if (!past) return tl::unexpected(past.error());
  std::int64_t ran_s = 0;
  std::int64_t limits_s = 0;
  for (const model::JobPtr& job : past->jobs) {
    const bool counts = model::is_finished(job->state) && job->start != 0 &&
                        job->end >= job->start && job->time_limit != model::kUnlimited;
    if (!counts) continue;
    ran_s += (job->end - job->start - job->suspended_us) / model::kSecond;
    limits_s += std::int64_t{job->time_limit} * 60;
  }
  if (limits_s == 0) return fail(ErrorCode::not_found, "no job with a limit ended within a day");
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(ran_s * 100 / limits_s, 1, 100));
}

Result<std::uint32_t> part_of_limits(Client& client, const std::string& runs) {
  if (runs == "limit") return 100U;
  if (runs == "mean") return mean_part(client);
  if (!runs.empty() && runs.back() == '%') {
    const Result<std::uint32_t> percent =
        base::parse_u32(std::string_view(runs).substr(0, runs.size() - 1), 100);
    if (percent && *percent != 0) return *percent;
  }
  return fail(ErrorCode::invalid_argument, runs + ": jobs run limit, mean or 1% to 100%");
}

// What is known of one record that waits.
struct Row {
  model::JobPtr job;
  replay::Start present;
  std::optional<replay::Start> changed;
};

std::string time_or(WallTime when, std::string_view otherwise) {
  std::string text;
  report::add_time(text, when, {}, otherwise);
  return text;
}

// "-0:30": sooner by half an hour.
std::string difference(const Row& row) {
  if (!row.changed || (row.present.first == 0 && row.changed->first == 0)) return "";
  if (row.changed->first == 0) return "lost";
  if (row.present.first == 0) return "gained";
  const std::int64_t by_s = (row.changed->first - row.present.first) / model::kSecond;
  if (by_s == 0) return "0:00";
  return (by_s < 0 ? "-" : "+") + base::format_short_duration(by_s < 0 ? -by_s : by_s);
}

std::string table_of(const std::vector<Row>& rows, bool compared) {
  std::string text = fmt::format("{:>18} {:>9} {:>10} {:>19}", "JOBID", "USER", "PARTITION",
                                 compared ? "PRESENT" : "START");
  text += compared ? fmt::format(" {:>19} {:>13}\n", "CHANGED", "DIFFERENCE") : "\n";
  for (const Row& row : rows) {
    text += fmt::format("{:>18} {:>9} {:>10} {:>19}", report::job_id_text(*row.job),
                        row.job->spec->user.view(), row.job->partition.view(),
                        time_or(row.present.first, "N/A"));
    if (row.changed) {
      text += fmt::format(" {:>19} {:>13}", time_or(row.changed->first, "N/A"), difference(row));
    }
    text += '\n';
  }
  return text;
}

std::string csv_of(const std::vector<Row>& rows, bool compared) {
  std::string text = "job,user,partition,tasks,present_first,present_last";
  text += compared ? ",changed_first,changed_last\n" : "\n";
  for (const Row& row : rows) {
    text += fmt::format("\"{}\",{},\"{}\",{},{},{}", report::job_id_text(*row.job, 0),
                        row.job->spec->user.view(), row.job->partition.view(), row.present.tasks,
                        time_or(row.present.first, ""), time_or(row.present.last, ""));
    if (row.changed) {
      text +=
          fmt::format(",{},{}", time_or(row.changed->first, ""), time_or(row.changed->last, ""));
    }
    text += '\n';
  }
  return text;
}

}  // namespace

Result<std::string> what_if(const WhatIfOptions& options) {
  replay::ForecastOptions wish;
  wish.horizon_s = std::int64_t{options.days} * kDay_s;
  core::SettingsPtr changed;
  std::string notes;
  if (!options.config.empty()) {
    Result<ClusterFile> file = read_cluster_file(options.config);
    if (!file) return tl::unexpected(file.error());
    changed = file->settings;
    notes = left_out_lines(file->left_out);
  }
  Result<Client> client = connect(options.dir);
  if (!client) return tl::unexpected(client.error());
  Result<core::SettingsPtr> present = present_settings(*client);
  if (!present) return tl::unexpected(present.error());
  Result<std::uint32_t> percent = part_of_limits(*client, options.runs);
  if (!percent) return tl::unexpected(percent.error());
  wish.percent = *percent;
  Result<replay::LiveState> state = copy_state(*client);
  if (!state) return tl::unexpected(state.error());

  const auto starts = replay::forecast(*state, *present, wish);
  if (!starts) return tl::unexpected(starts.error());
  std::map<JobId, Row> by_id;
  for (const replay::Start& start : *starts) by_id[start.job].present = start;
  if (changed != nullptr) {
    wish.changed = changed;
    const auto others = replay::forecast(*state, *present, wish);
    if (!others) return context(options.config, others.error());
    for (const replay::Start& start : *others) by_id[start.job].changed = start;
  }
  std::vector<Row> rows;
  for (const model::JobPtr& job : state->stored.jobs) {
    const auto row = by_id.find(job->id);
    if (row == by_id.end()) continue;
    row->second.job = job;
    rows.push_back(row->second);
  }
  if (!options.csv.empty()) {
    const Status written = base::write_file_atomic(options.csv, csv_of(rows, changed != nullptr));
    if (!written) return tl::unexpected(written.error());
  }
  if (rows.empty()) return "No jobs wait\n" + notes;
  return table_of(rows, changed != nullptr) + notes;
}

}  // namespace sluice::cli
