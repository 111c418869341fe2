// sacct: fields, widths, forms of output.
#include <cstdlib>
#include <ctime>
#include <set>

#include <gtest/gtest.h>

#include "base/strings.hpp"
#include "report/history_format.hpp"
#include "report/json_history.hpp"
#include "test/unit/report/sample_records.hpp"

namespace sluice::report {
namespace {

using test::SampleJob;

class History : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    context_.time.now = test::kNow;
    context_.cluster = "oracle";
  }
  // One row with -P.
  std::string fields(const HistoryRow& row, std::string_view format) {
    Result<HistoryFormat> made = HistoryFormat::parse(format);
    if (!made) return made.error().text;
    made->set_shape(HistoryShape::delimited, "|");
    std::string out;
    made->row(row, context_, out);
    return out;
  }
  std::string of_job(const model::Job& job, std::string_view format) {
    return fields({&job, nullptr, {}}, format);
  }
  HistoryContext context_;
};

TEST_F(History, DefaultColumnsAreSlurms) {
  Result<HistoryFormat> format = HistoryFormat::parse(kHistoryDefault);
  ASSERT_TRUE(format);
  const model::Job job = SampleJob().running();
  std::string out;
  format->header(out);
  format->row({&job, nullptr, {}}, context_, out);
  EXPECT_EQ(out,
            "JobID           JobName  Partition    Account  AllocCPUS      State ExitCode \n"
            "------------ ---------- ---------- ---------- ---------- ---------- -------- \n"
            "278                demo      batch       root          8    RUNNING      0:0 \n");
}

TEST_F(History, EveryNameIsFoundAndIsPrintable) {
  const model::Job job = SampleJob().running();
  const model::Step step = test::sample_step(0);
  std::set<std::string> names;
  for (const HistoryField& field : history_fields()) {
    EXPECT_TRUE(names.insert(base::to_lower(field.name)).second) << field.name;
    EXPECT_EQ(find_history_field(base::to_upper(field.name)), &field);
    EXPECT_GE(field.width, 6);
    std::string text;
    field.text({&job, nullptr, {}}, context_, text);
    field.text({&job, &step, step.usage}, context_, text);
    EXPECT_EQ(text.find('\n'), std::string::npos) << field.name;
  }
  EXPECT_GT(names.size(), 110U);
}

TEST_F(History, NamesMayBeCut) {
  EXPECT_EQ(find_history_field("jobi")->name, "JobID");
  EXPECT_EQ(find_history_field("nodel")->name, "NodeList");
  EXPECT_EQ(find_history_field("j")->name, "JobID");
  EXPECT_EQ(find_history_field("state")->name, "State");
  EXPECT_EQ(find_history_field("foo"), nullptr);
  EXPECT_EQ(HistoryFormat::parse("jobid,foo").error().text, "Invalid field requested: \"foo\"");
}

TEST_F(History, WidthsJustificationAndTheMarkOfACut) {
  SampleJob sample;
  sample.spec.name = "averylongname";
  const model::Job job = sample.running();
  const auto row = [&](std::string_view format) {
    std::string out;
    HistoryFormat::parse(format)->row({&job, nullptr, {}}, context_, out);
    return out;
  };
  EXPECT_EQ(row("jobname%5,jobname"), "aver+ aver+ \n");  // a width is the field's, everywhere
  EXPECT_EQ(row("partition%-8,partition%-8"), "batch    batch    \n");
  EXPECT_EQ(row("partition%8"), "   batch \n");
  EXPECT_EQ(row(" jobid , state"), "278             RUNNING \n");
  EXPECT_EQ(row("jobid,,state"), "278          \n");
}

TEST_F(History, HeaderIsCutWithoutAMark) {
  std::string out;
  HistoryFormat::parse("timelimitraw,reservationid")->header(out);
  EXPECT_EQ(out, "TimelimitR Reservat \n---------- -------- \n");
}

TEST_F(History, ParsableForms) {
  const model::Job job = SampleJob().running();
  Result<HistoryFormat> format = HistoryFormat::parse("jobid,timelimitraw");
  ASSERT_TRUE(format);
  format->set_shape(HistoryShape::delimited_end, "|");
  std::string out;
  format->header(out);
  format->row({&job, nullptr, {}}, context_, out);
  EXPECT_EQ(out, "JobID|TimelimitRaw|\n278|10|\n");
  format->set_shape(HistoryShape::delimited, ";;");
  out.clear();
  format->row({&job, nullptr, {}}, context_, out);
  EXPECT_EQ(out, "278;;10\n");
}

