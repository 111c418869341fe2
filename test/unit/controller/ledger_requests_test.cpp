// Money at the controller's service: who may ask for what, what a repeated request does, and that
// every entry goes to the store once, whatever a request touches.
#include <gtest/gtest.h>

#include "daemon/controller/service/service.hpp"
#include "ledger/books.hpp"
#include "test/support/books_kept.hpp"
#include "test/unit/controller/fake_env.hpp"

namespace sluice::controller {
namespace {

using ledger::EntryKind;
using ledger::kMicro;

constexpr std::uint32_t kAlice = 1001;
constexpr std::uint32_t kOperator = 600;
constexpr std::uint32_t kAdmin = 601;

ServiceOptions one_node() {
  auto settings = std::make_shared<model::Settings>();
  model::NodeSetting node;
  node.name = "n1";
  node.facts.cores_per_socket = 4;
  node.facts.memory = 1024;
  node.facts_fixed = true;
  settings->nodes.push_back(node);
  model::Partition partition;
  partition.name = "batch";
  partition.nodes = "n1";
  partition.is_default = true;
  settings->partitions.push_back(partition);
  ServiceOptions options;
  options.settings = settings;
  options.service_uid = 500;
  options.operators = {kOperator};
  options.admins = {kAdmin};
  return options;
}

auth::Peer peer_of(std::uint32_t uid, auth::Roles roles = auth::Role::login) {
  auth::Peer peer;
  peer.uid = peer.gid = uid;
  peer.host = roles == auth::Role::node ? "n1" : "login";
  peer.roles = roles;
  return peer;
}

class LedgerRequestsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    wire::NodeHello hello;
    hello.name = "n1";
    hello.facts.cores_per_socket = 4;
    hello.facts.memory = 1024;
    hello.facts.boot_id = "boot";
    service.on_node_hello(NodeIndex(0), hello);
    ASSERT_TRUE(ask(prices(), peer_of(kAdmin)));
    ASSERT_FALSE(last_reply<wire::LoadPricesReply>().refused);
  }
  // Everything that was committed, in order.
  void TearDown() override {
    test::BooksKept kept;
    for (const store::Transaction& transaction : env.committed) {
      if (transaction.books) kept.take(*transaction.books);
    }
    kept.check();
    ASSERT_NE(service.cluster().books(), nullptr);
    EXPECT_EQ(kept.entries.size(), service.cluster().books()->last_entry());
  }
  // False: refused.
  template <class Request>
  bool ask(const Request& request, const auth::Peer& peer) {
    service.on_request({1, 7, peer},
                       {static_cast<std::uint16_t>(Request::kType), 7, wire::encode(request)});
    service.on_turn_end();
    return env.replies.back().type != wire::MessageType::error_reply;
  }
  template <class Reply>
  Reply last_reply() {
    EXPECT_EQ(env.replies.back().type, Reply::kType);
    const auto reply = wire::decode<Reply>(env.replies.back().payload);
    return reply ? *reply : Reply{};
  }
  static wire::LoadPrices prices() {
    wire::LoadPrices request;
    request.request_id = {1, 1};
    ledger::Price price;
    price.sku = "core";
    price.meter = "cpu";
    price.service = "HPC batch";
    price.unit_price = kMicro;
    ledger::PriceBook book;
    book.name = "standard";
    book.version = 1;
    book.currency = "CHF";
    book.from = 1'600'000'000 * model::kSecond;
    book.prices = {price};
    request.books = {book};
    ledger::Customer customer;
    customer.name = customer.account = "physics";
    customer.currency = "CHF";
    customer.book = "standard";
    request.customers = {customer};
    return request;
  }
  static wire::PostMoney top_up(std::uint64_t id) {
    wire::PostMoney request;
    request.request_id = {2, id};
    request.kind = EntryKind::topup;
    request.customer = "physics";
    request.amount = 100 * kMicro;
    return request;
  }
  static wire::Submit submission(std::uint64_t id) {
    wire::Submit submit;
    submit.request_id = {9, id};
    submit.script = "#!/bin/sh\n";
    submit.spec.name = "job";
    submit.request.memory_per_node = 100;
    submit.request.time_limit = 60;
    submit.request.account = "physics";
    return submit;
  }

