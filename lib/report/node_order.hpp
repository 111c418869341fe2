// sinfo --sort: "#P,-t" and the like. See job_order.hpp for the letters; '#' before P means the
// order in which partitions are configured.
#pragma once

#include <span>
#include <vector>

#include "report/job_order.hpp"
#include "report/node_fields.hpp"

namespace sluice::report {

[[nodiscard]] std::string_view node_sort_letters();
void sort_nodes(std::vector<NodeGroup>& groups, std::span<const SortLetter> order,
                const NodeContext& context);

}  // namespace sluice::report
