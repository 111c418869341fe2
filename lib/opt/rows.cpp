// Gathers the rows of each command from the tables.
#include <algorithm>

#include "opt/query_state.hpp"
#include "opt/submit_state.hpp"

namespace sluice::opt {
namespace {

template <class Table>
void add(RowList& list, Command command, Table table) {
  for (const auto& row : table) {
    if (row.info.applies_to(command)) list.push_back(&row.info);
  }
}

void add_all(RowList& list, Command command) {
  switch (command) {
    case Command::sbatch:
    case Command::salloc:
    case Command::srun:
      for (const auto& table : submit_tables()) add(list, command, table);
      return;
    case Command::squeue: return add(list, command, squeue_rows());
    case Command::sinfo: return add(list, command, sinfo_rows());
    case Command::scancel: return add(list, command, scancel_rows());
    case Command::sacct: return add(list, command, sacct_rows());
    case Command::scontrol: return add(list, command, scontrol_rows());
    case Command::sstat: return add(list, command, sstat_rows());
    case Command::sacctmgr: return add(list, command, sacctmgr_rows());
    case Command::sshare: return add(list, command, sshare_rows());
    case Command::sprio: return add(list, command, sprio_rows());
    case Command::sdiag: return add(list, command, sdiag_rows());
    case Command::sreport: return add(list, command, sreport_rows());
  }
}

}  // namespace

RowList rows_of(Command command) {
  RowList list;
  list.reserve(160);
  add_all(list, command);
  std::sort(list.begin(), list.end(),
            [](const RowInfo* a, const RowInfo* b) { return a->name < b->name; });
  return list;
}

}  // namespace sluice::opt
