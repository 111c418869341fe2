// The published .proto files are those that the field tables make, and libprotobuf reads our bytes
// by them. To accept a change: SLUICE_UPDATE_SCHEMA=1 build/test/unit_wire.
#include "wire/schema.hpp"

#include <cstdio>
#include <cstdlib>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <gtest/gtest.h>

#include "base/file.hpp"
#include "wire/books_messages.hpp"
#include "wire/client_messages.hpp"
#include "wire/event_messages.hpp"
#include "wire/image_messages.hpp"
#include "wire/ledger_messages.hpp"
#include "wire/node_messages.hpp"
#include "wire/quote_messages.hpp"
#include "wire/reservation_messages.hpp"
#include "wire/step_messages.hpp"
#include "wire/use_messages.hpp"

namespace sluice::wire {
namespace {

#ifndef SLUICE_SOURCE_DIR
#error "the build tells where the published files are"
#endif
constexpr const char* kFolder = SLUICE_SOURCE_DIR "/lib/wire/proto";

std::string schema_text() {
  Schema schema;
  const auto add_all = [&]<class... T>(std::tuple<T...>*) { (schema.add<T>(), ...); };
  using All = std::tuple<
      Hello, ErrorReply, DoneReply, Route, Submit, SubmitReply, JobAction, JobActionReply,
      UpdateJob, UpdateNode, UpdatePartition, QueryReservations, ReservationsReply, EditReservation,
      EditReservationReply, QueryLicenses, LicensesReply, WaitJob, WaitJobReply, QueryJobs,
      JobsReply, QueryNodes, NodesReply, QueryPartitions, PartitionsReply, QueryConfig, ConfigReply,
      QueryHistory, HistoryReply, QueryScript, ScriptReply, Ping, PingReply, Reconfigure, MakeToken,
      TokenReply, Join, JoinReply, QueryHosts, HostsReply, QueryStats, StatsReply, NodeHello,
      NodeWelcome, NodeReport, LaunchJob, SignalJob, TerminateJob, SuspendJob, ResumeJob, LoseNode,
      LosePart, JobPrepared, BatchEnded, NodeReleased, StepRecord, ReportAck, HostListUpdate,
      NodeFault, StepRequest, StepGranted, LaunchStep, StepStarted, Output, OutputAck, Input,
      InputAck, SignalStep, WindowSize, Fence, FenceDone, Direct, TaskExit, StepDone, StepDoneAck,
      StepAbort, AttachStep, AttachReply, StepdHello, QueryStep, StepStatus, StepProgress,
      ImageFetch, ImageData, ImageAck, ImageEnd, ImageHome, ImageHomeReply, QueryTopology,
      TopologyReply, NotifyJob, JobNotice, TellJob, StepNotice, LoadPrices, LoadPricesReply,
      PostMoney, PostedReply, QueryBooks, BooksReply, QueryEntries, EntriesReply, VerifyBooks,
      VerifyBooksReply, QuoteSubmit, QuoteReply, QueryUse, UseReply, EditHistory, EditHistoryReply,
      QueryEvents, EventsReply>;
  add_all(static_cast<All*>(nullptr));
  return schema.text("sluice.v1");
}

// protoc's own reading of the published file.
std::string descriptors() {
  const std::string command = "protoc -I " + std::string(kFolder) + " -o /dev/stdout sluice.proto";
  std::string bytes;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return bytes;
  char buffer[4096];
  for (std::size_t count = 0; (count = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
    bytes.append(buffer, count);
  }
  return ::pclose(pipe) == 0 ? bytes : std::string();
}

TEST(Schema, PublishedFileIsUpToDate) {
  const std::string path = std::string(kFolder) + "/sluice.proto";
  if (std::getenv("SLUICE_UPDATE_SCHEMA") != nullptr) {
    ASSERT_TRUE(base::write_file_atomic(path, schema_text()));
  }
  const Result<std::string> published = base::read_file(path, 1 << 20);
  ASSERT_TRUE(published) << published.error().text;
  EXPECT_EQ(*published, schema_text());
}

TEST(Schema, ProtobufReadsOurBytes) {
  google::protobuf::FileDescriptorSet files;
  ASSERT_TRUE(files.ParseFromString(descriptors()));
  ASSERT_EQ(files.file_size(), 1);
  google::protobuf::DescriptorPool pool;
  const auto* file = pool.BuildFile(files.file(0));
  ASSERT_NE(file, nullptr);

  LaunchStep launch;
  launch.epoch = Epoch(5);
  launch.job.id = JobId(77);
  launch.job.array_task = 3;
  launch.spec.argv = {Text("hostname"), Text("-f")};
  launch.spec.limits = {1, 2, 3};
  StepNode node;
  node.name = "n1";
  node.tasks = {0, 1, 2};
  node.share.cpus = base::Bitmap(8, {0, 1});
  launch.layout.nodes = {node, node};
  launch.os_cpus = {4, 5};
  const std::string bytes = encode(launch);

  google::protobuf::DynamicMessageFactory factory;
  const auto* type = file->FindMessageTypeByName("LaunchStep");
  ASSERT_NE(type, nullptr);
  const std::unique_ptr<google::protobuf::Message> message(factory.GetPrototype(type)->New());
  ASSERT_TRUE(message->ParseFromString(bytes));
  EXPECT_TRUE(message->GetReflection()->GetUnknownFields(*message).empty());

  // What protobuf writes, we read.
  const Result<LaunchStep> back = decode<LaunchStep>(message->SerializeAsString());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->job.id, launch.job.id);
  EXPECT_EQ(back->job.array_task, 3U);
  EXPECT_EQ(back->spec.argv, launch.spec.argv);
  EXPECT_EQ(back->spec.limits, launch.spec.limits);
  ASSERT_EQ(back->layout.nodes.size(), 2U);
  EXPECT_EQ(back->layout.nodes[1].tasks, node.tasks);
  EXPECT_EQ(back->layout.nodes[0].share.cpus, node.share.cpus);
  EXPECT_EQ(back->os_cpus, launch.os_cpus);
}

}  // namespace
}  // namespace sluice::wire
