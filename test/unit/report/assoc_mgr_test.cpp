// `scontrol show assoc_mgr`: limits beside what is in use of them.
#include <algorithm>

#include <gtest/gtest.h>

#include "report/assoc_mgr_text.hpp"

namespace sluice::report {
namespace {

AssocMgr some_state() {
  AssocMgr state;
  state.cluster = "lake";
  state.accounts = model::first_accounts();
  if (state.accounts.tres.empty()) state.accounts.tres = model::first_tres();
  model::Association limited;
  limited.id = 2;
  limited.parent = 1;
  limited.account = "phys";
  limited.shares = 3;
  limited.limits.grp_jobs = 10;
  limited.limits.grp_tres = {{model::kTresCpu, 24}};
  limited.limits.max_wall_per_job = 90;
  std::erase_if(state.accounts.associations, [](const auto& one) { return one.id != 1; });
  state.accounts.associations.push_back(limited);
  model::UsageRecord used;
  used.association = 2;
  used.raw = 12;
  used.raw_micro = 345'678;
  used.jobs = 3;
  used.wall = 90;
  used.in_use = {{model::kTresCpu, 7}};
  used.norm_shares = 1'000'000'000;
  state.usage.push_back(used);
  return state;
}

TEST(AssocMgrText, LimitsStandBesideTheirUse) {
  const std::string text = assoc_mgr_text(
      some_state(), {.show_users = false, .show_qos = false, .accounts = {"phys"}}, {});
  for (const char* part :
       {"ClusterName=lake Account=phys UserName= Partition= Priority=0 ID=2\n",
        "    SharesRaw/Norm/Level/Factor=3/1.00/3/0.00\n", "UsageRaw/Norm/Efctv=12.34/0.00/0.00\n",
        "ParentAccount=root(1) ", "GrpJobs=10(3) GrpJobsAccrue=N(0)\n", "GrpWall=N(1.50)\n",
        "GrpTRES=cpu=24(7),mem=N(0),", "MaxSubmitJobs= MaxWallPJ=90\n", "MinPrioThresh=\n"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
  EXPECT_EQ(text.find(" Account=root"), std::string::npos);
  EXPECT_EQ(text.find("QOS Records"), std::string::npos);
}

TEST(AssocMgrText, OneLineForARecord) {
  AssocMgr state = some_state();
  state.qos_uses["normal"].by_uid[1000] = {.jobs = 1, .submitted = 2};
  ShowStyle style;
  style.one_line = true;
  const std::string text =
      assoc_mgr_text(state, {.show_users = false, .show_associations = false}, style);
  EXPECT_NE(text.find("Account Limits=No Accounts User Limits= 1000={MaxJobsPU=N(1) "),
            std::string::npos)
      << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
}

TEST(AssocMgrText, WhatIsNotThereIsSaid) {
  const std::string text = assoc_mgr_text(
      some_state(), {.show_associations = false, .show_qos = false, .users = {"nobody"}}, {});
  EXPECT_EQ(text, "Current Association Manager state\n\nNo users currently cached in Slurm.\n\n");
}

}  // namespace
}  // namespace sluice::report
