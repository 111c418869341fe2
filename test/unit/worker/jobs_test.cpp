// The life of a job on its node: once per attempt, every report until it is taken, and a restart of
// the daemon at any point changes nothing.
#include <csignal>

#include <gtest/gtest.h>

#include "test/support/fake_worker_env.hpp"

namespace sluice::worker {
namespace {

using test::FakeWorkerEnv;
using test::WorkerJob;

class JobsTest : public ::testing::Test {
 protected:
  JobsTest() { boot(); }

  void boot() {
    ServiceOptions options;
    options.name = "n1";
    options.facts.boot_id = boot_id;
    service = std::make_unique<Service>(env, options, env.ledger_records());
    service->begin();
    env.run();
  }
  void restart() {
    service.reset();
    env.callbacks.clear();
    env.wake_ms = -1;
    boot();
  }
  void welcome(std::uint64_t epoch = 5) {
    wire::NodeWelcome message;
    message.epoch = Epoch(epoch);
    message.report_interval_s = 30;
    message.settings = {{"kill_wait", "10"}, {"unkillable_step_timeout", "20"}};
    tell(message);
  }
  template <class Message>
  void tell(const Message& message) {
    service->on_controller_message(Message::kType, wire::encode(message));
    env.run();
  }
  void launch(const WorkerJob& job, std::uint64_t epoch = 5) {
    wire::LaunchJob order;
    order.epoch = Epoch(epoch);
    order.order = ++order_;
    order.job = job.make();
    order.script = "#!/bin/sh\n";
    order.environment = std::string("A=1\0B=2\0", 8);
    tell(order);
  }
  void terminate(const WorkerJob& job, std::uint32_t grace_s) {
    wire::TerminateJob order;
    order.epoch = Epoch(5);
    order.order = ++order_;
    order.attempt = job.name();
    order.job = JobId(job.id);
    order.grace_s = grace_s;
    tell(order);
  }
  template <class Order>
  void order(const WorkerJob& job) {
    Order made;
    made.epoch = Epoch(5);
    made.order = ++order_;
    made.attempt = job.name();
    made.job = JobId(job.id);
    tell(made);
  }
  void step_done(StepdId stepd, std::uint32_t exit_code) {
    wire::StepDone done;
    done.exit_code = exit_code;
    done.ended = env.now_ms * 1000;
    service->on_stepd_frame(stepd, wire::StepDone::kType, wire::encode(done));
    env.run();
  }
  void acknowledge_all() {
    const auto pending = service->context().reports.pending();
    for (const auto& [serial, report] : pending) tell(wire::ReportAck{serial});
  }

