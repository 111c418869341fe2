// What sacctmgr makes of its words: plans from plain accounts, and the edits that carry them out.
#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/strings.hpp"
#include "cli/sacctmgr/conditions.hpp"
#include "cli/sacctmgr/flat_file.hpp"
#include "cli/sacctmgr/list.hpp"
#include "cli/sacctmgr/plan.hpp"
#include "core/accounts_edit.hpp"

namespace sluice::cli::accounting {
namespace {

class Sacctmgr : public testing::Test {
 protected:
  World world() const {
    return {accounts_, "tux", [](const std::string& name) { return name != "ghost"; }};
  }
  static std::vector<std::string> split(std::string_view line) {
    return base::split_words(line).value_or(std::vector<std::string>());
  }
  // Plans, and has the core carry it out as the controller would. What was said, or the refusal.
  std::string run(Planned<Plan> (*command)(const World&, const Specs&), std::string_view line,
                  Part first = Part::set) {
    return carry_out(command(world(), parse_specs(split(line), first)));
  }
  std::string carry_out(const Planned<Plan>& plan) {
    if (!plan) return plan.error().out + plan.error().err;
    const model::AccountsEdit edit = edit_between(accounts_, *plan);
    const auto after = core::apply_edit(accounts_, edit, {}, 1);
    if (!after) return "refused: " + after.error().text;
    accounts_ = *after;
    return plan->questions + plan->notes;
  }
  std::string add_account(std::string_view line) { return run(add_accounts, line); }
  std::string add_user(std::string_view line) { return run(add_users, line); }
  std::string change_account(std::string_view line) {
    return run(modify_accounts, line, Part::where);
  }
  std::string change_user(std::string_view line) { return run(modify_users, line, Part::where); }
  std::string load(std::string_view text, LoadMode mode = LoadMode::merge) {
    const Planned<Plan> plan = load_lines(world(), text, {mode, ""});
    return plan ? carry_out(plan) : plan.error().err;
  }
  std::string list(Planned<std::string> (*what)(const ListWorld&, const Specs&),
                   std::string_view line) {
    const World here = world();
    const ListWorld all{here, {"tux", "host", 2}, {false, false, report::ListShape::delimited}};
    const auto text = what(all, parse_specs(split(line), Part::where));
    return text ? *text : text.error().out + text.error().err;
  }