TEST_F(History, LongFormatAndListNameOnlyWhatExists) {
  EXPECT_TRUE(HistoryFormat::parse(kHistoryLong));
  EXPECT_TRUE(HistoryFormat::parse(kHistoryBrief));
  const std::string list = history_field_list();
  EXPECT_TRUE(
      list.starts_with("Account             AdminComment        AllocCPUS           "
                       "AllocNodes         \n"));
}

TEST_F(History, ResourcesOfJobAndSteps) {
  const model::Job job = SampleJob().running();
  const model::Step step = test::sample_step(0);
  EXPECT_EQ(of_job(job, "alloctres,reqtres,reqmem,nnodes,ncpus,ntasks,nodelist"),
            "billing=8,cpu=8,mem=600M,node=2|billing=8,cpu=8,mem=600M,node=2|600M|2|8||n[1-2]\n");
  EXPECT_EQ(fields({&job, &step, {}},
                   "jobid,jobidraw,jobname,partition,alloctres,ntasks,reqmem,"
                   "layout,account"),
            "278.0|278.0|sleep||cpu=8,mem=600M,node=2|2||Block|root\n");
}

TEST_F(History, PendingJob) {
  const model::Job job = SampleJob().pending();
  EXPECT_EQ(of_job(job, "state,nodelist,start,end,elapsed,timelimit,alloccpus,reqcpus,nnodes"),
            "PENDING|None assigned|Unknown|Unknown|00:00:00|00:10:00|8|8|2\n");
}

TEST_F(History, EndsAndTheirCodes) {
  SampleJob sample;
  EXPECT_EQ(of_job(sample.ended(model::JobState::failed, 3U << 8U), "state,exitcode,elapsed"),
            "FAILED|3:0|00:00:49\n");
  // A job over its limit has no code of its own.
  EXPECT_EQ(of_job(sample.ended(model::JobState::timeout, 15), "state,exitcode"), "TIMEOUT|0:0\n");
  EXPECT_EQ(of_job(sample.ended(model::JobState::out_of_memory, 125), "state,exitcode"),
            "OUT_OF_MEMORY|0:125\n");
  model::Job job = sample.ended(model::JobState::cancelled, 15);
  job.cancelled_by = 1000;
  EXPECT_EQ(of_job(job, "state,exitcode"), "CANCELLED by 1000|0:0\n");
  std::string cut;
  HistoryFormat::parse("state")->row({&job, nullptr, {}}, context_, cut);
  EXPECT_EQ(cut, "CANCELLED+ \n");
  model::Step step = test::sample_step(base::kBatchStep);
  step.state = model::JobState::cancelled;
  step.cancelled_by = 1000;
  step.exit_code = 15;
  EXPECT_EQ(fields({&job, &step, {}}, "jobid,state,exitcode"), "278.batch|CANCELLED|0:15\n");
}

TEST_F(History, CancelledBeforeItStarted) {
  model::Job job = SampleJob().pending();
  job.state = model::JobState::cancelled;
  job.end = test::kSubmit + model::kSecond;
  EXPECT_EQ(of_job(job, "start,end,elapsed"), "None|2023-11-14T22:13:21|00:00:00\n");
}

TEST_F(History, FormerAttemptsAreRequeued) {
  model::Job job = SampleJob().ended(model::JobState::cancelled, 15);
  job.flags = model::kFlagRequeued;
  EXPECT_EQ(of_job(job, "state,exitcode"), "REQUEUED|0:0\n");
  job.state = model::JobState::node_fail;
  EXPECT_EQ(of_job(job, "state"), "NODE_FAIL\n");
  job.state = model::JobState::preempted;
  EXPECT_EQ(of_job(job, "state"), "PREEMPTED\n");
}

TEST_F(History, CleaningUpIsNoStateOfAccounting) {
  model::Job job = SampleJob().ended(model::JobState::completed, 0);
  job.flags = model::kFlagCompleting;
  EXPECT_EQ(of_job(job, "state"), "COMPLETED\n");
}

