// sreport cluster Utilization, sreport reservation Utilization, and what reports share.
#include <pwd.h>

#include <algorithm>

#include <fmt/core.h>

#include "base/duration.hpp"
#include "base/hostlist.hpp"
#include "base/strings.hpp"
#include "base/timetext.hpp"
#include "cli/sreport/reports.hpp"
#include "model/reservation.hpp"

namespace sluice::cli::reporting {

std::uint32_t conditions_of(ReportKind kind) {
  switch (kind) {
    case ReportKind::cluster_utilization: return 0;
    case ReportKind::account_utilization_by_user: return kByAccount | kByUser | kAsTree;
    case ReportKind::user_utilization_by_account: return kByAccount | kByUser;
    case ReportKind::user_utilization_by_wckey:
    case ReportKind::wckey_utilization_by_user: return kByUser | kByWckey;
    case ReportKind::sizes_by_account:
    case ReportKind::sizes_by_account_and_wckey:
    case ReportKind::sizes_by_wckey: return kByAccount | kByUser | kByWckey | kOfJobs;
    case ReportKind::reservation_utilization: return kOfReservations;
    case ReportKind::top_usage: return kByAccount | kByUser | kOfTop;
  }
  return 0;
}

std::uint32_t parts_of(ReportKind kind) {
  switch (kind) {
    case ReportKind::cluster_utilization: return wire::kUseCluster;
    case ReportKind::sizes_by_account:
    case ReportKind::sizes_by_account_and_wckey:
    case ReportKind::sizes_by_wckey: return wire::kUseSizes;
    case ReportKind::reservation_utilization: return wire::kUseReservations;
    default: return wire::kUseRows | wire::kUseCluster;
  }
}

std::string period_text(const Conditions& conditions) {
  return base::format_time(conditions.start) + " - " + base::format_time(conditions.end - 1);
}

std::string long_period_text(const Conditions& conditions) {
  return fmt::format("{} ({} secs)", period_text(conditions), conditions.end - conditions.start);
}

bool names_cluster(const ReportInput& in) {
  return listed(in.conditions.clusters, in.answer.use.cluster.view());
}

std::int64_t reported(const Answer& answer, model::TresId tres) {
  return answer.use.whole.empty() ? 0 : model::tres_count(answer.use.whole.front().reported, tres);
}

bool listed(const std::vector<std::string>& wanted, std::string_view name) {
  return wanted.empty() || std::ranges::any_of(wanted, [&](const std::string& one) {
           return base::iequals(one, name);
         });
}

std::string proper_name(std::string_view login) {
  const passwd* known = ::getpwnam(std::string(login).c_str());
  if (known == nullptr || known->pw_gecos == nullptr) return {};
  const std::string_view gecos(known->pw_gecos);
  return std::string(gecos.substr(0, gecos.find(',')));
}

void cluster_utilization(const ReportInput& in, Printed& printed) {
  const Style& style = in.style;
  std::int64_t most = 0;
  for (const model::TresKind& kind : style.tres)
    most = std::max(most, reported(in.answer, kind.id));
  TableWish wish;
  wish.kind = TableKind::utilization;
  wish.usual = style.tres_named
                   ? "Cluster,TresName,Allocated,Down,PlannedDown,Idle,Planned,Reported"
                   : "Cluster,Allocated,Down,PlannedDown,Idle,Planned,Reported";
  wish.format = in.conditions.format;
  wish.wide = std::max<std::size_t>(8, std::to_string(most).size());
  Table table(wish, style, printed);
  std::vector<Row> rows;
  if (names_cluster(in) && !in.answer.use.whole.empty()) {
    const model::ClusterUse& use = in.answer.use.whole.front();
    for (const model::TresKind& kind : style.tres) {
      if (kind.id == model::kTresNode) continue;
      const std::int64_t total = model::tres_count(use.reported, kind.id);
      const auto amount = [&](const model::TresCounts& counts) {
        return amount_text(style.unit, model::tres_count(counts, kind.id), total);
      };
      Row row;
      row[Column::cluster] = in.answer.use.cluster.str();
      row[Column::count] = std::to_string(model::tres_count(use.counts, kind.id));
      row[Column::tres] = model::tres_name(kind);
      row[Column::allocated] = amount(use.allocated);
      row[Column::down] = amount(use.down);
      row[Column::planned_down] = amount(use.planned_down);
      row[Column::idle] = amount(use.idle);
      row[Column::planned] = amount(use.planned);
      row[Column::over] = amount(use.over_committed);
      row[Column::reported] = amount(use.reported);
      rows.push_back(std::move(row));
    }
  }
  table.print(fmt::format("Cluster Utilization {}\nUsage reported in {}",
                          period_text(in.conditions), usage_title(style)),
              rows, printed);
}

namespace {

bool is_on(const model::ReservationUse& use, const std::vector<std::string>& nodes) {
  if (nodes.empty()) return true;
  const auto hosts = base::parse_hosts(use.nodes.view());
  return hosts && std::ranges::any_of(*hosts, [&](const std::string& host) {
           return std::ranges::find(nodes, host) != nodes.end();
         });
}

// Who may use it: accounts and users, as they were named.
std::string allowed(const model::ReservationUse& use) {
  const bool both = !use.accounts.empty() && !use.users.empty();
  return use.accounts.str() + (both ? "," : "") + use.users.str();
}

Row reservation_row(const ReportInput& in, const model::ReservationUse& use,
                    const model::TresKind& kind) {
  const std::int64_t length = (use.end - use.start) / model::kSecond;
  const std::int64_t count = model::tres_count(use.counts, kind.id);
  const std::int64_t total = count * length;
  const std::int64_t used = model::tres_count(use.seconds, kind.id);
  model::Reservation record;
  record.flags = use.flags & ~std::uint32_t{model::kResvSpecNodes};
  Row row;
  row[Column::cluster] = in.answer.use.cluster.str();
  row[Column::name] = use.name.str();
  row[Column::number] = std::to_string(use.id);
  row[Column::start] = base::format_time(use.start / model::kSecond);
  row[Column::end] = base::format_time(use.end / model::kSecond);
  row[Column::flags] = model::flags_text(record);
  row[Column::nodes] = use.nodes.str();
  row[Column::associations] = allowed(use);
  row[Column::count] = std::to_string(count);
  row[Column::tres] = model::tres_name(kind);
  row[Column::total] = base::format_duration(length);
  row[Column::tres_time] = base::format_duration(total);
  row[Column::allocated] = amount_text(in.style.unit, used, total);
  row[Column::idle] = amount_text(in.style.unit, std::max<std::int64_t>(0, total - used), total);
  return row;
}

}  // namespace

void reservation_utilization(const ReportInput& in, Printed& printed) {
  TableWish wish;
  wish.kind = TableKind::reservations;
  wish.usual = "Cluster,Name,Start,End,TresName,Allocated,Idle";
  wish.format = in.conditions.format;
  Table table(wish, in.style, printed);
  std::vector<Row> rows;
  for (const model::ReservationUse& use : in.answer.use.reservations) {
    if (!names_cluster(in) || !listed(in.conditions.names, use.name.view())) continue;
    if (!is_on(use, in.conditions.nodes)) continue;
    for (const model::TresKind& kind : in.style.tres) {
      if (model::tres_count(use.counts, kind.id) == 0) continue;
      rows.push_back(reservation_row(in, use, kind));
    }
  }
  const bool percent = in.style.unit == TimeUnit::percent;
  table.print(
      fmt::format("Reservation Utilization {}\nUsage reported in {}{}", period_text(in.conditions),
                  percent ? "" : "TRES ", unit_title(in.style.unit)),
      rows, printed);
}

}  // namespace sluice::cli::reporting
