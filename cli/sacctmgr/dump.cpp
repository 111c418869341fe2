// See flat_file.hpp.
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <vector>

#include <fmt/core.h>

#include "cli/sacctmgr/flat_file.hpp"
#include "report/account_fields.hpp"
#include "report/account_views.hpp"
#include "report/limit_fields.hpp"

namespace sluice::cli::accounting {

namespace {

using report::AssociationView;

constexpr std::array<std::string_view, 16> kLimitOrder{
    "GrpTRESMins",     "GrpTRESRunMins",    "GrpTRES",
    "GrpJobs",         "GrpJobsAccrue",     "GrpSubmitJobs",
    "GrpWall",         "MaxTRESMinsPerJob", "MaxTRESRunMins",
    "MaxTRESPerJob",   "MaxTRESPerNode",    "MaxJobs",
    "MaxJobsAccrue",   "MaxSubmitJobs",     "MaxWallDurationPerJob",
    "MinPrioThreshold"};

// A quote inside would end the value.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' || c == '"' ? '`' : c;
  return out + "'";
}

std::string limit_option(const model::AssociationLimits& limits,
                         const report::AssociationLimit& field, const model::TresTable& table) {
  if (field.kind == report::LimitKind::tres) {
    const std::string text = model::tres_text(table, limits.*(field.tres));
    if (text.empty()) return {};
    const bool plain = text.find(':') == std::string::npos;
    return fmt::format(":{}={}", field.file_name, plain ? text : quoted(text));
  }
  const std::uint32_t value = limits.*(field.number);
  if (value == model::kNoLimit) return {};
  return fmt::format(":{}={}", field.file_name, value);
}

// What all kinds of associations have.
std::string options_of(const model::Association& one, const model::TresTable& table) {
  std::string out;
  if (!one.default_qos.empty()) out += fmt::format(":DefaultQOS={}", quoted(one.default_qos));
  out += one.shares == model::kShareOfParent ? std::string(":Fairshare=parent")
                                             : fmt::format(":Fairshare={}", one.shares);
  for (const std::string_view name : kLimitOrder) {
    for (const report::AssociationLimit& field : report::association_limits()) {
      if (field.file_name == name) out += limit_option(one.limits, field, table);
    }
  }
  if (one.priority != model::kNoLimit) out += fmt::format(":Priority={}", one.priority);
  if (one.qos_own) {
    std::vector<Text> names = one.qos;
    std::ranges::sort(names);
    out += fmt::format(":QOS={}", quoted(report::join_texts(names)));
  }
  if (!one.comment.empty()) out += fmt::format(":Comment={}", quoted(one.comment));
  return out;
}

class Dump {
 public:
  Dump(const model::Accounts& accounts, std::string_view cluster)
      : all_(accounts), defaults_(report::default_accounts(accounts)) {
    for (const model::Account& account : accounts.accounts) {
      accounts_.emplace(account.name, &account);
      for (const Text& user : account.coordinators) offices_[user].push_back(account.name);
    }
    for (const model::User& user : accounts.users) users_.emplace(user.name, &user);
    views_ = report::association_views(accounts, report::Inherit::no);
    if (views_.empty()) return;
    out_ = fmt::format("Cluster - {}{}\n", quoted(cluster),
                       options_of(*views_.front().record, all_.tres));
    for (std::size_t i = 0; i < views_.size(); ++i) children(i);
  }
  [[nodiscard]] std::string text() && { return std::move(out_); }

 private:
  void children(std::size_t parent) {
    const AssociationView& above = views_[parent];
    if (!above.record->user.empty() || above.right == above.left + 1) return;
    out_ += fmt::format("Parent - {}\n", quoted(above.record->account));
    for (std::size_t i = parent + 1; i < views_.size() && views_[i].left < above.right; ++i) {
      if (views_[i].parent == above.record) line(*views_[i].record);
    }
  }
  void line(const model::Association& one) {
    if (one.user.empty()) {
      const model::Account& account = *accounts_.at(one.account);
      out_ += fmt::format("Account - {}:Description={}:Organization={}", quoted(one.account),
                          quoted(account.description), quoted(account.organization));
    } else {
      user_head(one);
    }
    out_ += options_of(one, all_.tres) + "\n";
  }
  void user_head(const model::Association& one) {
    out_ += fmt::format("User - {}", quoted(one.user));
    if (!one.partition.empty()) out_ += fmt::format(":Partition={}", quoted(one.partition));
    const auto fallback = defaults_.find(one.user);
    if (fallback != defaults_.end()) {
      out_ += fmt::format(":DefaultAccount={}", quoted(fallback->second));
    }
    const model::User& user = *users_.at(one.user);
    if (!user.default_wckey.empty()) {
      out_ += fmt::format(":DefaultWCKey={}", quoted(user.default_wckey));
    }
    if (!user.wckeys.empty()) {
      out_ += fmt::format(":WCKeys={}", quoted(report::join_texts(user.wckeys)));
    }
    if (user.admin_level != model::AdminLevel::none) {
      out_ += fmt::format(":AdminLevel={}", quoted(report::admin_level_name(user.admin_level)));
    }
    if (const auto offices = offices_.find(one.user); offices != offices_.end()) {
      out_ += fmt::format(":Coordinator={}", quoted(report::join_texts(offices->second)));
    }
  }

  const model::Accounts& all_;
  std::map<Text, Text> defaults_;
  std::map<Text, const model::Account*> accounts_;
  std::map<Text, const model::User*> users_;
  std::map<Text, std::vector<Text>> offices_;
  std::vector<AssociationView> views_;
  std::string out_;
};

}  // namespace

std::string dump_lines(const model::Accounts& accounts, std::string_view cluster) {
  return Dump(accounts, cluster).text();
}

std::string_view dump_heading() {
  return "# The accounts of one cluster. The first line is the cluster's:\n"
         "# Cluster - 'tux':MaxTRESPerJob=node=50\n"
         "# Then accounts and users, each below the parent named last; root needs no line:\n"
         "# Parent - 'root'\n"
         "# Account - 'science':MaxJobs=4:Fairshare=30:Description='all of it':Organization='uni'\n"
         "# Parent - 'science'\n"
         "# User - 'ann':DefaultAccount='science':MaxJobs=3:Fairshare=1\n"
         "# What stands after a ':' may be left out and comes in any order. An account must have\n"
         "# had its own line before it is a parent.\n";
}

}  // namespace sluice::cli::accounting
