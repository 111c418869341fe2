// The section `relay`: targets, and what is refused of them.
#include <gtest/gtest.h>

#include "config/cluster_config.hpp"

namespace sluice::config {
namespace {

const std::string kRest =
    "nodes:\n"
    "  - node_name: n1\n"
    "    cpus: 8\n"
    "partitions:\n"
    "  - partition_name: batch\n";

Result<ClusterConfig> parsed(const std::string& top) {
  return parse_cluster_config(top + kRest, "sluice.yaml");
}

TEST(RelayKeys, BothKindsOfTargets) {
  const auto config = parsed(
      "relay:\n"
      "  - name: billing\n"
      "    url: https://billing.example.org/hook\n"
      "    secret_file: /etc/sluice/billing.secret\n"
      "    events: [job.ended, ledger]\n"
      "    begin: oldest\n"
      "    timeout: 3\n"
      "  - name: bus\n"
      "    url: amqps://relay@[::1]:5673/%2fsite\n"
      "    password_file: /etc/sluice/bus.password\n"
      "    queue: all\n");
  ASSERT_TRUE(config) << config.error().text;
  ASSERT_EQ(config->relay.size(), 2U);
  const RelayTarget& hook = config->relay[0];
  EXPECT_EQ(hook.kind, RelayTarget::Kind::webhook);
  EXPECT_EQ(hook.events, (std::vector<std::string>{"job.ended", "ledger"}));
  EXPECT_TRUE(hook.from_oldest);
  EXPECT_EQ(hook.timeout_s, 3U);
  const RelayTarget& bus = config->relay[1];
  EXPECT_EQ(bus.kind, RelayTarget::Kind::amqp);
  EXPECT_TRUE(bus.tls);
  EXPECT_EQ(bus.host, "::1");
  EXPECT_EQ(bus.port, 5673);
  EXPECT_EQ(bus.user, "relay");
  EXPECT_EQ(bus.virtual_host, "/site");
  EXPECT_EQ(bus.exchange, "sluice");
}

TEST(RelayKeys, WhatIsWrongIsNamedByLine) {
  const auto refused = [](const std::string& target) {
    const auto config = parsed("relay:\n  - name: a\n" + target);
    return config ? std::string("taken") : config.error().text;
  };
  EXPECT_EQ(refused("    url: http://h/\n"), "taken");
  for (const std::string target :
       {"", "    url: ftp://h/\n", "    url: https://me:secret@h/\n", "    url: amqp://u:p@h\n",
        "    url: amqp://h:0\n", "    url: http://h/\n    events: job.born\n",
        "    url: http://h/\n    batch: 0\n", "    url: http://h/\n    queue: q\n",
        "    url: http://h/\n    ca_file: /x\n", "    url: amqp://h\n    secret_file: /x\n",
        "    url: https://h/\n    secret_file: x\n", "    url: http://h/\n    colour: red\n",
        "    url: http://h/\n  - name: a\n    url: http://h/\n"}) {
    EXPECT_EQ(refused(target).find("sluice.yaml:"), 0U) << target << refused(target);
  }
}

TEST(RelayKeys, HowLongEventsAreKept) {
  EXPECT_EQ(parsed("")->purge_event_after_s, 7 * 86'400);
  EXPECT_EQ(parsed("purge_event_after: 12hours\n")->purge_event_after_s, 12 * 3600);
  EXPECT_EQ(parsed("purge_event_after: NONE\n")->purge_event_after_s, 0);
  EXPECT_EQ(parsed("max_events: 5000\n")->max_events, 5000U);
  EXPECT_FALSE(parsed("max_events: many\n"));
}

}  // namespace
}  // namespace sluice::config
