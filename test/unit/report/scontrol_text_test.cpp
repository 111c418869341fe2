// The texts of `scontrol show`, held against what Slurm prints for the same records.
#include "report/scontrol_text.hpp"

#include <cstdlib>
#include <ctime>

#include <gtest/gtest.h>

#include "test/unit/report/sample_records.hpp"

namespace sluice::report {
namespace {

using test::SampleJob;

class ScontrolText : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    style_.time.now = test::kNow;
  }
  [[nodiscard]] std::string text(const model::Job& job) const {
    std::string out;
    show_job(job, style_, out);
    return out;
  }
  ShowStyle style_;
};

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

TEST_F(ScontrolText, RunningJobIsSlurmsBlock) {
  EXPECT_EQ(text(SampleJob().running()),
            R"(JobId=278 JobName=demo
   UserId=root(0) GroupId=root(0) MCS_label=N/A
   Priority=1 Nice=0 Account=root QOS=normal
   JobState=RUNNING Reason=None Dependency=(null)
   Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 ExitCode=0:0
   RunTime=00:00:08 TimeLimit=00:10:00 TimeMin=N/A
   SubmitTime=2023-11-14T22:13:20 EligibleTime=2023-11-14T22:13:20
   AccrueTime=2023-11-14T22:13:20
   StartTime=2023-11-14T22:13:20 EndTime=2023-11-14T22:23:20 Deadline=N/A
   SuspendTime=None SecsPreSuspend=0 LastSchedEval=2023-11-14T22:13:20 Scheduler=Main
   Partition=batch AllocNode:Sid=localhost:3485
   ReqNodeList=(null) ExcNodeList=(null)
   NodeList=n[1-2]
   BatchHost=n1
   NumNodes=2 NumCPUs=8 NumTasks=4 CPUs/Task=2 ReqB:S:C:T=0:0:*:*
   ReqTRES=cpu=8,mem=600M,node=2,billing=8
   AllocTRES=cpu=8,mem=600M,node=2,billing=8
   Socks/Node=* NtasksPerN:B:S:C=0:0:*:* CoreSpec=*
   MinCPUsNode=2 MinMemoryNode=300M MinTmpDiskNode=0
   Features=(null) DelayBoot=00:00:00
   OverSubscribe=OK Contiguous=0 Licenses=(null) Network=(null)
   Command=/tmp/a/job.sh one two
   WorkDir=/tmp/a
   Comment=a b 
   StdErr=/tmp/a/err-278.txt
   StdIn=/dev/null
   StdOut=/tmp/a/out-278.txt
   MailUser=me@x MailType=END
   

)");
}

TEST_F(ScontrolText, OneLineHasNoLineBreakInside) {
  style_.one_line = true;
  const std::string line = text(SampleJob().running());
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_TRUE(line.starts_with("JobId=278 JobName=demo UserId=root(0)"));
  EXPECT_TRUE(line.ends_with("MailUser=me@x MailType=END \n"));
  EXPECT_TRUE(has(line, "Comment=a b  StdErr="));
}

TEST_F(ScontrolText, DetailsShowNodesThatGiveTheSameTogether) {
  style_.details = true;
  const std::string block = text(SampleJob().running());
  EXPECT_TRUE(has(block, "   DerivedExitCode=0:0\n"));
  EXPECT_TRUE(has(block, "   JOB_GRES=(null)\n     Nodes=n[1-2] CPU_IDs=0-3 Mem=300 GRES=\n"));
}

TEST_F(ScontrolText, DetailsTellGpusWithTheirIndices) {
  style_.details = true;
  SampleJob sample;
  model::Job job = sample.running();
  model::Allocation allocation = *job.allocation;
  model::GresShare gpus;
  gpus.name = "gpu";
  gpus.indices = base::Bitmap(4, {0, 1});
  gpus.count = 2;
  for (model::NodeShare& share : allocation.shares) share.gres = {gpus};
  job.allocation = std::make_shared<const model::Allocation>(allocation);
  const std::string block = text(job);
  EXPECT_TRUE(has(block, "JOB_GRES=gpu:4\n"));
  EXPECT_TRUE(has(block, "Mem=300 GRES=gpu:2(IDX:0-1)\n"));
}

