// See document.hpp.
#include "cli/scontrol/document.hpp"

#include <unistd.h>

#include <utility>

#include "base/clock.hpp"
#include "base/user.hpp"
#include "cli/common/job_stream.hpp"
#include "cli/common/output.hpp"
#include "report/json_envelope.hpp"
#include "report/json_records.hpp"
#include "report/reservation_text.hpp"

namespace sluice::cli {

namespace {

report::DocumentStyle style_of(Console& console) {
  return console.options().dump == opt::Dump::yaml ? report::DocumentStyle::yaml
                                                   : report::DocumentStyle::json;
}

// A list under `name`; `write(writer, context)` writes its elements.
template <class Write>
int print_list(Console& console, std::string_view name, std::string cluster, Write write) {
  report::JsonWriter writer(style_of(console));
  report::JsonContext context;
  context.now = base::wall_seconds();
  context.cluster = cluster;
  report::begin_document(writer);
  writer.key(name);
  writer.open_array();
  write(writer, context);
  writer.close();
  report::DocumentOrigin origin;
  origin.cluster = std::move(cluster);
  origin.command = {"scontrol"};
  for (const std::string& word : console.options().words) origin.command.push_back(word);
  origin.user = base::user_label(::geteuid());
  origin.group = base::group_label(::getegid());
  report::end_document(writer, origin);
  return write_out(writer.take()) ? 0 : 1;
}

template <class Write>
int print_records(Console& console, std::string_view name, Write write) {
  const auto ping = console.call<wire::PingReply>(wire::Ping{});
  if (!ping) return console.error(ping.error().text);
  return print_list(console, name, ping->cluster.str(), write);
}

}  // namespace

int print_jobs(Console& console, std::span<const model::JobPtr> jobs,
               const std::optional<report::ExemptTimes>& exempt) {
  Result<Client*> client = console.client();
  if (!client) return console.error(client.error().text);
  const auto nodes = fetch_nodes(**client, {});
  if (!nodes) return console.error(nodes.error().text);
  return print_records(console, "jobs",
                       [&](report::JsonWriter& writer, report::JsonContext& context) {
                         context.nodes = *nodes;
                         context.exempt = exempt ? &*exempt : nullptr;
                         for (const model::JobPtr& job : jobs)
                           report::write_job(writer, *job, context);
                       });
}

int print_steps(Console& console, std::span<const report::StepRecord> steps) {
  return print_records(console, "steps",
                       [&](report::JsonWriter& writer, const report::JsonContext& context) {
                         for (const report::StepRecord& step : steps)
                           report::write_step(writer, step, context);
                       });
}

int print_nodes(Console& console, std::span<const model::NodePtr> nodes) {
  return print_records(console, "nodes",
                       [&](report::JsonWriter& writer, const report::JsonContext& context) {
                         for (const model::NodePtr& node : nodes)
                           report::write_node(writer, *node, context);
                       });
}

int print_partitions(Console& console, std::span<const model::PartitionPtr> partitions) {
  return print_records(console, "partitions",
                       [&](report::JsonWriter& writer, const report::JsonContext& context) {
                         for (const model::PartitionPtr& partition : partitions) {
                           report::write_partition(writer, *partition, context);
                         }
                       });
}

int print_reservations(Console& console, std::span<const model::Reservation> reservations,
                       model::WallTime now) {
  return print_records(console, "reservations",
                       [&](report::JsonWriter& writer, const report::JsonContext&) {
                         for (const model::Reservation& reservation : reservations) {
                           report::write_reservation(writer, reservation, now);
                         }
                       });
}

int print_licenses(Console& console, std::span<const wire::LicenseRow> licenses) {
  return print_records(
      console, "licenses", [&](report::JsonWriter& writer, const report::JsonContext&) {
        for (const wire::LicenseRow& row : licenses) {
          report::write_license(writer, {row.name, row.total, row.used, row.reserved});
        }
      });
}

int print_ping(Console& console, const wire::PingReply* reply) {
  const int code =
      print_list(console, "pings", reply == nullptr ? std::string() : reply->cluster.str(),
                 [&](report::JsonWriter& writer, const report::JsonContext&) {
                   writer.open_object();
                   writer.member("hostname", reply == nullptr ? std::string() : reply->host.str());
                   writer.member("pinged", reply == nullptr ? "DOWN" : "UP");
                   writer.member("responding", reply != nullptr);
                   writer.member("primary", true);
                   writer.member("mode", "primary");
                   writer.close();
                 });
  return reply == nullptr ? 1 : code;
}

}  // namespace sluice::cli