  model::Accounts accounts_ = model::first_accounts();
};

TEST_F(Sacctmgr, AccountsAndUsersAreAddedBelowOthers) {
  EXPECT_EQ(add_account("phys description='Physics dept' organization=sci"),
            " Adding Account(s)\n  phys\n Settings\n  Description     = physics dept\n"
            "  Organization    = sci\n Associations\n  A = phys       C = tux       \n"
            " Settings\n  Parent        = root\n");
  EXPECT_EQ(add_account("chem parent=phys fairshare=10 grptres=cpu=4,mem=2G maxwall=1-0"),
            " Adding Account(s)\n  chem\n Settings\n  Description     = Account Name\n"
            "  Organization    = Parent/Account Name\n Associations\n"
            "  A = chem       C = tux       \n Settings\n  Fairshare     = 10\n"
            "  GrpTRES       = cpu=4,mem=2G\n  MaxWall       = 1-00:00:00\n"
            "  Parent        = phys\n");
  EXPECT_EQ(add_user("ann,bob account=phys,chem defaultaccount=chem adminlevel=op"),
            " Adding User(s)\n  ann\n  bob\n Settings =\n  Default Account = chem\n"
            "  Admin Level     = Operator\n Associations =\n"
            "  U = ann       A = phys       C = tux       \n"
            "  U = ann       A = chem       C = tux       \n"
            "  U = bob       A = phys       C = tux       \n"
            "  U = bob       A = chem       C = tux       \n Non Default Settings\n");
  EXPECT_EQ(list(list_associations, "tree format=account,user,share,maxwall,parentname"),
            "root||1||\n root|root|1||\n phys||1||root\n  phys|ann|1||\n  phys|bob|1||\n"
            "  chem||10|1-00:00:00|phys\n   chem|ann|1|1-00:00:00|\n   chem|bob|1|1-00:00:00|\n");
  EXPECT_EQ(list(list_users, ""),
            "ann|chem|Operator\nbob|chem|Operator\nroot|root|Administrator\n");
  EXPECT_EQ(add_account("chem"), " Nothing new added.\n");
  EXPECT_EQ(add_user("ann account=phys"), " Nothing new added.\n");
  EXPECT_EQ(list(list_accounts, "org=phys"), "chem|chem|phys\n");
}

TEST_F(Sacctmgr, BadWordsAreNamed) {
  EXPECT_EQ(add_account(""), " Need name of account to add.\n");
  EXPECT_EQ(add_account("x foo=1"),
            " Unknown option: foo=1\n Use keyword 'where' to modify condition\n");
  EXPECT_EQ(add_account("x fairshare=abc"),
            "sacctmgr: error: Invalid value for FairShare (abc)\n Unknown option: fairshare=abc\n"
            " Use keyword 'where' to modify condition\n");
  EXPECT_EQ(add_account("x maxwall=zz"),
            " Bad MaxWall time format: maxwall=zz\n Unknown option: maxwall=zz\n"
            " Use keyword 'where' to modify condition\n");
  EXPECT_EQ(add_account("x qos=nope"),
            "sacctmgr: error: You gave a bad qos 'nope'. Valid QOS's are normal\n"
            " Unknown option: qos=nope\n Use keyword 'where' to modify condition\n");
  EXPECT_EQ(add_account("x parent=nope"),
            " Parent account 'nope' doesn't exist on cluster tux\n"
            "        Contact your admin to add this account.\n No associations created.\n");
  EXPECT_EQ(add_account("x cluster=moon"),
            " This cluster 'moon' doesn't exist.\n"
            "        Contact your admin to add it to accounting.\n");
  EXPECT_EQ(add_user("ann"), " Need name of account to add user to.\n");
  EXPECT_EQ(add_user("ghost account=root"),
            "There is no uid for user 'ghost'\n Adding User(s)\n  ghost\n Associations =\n"
            "  U = ghost     A = root       C = tux       \n Non Default Settings\n");
  EXPECT_EQ(change_account("x fairshare=1"),
            " Unknown condition: fairshare=1\n Use keyword 'set' to modify value\n");
  EXPECT_EQ(change_account("root"), " You didn't give me anything to set\n");
  EXPECT_EQ(change_account("nope set fairshare=3"), " Nothing modified\n");
  EXPECT_EQ(list(list_associations, "foo=1"), " Unknown condition: foo=1\n");
  EXPECT_EQ(list(list_qos, "format=foo"), "Unknown field 'foo'\n");
}

TEST_F(Sacctmgr, LimitsAreSetAndTakenAway) {
  add_account("phys");
  EXPECT_EQ(change_account("phys set grptres=cpu=10,node=3 grpjobs=5 maxjobs=4 grpwall=90"),
            " Modified account associations...\n  C = tux        A = phys of root\n");
  EXPECT_EQ(list(list_associations, "account=phys format=grptres,grpjobs,maxjobs,grpwall"),
            "cpu=10,node=3|5|4|01:30:00\n");
  change_account("where name=phys set grptres=cpu=-1 grpjobs=-1 grpwall=-1 fairshare=parent");
  EXPECT_EQ(list(list_associations, "account=phys format=grptres,grpjobs,maxjobs,grpwall,share"),
            "node=3||4||parent\n");
  change_account("phys set fairshare=-1 grpnodes=7 maxcpus=2");
  EXPECT_EQ(list(list_associations, "account=phys format=grptres,maxtres,share"),
            "node=7|cpu=2|1\n");
}

TEST_F(Sacctmgr, QosListsGrowAndShrink) {
  run(add_qos, "high,low priority=10");
  add_account("phys qos=normal,high");
  add_user("ann account=phys");
  EXPECT_EQ(
      change_user("ann set qos+=low"),
      " Modified user associations...\n  C = tux        A = phys                 U = ann      \n");
  const auto qos = [&] { return list(list_associations, "user=ann format=qos,defaultqos"); };
  EXPECT_EQ(qos(), "high,low,normal|\n");
  change_user("ann set qos-=high defaultqos=low");
  EXPECT_EQ(qos(), "low,normal|low\n");
  EXPECT_EQ(change_user("ann set qos-=low"),
            " These associations don't have access to their default qos.\n"
            " Please give them access before they the default can be set to this.\n"
            "  DefQOS = low        C = tux        A = phys                 U = ann      \n");
  change_user("ann set qos= defaultqos=-1");
  EXPECT_EQ(qos(), "high,normal|\n");
  EXPECT_EQ(change_user("ann set qos=high,+low"),
            "sacctmgr: error: You can't set qos equal to something and then add or subtract from "
            "it in the same line\n Unknown option: qos=high,+low\n"
            " Use keyword 'where' to modify condition\n");
  EXPECT_EQ(run(delete_qos, "low", Part::where), " Deleting QOS(s)...\n  low\n");
}

TEST_F(Sacctmgr, QosSettings) {
  const std::string notes =
      run(add_qos,
          "high priority=100 preempt=normal flags=DenyOnLimit,noreserve gracetime=60 "
          "maxwall=60 maxtrespu=cpu=2 maxjobspu=3 usagefactor=2.5 preemptmode=requeue");
  EXPECT_EQ(notes,
            " Adding QOS(s)\n  high\n Settings\n  Description    = high\n"
            "  Flags                    = DenyOnLimit,NoReserve\n"
            "  GraceTime                = 60\n  MaxJobsPerUser           = 3\n"
            "  MaxTRESPerUser           = cpu=2\n  MaxWall                  = 01:00:00\n"
            "  Preempt                  = normal\n  PreemptMode              = REQUEUE\n"
            "  Priority                 = 100\n  UsageFactor              = 2.5000\n");
  const auto shown = [&] {
    return list(list_qos,
                "high format=priority,gracetime,preempt,preemptmode,flags,usagefactor,maxwall,"
                "maxtrespu,maxjobspu,usagethreshold");
  };
  EXPECT_EQ(shown(),
            "100|00:01:00|normal|requeue|DenyOnLimit,NoReserve|2.500000|01:00:00|cpu=2|3|\n");
  run(modify_qos,
      "high set priority=-1 flags=-1 preempt= usagefactor=-1 maxwall=-1 maxtrespu=cpu=-1 "
      "gracetime=-1 preemptmode=cluster usagethreshold=0.25",
      Part::where);
  EXPECT_EQ(shown(), "0|00:00:00||cluster||1.000000|||3|0.250000\n");
  EXPECT_EQ(run(modify_qos, "high set preempt=high", Part::where),
            "sacctmgr: error: QOS Preemption loop detected\n"
            " Error with request: QOS Preemption loop detected\n");
  EXPECT_EQ(run(modify_qos, "high set flags=foo", Part::where).substr(0, 35),
            " Unknown QOS flag used in:\n  'foo'\n");
  run(delete_qos, "normal", Part::where);
  EXPECT_EQ(accounts_.qos.size(), 1U);
}

TEST_F(Sacctmgr, AccountsMoveAndTakeTheirChildrensPlace) {
  add_account("a");
  add_account("b parent=a");
  EXPECT_EQ(change_account("a set parent=b"),
            " Modified account associations...\n  C = tux        A = a of root\n");
  EXPECT_EQ(list(list_associations, "format=account,parentname user="), "root|\nb|root\na|b\n");
  EXPECT_EQ(change_account("a set parent=a"), " Nothing modified\n");
  EXPECT_EQ(change_account("root set parent=a"), " Nothing modified\n");
  EXPECT_EQ(change_account("a set parent=nope"), " Parent Account nope doesn't exist.\n");
  // Users who inherit from somebody else now aren't named, as in Slurm.
  change_account("a set maxjobs=3");
  add_user("ann account=b");
  EXPECT_EQ(change_account("b set parent=a"),
            " Modified account associations...\n  C = tux        A = b of root\n");
  EXPECT_EQ(list(list_associations, "format=user,maxjobs account=b"), "|3\nann|3\n");
}

TEST_F(Sacctmgr, AnInheritedDefaultQosMustStayAllowed) {
  run(add_qos, "x");
  add_account("a qos=x,normal defaultqos=x");
  add_user("ann account=a");
  const std::string told = change_account("a set qos=normal");
  EXPECT_NE(told.find("These associations don't have access to their default qos."),
            std::string::npos)
      << told;
}

TEST_F(Sacctmgr, WhatIsRemovedTakesAlongWhatHangsOnIt) {
  add_account("a");
  add_account("b parent=a");
  add_account("c");
  add_user("ann account=b,c defaultaccount=c");
  add_user("bob account=b");
  run(add_coordinators, "ann account=a");
  EXPECT_EQ(list(list_users, "withcoord ann"), "ann|c|None|a,b\n");
  EXPECT_EQ(run(delete_users, "ann account=c", Part::where).substr(0, 67),
            " Error with request: You can not remove the default account of a us");
  EXPECT_EQ(run(delete_accounts, "c", Part::where).substr(0, 20), " Error with request:");
  EXPECT_EQ(run(delete_accounts, "root", Part::where).substr(0, 12), " You are not");
  EXPECT_EQ(run(delete_accounts, "", Part::where),
            " No conditions given to remove, not executing.\n");
  EXPECT_EQ(run(delete_accounts, "a", Part::where), " Deleting accounts...\n  a\n  b\n");
  EXPECT_EQ(list(list_problems, ""), "||bob|User has no Associations\n");
  EXPECT_EQ(run(delete_users, "ann", Part::where), " Deleting users...\n  ann\n");
  EXPECT_EQ(run(delete_users, "nope", Part::where), " Nothing deleted\n");
}

constexpr std::string_view kFile =
    "# comment\nCluster - 'tux':Fairshare=1:QOS='normal'\nParent - 'root'\n"
    "User - 'root':DefaultAccount='root':AdminLevel='Administrator':Fairshare=1\n"
    "Account - 'new':Description='new \"acct\"':Organization='x y':Fairshare=7:MaxJobs=3\n"
    "Parent - 'new'\n"
    "User - 'sync':DefaultAccount='new':AdminLevel='Operator':Coordinator='sub':Fairshare=3\n"
    "Account - 'sub':Fairshare=2:GrpTRES=cpu=3,mem=4G:MaxWallDurationPerJob=90\n";

TEST_F(Sacctmgr, AFileIsLoadedAndDumpedTheSame) {
  const std::string notes = load(kFile);
  EXPECT_NE(notes.find("For cluster tux\nAccounts\n"), std::string::npos) << notes;
  const std::string dumped = dump_lines(accounts_, "tux");
  model::Accounts before = accounts_;
  EXPECT_EQ(load(dumped), "");
  EXPECT_EQ(before.associations, accounts_.associations);
  accounts_ = model::first_accounts();
  load(dumped, LoadMode::clean);
  EXPECT_EQ(dump_lines(accounts_, "tux"), dumped);
  EXPECT_NE(dumped.find("Account - 'sub':Description='sub':Organization='new':Fairshare=2:"
                        "GrpTRES=cpu=3,mem=4G:MaxWallDurationPerJob=90\n"),
            std::string::npos)
      << dumped;
}

TEST_F(Sacctmgr, CleanLoadRemovesTheRestAndKeepsIds) {
  load(kFile);
  add_account("other");
  add_user("ann account=other,sub");
  const auto id_of = [&](std::string_view account) {
    return find_association(accounts_, {account})->id;
  };
  const std::uint32_t sub = id_of("sub");
  load(kFile, LoadMode::clean);
  EXPECT_EQ(find_account(accounts_, "other"), nullptr);
  EXPECT_EQ(find_user(accounts_, "ann"), nullptr);
  EXPECT_EQ(id_of("sub"), sub);
  load(kFile);
  EXPECT_EQ(list(list_users, "withcoord"), "root|root|Administrator|\nsync|new|Operator|sub\n");
}

TEST_F(Sacctmgr, BrokenFilesChangeNothing) {
  const model::Accounts before = accounts_;
  const std::string head = "Cluster - 'tux':Fairshare=1\nAccount - 'q'\n";
  const auto tail = [&](std::string_view lines) { return load(head + std::string(lines)); };
  EXPECT_EQ(tail("Foo - x"),
            " Misformatted line(3): Foo - x\n Problem with requests: Unspecified error\n");
  EXPECT_EQ(tail("garbage"),
            " Misformatted line(3): garbage\n Problem with requests: Unspecified error\n");
  EXPECT_EQ(tail("Parent - nope"),
            " line(3) You need to add this parent (nope) as a child before you can add children "
            "to it.\n");
  EXPECT_EQ(tail("Account - 'q1':Foo=1"),
            " Unknown option: Foo=1\n Problem with line(3)\n"
            " Problem with requests: Unspecified error\n");
  EXPECT_EQ(tail("Account - 'q1:Fairshare=1"),
            " There is a problem with the quotes.\n Problem with line(3)\n"
            " Problem with requests: Unspecified error\n");
  EXPECT_EQ(tail("User - 'u':Fairshare=x").substr(0, 18), "sacctmgr: error: I");
  EXPECT_EQ(tail("User - 'u':Coordinator='zz'").substr(0, 8), " line(3)");
  EXPECT_EQ(
      tail("Cluster - 'moon'"),
      " You can only add one cluster at a time.\n Problem with requests: Unspecified error\n");
  EXPECT_EQ(load("Account - 'q1'\n"),
            " You need to specify a cluster name first with 'Cluster - $NAME' in your file\n");
  EXPECT_NE(load("Cluster - 'moon'\n"), "");
  EXPECT_EQ(accounts_, before);
}

TEST_F(Sacctmgr, ListsOfNames) {
  EXPECT_EQ(name_list("a,b[1-2],'c',a"), (std::vector<std::string>{"a", "b1", "b2", "c"}));
  EXPECT_TRUE(name_list("").empty());
  const Spec spec = parse_spec("QOS+='a,b'");
  EXPECT_EQ(spec.key, "QOS");
  EXPECT_EQ(spec.op, Operator::add);
  EXPECT_EQ(spec.value, "a,b");
  EXPECT_TRUE(parse_spec("tree").is_word());
}

}  // namespace
}  // namespace sluice::cli::accounting
