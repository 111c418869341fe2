// Documents: the writer's two languages, and the shape of what tools read.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "report/json_envelope.hpp"
#include "report/json_records.hpp"
#include "test/unit/report/job_records.hpp"

namespace sluice::report {
namespace {

using nlohmann::json;

void write_sample(JsonWriter& writer) {
  writer.open_object();
  writer.member("name", "a \"b\"\\\n\x01\xff\xc3\xa4");
  writer.member("yes", true);
  writer.member("count", -5);
  writer.member("real", 0.5);
  writer.key("none");
  writer.null();
  writer.strings("empty", {});
  writer.key("rows");
  writer.open_array();
  for (int row = 0; row < 2; ++row) {
    writer.open_object();
    writer.member("row", row);
    writer.strings("words", {"x", "y"});
    writer.close();
  }
  writer.open_object();
  writer.close();
  writer.open_array();
  writer.value(1);
  writer.value(2);
  writer.close();
  writer.close();
  writer.close();
}

TEST(JsonWriter, WritesJson) {
  JsonWriter writer(DocumentStyle::json);
  write_sample(writer);
  const json parsed = json::parse(writer.take());
  EXPECT_EQ(parsed, json::parse(R"({"name":"a \"b\"\\\n\u0001\ufffdä","yes":true,"count":-5,
    "real":0.5,"none":null,"empty":[],"rows":[{"row":0,"words":["x","y"]},
    {"row":1,"words":["x","y"]},{},[1,2]]})"));
}

TEST(JsonWriter, WritesYaml) {
  JsonWriter writer(DocumentStyle::yaml);
  write_sample(writer);
  EXPECT_EQ(writer.take(),
            "\"name\": \"a \\\"b\\\"\\\\\\n\\u0001\xef\xbf\xbd\xc3\xa4\"\n"
            "\"yes\": true\n"
            "\"count\": -5\n"
            "\"real\": 0.5\n"
            "\"none\": null\n"
            "\"empty\": []\n"
            "\"rows\":\n"
            "  - \"row\": 0\n"
            "    \"words\":\n"
            "      - \"x\"\n"
            "      - \"y\"\n"
            "  - \"row\": 1\n"
            "    \"words\":\n"
            "      - \"x\"\n"
            "      - \"y\"\n"
            "  - {}\n"
            "  - - 1\n"
            "    - 2\n");
}

TEST(JsonWriter, ReplacesWhatIsNoUtf8) {
  constexpr std::string_view kBad[] = {"\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\x80",
                                       "\xe2\x82"};
  for (const std::string_view text : kBad) {
    JsonWriter writer(DocumentStyle::json);
    writer.value(text);
    const std::string out = writer.take();
    EXPECT_EQ(json::parse(out).get<std::string>().find("\xef\xbf\xbd"), 0U) << out;
  }
}

json job_document(const model::Job& job, const JsonContext& context) {
  JsonWriter writer(DocumentStyle::json);
  begin_document(writer);
  writer.key("jobs");
  writer.open_array();
  write_job(writer, job, context);
  writer.close();
  end_document(writer, {"sluice", {"squeue", "--json"}, "root", "root"});
  return json::parse(writer.take());
}

TEST(JobDocument, HasTheEnvelope) {
  const json document = job_document(*test::held_record(), {});
  EXPECT_EQ(document["meta"]["plugin"]["data_parser"], "data_parser/v0.0.43");
  EXPECT_EQ(document["meta"]["slurm"]["version"]["major"], "25");
  EXPECT_EQ(document["meta"]["slurm"]["release"], "25.11.0");
  EXPECT_EQ(document["meta"]["slurm"]["cluster"], "sluice");
  EXPECT_EQ(document["errors"], json::array());
  EXPECT_EQ(document["warnings"], json::array());
}

TEST(JobDocument, ShowsARunningJob) {
  model::Node node;
  node.facts.sockets = 2;
  node.facts.cores_per_socket = 1;
  node.facts.threads_per_core = 2;
  const std::vector<model::NodePtr> nodes(2, std::make_shared<const model::Node>(node));
  const json job =
      job_document(*test::running_record(), {1'795'290'245, "sluice", nodes})["jobs"][0];
  EXPECT_EQ(job["job_id"], 34);
  EXPECT_EQ(job["job_state"], json::array({"RUNNING"}));
  EXPECT_EQ(job["time_limit"], json::parse(R"({"set":true,"infinite":false,"number":1564})"));
  EXPECT_EQ(job["nodes"], "n[1-2]");
  EXPECT_EQ(job["stdout_expanded"], "/tmp/w/out-34-samplejob.txt");
  EXPECT_EQ(job["tres_alloc_str"], "cpu=8,mem=600M,node=2,billing=8");
  const json& first = job["job_resources"]["nodes"]["allocation"][0];
  EXPECT_EQ(first["name"], "n1");
  EXPECT_EQ(first["cpus"]["count"], 4);
  EXPECT_EQ(first["memory"]["allocated"], 300);
  EXPECT_EQ(first["sockets"].size(), 2U);
  EXPECT_EQ(first["sockets"][1]["cores"][0]["status"], json::array({"ALLOCATED"}));
}

TEST(JobDocument, TellsFromWhenOnAJobMayBeDisplaced) {
  const auto record = test::running_record();
  const ExemptTimes exempt{.usual_s = 60, .of_qos = {{"other", 7}}};
  JsonContext context;
  EXPECT_EQ(job_document(*record, context)["jobs"][0]["preemptable_time"]["number"], 0);
  context.exempt = &exempt;
  EXPECT_EQ(job_document(*record, context)["jobs"][0]["preemptable_time"]["number"],
            record->start / model::kSecond + 60);
  model::Job under_qos = *record;
  under_qos.qos = "other";
  EXPECT_EQ(preemptable_at(under_qos, exempt), record->start + 7 * model::kSecond);
}

TEST(JobDocument, ShowsWhatWaits) {
  const json held = job_document(*test::held_record(), {})["jobs"][0];
  EXPECT_EQ(held["state_reason"], "JobHeldUser");
  EXPECT_EQ(held["hold"], true);
  EXPECT_EQ(held["time_limit"]["infinite"], true);
  EXPECT_EQ(held["memory_per_cpu"]["number"], 100);
  EXPECT_EQ(held["memory_per_node"]["set"], false);
  EXPECT_EQ(held["job_resources"], json::object());
  const json array = job_document(*test::array_record(), {})["jobs"][0];
  EXPECT_EQ(array["array_job_id"]["number"], 35);
  EXPECT_EQ(array["array_task_id"]["set"], false);
  EXPECT_EQ(array["array_task_string"], "1,4,7,10%2");
}

TEST(JobDocument, ExitCodes) {
  JsonWriter writer(DocumentStyle::json);
  writer.open_object();
  write_exit_code(writer, "code", 3U << 8U);
  write_exit_code(writer, "signal", 9);
  writer.close();
  const json parsed = json::parse(writer.take());
  EXPECT_EQ(parsed["code"]["status"], json::array({"ERROR"}));
  EXPECT_EQ(parsed["code"]["return_code"]["number"], 3);
  EXPECT_EQ(parsed["signal"]["signal"]["name"], "KILL");
}

TEST(DataParser, OnlyTheOneWeHave) {
  EXPECT_TRUE(check_data_parser("").has_value());
  EXPECT_TRUE(check_data_parser("v0.0.43").has_value());
  EXPECT_TRUE(check_data_parser("data_parser/v0.0.43").has_value());
  EXPECT_FALSE(check_data_parser("v0.0.40").has_value());
  EXPECT_EQ(data_parser_list("list"), "Possible data_parser plugins:\ndata_parser/v0.0.43\n");
  EXPECT_EQ(data_parser_list(""), "");
}

TEST(NodeDocument, RowsAndPartitions) {
  model::Node node;
  node.name = "n1";
  node.flags = model::kNodeDrain;
  node.state = model::NodeState::idle;
  node.facts.memory = 4096;
  model::Partition partition;
  partition.name = "batch";
  const NodeGroup group{&partition, {&node}};
  JsonWriter writer(DocumentStyle::json);
  writer.open_array();
  write_node_group(writer, group, {});
  write_node(writer, node, {});
  writer.close();
  const json parsed = json::parse(writer.take());
  EXPECT_EQ(parsed[0]["node"]["state"], json::array({"IDLE", "DRAIN"}));
  EXPECT_EQ(parsed[0]["nodes"]["other"], 1);
  EXPECT_EQ(parsed[0]["memory"]["minimum"], 4096);
  EXPECT_EQ(parsed[0]["partition"]["maximums"]["time"]["infinite"], true);
  EXPECT_EQ(parsed[1]["name"], "n1");
  EXPECT_EQ(parsed[1]["real_memory"], 4096);
}

}  // namespace
}  // namespace sluice::report
