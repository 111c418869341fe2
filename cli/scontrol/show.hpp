// `scontrol show`, by what is shown. `name` is empty for all.
#pragma once

#include <string>

#include "cli/scontrol/console.hpp"

namespace sluice::cli {

int show_jobs(Console& console, const std::string& name);
int show_steps(Console& console, const std::string& name);
int show_nodes(Console& console, const std::string& name);
int show_partitions(Console& console, const std::string& name);
int show_config(Console& console, const std::string& name);
int show_assoc_mgr(Console& console, Words conditions);
int show_topology(Console& console, const std::string& name);
int show_hostnames(Console& console, const std::string& name);
int show_hostlist(Console& console, const std::string& name);
int show_sorted_hostlist(Console& console, const std::string& name);

}  // namespace sluice::cli
