// See account_fields.hpp. Widths and headers are Slurm's.
#include "report/account_fields.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "report/limit_fields.hpp"

namespace sluice::report {

const std::string_view kAssociationColumns =
    "cluster,account,user,partition,share,priority,grpjobs,grptres,grpsubmit,grpwall,grptresmins,"
    "maxjobs,maxtres,maxtrespernode,maxsubmit,maxwall,maxtresmins,qos,defaultqos,grptresrunmins";
const std::string_view kAssociationShort = "cluster,account,user,partition";
const std::string_view kAccountColumns = "account,descr,organization";
const std::string_view kUserColumns = "user,defaultaccount,adminlevel";
const std::string_view kCoordinatorColumn = "coordinators";
const std::string_view kAccountAssociations =
    "cluster,parentname,user,share,priority,grpjobs,grpnodes,grpcpus,grpmemory,grpsubmit,grpwall,"
    "grpcpumins,maxjobs,maxnodes,maxcpus,maxsubmit,maxwall,maxcpumins,qos,defaultqos";
const std::string_view kUserAssociations =
    "cluster,account,partition,share,priority,maxjobs,maxnodes,maxcpus,maxsubmit,maxwall,"
    "maxcpumins,qos,defaultqos";
const std::string_view kClusterColumns =
    "cluster,controlhost,controlport,rpc,share,grpjobs,grptres,grpsubmit,maxjobs,maxtres,"
    "maxsubmit,maxwall,qos,defaultqos";
const std::string_view kClusterShort = "cluster,controlhost,controlport,rpc";
const std::string_view kProblemColumns = "cluster,account,user,problem";
const std::string_view kWckeyColumns = "wckey,cluster,user";

namespace {

using Row = AccountingRow;
using Out = std::string;
using L = model::AssociationLimits;

template <std::uint32_t L::*member>
void count_limit(const Row& row, Out& out) {
  if (row.view != nullptr) out += limit_number(row.view->limits.*member);
}
template <std::uint32_t L::*member>
void wall_limit(const Row& row, Out& out) {
  if (row.view != nullptr) out += limit_minutes(row.view->limits.*member);
}
template <model::TresCounts L::*member>
void tres_limit(const Row& row, Out& out) {
  if (row.view != nullptr) out += model::tres_text(row.all->tres, row.view->limits.*member);
}
template <model::TresCounts L::*member, model::TresId id>
void one_limit(const Row& row, Out& out) {
  if (row.view == nullptr) return;
  const model::TresCount* found = model::find_tres(row.view->limits.*member, id);
  if (found != nullptr) out += std::to_string(found->count);
}

void account_name(const Row& row, Out& out) {
  if (row.view == nullptr) {
    if (row.account != nullptr) out += row.account->name;
    return;
  }
  if (row.tree) out.append(row.view->depth, ' ');
  out += row.view->record->account;
}
void user_name(const Row& row, Out& out) {
  if (row.user != nullptr) {
    out += row.user->name;
  } else if (row.view != nullptr) {
    out += row.view->record->user;
  }
}
void entity_name(const Row& row, Out& out) {
  row.user != nullptr ? user_name(row, out) : account_name(row, out);
}
void cluster_name(const Row& row, Out& out) {
  if (row.cluster != nullptr) out += row.cluster->name;
}
void description(const Row& row, Out& out) {
  if (row.account != nullptr) out += row.account->description;
}
void organization(const Row& row, Out& out) {
  if (row.account != nullptr) out += row.account->organization;
}
void coordinators(const Row& row, Out& out) { out += row.coordinators; }
void default_account_name(const Row& row, Out& out) { out += row.default_account; }
void default_wckey(const Row& row, Out& out) {
  if (row.user != nullptr) out += row.user->default_wckey;
}
void wckeys(const Row& row, Out& out) {
  if (!row.wckey.empty()) {
    out += row.wckey;
  } else if (row.user != nullptr) {
    out += join_texts(row.user->wckeys);
  }
}
void admin_level(const Row& row, Out& out) {
  if (row.user != nullptr) out += admin_level_name(row.user->admin_level);
}
void comment(const Row& row, Out& out) {
  if (row.view != nullptr) out += row.view->record->comment;
}
void default_qos(const Row& row, Out& out) {
  if (row.view != nullptr) out += row.view->default_qos;
}
void share(const Row& row, Out& out) {
  if (row.view == nullptr) return;
  const std::uint32_t shares = row.view->record->shares;
  out += shares == model::kShareOfParent ? std::string("parent") : std::to_string(shares);
}
void priority(const Row& row, Out& out) {
  if (row.view != nullptr) out += limit_number(row.view->priority);
}
void id(const Row& row, Out& out) {
  if (row.view != nullptr) out += std::to_string(row.view->record->id);
}
void left(const Row& row, Out& out) {
  if (row.view != nullptr) out += std::to_string(row.view->left);
}
void right(const Row& row, Out& out) {
  if (row.view != nullptr) out += std::to_string(row.view->right);
}
void parent_id(const Row& row, Out& out) {
  if (row.view == nullptr || row.hide_parent) return;
  out += std::to_string(row.view->parent == nullptr ? 0 : row.view->parent->id);
}
void parent_name(const Row& row, Out& out) {
  if (row.view == nullptr || row.hide_parent || row.view->parent == nullptr) return;
  if (row.view->record->user.empty()) out += row.view->parent->account;
}
void partition(const Row& row, Out& out) {
  if (row.view != nullptr) out += row.view->record->partition;
}
void qos(const Row& row, Out& out) {
  if (row.view != nullptr) out += join_texts(row.view->qos);
}
void qos_ids(const Row& row, Out& out) {
  if (row.view == nullptr) return;
  std::string_view comma;
  for (const Text& name : row.view->qos) {
    for (const model::Qos& entry : row.all->qos) {
      if (entry.name != name) continue;
      out += fmt::format("{}{}", comma, entry.id);
      comma = ",";
    }
  }
}
void control_host(const Row& row, Out& out) {
  if (row.cluster != nullptr) out += row.cluster->host;
}
// Commands reach the controller through sockets of the host: there is no port.
void zero(const Row&, Out& out) { out += '0'; }
void node_count(const Row& row, Out& out) {
  if (row.cluster != nullptr) out += std::to_string(row.cluster->nodes);
}
void tres_kinds(const Row& row, Out& out) {
  std::string_view comma;
  for (const model::TresKind& kind : row.all->tres) {
    out += fmt::format("{}{}", comma, model::tres_name(kind));
    comma = ",";
  }
}
void problem(const Row& row, Out& out) { out += row.problem; }
void nothing(const Row&, Out&) {}

using model::kTresCpu;
using model::kTresMemory;
using model::kTresNode;

constexpr ListField<Row> kFields[] = {
    {"Account", 3, "Account", 10, account_name},
    {"Acct", 3, "Account", 10, account_name},
    {"AdminLevel", 2, "Admin", 9, admin_level},
    {"Classification", 3, "Class", 9, nothing},
    {"Cluster", 2, "Cluster", 10, cluster_name},
    {"Comment", 3, "Comment", 20, comment},
    {"ControlHost", 8, "ControlHost", 15, control_host},
    {"ControlPort", 8, "ControlPort", 12, zero},
    {"Coordinators", 2, "Coord Accounts", 20, coordinators},
    {"DefaultAccount", 8, "Def Acct", 10, default_account_name},
    {"DefaultQOS", 8, "Def QOS", 9, default_qos},
    {"DefaultWCKey", 8, "Def WCKey", 10, default_wckey},
    {"Description", 3, "Descr", 20, description},
    {"FairShare", 2, "Share", 9, share},
    {"Share", 1, "Share", 9, share},
    {"GrpCPUMins", 7, "GrpCPUMins", 11, one_limit<&L::grp_tres_mins, kTresCpu>},
    {"GrpCPURunMins", 7, "GrpCPURunMins", 13, one_limit<&L::grp_tres_run_mins, kTresCpu>},
    {"GrpCPUs", 6, "GrpCPUs", 8, one_limit<&L::grp_tres, kTresCpu>},
    {"GrpTRES", 7, "GrpTRES", 13, tres_limit<&L::grp_tres>},
    {"GrpTRESMins", 8, "GrpTRESMins", 13, tres_limit<&L::grp_tres_mins>},
    {"GrpTRESRunMins", 8, "GrpTRESRunMins", 13, tres_limit<&L::grp_tres_run_mins>},
    {"GrpJobs", 4, "GrpJobs", 7, count_limit<&L::grp_jobs>},
    {"GrpJobsAccrue", 8, "GrpJobsAccrue", 13, count_limit<&L::grp_jobs_accrue>},
    {"GrpMemory", 4, "GrpMem", 7, one_limit<&L::grp_tres, kTresMemory>},
    {"GrpNodes", 4, "GrpNodes", 8, one_limit<&L::grp_tres, kTresNode>},
    {"GrpSubmitJobs", 4, "GrpSubmit", 9, count_limit<&L::grp_submit_jobs>},
    {"GrpWall", 4, "GrpWall", 11, wall_limit<&L::grp_wall>},
    {"ID", 2, "ID", 6, id},
    {"LFT", 1, "LFT", 6, left},
    {"MaxCPUMinsPerJob", 7, "MaxCPUMins", 11, one_limit<&L::max_tres_mins_per_job, kTresCpu>},
    {"MaxCPUsPerJob", 7, "MaxCPUs", 8, one_limit<&L::max_tres_per_job, kTresCpu>},
    {"MaxJobs", 4, "MaxJobs", 7, count_limit<&L::max_jobs>},
    {"MaxJobsAccrue", 8, "MaxJobsAccrue", 13, count_limit<&L::max_jobs_accrue>},
    {"MaxNodesPerJob", 4, "MaxNodes", 8, one_limit<&L::max_tres_per_job, kTresNode>},
    {"MaxSubmitJobs", 4, "MaxSubmit", 9, count_limit<&L::max_submit_jobs>},
    {"MaxTRES", 7, "MaxTRES", 13, tres_limit<&L::max_tres_per_job>},
    {"MaxTRESPerJob", 11, "MaxTRES", 13, tres_limit<&L::max_tres_per_job>},
    {"MaxTRESMinsPerJob", 8, "MaxTRESMins", 13, tres_limit<&L::max_tres_mins_per_job>},
    {"MaxTRESPerNode", 11, "MaxTRESPerNode", 14, tres_limit<&L::max_tres_per_node>},
    {"MaxTRESRunMins", 8, "MaxTRESRunMins", 15, tres_limit<&L::max_tres_run_mins>},
    {"MaxWallDurationPerJob", 4, "MaxWall", 11, wall_limit<&L::max_wall_per_job>},
    {"MinPrioThreshold", 4, "MinPrioThres", 12, count_limit<&L::min_prio_threshold>},
    {"NodeCount", 5, "NodeCount", 9, node_count},
    {"Organization", 1, "Org", 20, organization},
    {"ParentID", 7, "ParentID", 8, parent_id},
    {"ParentName", 7, "ParentName", 10, parent_name},
    {"Partition", 4, "Partition", 10, partition},
    {"Problem", 1, "Problem", 40, problem},
    {"Priority", 3, "Priority", 10, priority},
    {"QOSLevel", 3, "QOS", 20, qos},
    {"QOSRaw", 4, "QOS_RAW", 10, qos_ids},
    {"RGT", 2, "RGT", 6, right},
    {"RPC", 2, "RPC", 5, zero},
    {"TRES", 2, "TRES", 20, tres_kinds},
    {"User", 1, "User", 10, user_name},
    {"WCKeys", 2, "WCKeys", 20, wckeys},
    {"Name", 2, "Name", 10, entity_name},
};

constexpr ListField<Row> kWckeyFields[] = {
    {"WCKeys", 1, "WCKey", 10, wckeys},
    {"Name", 1, "WCKey", 10, wckeys},
    {"Cluster", 1, "Cluster", 10, cluster_name},
    {"User", 1, "User", 10, user_name},
};

}  // namespace

std::span<const ListField<AccountingRow>> wckey_fields() { return kWckeyFields; }

std::span<const ListField<AccountingRow>> accounting_fields() { return kFields; }

std::string join_texts(std::span<const Text> texts) {
  std::string out;
  for (const Text& text : texts) {
    if (!out.empty()) out += ',';
    out += text;
  }
  return out;
}

std::string_view admin_level_name(model::AdminLevel level) {
  switch (level) {
    case model::AdminLevel::none: return "None";
    case model::AdminLevel::operator_: return "Operator";
    case model::AdminLevel::administrator: return "Administrator";
  }
  return "None";
}

}  // namespace sluice::report