TEST_F(ScontrolText, TresCountAllOfANameAndItsTypes) {
  style_.details = true;
  SampleJob sample;
  sample.request.gres = {{"gpu", "", 3, model::GresScope::node}};
  sample.request.memory_per_gpu = 200;
  sample.request.cpus_per_gpu = 1;
  sample.request.tasks_per_gpu = 2;
  model::Job job = sample.running();
  model::Allocation allocation = *job.allocation;
  allocation.shares[0].gres = {{"gpu", "a100", base::Bitmap(4, {0, 1}), 2},
                               {"gpu", "v100", base::Bitmap(4, {3}), 1}};
  allocation.shares[1].gres = {{"gpu", "a100", base::Bitmap(4, {0, 1}), 2},
                               {"npu", "", base::Bitmap(), 1}};
  job.allocation = std::make_shared<const model::Allocation>(allocation);
  const std::string block = text(job);
  EXPECT_TRUE(has(block, ",gres/gpu=5,gres/gpu:a100=4,gres/gpu:v100=1,gres/npu=1\n")) << block;
  EXPECT_TRUE(has(block, "ReqTRES=cpu=8,mem=1200M,node=2,billing=8,gres/gpu=6\n")) << block;
  EXPECT_TRUE(has(block, "JOB_GRES=gpu:a100:4,gpu:v100:1,npu:1\n")) << block;
  EXPECT_TRUE(has(block, "GRES=gpu:a100:2(IDX:0-1),gpu:v100:1(IDX:3)\n")) << block;
  EXPECT_TRUE(has(block, "CpusPerTres=gres/gpu:1\n   MemPerTres=gres/gpu:200\n")) << block;
  EXPECT_TRUE(has(block, "TresPerNode=gres/gpu:3\n   NtasksPerTRES=2\n")) << block;
}

TEST_F(ScontrolText, NodeTellsItsDevices) {
  style_.details = true;
  model::Node node;
  node.name = "n1";
  node.facts.sockets = 2;
  node.facts.cores_per_socket = 4;
  node.facts.memory = 4096;
  model::NodeGres gpus{.name = "gpu", .type = "a100", .count = 2};
  for (std::size_t d = 0; d < 2; ++d) {
    gpus.files.emplace_back("/dev/gpu" + std::to_string(d));
    gpus.devices.emplace_back().cpus = base::Bitmap(8, {4 * d, 4 * d + 1});
  }
  gpus.devices[1].fault = "fell off the bus";
  model::NodeGres others{.name = "gpu", .type = "v100", .count = 1};
  node.facts.gres = {gpus, others, {.name = "npu", .count = 2}};
  node.gres_used = "gpu:a100:2(IDX:0,1),gpu:v100:0,npu:1";
  node.allocated_cpus = 1;
  std::string out;
  show_node(node, style_, out);
  EXPECT_TRUE(has(out, "   Gres=gpu:a100:2(S:0-1),gpu:v100:1,npu:2\n")) << out;
  EXPECT_TRUE(has(out, "   GresFaults=gpu:a100:1(fell off the bus)\n")) << out;
  EXPECT_TRUE(has(out,
                  "CfgTRES=cpu=8,mem=4G,billing=8,gres/gpu=3,gres/gpu:a100=2,gres/gpu:v100=1,"
                  "gres/npu=2\n"))
      << out;
  EXPECT_TRUE(has(out, "AllocTRES=cpu=1,gres/gpu=2,gres/gpu:a100=2,gres/npu=1\n")) << out;
}

TEST_F(ScontrolText, PendingJobSaysWhatIsUnknown) {
  SampleJob sample;
  sample.job.reason = model::Reason::job_requeued_in_held_state;
  sample.job.priority = 0;
  sample.job.dependency = "afterok:278(unfulfilled)";
  sample.job.eligible = 0;
  sample.request.max_nodes = 2;
  const std::string block = text(sample.pending());
  EXPECT_TRUE(has(block,
                  "JobState=PENDING Reason=job_requeued_in_held_state "
                  "Dependency=afterok:278(unfulfilled)\n"));
  EXPECT_TRUE(has(block, "EligibleTime=Unknown\n   AccrueTime=Unknown\n"));
  EXPECT_TRUE(has(block, "StartTime=Unknown EndTime=Unknown Deadline=N/A\n"));
  EXPECT_TRUE(has(block, "NodeList=\n   NumNodes=2-2 "));
  EXPECT_TRUE(has(block, "AllocTRES=(null)\n"));
  EXPECT_FALSE(has(block, "BatchHost="));
}

