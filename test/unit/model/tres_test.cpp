// TRES lists, their texts, and the table that configurations extend; the first accounts.
#include "model/tres.hpp"

#include <gtest/gtest.h>

#include "model/accounts.hpp"

namespace sluice::model {
namespace {

TresTable with_gpu() { return *with_tres(first_tres(), "gres/gpu,gres/gpu:a100,license/matlab"); }

TEST(Tres, TableGoesOnFromTheConfiguredNumbers) {
  const TresTable table = with_gpu();
  ASSERT_EQ(table.size(), 11U);
  EXPECT_EQ(table[8].id, kFirstConfiguredTres);
  EXPECT_EQ(tres_name(table[8]), "gres/gpu");
  EXPECT_EQ(tres_name(table[9]), "gres/gpu:a100");
  EXPECT_EQ(table[10].id, kFirstConfiguredTres + 2);
  EXPECT_EQ(tres_name(table[5]), "fs/disk");
}

TEST(Tres, KnownKindsAreNotAddedAgain) {
  EXPECT_EQ(*with_tres(with_gpu(), "GRES/GPU, cpu,,license/matlab"), with_gpu());
}

TEST(Tres, UnknownTypesAreRefused) {
  EXPECT_FALSE(with_tres(first_tres(), "bb/cray"));
  EXPECT_FALSE(with_tres(first_tres(), "gres/"));
  EXPECT_FALSE(with_tres(first_tres(), "gres"));
  EXPECT_FALSE(with_tres(first_tres(), "gres/a b"));
  EXPECT_FALSE(with_tres(first_tres(), "gres/a=b"));
}

TEST(Tres, CountsStayInOrderOfTheirIds) {
  TresCounts counts;
  set_tres(counts, kTresNode, 2);
  set_tres(counts, kTresCpu, 4);
  add_tres(counts, kTresMemory, 100);
  add_tres(counts, kTresMemory, 28);
  set_tres(counts, kTresNode, 3);
  EXPECT_EQ(counts, (TresCounts{{kTresCpu, 4}, {kTresMemory, 128}, {kTresNode, 3}}));
  EXPECT_EQ(tres_count(counts, kTresMemory), 128);
  EXPECT_EQ(tres_count(counts, kTresBilling), 0);
  EXPECT_EQ(find_tres(counts, kTresBilling), nullptr);
}

TEST(Tres, TextsThereAndBack) {
  const TresTable table = with_gpu();
  const auto counts = parse_tres(table, "gres/gpu=2,CPU=4,mem=16G,license/matlab=-1");
  ASSERT_TRUE(counts);
  EXPECT_EQ(tres_count(*counts, kTresMemory), 16 * 1024);
  EXPECT_EQ(tres_text(table, *counts), "cpu=4,mem=16G,gres/gpu=2,license/matlab=-1");
  EXPECT_EQ(parse_tres(table, tres_text(table, *counts)), counts);
  EXPECT_EQ(tres_text(table, *parse_tres(table, "mem=1234")), "mem=1234M");
  EXPECT_EQ(parse_tres(table, "1=4"), parse_tres(table, "cpu=4"));
  EXPECT_EQ(tres_text(table, {}), "");
  EXPECT_EQ(*parse_tres(table, ""), TresCounts{});
}

TEST(Tres, BrokenTextsAreRefused) {
  const TresTable table = with_gpu();
  for (const char* text : {"cpu", "cpu=", "cpu=-2", "cpu=4.5", "cpu=x", "gpu=1", "cpu=1,,mem=2",
                           "mem=1Q", "99=1", "=4", "cpu=99999999999999999999"}) {
    EXPECT_FALSE(parse_tres(table, text)) << text;
  }
}

TEST(FirstAccounts, RootAndNormal) {
  const Accounts first = first_accounts();
  ASSERT_EQ(first.associations.size(), 2U);
  EXPECT_EQ(first.associations[0].id, 1U);
  EXPECT_TRUE(first.associations[0].user.empty());
  EXPECT_EQ(first.associations[1].id, 2U);
  EXPECT_EQ(first.associations[1].parent, 1U);
  EXPECT_EQ(first.associations[1].user, Text("root"));
  EXPECT_EQ(first.next_association, 3U);
  ASSERT_EQ(first.qos.size(), 1U);
  EXPECT_EQ(first.qos[0].name, Text("normal"));
  EXPECT_EQ(first.qos[0].id, 1U);
  EXPECT_EQ(first.tres, first_tres());
}

}  // namespace
}  // namespace sluice::model