TEST_F(History, UsageOfSteps) {
  const model::Job job = SampleJob().running();
  model::Step step = test::sample_step(0);
  step.usage = {.user_us = 3'500'000,
                .system_us = 500'000,
                .max_rss_kib = 5288,
                .max_rss_task = 1,
                .max_rss_node = "n2",
                .total_rss_kib = 8192,
                .tasks = 2};
  const HistoryRow row{&job, &step, step.usage};
  EXPECT_EQ(fields(row, "maxrss,maxrssnode,maxrsstask,averss,avecpu"), "5288K|n2|1|4M|00:00:02\n");
  EXPECT_EQ(fields(row, "totalcpu,usercpu,systemcpu"), "00:04.000|00:03.500|00:00.500\n");
  context_.units = SizeUnits::fixed;
  context_.unit = base::Unit::mega;
  EXPECT_EQ(fields(row, "maxrss"), "5.16M\n");
  context_.units = SizeUnits::kept;
  EXPECT_EQ(fields(row, "averss"), "4096K\n");
  const HistoryRow unused{&job, nullptr, {}};
  EXPECT_EQ(fields(unused, "maxrss,totalcpu"), "|00:00:00\n");
}

TEST_F(History, ImagesOfStepsInContainers) {
  model::Step step = test::sample_step(0);
  step.reason = "no such tag";
  const model::Job job = SampleJob().running();
  const auto shown = [&] {
    return fields({&job, &step, {}}, "container,imagedigest,imagetime,reason");
  };
  EXPECT_EQ(shown(), "|||\n");
  step.container = "debian:12";
  step.image_digest = "sha256:ab";
  step.image_us = 1'520'001;
  EXPECT_EQ(shown(), "debian:12|sha256:ab|1.521|no such tag\n");
}

TEST_F(History, TruncateCutsTimesToTheWindow) {
  const model::Job job = SampleJob().ended(model::JobState::completed, 0);
  context_.from = test::kSubmit + 9 * model::kSecond;
  context_.to = test::kSubmit + 29 * model::kSecond;
  EXPECT_EQ(of_job(job, "start,end,elapsedraw"), "2023-11-14T22:13:29|2023-11-14T22:13:49|20\n");
}

TEST_F(History, FilesAsTypedOrFilledIn) {
  const model::Job job = SampleJob().running();
  EXPECT_EQ(of_job(job, "stdout"), "/tmp/a/out-%j.txt\n");
  context_.expand_patterns = true;
  EXPECT_EQ(of_job(job, "stdout,stdin"), "/tmp/a/out-278.txt|/dev/null\n");
}

TEST_F(History, TimesFollowTheUsersFormat) {
  const model::Job job = SampleJob().running();
  context_.time.format = "%s";
  EXPECT_EQ(of_job(job, "start,end"), "1700000000|Unknown\n");
}

TEST_F(History, JsonHasStatesInListsAndStepsInside) {
  const model::Job job = SampleJob().ended(model::JobState::failed, 3U << 8U);
  const model::Step step = test::sample_step(0);
  const HistoryRow steps[] = {{&job, &step, step.usage}};
  JsonWriter writer(DocumentStyle::json);
  write_history_job(writer, {&job, nullptr, {}}, steps, context_);
  std::string text = writer.take();
  std::erase_if(text, [](char c) { return c == '\n' || c == ' '; });
  EXPECT_NE(text.find("\"state\":{\"current\":[\"FAILED\"],\"reason\":\"None\"}"),
            std::string::npos);
  EXPECT_NE(text.find("\"return_code\":{\"set\":true,\"infinite\":false,\"number\":3}"),
            std::string::npos);
  EXPECT_NE(text.find("\"limit\":{\"set\":true,\"infinite\":false,\"number\":10}"),
            std::string::npos);
  EXPECT_NE(text.find("\"steps\":[{\"step\":{\"id\":\"278.0\",\"name\":\"sleep\"}"),
            std::string::npos);
  EXPECT_NE(text.find("{\"type\":\"mem\",\"name\":\"\",\"id\":2,\"count\":600}"),
            std::string::npos);
}

}  // namespace
}  // namespace sluice::report