TEST_F(ScontrolText, AJobThatBeginsLaterSaysFromWhenOnItAgesAndWhenItEnds) {
  SampleJob sample;
  sample.job.reason = model::Reason::begin_time;
  sample.job.accrue = 0;
  sample.job.eligible = sample.job.submit + 3600 * model::kSecond;
  sample.job.time_limit = 30;
  const std::string block = text(sample.pending());
  EXPECT_TRUE(has(block, "AccrueTime=2023-11-14T23:13:20\n")) << block;
  EXPECT_TRUE(has(block, "StartTime=2023-11-14T23:13:20 EndTime=2023-11-14T23:43:20 ")) << block;
}

TEST_F(ScontrolText, WhereAJobRunsMayLeaveItNoChoiceOfSharing) {
  const model::Job job = SampleJob().running();
  for (const auto& [kind, shown] : {std::pair(model::OverSubscribe::exclusive, "OverSubscribe=NO "),
                                    std::pair(model::OverSubscribe::force, "OverSubscribe=YES "),
                                    std::pair(model::OverSubscribe::yes, "OverSubscribe=OK ")}) {
    style_.sharing = {{job.partition.str(), kind}};
    EXPECT_TRUE(has(text(job), shown)) << shown;
  }
}

TEST_F(ScontrolText, ADisplacedJobEndsWithItsGraceTime) {
  model::Job job = SampleJob().running();
  job.preempted_at = job.start + 5 * model::kSecond;
  job.qos = "high";
  style_.exempt = ExemptTimes{};
  style_.exempt->grace = {{job.partition.str(), 30}};
  EXPECT_TRUE(has(text(job), "EndTime=2023-11-14T22:13:55 ")) << text(job);
  style_.exempt->grace_by_qos = true;
  style_.exempt->grace = {{job.qos.str(), 100}};
  EXPECT_TRUE(has(text(job), "EndTime=2023-11-14T22:15:05 ")) << text(job);
}

TEST_F(ScontrolText, ArrayRestAndItsTasks) {
  SampleJob sample;
  sample.spec.array_limit = 2;
  sample.job.array_job = JobId(278);
  model::TaskSet rest;
  rest.runs = {{3, 6, 1}};
  sample.job.array_rest = std::make_shared<const model::TaskSet>(rest);
  EXPECT_TRUE(text(sample.pending())
                  .starts_with("JobId=278 ArrayJobId=278 ArrayTaskId=3-6%2 ArrayTaskThrottle=2 "
                               "JobName=demo\n"));
  sample.job.array_rest = nullptr;
  sample.job.array_task = 1;
  sample.job.id = JobId(285);
  EXPECT_TRUE(text(sample.running())
                  .starts_with("JobId=285 ArrayJobId=278 ArrayTaskId=1 ArrayTaskThrottle=2 "));
}

TEST_F(ScontrolText, SuspendedJobTellsSinceWhenAndHowLongItRan) {
  model::Job job = SampleJob().running();
  job.state = model::JobState::suspended;
  job.suspended_at = test::kSubmit + 4 * model::kSecond;
  const std::string block = text(job);
  EXPECT_TRUE(has(block, "RunTime=00:00:04 "));
  EXPECT_TRUE(has(block, "SuspendTime=2023-11-14T22:13:24 SecsPreSuspend=4 "));
}

TEST_F(ScontrolText, TimesFollowTheUsersFormat) {
  style_.time.format = "%s";
  EXPECT_TRUE(has(text(SampleJob().running()), "SubmitTime=1700000000 EligibleTime=1700000000\n"));
}

TEST_F(ScontrolText, SessionsOfSallocHaveNoFiles) {
  SampleJob sample;
  sample.spec.kind = model::JobKind::allocation;
  const std::string block = text(sample.running());
  EXPECT_TRUE(has(block, "BatchFlag=0 "));
  EXPECT_FALSE(has(block, "StdOut="));
}

