// squeue's columns: each letter and each name against what Slurm printed for the same jobs.
#include "report/job_fields.hpp"

#include <set>

#include <gtest/gtest.h>

#include "base/strings.hpp"
#include "report/file_pattern.hpp"
#include "report/job_order.hpp"
#include "report/job_text.hpp"
#include "test/unit/report/job_records.hpp"

namespace sluice::report {
namespace {

using test::kStart;

JobContext context() {
  JobContext context;
  context.now = kStart / model::kSecond + 39;
  context.cluster = "sluice";
  context.time_format = "%s";
  return context;
}

std::string by_letter(char letter, const model::Job& job) {
  const long field = letters_of(job_fields())(letter);
  if (field < 0) return "no such letter";
  std::string out;
  job_fields()[static_cast<std::size_t>(field)].text(job, context(), out);
  return out;
}

std::string by_name(std::string_view name, const model::Job& job) {
  const long field = names_of(job_fields())(name);
  if (field < 0) return "no such name";
  std::string out;
  job_fields()[static_cast<std::size_t>(field)].text(job, context(), out);
  return out;
}

std::string at(std::int64_t seconds) { return std::to_string(kStart / model::kSecond + seconds); }

struct Letter {
  char letter;
  const char* header;
  std::string running;
  std::string array;
  std::string held;
};

TEST(JobFields, EachLetter) {
  const Letter kLetters[] = {
      {'a', "ACCOUNT", "root", "root", "root"},
      {'b', "TRES_PER_NODE", "N/A", "N/A", "N/A"},
      {'c', "MIN_CPUS", "2", "1", "1"},
      {'d', "MIN_TMP_DISK", "0", "0", "1M"},
      {'e', "END_TIME", at(93840), "NONE", "N/A"},
      {'f', "FEATURES", "(null)", "(null)", "(null)"},
      {'g', "GROUP", "root", "root", "root"},
      {'h', "OVER_SUBSCRIBE", "OK", "OK", "NO"},
      {'i', "JOBID", "34", "35_[1,4,7,10%2]", "36"},
      {'j', "NAME", "samplejob", "arr", "heldjob"},
      {'k', "COMMENT", "hello world", "(null)", "(null)"},
      {'l', "TIME_LIMIT", "1-02:04:00", "UNLIMITED", "UNLIMITED"},
      {'m', "MIN_MEMORY", "300M", "0", "100M"},
      {'n', "REQ_NODES", "", "", "n[4-5]"},
      {'o', "COMMAND", "/tmp/w/sl.sh arg1 arg2", "(null)", "(null)"},
      {'p', "PRIORITY", "0.00000000023283", "0.00000000023283", "0.00000000000000"},
      {'q', "QOS", "normal", "normal", "normal"},
      {'r', "REASON", "None", "BeginTime", "JobHeldUser"},
      {'s', "", "", "", ""},
      {'t', "ST", "R", "PD", "PD"},
      {'u', "USER", "root", "root", "root"},
      {'v', "RESERVATION", "(null)", "(null)", "(null)"},
      {'w', "WCKEY", "(null)", "(null)", "(null)"},
      {'x', "EXC_NODES", "", "n3", ""},
      {'y', "NICE", "0", "0", "5"},
      {'z', "S:C:T", "*:*:*", "*:*:*", "*:*:*"},
      {'A', "JOBID", "34", "35", "36"},
      {'B', "EXEC_HOST", "n1", "n/a", "n/a"},
      {'C', "CPUS", "8", "1", "2"},
      {'D', "NODES", "2", "1", "2"},
      {'E', "DEPENDENCY", "(null)", "(null)", "(null)"},
      {'F', "ARRAY_JOB_ID", "34", "35", "36"},
      {'G', "GROUP", "0", "0", "0"},
      {'H', "SOCKETS_PER_NODE", "*", "*", "*"},
      {'I', "CORES_PER_SOCKET", "*", "*", "*"},
      {'J', "THREADS_PER_CORE", "*", "*", "*"},
      {'K', "ARRAY_TASK_ID", "N/A", "1,4,7,10%2", "N/A"},
      {'L', "TIME_LEFT", "1-02:03:21", "UNLIMITED", "UNLIMITED"},
      {'M', "TIME", "0:39", "0:00", "0:00"},
      {'N', "NODELIST", "n[1-2]", "", ""},
      {'O', "CONTIGUOUS", "0", "0", "0"},
      {'P', "PARTITION", "batch", "batch", "batch"},
      {'Q', "PRIORITY", "1", "1", "0"},
      {'R', "NODELIST(REASON)", "n[1-2]", "(BeginTime)", "(JobHeldUser)"},
      {'S', "START_TIME", at(0), at(3600), "N/A"},
      {'T', "STATE", "RUNNING", "PENDING", "PENDING"},
      {'U', "UID", "0", "0", "0"},
      {'V', "SUBMIT_TIME", at(0), at(0), at(0)},
      {'W', "LICENSES", "(null)", "(null)", "(null)"},
      {'X', "CORE_SPEC", "N/A", "N/A", "N/A"},
      {'Y', "SCHEDNODES", "(null)", "(null)", "(null)"},
      {'Z', "WORK_DIR", "/tmp/w", "/tmp/w", "/tmp/w"},
  };
  std::set<char> tested;
  for (const Letter& each : kLetters) {
    const long field = letters_of(job_fields())(each.letter);
    ASSERT_GE(field, 0) << each.letter;
    EXPECT_EQ(job_fields()[static_cast<std::size_t>(field)].header, each.header) << each.letter;
    EXPECT_EQ(by_letter(each.letter, *test::running_record()), each.running) << each.letter;
    EXPECT_EQ(by_letter(each.letter, *test::array_record()), each.array) << each.letter;
    EXPECT_EQ(by_letter(each.letter, *test::held_record()), each.held) << each.letter;
    tested.insert(each.letter);
  }
  for (const JobField& field : job_fields()) {
    EXPECT_TRUE(field.letter == 0 || tested.contains(field.letter)) << field.letter;
  }
}

struct Name {
  const char* name;
  const char* header;
  std::string running;
};

// The names that have no letter.
std::vector<Name> names_without_letter() {
  return {
      {"AccrueTime", "ACCRUE_TIME", at(0)},
      {"admin_comment", "ADMIN_COMMENT", "(null)"},
      {"AllocNodes", "ALLOC_NODES", "login"},
      {"AllocSID", "ALLOC_SID", "0"},
      {"AssocID", "ASSOC_ID", "0"},
      {"BatchFlag", "BATCH_FLAG", "1"},
      {"BoardsPerNode", "BOARDS_PER_NODE", "0"},
      {"BurstBuffer", "BURST_BUFFER", "(null)"},
      {"BurstBufferState", "BURST_BUFFER_STATE", "(null)"},
      {"Cluster", "CLUSTER", "sluice"},
      {"ClusterFeature", "CLUSTER_FEATURES", "(null)"},
      {"Container", "CONTAINER", "(null)"},
      {"ContainerID", "CONTAINER_ID", "(null)"},
      {"cpus-per-task", "CPUS_PER_TASK", "2"},
      {"cpus-per-tres", "CPUS_PER_TRES", "N/A"},
      {"Deadline", "DEADLINE", "N/A"},
      {"DelayBoot", "DELAY_BOOT", "0:00"},
      {"DerivedEC", "DERIVED_EC", "0"},
      {"EligibleTime", "ELIGIBLE_TIME", at(0)},
      {"exit_code", "EXIT_CODE", "0"},
      {"HetJobID", "HET_JOB_ID", "N/A"},
      {"HetJobIDSet", "HET_JOB_ID_SET", "N/A"},
      {"HetJobOffset", "HET_JOB_OFFSET", "N/A"},
      {"LastSchedEval", "LAST_SCHED_EVAL", "N/A"},
      {"MaxCPUs", "MAX_CPUS", "8"},
      {"MaxNodes", "MAX_NODES", "2"},
      {"MCSLabel", "MCSLABEL", "(null)"},
      {"mem-per-tres", "MEM_PER_TRES", "N/A"},
      {"MinTime", "TIME_MIN", "0:00"},
      {"Network", "NETWORK", "(null)"},
      {"NTPerBoard", "NTASKS_PER_BOARD", "0"},
      {"NTPerCore", "NTASKS_PER_CORE", "N/A"},
      {"NTPerNode", "NTASKS_PER_NODE", "0"},
      {"NTPerSocket", "NTASKS_PER_SOCKET", "N/A"},
      {"NumTasks", "TASKS", "4"},
      {"Origin", "ORIGIN", "NA"},
      {"OriginRaw", "ORIGIN_RAW", "NA"},
      {"PendingTime", "PENDING_TIME", "0"},
      {"PreemptTime", "PREEMPT_TIME", "N/A"},
      {"prefer", "PREFER", "(null)"},
      {"Profile", "PROFILE", "NotSet"},
      {"reboot", "REBOOT", "0"},
      {"ReqSwitch", "REQ_SWITCH", "0"},
      {"Requeue", "REQUEUE", "1"},
      {"ResizeTime", "RESIZE_TIME", "N/A"},
      {"RestartCnt", "RESTART_COUNT", "0"},
      {"SiblingsActive", "ACTIVE_SIBLINGS", "NA"},
      {"SiblingsActiveRaw", "ACTIVE_SIBLINGS_RAW", "NA"},
      {"SiblingsViable", "VIABLE_SIBLINGS", "NA"},
      {"SiblingsViableRaw", "VIALBLE_SIBLINGS_RAW", "NA"},
      {"SPerBoard", "SOCKETS_PER_BOARD", "0"},
      {"STDERR", "STDERR", "/tmp/w/out-%j-%x.txt"},
      {"STDIN", "STDIN", "/dev/null"},
      {"STDOUT", "STDOUT", "/tmp/w/out-%j-%x.txt"},
      {"system_comment", "SYSTEM_COMMENT", "(null)"},
      {"tres-alloc", "TRES_ALLOC", "cpu=8,mem=600M,node=2,billing=8"},
      {"tres", "TRES_ALLOC", "cpu=8,mem=600M,node=2,billing=8"},
      {"tres-bind", "TRES_BIND", "N/A"},
      {"tres-freq", "TRES_FREQ", "N/A"},
      {"tres-per-job", "TRES_PER_JOB", "N/A"},
      {"gres", "TRES_PER_NODE", "N/A"},
      {"tres-per-socket", "TRES_PER_SOCKET", "N/A"},
      {"tres-per-task", "TRES_PER_TASK", "N/A"},
      {"Shared", "OVER_SUBSCRIBE", "OK"},
  };
}

TEST(JobFields, EachName) {
  std::set<std::string_view> tested;
  for (const Name& each : names_without_letter()) {
    const long field = names_of(job_fields())(each.name);
    ASSERT_GE(field, 0) << each.name;
    EXPECT_EQ(job_fields()[static_cast<std::size_t>(field)].header, each.header);
    EXPECT_EQ(by_name(each.name, *test::running_record()), each.running) << each.name;
    tested.insert(each.name);
  }
  for (const JobField& field : job_fields()) {
    EXPECT_TRUE(field.letter != 0 || tested.contains(field.name)) << field.name;
  }
}

TEST(JobFields, NamesAndLettersAreUnique) {
  std::set<std::string> names;
  std::set<char> letters;
  for (const JobField& field : job_fields()) {
    EXPECT_TRUE(names.insert(base::to_lower(field.name)).second) << field.name;
    EXPECT_TRUE(field.letter == 0 || letters.insert(field.letter).second) << field.letter;
  }
}

TEST(JobFields, ShowsGresOfEachScope) {
  const auto job = test::a_record(1, [](model::Job&, model::JobSpec&, model::Request& request) {
    request.gres = {{"gpu", "a100", 2, model::GresScope::node},
                    {"gpu", "", 4, model::GresScope::job}};
    request.cpus_per_gpu = 3;
    request.memory_per_gpu = 2048;
  });
  EXPECT_EQ(by_letter('b', *job), "gres/gpu:a100:2");
  EXPECT_EQ(by_name("tres-per-job", *job), "gres/gpu:4");
  EXPECT_EQ(by_name("cpus-per-tres", *job), "gres/gpu:3");
  EXPECT_EQ(by_name("mem-per-tres", *job), "gres/gpu:2G");
}

TEST(JobFields, ExpandsPatternsOnDemand) {
  JobContext expanding = context();
  expanding.expand_patterns = true;
  std::string out;
  const long field = names_of(job_fields())("stdout");
  job_fields()[static_cast<std::size_t>(field)].text(*test::running_record(), expanding, out);
  EXPECT_EQ(out, "/tmp/w/out-34-samplejob.txt");
}

TEST(JobText, TasksOfAnArray) {
  using Runs = std::vector<model::TaskRun>;
  EXPECT_EQ(task_runs_text(Runs{{1, 1, 1}, {2, 2, 1}, {3, 3, 1}, {7, 7, 1}}), "1-3,7");
  EXPECT_EQ(task_runs_text(Runs{{0, 1'000'000, 1}}), "0-1000000");
  const std::string cut = task_runs_text(Runs{{1, 1'000'001, 2}});
  EXPECT_EQ(cut.size(), 63U);
  EXPECT_TRUE(cut.ends_with("...")) << cut;
  EXPECT_EQ(task_runs_text(Runs{{1, 99, 2}}, task_list_room("10")), "1,3,5,...");
  EXPECT_EQ(task_runs_text(Runs{{1, 199, 2}}, task_list_room("0")).size(), 344U);
  EXPECT_EQ(task_list_room("x"), 64U);
  EXPECT_EQ(task_list_room({}), 64U);
}

TEST(JobText, EndedJobs) {
  const auto job = test::a_record(5, [](model::Job& record, model::JobSpec&, model::Request&) {
    record.state = model::JobState::cancelled;
    record.end = kStart;
  });
  EXPECT_EQ(by_letter('R', *job), "");
  EXPECT_EQ(by_letter('M', *job), "0:00");
  EXPECT_EQ(by_letter('t', *job), "CA");
}

TEST(FilePattern, FillsIn) {
  const auto task = test::a_record(41, [](model::Job& job, model::JobSpec& spec, model::Request&) {
    job.array_job = JobId(40);
    job.array_task = 13;
    job.batch_host = "n7.example.org";
    spec.name = "sim";
  });
  constexpr std::pair<const char*, const char*> kCases[] = {
      {"%A_%a", "40_13"}, {"%j", "41"},      {"%6j", "000041"},      {"%99j", "0000000041"},
      {"%b", "3"},        {"%N-%n", "n7-0"}, {"%s.%t", "batch.0"},   {"%u/%x", "root/sim"},
      {"100%%", "100%"},  {"%z%", "%z%"},    {"c\\%j-%j", "c%j-%j"}, {"plain", "plain"},
  };
  for (const auto& [pattern, name] : kCases) {
    EXPECT_EQ(expand_file_pattern(pattern, *task), name) << pattern;
  }
  EXPECT_EQ(expand_file_pattern("%a", *test::running_record()), "4294967294");
}

std::vector<std::uint32_t> sorted(std::vector<model::JobPtr> jobs, std::string_view order) {
  const auto letters = parse_sort(order, job_sort_letters());
  EXPECT_TRUE(letters.has_value());
  sort_jobs(jobs, *letters, context());
  std::vector<std::uint32_t> ids;
  for (const model::JobPtr& job : jobs) ids.push_back(job->id.value);
  return ids;
}

TEST(JobOrder, BySlurmsLetters) {
  const std::vector<model::JobPtr> jobs{test::running_record(), test::array_record(),
                                        test::held_record()};
  using Ids = std::vector<std::uint32_t>;
  EXPECT_EQ(sorted(jobs, "P,t,-p"), (Ids{35, 36, 34}));
  EXPECT_EQ(sorted(jobs, "-i"), (Ids{36, 35, 34}));
  EXPECT_EQ(sorted(jobs, "+j"), (Ids{35, 36, 34}));
  EXPECT_EQ(sorted(jobs, "S"), (Ids{34, 35, 36}));
  EXPECT_EQ(sorted(jobs, "-C,i"), (Ids{34, 36, 35}));
  EXPECT_EQ(sorted({}, "P"), Ids{});
  EXPECT_EQ(parse_sort("-i,foo", job_sort_letters()).error().text, "o");
  EXPECT_EQ(parse_sort("#t", job_sort_letters()).error().text, "#");
}

TEST(StepFields, Columns) {
  model::Step step;
  step.job = JobId(34);
  step.number = base::kBatchStep;
  step.name = "batch";
  step.nodes = "n1";
  step.tasks = 1;
  step.start = kStart;
  const model::JobPtr job = test::running_record();
  const StepRecord record{&step, job.get()};
  Table<StepRecord, JobContext> table(
      step_fields(),
      parse_letters("%i %j %P %u %M %N %A %S %l %b %U", letters_of(step_fields()), ""), true);
  std::string out;
  table.header(out);
  table.row(record, context(), out);
  EXPECT_EQ(
      out,
      "STEPID NAME PARTITION USER TIME NODELIST TASKS START_TIME TIME_LIMIT TRES_PER_JOB UID\n"
      "34.batch batch batch root 0:39 n1 1 " +
          at(0) + " UNLIMITED (null) 0\n");
}

}  // namespace
}  // namespace sluice::report
