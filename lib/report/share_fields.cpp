// See share_fields.hpp. Widths and headers are Slurm's.
#include "report/share_fields.hpp"

#include <limits>

#include <fmt/core.h>

namespace sluice::report {

namespace {

using Row = ShareRow;
using Out = std::string;

// Billionths as "0.045455"; what is between two as the even one, as printf does.
void put_fraction(std::int64_t billionths, Out& out) {
  constexpr std::int64_t kMillionth = 1'000;
  constexpr std::int64_t kOne = 1'000'000;
  const std::int64_t value = billionths < 0 ? 0 : billionths;
  std::int64_t rounded = value / kMillionth;
  const std::int64_t rest = value % kMillionth * 2;
  if (rest > kMillionth || (rest == kMillionth && rounded % 2 != 0)) ++rounded;
  out += fmt::format("{}.{:06}", rounded / kOne, rounded % kOne);
}

bool is_root(const Row& row) { return row.view->parent == nullptr; }
bool is_user(const Row& row) { return !row.view->record->user.empty(); }

void account(const Row& row, Out& out) {
  out.append(row.indent, ' ');
  out += row.view->record->account;
}
void cluster(const Row& row, Out& out) { out += row.cluster; }
void user(const Row& row, Out& out) { out += row.view->record->user; }
void partition(const Row& row, Out& out) { out += row.view->record->partition; }
void id(const Row& row, Out& out) { out += std::to_string(row.view->record->id); }
void raw_shares(const Row& row, Out& out) {
  if (is_root(row)) return;
  const std::uint32_t shares = row.view->record->shares;
  out += shares == model::kShareOfParent ? std::string("parent") : std::to_string(shares);
}
// Root has nobody to share with: Slurm prints 0.
void norm_shares(const Row& row, Out& out) {
  put_fraction(is_root(row) ? 0 : row.usage->norm_shares, out);
}
void raw_usage(const Row& row, Out& out) { out += std::to_string(row.usage->raw); }
void norm_usage(const Row& row, Out& out) {
  if (!is_root(row)) put_fraction(row.usage->norm_usage, out);
}
void effective_usage(const Row& row, Out& out) { put_fraction(row.usage->effective_usage, out); }
void fair_share(const Row& row, Out& out) {
  if (is_user(row)) put_fraction(row.usage->factor, out);
}
void level_fs(const Row& row, Out& out) {
  if (is_root(row) || row.view->record->shares == model::kShareOfParent) return;
  if (row.usage->level_fs == std::numeric_limits<std::int64_t>::max()) {
    out += "inf";
  } else {
    put_fraction(row.usage->level_fs, out);
  }
}
void grp_tres_mins(const Row& row, Out& out) {
  out += model::tres_text(*row.tres, row.view->record->limits.grp_tres_mins);
}
// Every kind, used or not.
void put_minutes(const Row& row, const model::TresCounts& seconds, Out& out) {
  constexpr std::int64_t kMinute = 60;
  std::string_view comma;
  for (const model::TresKind& kind : *row.tres) {
    out += fmt::format("{}{}={}", comma, model::tres_name(kind),
                       model::tres_count(seconds, kind.id) / kMinute);
    comma = ",";
  }
}
void grp_tres_raw(const Row& row, Out& out) { put_minutes(row, row.usage->tres, out); }
void tres_run_mins(const Row& row, Out& out) { put_minutes(row, row.usage->run_seconds, out); }

constexpr ListField<Row> kFields[] = {
    {"Account", 1, "Account", 20, account},
    {"Cluster", 1, "Cluster", 10, cluster},
    {"EffectvUsage", 1, "EffectvUsage", 13, effective_usage},
    {"FairShare", 1, "FairShare", 10, fair_share},
    {"GrpTRESMins", 8, "GrpTRESMins", 30, grp_tres_mins},
    {"GrpTRESRaw", 8, "GrpTRESRaw", 30, grp_tres_raw},
    {"ID", 1, "ID", 6, id},
    {"LevelFS", 1, "LevelFS", 10, level_fs},
    {"NormShares", 5, "NormShares", 11, norm_shares},
    {"NormUsage", 5, "NormUsage", 11, norm_usage},
    {"Partition", 1, "Partition", 12, partition},
    {"RawShares", 4, "RawShares", 10, raw_shares},
    {"RawUsage", 4, "RawUsage", 11, raw_usage},
    {"TRESRunMins", 1, "TRESRunMins", 30, tres_run_mins},
    {"User", 1, "User", 10, user},
};

}  // namespace

std::span<const ListField<ShareRow>> share_fields() { return kFields; }

std::string_view share_columns(bool long_form, bool partitions) {
  if (long_form) {
    return partitions
               ? "Account,User,Partition,RawShares,NormShares,RawUsage,NormUsage,EffectvUsage,"
                 "FairShare,LevelFS,GrpTRESMins,TRESRunMins"
               : "Account,User,RawShares,NormShares,RawUsage,NormUsage,EffectvUsage,FairShare,"
                 "LevelFS,GrpTRESMins,TRESRunMins";
  }
  return partitions ? "Account,User,Partition,RawShares,NormShares,RawUsage,EffectvUsage,FairShare"
                    : "Account,User,RawShares,NormShares,RawUsage,EffectvUsage,FairShare";
}

std::string share_field_list() {
  constexpr std::size_t kPerLine = 4;
  std::string out;
  std::size_t count = 0;
  for (const ListField<Row>& field : kFields) {
    ++count;
    out += fmt::format("{:<17}{}", field.name, count % kPerLine == 0 ? "\n" : " ");
  }
  if (count % kPerLine != 0) out.back() = '\n';
  return out;
}

}  // namespace sluice::report
