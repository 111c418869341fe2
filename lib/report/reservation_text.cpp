// See reservation_text.hpp.
#include "report/reservation_text.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "base/duration.hpp"
#include "base/strings.hpp"
#include "report/text_block.hpp"

namespace sluice::report {

namespace {

using model::kSecond;
using model::Reservation;
using model::WallTime;

bool is_active(const Reservation& r, WallTime now) {
  return !has_flag(r, model::kResvTimeFloat) && r.start <= now && now < r.end;
}

std::string duration_text(const Reservation& r) {
  return base::format_duration((r.end - r.start) / kSecond);
}

std::string tres_text(const Reservation& r) {
  std::string text;
  if (r.cpu_count != 0) text = fmt::format("cpu={}", r.cpu_count);
  return text;
}

std::string delay_text(const Reservation& r) {
  return r.start_delay_s == 0 ? std::string() : base::format_duration(r.start_delay_s);
}

}  // namespace

Reservation as_of(const Reservation& reservation, WallTime now) {
  if (!has_flag(reservation, model::kResvTimeFloat)) return reservation;
  Reservation shown = reservation;
  shown.start = now + WallTime{reservation.float_s} * kSecond;
  shown.end = shown.start + (reservation.end - reservation.start);
  return shown;
}

void show_reservation(const Reservation& r, WallTime now, const ShowStyle& style,
                      std::string& out) {
  TextBlock block(out, style.one_line);
  block.line(fmt::format("ReservationName={} StartTime={} EndTime={} Duration={}", r.name.view(),
                         time_text(style.time, r.start, "Unknown"),
                         time_text(style.time, r.end, "Unknown"), duration_text(r)));
  block.line(fmt::format("Nodes={} NodeCnt={} CoreCnt={} Features={} PartitionName={} Flags={}",
                         or_null(r.nodes), r.node_count, r.core_count, or_null(r.features),
                         or_null(r.partition), flags_text(r)));
  if (style.details) {
    for (const model::ReservedNode& part : r.parts) {
      if (part.cores == 0) continue;
      block.line(fmt::format("  NodeName={} CoreCnt={}", part.name.view(), part.cores));
    }
  }
  block.line(fmt::format("TRES={}", or_null(tres_text(r))));
  block.line(
      fmt::format("Users={} Groups={} Accounts={} Licenses={} State={} BurstBuffer=(null) "
                  "Watts=n/a",
                  or_null(r.users), or_null(r.groups), or_null(r.accounts), or_null(r.licenses),
                  is_active(r, now) ? "ACTIVE" : "INACTIVE"));
  if (!r.qos.empty() || !r.partitions.empty()) {
    block.line(fmt::format("QOS={} AllowedPartitions={}", or_null(r.qos), or_null(r.partitions)));
  }
  block.line(fmt::format("MaxStartDelay={}", or_null(delay_text(r))));
  if (!r.comment.empty()) block.line("Comment=" + r.comment.str());
  block.end();
}

void show_license(const LicenseText& license, const ShowStyle& style, std::string& out) {
  const std::uint32_t free = license.total - std::min(license.total, license.used);
  out += fmt::format("LicenseName={}{}Total={} Used={} Free={} Reserved={} Remote=no\n",
                     license.name.view(), style.one_line ? " " : "\n    ", license.total,
                     license.used, free, license.reserved);
}

std::string reservation_table(std::span<const Reservation> reservations, WallTime now,
                              const TimeStyle& style) {
  std::size_t width = 9;  // of its title
  for (const Reservation& r : reservations) width = std::max(width, r.name.size());
  std::string out = fmt::format("{:<{}}  {:>8}  {:>19}  {:>19}  {:>11}  {}\n", "RESV_NAME", width,
                                "STATE", "START_TIME", "END_TIME", "DURATION", "NODELIST");
  for (const Reservation& kept : reservations) {
    const Reservation r = as_of(kept, now);
    out +=
        fmt::format("{:<{}}  {:>8}  {:>19}  {:>19}  {:>11}  {}\n", r.name.view(), width,
                    is_active(r, now) ? "ACTIVE" : "INACTIVE", time_text(style, r.start, "Unknown"),
                    time_text(style, r.end, "Unknown"), duration_text(r), r.nodes.view());
  }
  return out;
}

void write_reservation(JsonWriter& writer, const Reservation& kept, WallTime now) {
  const Reservation r = as_of(kept, now);
  writer.open_object();
  writer.member("accounts", r.accounts);
  writer.member("burst_buffer", "");
  writer.member("core_count", r.core_count);
  writer.key("core_specializations");
  writer.open_array();
  for (const model::ReservedNode& part : r.parts) {
    if (part.cores == 0) continue;
    writer.open_object();
    writer.member("node", part.name);
    writer.member("core_count", part.cores);
    writer.close();
  }
  writer.close();
  writer.member("end_time", OptionalNumber::of(r.end / kSecond));
  writer.member("features", r.features);
  std::vector<std::string> flags;
  const std::string words = flags_text(r);
  for (const std::string_view word : base::split_nonempty(words, ',')) {
    flags.emplace_back(base::cut(word, '=').before);
  }
  writer.strings("flags", flags);
  writer.member("groups", r.groups);
  writer.member("licenses", r.licenses);
  writer.member("max_start_delay", r.start_delay_s);
  writer.member("name", r.name);
  writer.member("node_count", r.node_count);
  writer.member("node_list", r.nodes);
  writer.member("partition", r.partition);
  writer.key("purge_completed");
  writer.open_object();
  writer.member("time", OptionalNumber::unless_zero(r.purge_s));
  writer.close();
  writer.member("start_time", OptionalNumber::of(r.start / kSecond));
  writer.member("watts", OptionalNumber{});
  writer.member("tres", tres_text(r));
  writer.member("users", r.users);
  writer.member("qos", r.qos);
  writer.member("allowed_partitions", r.partitions);
  writer.member("comment", r.comment);
  writer.close();
}

void write_license(JsonWriter& writer, const LicenseText& license) {
  writer.open_object();
  writer.member("LicenseName", license.name);
  writer.member("Total", license.total);
  writer.member("Used", license.used);
  writer.member("Free", license.total - std::min(license.total, license.used));
  writer.member("Remote", false);
  writer.member("Reserved", license.reserved);
  writer.close();
}

}  // namespace sluice::report