  FakeEnv env;
  Service service{env, one_node(), store::LoadedState{}};
};

TEST_F(LedgerRequestsTest, AnActionOnSeveralJobsKeepsEveryEntry) {
  ASSERT_TRUE(ask(top_up(1), peer_of(kAdmin)));
  for (std::uint64_t id = 1; id <= 4; ++id) {
    ASSERT_TRUE(ask(submission(id), peer_of(kAlice)));
  }
  EXPECT_EQ(service.cluster().books()->attempts(), 4U);
  wire::JobAction action;
  action.request_id = {3, 1};
  action.verb = model::JobVerb::cancel;
  for (std::uint32_t id = 1; id <= 4; ++id) {
    action.filter.jobs.push_back({JobId(id), {}, model::kNoTask});
  }
  ASSERT_TRUE(ask(action, peer_of(kAlice)));
  EXPECT_EQ(service.cluster().books()->attempts(), 0U);
}

TEST_F(LedgerRequestsTest, ARepeatedRequestIsDoneOnce) {
  ASSERT_TRUE(ask(top_up(1), peer_of(kAdmin)));
  const auto first = last_reply<wire::PostedReply>();
  ASSERT_TRUE(ask(top_up(1), peer_of(kAdmin)));
  EXPECT_EQ(last_reply<wire::PostedReply>().entries, first.entries);
  EXPECT_EQ(service.cluster().books()->balance(1).balance, 100 * kMicro);
}

TEST_F(LedgerRequestsTest, MoneyMovesByAdministratorsWordAlone) {
  std::uint64_t id = 100;
  for (const std::uint32_t uid : {kAlice, kOperator}) {
    EXPECT_FALSE(ask(top_up(++id), peer_of(uid)));
    EXPECT_FALSE(ask(prices(), peer_of(uid)));
  }
  for (const std::uint32_t uid : {kAlice, kOperator, kAdmin, 0U}) {
    EXPECT_FALSE(ask(top_up(++id), peer_of(uid, auth::Role::node)));
  }
  EXPECT_EQ(service.cluster().books()->balance(1).balance, 0);
  EXPECT_TRUE(ask(top_up(++id), peer_of(kAdmin)));
}

TEST_F(LedgerRequestsTest, BalancesAreForThoseWhoMaySeeThem) {
  ASSERT_TRUE(ask(wire::QueryBooks{}, peer_of(kAlice)));
  const auto plain = last_reply<wire::BooksReply>();
  EXPECT_EQ(plain.prices.size(), 1U);
  EXPECT_TRUE(plain.customers.empty());
  EXPECT_TRUE(plain.balances.empty());
  ASSERT_TRUE(ask(wire::QueryBooks{}, peer_of(kOperator)));
  EXPECT_EQ(last_reply<wire::BooksReply>().balances.size(), 1U);
}

TEST_F(LedgerRequestsTest, QuotesSubmitNothing) {
  wire::QuoteSubmit question;
  question.parts.push_back(submission(1));
  ASSERT_TRUE(ask(question, peer_of(kAlice)));
  const auto quote = last_reply<wire::QuoteReply>();
  ASSERT_EQ(quote.parts.size(), 1U);
  EXPECT_EQ(quote.parts[0].most, kMicro);
  EXPECT_TRUE(service.cluster().all_jobs().empty());
}

TEST_F(LedgerRequestsTest, BrokenPricesSayWhere) {
  wire::LoadPrices request = prices();
  request.request_id = {1, 2};
  request.books[0].prices[0].unit_price = -1;
  ASSERT_TRUE(ask(request, peer_of(kAdmin)));
  const auto reply = last_reply<wire::LoadPricesReply>();
  EXPECT_TRUE(reply.refused);
  EXPECT_EQ(reply.book, 1U);
  EXPECT_EQ(reply.price, 1U);
}

}  // namespace
}  // namespace sluice::controller
