// The functions behind sacct's fields that take more than a line. Private to lib/report.
#pragma once

#include <string>

#include "report/history_fields.hpp"

namespace sluice::report::history {

using Row = HistoryRow;
using Context = HistoryContext;
using Out = std::string;

// What the row's clock says, in microseconds; by --truncate. 0: not yet.
[[nodiscard]] model::WallTime start_of(const Row& row, const Context& context);
[[nodiscard]] model::WallTime end_of(const Row& row, const Context& context);
[[nodiscard]] std::int64_t elapsed_seconds(const Row& row, const Context& context);
[[nodiscard]] std::uint32_t allocated_cpus(const Row& row);
[[nodiscard]] std::string size_text(std::uint64_t value, base::Unit unit, const Context& context);
// "COMPLETED", "CANCELLED by 1000", …
[[nodiscard]] std::string state_text(const Row& row);
[[nodiscard]] std::uint32_t shown_exit(const model::Job& job);
// Waiting time from being eligible to the start.
[[nodiscard]] std::int64_t planned_seconds(const Row& row, const Context& context);

void state(const Row& row, const Context& context, Out& out);
void exit_code(const Row& row, const Context& context, Out& out);
void start(const Row& row, const Context& context, Out& out);
void end(const Row& row, const Context& context, Out& out);
void submit(const Row& row, const Context& context, Out& out);
void eligible(const Row& row, const Context& context, Out& out);
void elapsed(const Row& row, const Context& context, Out& out);
void time_limit(const Row& row, const Context& context, Out& out);
void time_limit_raw(const Row& row, const Context& context, Out& out);
void suspended(const Row& row, const Context& context, Out& out);
void allocated_tres(const Row& row, const Context& context, Out& out);
void requested_tres(const Row& row, const Context& context, Out& out);
void requested_memory(const Row& row, const Context& context, Out& out);
void node_list(const Row& row, const Context& context, Out& out);
void flags(const Row& row, const Context& context, Out& out);
void layout(const Row& row, const Context& context, Out& out);

// What tasks used: only of steps of which something was counted.
template <model::UsageKind Kind>
void average(const Row& row, const Context& context, Out& out);
template <model::UsageKind Kind>
void maximum(const Row& row, const Context& context, Out& out);
template <model::UsageKind Kind>
void maximum_node(const Row& row, const Context& context, Out& out);
template <model::UsageKind Kind>
void maximum_task(const Row& row, const Context& context, Out& out);
void min_cpu(const Row& row, const Context& context, Out& out);
void min_cpu_node(const Row& row, const Context& context, Out& out);
void min_cpu_task(const Row& row, const Context& context, Out& out);
void max_rss(const Row& row, const Context& context, Out& out);
void max_vm(const Row& row, const Context& context, Out& out);
void max_rss_node(const Row& row, const Context& context, Out& out);
void max_rss_task(const Row& row, const Context& context, Out& out);
void energy(const Row& row, const Context& context, Out& out);
void usage_in_ave(const Row& row, const Context& context, Out& out);
void usage_in_max(const Row& row, const Context& context, Out& out);
void usage_in_max_node(const Row& row, const Context& context, Out& out);
void usage_in_max_task(const Row& row, const Context& context, Out& out);
void usage_in_min(const Row& row, const Context& context, Out& out);
void usage_in_min_node(const Row& row, const Context& context, Out& out);
void usage_in_min_task(const Row& row, const Context& context, Out& out);
void usage_in_tot(const Row& row, const Context& context, Out& out);
void usage_out_ave(const Row& row, const Context& context, Out& out);
void usage_out_max(const Row& row, const Context& context, Out& out);
void usage_out_max_node(const Row& row, const Context& context, Out& out);
void usage_out_max_task(const Row& row, const Context& context, Out& out);
void usage_out_min(const Row& row, const Context& context, Out& out);
void usage_out_min_node(const Row& row, const Context& context, Out& out);
void usage_out_min_task(const Row& row, const Context& context, Out& out);
void usage_out_tot(const Row& row, const Context& context, Out& out);

}  // namespace sluice::report::history
