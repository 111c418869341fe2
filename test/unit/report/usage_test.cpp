// What steps used: sacct's and sstat's fields, with values that Slurm printed for the same.
#include <gtest/gtest.h>

#include "report/history_format.hpp"
#include "test/unit/report/sample_records.hpp"

namespace sluice::report {
namespace {

using test::SampleJob;

constexpr std::uint64_t kRead = 100'028'737;
constexpr std::uint64_t kWritten = 50'000'002;

class UsageFields : public testing::Test {
 protected:
  UsageFields() {
    // Two tasks on one node, as `srun -n2` had them.
    step_.nodes = "n1";
    step_.tasks = 2;
    model::Usage& usage = step_.usage;
    usage.tasks = 2;
    usage.read_bytes = 2 * kRead;
    usage.written_bytes = 2 * kWritten;
    usage.total_rss_kib = 3340;
    usage.max_rss_kib = 1684;
    usage.max_rss_task = 1;
    usage.max_rss_node = "n1";
    usage.max_vm_kib = 145284;
    usage.total_vm_kib = 290568;
    usage.ranges = {range(0, 0, 0, 0),           range(kRead, 0, kRead, 0),
                    range(1656, 0, 1684, 1),     range(0, 0, 0, 0),
                    range(145284, 0, 145284, 0), range(kWritten, 0, kWritten, 0)};
  }
  static model::TaskRange range(std::uint64_t min, std::uint32_t min_task, std::uint64_t max,
                                std::uint32_t max_task) {
    return {min, min_task, "n1", max, max_task, "n1"};
  }
  void add_device(const std::string& name, const std::string& node, std::uint64_t mean,
                  std::uint32_t max) {
    model::DeviceUse use;
    use.node = node;
    use.name = name;
    use.samples = 2;
    use.utilization_sum = 2 * mean;
    use.utilization_max = max;
    use.memory_sum = 2 * 1000;
    use.memory_max = 2048;
    use.energy_mj = 5000;
    step_.usage.devices.push_back(use);
  }
  std::string fields(std::string_view format, std::span<const HistoryField> table) {
    Result<HistoryFormat> made = HistoryFormat::parse(format, table);
    if (!made) return made.error().text;
    made->set_shape(HistoryShape::delimited, "|");
    std::string out;
    made->row({&job_, &step_, step_.usage, {14396, 14397}}, context_, out);
    return out;
  }
  std::string sacct(std::string_view format) { return fields(format, history_fields()); }
  std::string sstat(std::string_view format) {
    context_.live = true;
    return fields(format, live_fields());
  }
  model::Job job_ = SampleJob().running();
  model::Step step_ = test::sample_step(2);
  HistoryContext context_;
};

TEST_F(UsageFields, ListsAsSacctPrintsThem) {
  EXPECT_EQ(sacct("tresusageinave"),
            "cpu=00:00:00,energy=0,fs/disk=100028737,mem=1670K,pages=0,vmem=145284K\n");
  EXPECT_EQ(sacct("tresusageinmax"),
            "cpu=00:00:00,energy=0,fs/disk=100028737,mem=1684K,pages=0,vmem=145284K\n");
  EXPECT_EQ(sacct("tresusageinmaxnode"), "cpu=n1,energy=n1,fs/disk=n1,mem=n1,pages=n1,vmem=n1\n");
  EXPECT_EQ(sacct("tresusageinmaxtask"), "cpu=0,fs/disk=0,mem=1,pages=0,vmem=0\n");
  EXPECT_EQ(sacct("tresusageinmin"),
            "cpu=00:00:00,energy=0,fs/disk=100028737,mem=1656K,pages=0,vmem=145284K\n");
  EXPECT_EQ(sacct("tresusageinminnode"), "cpu=n1,energy=n1,fs/disk=n1,mem=n1,pages=n1,vmem=n1\n");
  EXPECT_EQ(sacct("tresusageinmintask"), "cpu=0,fs/disk=0,mem=0,pages=0,vmem=0\n");
  EXPECT_EQ(sacct("tresusageintot"),
            "cpu=00:00:00,energy=0,fs/disk=200057474,mem=3340K,pages=0,vmem=290568K\n");
  EXPECT_EQ(sacct("tresusageoutave,tresusageoutmax,tresusageoutmaxnode,tresusageoutmaxtask"),
            "energy=0,fs/disk=50000002|energy=0,fs/disk=50000002|energy=n1,fs/disk=n1|fs/disk=0\n");
  EXPECT_EQ(
      sacct("tresusageoutmin,tresusageoutminnode,tresusageoutmintask,tresusageouttot"),
      "energy=0,fs/disk=50000002|energy=n1,fs/disk=n1|fs/disk=0|energy=0,fs/disk=100000004\n");
}

TEST_F(UsageFields, SingleOnesAsSacctPrintsThem) {
  EXPECT_EQ(sacct("averss,avevmsize,avepages,avediskread,avediskwrite,maxdiskread"),
            "1670K|145284K|0|95.39M|47.68M|95.39M\n");
  EXPECT_EQ(sacct("maxdiskreadnode,maxdiskreadtask,maxpagesnode,maxpagestask,mincpu,mincpunode"),
            "n1|0|n1|0|00:00:00|n1\n");
  EXPECT_EQ(sacct("mincputask,maxvmsize,maxvmsizenode,maxvmsizetask,consumedenergy"),
            "0|145284K|n1|0|0\n");
}

TEST_F(UsageFields, SstatCountsTrafficInBytes) {
  EXPECT_EQ(sstat("jobid,nodelist,pids,ntasks,avediskread,maxdiskwrite,reqcpufreqmin"),
            "278.2|n1|14396,14397|2|100028737|50000002|Unknown\n");
  context_.units = SizeUnits::kept;
  EXPECT_EQ(sstat("maxvmsize,averss"), "148770816|1710080\n");
  EXPECT_EQ(sstat("bogus"), "Invalid field requested: \"bogus\"");
}

TEST_F(UsageFields, SstatsListIsSlurms) {
  EXPECT_EQ(live_fields().size(), 51U);
  EXPECT_TRUE(history_field_list(live_fields())
                  .starts_with("AveCPU              AveCPUFreq          AveDiskRead         "
                               "AveDiskWrite       \n"));
  EXPECT_TRUE(HistoryFormat::parse(kLiveDefault, live_fields()));
  EXPECT_TRUE(HistoryFormat::parse(kLivePids, live_fields()));
}

TEST_F(UsageFields, DevicesStandAmongTheOthers) {
  add_device("gpu", "n1", 40, 80);
  add_device("gpu", "n2", 60, 95);
  add_device("npu", "n1", 10, 10);
  EXPECT_EQ(sacct("tresusageinave"),
            "cpu=00:00:00,energy=7,fs/disk=100028737,gres/gpumem=1000M,gres/gpuutil=50,"
            "gres/npumem=1000M,gres/npuutil=10,mem=1670K,pages=0,vmem=145284K\n");
  EXPECT_EQ(sacct("tresusageinmax"),
            "cpu=00:00:00,energy=15,fs/disk=100028737,gres/gpumem=2G,gres/gpuutil=95,"
            "gres/npumem=2G,gres/npuutil=10,mem=1684K,pages=0,vmem=145284K\n");
  EXPECT_EQ(sacct("tresusageinmaxnode"),
            "cpu=n1,energy=n1,fs/disk=n1,gres/gpumem=n1,gres/gpuutil=n2,gres/npumem=n1,"
            "gres/npuutil=n1,mem=n1,pages=n1,vmem=n1\n");
  EXPECT_EQ(sacct("tresusageinmaxtask"),
            "cpu=0,fs/disk=0,gres/gpumem=-1,gres/gpuutil=-1,gres/npumem=-1,gres/npuutil=-1,mem=1,"
            "pages=0,vmem=0\n");
  EXPECT_EQ(sacct("consumedenergy"), "15\n");
}

TEST_F(UsageFields, OfOneTaskAllIsItsOwn) {
  step_.usage.ranges.clear();
  step_.usage.tasks = 1;
  EXPECT_EQ(sacct("maxdiskreadnode,maxdiskreadtask,tresusageoutmax"),
            "n1|0|energy=0,fs/disk=100000004\n");
}

TEST_F(UsageFields, TasksThatWereNotToldApartHaveNoExtremes) {
  step_.usage.ranges.clear();
  EXPECT_EQ(sacct("maxdiskreadnode,mincpu,tresusageinmax"), "||mem=1684K,vmem=145284K\n");
}

}  // namespace
}  // namespace sluice::report