  FakeWorkerEnv env;
  Text boot_id;
  std::unique_ptr<Service> service;
  std::uint64_t order_ = 0;
};

TEST_F(JobsTest, a_batch_job_is_prepared_and_its_script_started_once) {
  welcome();
  launch(WorkerJob{});
  launch(WorkerJob{});
  launch(WorkerJob{});
  ASSERT_EQ(env.launches.size(), 1U);
  const wire::LaunchStep& step = env.launches.begin()->second;
  EXPECT_EQ(step.layout.step, base::kBatchStep);
  EXPECT_EQ(step.script, "#!/bin/sh\n");
  EXPECT_EQ(step.spec.environment, (std::vector<Text>{"A=1", "B=2"}));
  EXPECT_EQ(step.spec.std_out.view(), "slurm-%j.out");
  const auto prepared = env.reported<wire::JobPrepared>();
  ASSERT_FALSE(prepared.empty());
  EXPECT_TRUE(prepared.front().ok);
}

TEST_F(JobsTest, the_end_of_the_script_releases_the_node_in_one_go) {
  welcome();
  launch(WorkerJob{});
  acknowledge_all();
  env.to_controller.clear();
  step_done(1, 3U << 8U);
  ASSERT_EQ(env.to_controller.size(), 2U);
  EXPECT_EQ(env.to_controller[0].type, wire::MessageType::step_record);
  EXPECT_EQ(env.to_controller[1].type, wire::MessageType::batch_ended);
  EXPECT_TRUE(env.reported<wire::BatchEnded>().front().released);
  EXPECT_EQ(env.reported<wire::BatchEnded>().front().exit_code, 3U << 8U);
  EXPECT_EQ(env.reported<wire::StepRecord>().front().step.state, model::JobState::failed);
  EXPECT_TRUE(service->context().jobs.empty());
}

TEST_F(JobsTest, a_released_attempt_never_runs_again) {
  welcome();
  launch(WorkerJob{});
  step_done(1, 0);
  acknowledge_all();
  env.to_controller.clear();
  launch(WorkerJob{});
  EXPECT_EQ(env.launches.size(), 1U);
  EXPECT_EQ(env.reported<wire::NodeReleased>().size(), 1U);
  restart();
  welcome();
  launch(WorkerJob{});
  EXPECT_EQ(env.launches.size(), 1U);
  WorkerJob second;
  second.attempt = 1;
  launch(second);
  EXPECT_EQ(env.launches.size(), 2U);
}

// A power cut may have taken the end of the ledger, with the word that the script was started.
TEST_F(JobsTest, after_a_reboot_no_job_of_the_ledger_starts_again) {
  boot_id = "first";
  restart();
  welcome();
  launch(WorkerJob{});
  ASSERT_EQ(env.launches.size(), 1U);
  std::erase_if(env.ledger_order, [](const std::string& key) { return key.front() == 'P'; });
  boot_id = "second";
  restart();
  EXPECT_TRUE(service->context().jobs.empty());
  EXPECT_TRUE(service->hello().holds.empty());
  welcome();
  launch(WorkerJob{});
  EXPECT_EQ(env.launches.size(), 1U);
  EXPECT_EQ(env.reported<wire::NodeReleased>().size(), 1U);
}

TEST_F(JobsTest, orders_of_an_older_epoch_have_no_effect) {
  welcome(5);
  launch(WorkerJob{}, 4);
  EXPECT_TRUE(service->context().jobs.empty());
  restart();
  welcome(4);
  launch(WorkerJob{}, 4);
  EXPECT_TRUE(service->context().jobs.empty());
  welcome(6);
  launch(WorkerJob{}, 6);
  EXPECT_EQ(service->context().jobs.size(), 1U);
}

TEST_F(JobsTest, reports_are_repeated_until_they_are_acknowledged) {
  welcome();
  launch(WorkerJob{});
  step_done(1, 0);
  service->on_controller_closed();
  env.to_controller.clear();
  welcome();
  EXPECT_EQ(env.reported<wire::BatchEnded>().size(), 1U);
  EXPECT_TRUE(env.reported<wire::BatchEnded>().front().released);
  env.to_controller.clear();
  env.pass(*service, 31'000);
  EXPECT_EQ(env.reported<wire::BatchEnded>().size(), 1U);
  acknowledge_all();
  env.to_controller.clear();
  env.pass(*service, 60'000);
  EXPECT_TRUE(env.reported<wire::BatchEnded>().empty());
  EXPECT_FALSE(env.reported<wire::NodeReport>().empty());
}

TEST_F(JobsTest, faults_of_devices_are_told_at_once_and_at_each_report) {
  welcome();
  ASSERT_FALSE(env.reported<wire::NodeReport>().empty());
  EXPECT_FALSE(env.reported<wire::NodeReport>().back().devices_judged);
  env.to_controller.clear();
  const wire::DeviceFault fault{"gpu", "a100", 1, "ERR!"};
  service->set_device_faults({fault});
  ASSERT_EQ(env.reported<wire::NodeReport>().size(), 1U);
  EXPECT_TRUE(env.reported<wire::NodeReport>()[0].devices_judged);
  EXPECT_EQ(env.reported<wire::NodeReport>()[0].device_faults, std::vector{fault});
  env.to_controller.clear();
  env.pass(*service, 31'000);
  ASSERT_EQ(env.reported<wire::NodeReport>().size(), 1U) << "one timer, not two";
  EXPECT_EQ(env.reported<wire::NodeReport>()[0].device_faults, std::vector{fault});
  service->on_controller_closed();
  env.to_controller.clear();
  service->set_device_faults({});
  EXPECT_TRUE(env.reported<wire::NodeReport>().empty()) << "there is no link";
}

TEST_F(JobsTest, unacknowledged_reports_survive_a_restart) {
  welcome();
  launch(WorkerJob{});
  step_done(1, 0);
  restart();
  env.to_controller.clear();
  const wire::NodeHello hello = service->hello();
  ASSERT_EQ(hello.holds.size(), 1U);
  EXPECT_EQ(hello.holds.front().phase, wire::HoldPhase::released);
  welcome();
  EXPECT_EQ(env.reported<wire::BatchEnded>().size(), 1U);
  EXPECT_TRUE(env.reported<wire::BatchEnded>().front().released);
}

TEST_F(JobsTest, a_restarted_daemon_finds_the_running_script_again) {
  welcome();
  launch(WorkerJob{});
  restart();
  welcome();
  ASSERT_EQ(env.adopted.size(), 1U);
  EXPECT_EQ(env.launches.size(), 1U);
  const StepdId stepd = env.adopted.begin()->first;
  EXPECT_EQ(env.adopted.begin()->second, base::kBatchStep);
  env.to_controller.clear();
  step_done(stepd, 0);
  EXPECT_EQ(env.reported<wire::BatchEnded>().size(), 1U);
  EXPECT_TRUE(service->context().jobs.empty());
}

TEST_F(JobsTest, a_script_that_ended_while_the_daemon_was_away_is_known_by_its_record) {
  welcome();
  launch(WorkerJob{});
  wire::StepDone done;
  done.exit_code = 9U << 8U;
  env.records[base::kBatchStep] = done;
  restart();
  welcome();
  service->on_stepd_closed(env.adopted.begin()->first);
  env.run();
  const auto ended = env.reported<wire::BatchEnded>();
  ASSERT_FALSE(ended.empty());
  EXPECT_EQ(ended.back().exit_code, 9U << 8U);
}

TEST_F(JobsTest, a_killed_stepd_ends_its_script_with_a_clear_error) {
  welcome();
  launch(WorkerJob{});
  wire::StepStarted started;
  service->on_stepd_frame(1, wire::StepStarted::kType, wire::encode(started));
  env.left_processes = 2;
  service->on_stepd_closed(1);
  env.pass(*service, 100);
  const auto ended = env.reported<wire::BatchEnded>();
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended.front().exit_code, static_cast<std::uint32_t>(SIGKILL));
  EXPECT_EQ(ended.front().error.view(), "sluice-stepd was killed");
  EXPECT_FALSE(ended.front().launch_failed);
}

TEST_F(JobsTest, a_stepd_lost_with_the_daemon_failed_the_launch_only_if_it_never_ran) {
  welcome();
  launch(WorkerJob{});
  restart();
  service->on_stepd_closed(env.adopted.rbegin()->first);
  env.run();
  ASSERT_EQ(env.reported<wire::BatchEnded>().size(), 1U);
  EXPECT_FALSE(env.reported<wire::BatchEnded>().front().launch_failed);
  WorkerJob second;
  second.id = 8;
  welcome();
  env.to_controller.clear();
  launch(second);
  env.began = false;
  restart();
  service->on_stepd_closed(env.adopted.rbegin()->first);
  env.run();
  ASSERT_EQ(env.reported<wire::BatchEnded>().size(), 1U);
  EXPECT_TRUE(env.reported<wire::BatchEnded>().front().launch_failed);
}

TEST_F(JobsTest, a_job_whose_preparation_fails_is_reported_and_released) {
  welcome();
  env.prepare_result = fail(ErrorCode::failure, "the prolog said no");
  launch(WorkerJob{});
  const auto prepared = env.reported<wire::JobPrepared>();
  ASSERT_EQ(prepared.size(), 1U);
  EXPECT_FALSE(prepared.front().ok);
  EXPECT_EQ(env.launches.size(), 0U);
  EXPECT_EQ(env.reported<wire::NodeReleased>().size(), 1U);
}

TEST_F(JobsTest, the_end_is_asked_for_then_forced) {
  welcome();
  launch(WorkerJob{});
  terminate(WorkerJob{}, 10);
  const auto signals = [&] {
    std::vector<std::uint32_t> list;
    for (const auto& signal : FakeWorkerEnv::of<wire::SignalStep>(env.to_stepd[1])) {
      list.push_back(signal.signal);
    }
    return list;
  };
  EXPECT_EQ(signals(), (std::vector<std::uint32_t>{SIGCONT, SIGTERM}));
  env.pass(*service, 9'900);
  EXPECT_EQ(signals().size(), 2U);
  env.pass(*service, 200);
  ASSERT_GE(signals().size(), 3U);
  EXPECT_EQ(signals()[2], static_cast<std::uint32_t>(SIGKILL));
  step_done(1, SIGKILL);
  ASSERT_EQ(env.reported<wire::BatchEnded>().size(), 1U);
  EXPECT_TRUE(env.reported<wire::BatchEnded>().front().released);
  EXPECT_TRUE(env.reported<wire::NodeReleased>().empty());
}

TEST_F(JobsTest, what_cannot_be_killed_is_told_and_cleaned_later) {
  welcome();
  launch(WorkerJob{});
  step_done(1, 0);
  EXPECT_TRUE(env.reported<wire::BatchEnded>().front().released);
  WorkerJob stubborn;
  stubborn.id = 8;
  launch(stubborn);
  env.clean_result = fail(ErrorCode::busy, "a process hangs");
  step_done(2, 0);
  env.pass(*service, 25'000);
  ASSERT_EQ(env.reported<wire::NodeReleased>().size(), 1U);
  EXPECT_FALSE(env.reported<wire::BatchEnded>().back().released);
  EXPECT_TRUE(env.reported<wire::NodeReleased>().back().unkillable);
  env.clean_result = {};
  env.pass(*service, 25'000);
  EXPECT_TRUE(service->context().jobs.empty());
}

TEST_F(JobsTest, an_end_that_overtakes_its_launch_wins) {
  welcome();
  terminate(WorkerJob{}, 0);
  EXPECT_EQ(env.reported<wire::NodeReleased>().size(), 1U);
  launch(WorkerJob{});
  EXPECT_TRUE(env.launches.empty());
}

TEST_F(JobsTest, suspending_freezes_and_the_end_thaws) {
  welcome();
  launch(WorkerJob{});
  order<wire::SuspendJob>(WorkerJob{});
  EXPECT_TRUE(env.frozen);
  terminate(WorkerJob{}, 10);
  EXPECT_FALSE(env.frozen);
}

TEST_F(JobsTest, suspended_while_it_is_prepared_nothing_starts_until_it_is_resumed) {
  welcome();
  wire::LaunchJob launched;
  launched.epoch = Epoch(5);
  launched.order = ++order_;
  launched.job = WorkerJob{}.make();
  launched.script = "#!/bin/sh\n";
  service->on_controller_message(wire::LaunchJob::kType, wire::encode(launched));
  order<wire::SuspendJob>(WorkerJob{});  // faster than the preparation
  EXPECT_TRUE(env.frozen);
  EXPECT_TRUE(env.launches.empty());
  EXPECT_EQ(env.reported<wire::JobPrepared>().size(), 1U);
  restart();
  welcome();
  EXPECT_TRUE(env.launches.empty());
  order<wire::ResumeJob>(WorkerJob{});
  EXPECT_FALSE(env.frozen);
  ASSERT_EQ(env.launches.size(), 1U);
  EXPECT_EQ(env.launches.begin()->second.script, "#!/bin/sh\n");
}

TEST_F(JobsTest, signals_spare_the_script_unless_it_is_meant) {
  welcome();
  launch(WorkerJob{});
  wire::SignalJob signal;
  signal.epoch = Epoch(5);
  signal.order = ++order_;
  signal.attempt = WorkerJob{}.name();
  signal.signal = SIGUSR1;
  tell(signal);
  EXPECT_TRUE(FakeWorkerEnv::of<wire::SignalStep>(env.to_stepd[1]).empty());
  signal.batch_only = true;
  tell(signal);
  const auto sent = FakeWorkerEnv::of<wire::SignalStep>(env.to_stepd[1]);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent.front().task, 0U);
}

}  // namespace
}  // namespace sluice::worker