TEST_F(ScontrolText, Step) {
  std::string out;
  const model::Step step = test::sample_step(0);
  show_step(step, nullptr, style_, out);
  EXPECT_EQ(out, R"(StepId=278.0 UserId=0 StartTime=2023-11-14T22:13:20 TimeLimit=UNLIMITED
   State=RUNNING Partition=batch NodeList=n[1-2]
   Nodes=2 CPUs=8 Tasks=2 Name=sleep Network=(null)
   TRES=cpu=8,mem=600M,node=2
   ResvPorts=(null)
   CPUFreqReq=Default Dist=block
   SrunHost:Pid=(null):0

)");
}

TEST_F(ScontrolText, NodeThatIsDrained) {
  model::Node node;
  node.name = "n1";
  node.address = "127.0.0.1";
  node.facts.arch = "x86_64";
  node.facts.sockets = 4;
  node.facts.memory = 4096;
  node.facts.hostname = "vm";
  node.facts.version = "25.11.0";
  node.facts.os = "Linux 6.18 #1";
  node.state = model::NodeState::allocated;
  node.flags = model::kNodeDrain;
  node.allocated_cpus = 4;
  node.allocated_memory = 300;
  node.cpu_load = 35;
  node.free_memory = 23172;
  node.partitions = "batch";
  node.reason = "bad disk";
  node.reason_time = test::kSubmit;
  std::string out;
  show_node(node, style_, out);
  EXPECT_EQ(out, R"(NodeName=n1 Arch=x86_64 CoresPerSocket=1 
   CPUAlloc=4 CPUEfctv=4 CPUTot=4 CPULoad=0.35
   AvailableFeatures=(null)
   ActiveFeatures=(null)
   Gres=(null)
   NodeAddr=127.0.0.1 NodeHostName=vm Version=25.11.0
   OS=Linux 6.18 #1 
   RealMemory=4096 AllocMem=300 FreeMem=23172 Sockets=4 Boards=1
   State=ALLOCATED+DRAIN ThreadsPerCore=1 TmpDisk=0 Weight=1 Owner=N/A MCS_label=N/A
   Partitions=batch 
   BootTime=None SlurmdStartTime=None
   LastBusyTime=Unknown ResumeAfterTime=None
   CfgTRES=cpu=4,mem=4G,billing=4
   AllocTRES=cpu=4,mem=300M
   CurrentWatts=0 AveWatts=0
   Reason=bad disk [root@2023-11-14T22:13:20]

)");
}

TEST_F(ScontrolText, PartitionAsConfigured) {
  model::Partition partition;
  partition.name = "batch";
  partition.nodes = "n[1-16]";
  partition.is_default = true;
  partition.total_cpus = 64;
  partition.total_nodes = 16;
  partition.tres = "cpu=64,mem=64G,node=16,billing=64";
  std::string out;
  show_partition(partition, style_, out);
  EXPECT_EQ(out, R"(PartitionName=batch
   AllowGroups=ALL AllowAccounts=ALL AllowQos=ALL
   AllocNodes=ALL Default=YES QoS=N/A
   DefaultTime=NONE DisableRootJobs=NO ExclusiveUser=NO GraceTime=0 Hidden=NO
   MaxNodes=UNLIMITED MaxTime=UNLIMITED MinNodes=0 LLN=NO MaxCPUsPerNode=UNLIMITED
   Nodes=n[1-16]
   PriorityJobFactor=1 PriorityTier=1 RootOnly=NO ReqResv=NO OverSubscribe=NO
   OverTimeLimit=NONE PreemptMode=OFF
   State=UP TotalCPUs=64 TotalNodes=16 SelectTypeParameters=NONE
   JobDefaults=(null)
   DefMemPerNode=UNLIMITED MaxMemPerNode=UNLIMITED
   TRES=cpu=64,mem=64G,node=16,billing=64

)");
}

TEST_F(ScontrolText, SettingsStandInColumns) {
  std::string out;
  show_setting("MinJobAge", "300 sec", out);
  show_setting("AccountingStorageBackupHost", "(null)", out);
  EXPECT_EQ(out, "MinJobAge               = 300 sec\nAccountingStorageBackupHost = (null)\n");
}

}  // namespace
}  // namespace sluice::report
