// FOCUS rows, read back from the CSV text and held against the rules of the specification.
#include "ledger/focus.hpp"

#include <algorithm>
#include <map>

#include <gtest/gtest.h>

#include "ledger/invoice.hpp"
#include "test/unit/ledger/ledger_scene.hpp"

namespace sluice::ledger {
namespace {

using Record = std::map<std::string, std::string>;

// RFC 4180, strictly. A quoted empty field would be an empty text, which FOCUS doesn't allow.
std::vector<std::vector<std::string>> parse_csv(const std::string& text) {
  std::vector<std::vector<std::string>> lines = {{}};
  std::string field;
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted && c == '"' && at + 1 < text.size() && text[at + 1] == '"') {
      field += text[++at];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == ',' || c == '\r')) {
      lines.back().push_back(std::exchange(field, {}));
      EXPECT_TRUE(c == ',' || text[at + 1] == '\n');
    } else if (!quoted && c == '\n') {
      lines.emplace_back();
    } else {
      field += c;
    }
  }
  EXPECT_TRUE(lines.back().empty());
  lines.pop_back();
  return lines;
}

const FocusSite kSite{"Example Centre", "", "lake", "eu-1", "Example"};

class Focus : public ::testing::Test {
 protected:
  void SetUp() override {
    chem_.credit_limit = money("100");
    chem_.discount = 125;
    chem_.display_name = "Chemistry, \"old\" building";
    ASSERT_TRUE(scene_.load({a_book("2026-01-01", {a_price("core", "cpu", "0.1")})},
                            {a_customer("phys", CustomerKind::prepaid), chem_}));
  }

  // Something of every kind; March is closed, April is open.
  void live() {
    ASSERT_TRUE(scene_.top_up("phys", "50"));
    ASSERT_TRUE(scene_.take(scene_.books.purchase(
        {"phys", "pack", "cpu", "", "Prepaid cores", 30, money("2"), at("2026-04-03")},
        scene_.stamp())));
    run(1, "phys", 4, Fate::completed);
    run(2, "chem", 3, Fate::completed);
    const Entry charge = scene_.entries[scene_.entries.size() - 2];
    run(3, "chem", 2, Fate::node_fail);
    ASSERT_TRUE(scene_.take(scene_.books.credit({"chem", money("0.1"), nullptr}, scene_.stamp())));
    ASSERT_TRUE(
        scene_.take(scene_.books.refund({&charge, 0, false, money("0.5")}, scene_.stamp("sorry"))));
    scene_.now = at("2026-04-01T00:00:00Z");
    ASSERT_TRUE(scene_.take(scene_.books.close(*parse_month("2026-03"), scene_.stamp())));
    ASSERT_TRUE(
        scene_.take(scene_.books.refund({&charge, money("0.5"), false, 7}, scene_.stamp())));
    ASSERT_TRUE(scene_.take(scene_.books.correct({"chem", -money("1"), &charge}, scene_.stamp())));
    ASSERT_TRUE(scene_.take(scene_.books.transfer({"phys", "chem", money("1")}, scene_.stamp())));
    ASSERT_TRUE(scene_.take(scene_.books.withdraw({"phys", money("2"), nullptr}, scene_.stamp())));
    scene_.now = at("2026-04-05");
    scene_.take(scene_.books.expire(scene_.stamp()));
    scene_.check();
  }
  void run(std::uint32_t id, const char* account, std::int64_t hours, Fate fate) {
    AttemptStart job = a_job(id, account, scene_.now, {{"cpu", 10}});
    job.job.wckey = "w,1";
    ASSERT_TRUE(scene_.take(scene_.books.open(job, scene_.now + hours * kHour, scene_.stamp())))
        << scene_.refused;
    scene_.now += hours * kHour - 1'234'567;
    scene_.take(scene_.books.end(attempt_of(job.job), {scene_.now, fate}, scene_.stamp()));
  }

  std::string write(FocusVersion version, FocusForm form) {
    FocusWriter writer(version, form, kSite);
    std::string text;
    writer.head(text);
    const BooksState state = scene_.books.state();
    for (const Entry& entry : scene_.entries) {
      if (entry.customer == 0) continue;
      const auto package = std::ranges::find(state.packages, entry.package, &Package::id);
      const auto row =
          focus_row(entry, {*scene_.books.customer(entry.customer), kSite, scene_.books.closed(),
                            package == state.packages.end() ? nullptr : &*package});
      if (row) writer.row(text, *row);
    }
    writer.tail(text);
    return text;
  }
  std::vector<Record> rows(FocusVersion version) {
    const auto lines = parse_csv(write(version, FocusForm::csv));
    std::vector<Record> records;
    for (std::size_t line = 1; line < lines.size(); ++line) {
      EXPECT_EQ(lines[line].size(), lines[0].size());
      Record record;
      for (std::size_t column = 0; column < lines[0].size(); ++column) {
        record[lines[0][column]] = lines[line][column];
      }
      records.push_back(std::move(record));
    }
    return records;
  }

  Customer chem_ = a_customer("chem", CustomerKind::postpaid);
  Scene scene_;
};

void expect_number(const Record& row, const char* column) {
  EXPECT_TRUE(parse_money(row.at(column))) << column << " " << row.at(column);
}

void expect_rules(const Record& row) {
  const auto is = [&row](const char* column, std::initializer_list<const char*> values) {
    return std::ranges::any_of(values, [&](const char* v) { return row.at(column) == v; });
  };
  for (const char* column :
       {"BillingAccountId", "BillingCurrency", "BillingPeriodStart", "BillingPeriodEnd",
        "ChargeCategory", "ChargePeriodStart", "ChargePeriodEnd", "InvoiceIssuerName",
        "ServiceCategory", "ServiceName", "ChargeFrequency", "ServiceSubcategory"}) {
    EXPECT_NE(row.at(column), "") << column;
  }
  for (const char* column : {"BilledCost", "ContractedCost", "EffectiveCost", "ListCost"}) {
    expect_number(row, column);
  }
  EXPECT_TRUE(is("ChargeCategory", {"Usage", "Purchase", "Credit", "Adjustment"}));
  EXPECT_TRUE(is("ChargeClass", {"", "Correction"}));
  EXPECT_TRUE(is("ChargeFrequency", {"One-Time", "Usage-Based"}));
  EXPECT_TRUE(is("PricingCategory", {"", "Standard", "Committed"}));
  EXPECT_LT(row.at("BillingPeriodStart"), row.at("BillingPeriodEnd"));
  EXPECT_LT(row.at("ChargePeriodStart"), row.at("ChargePeriodEnd"));
  const bool usage = is("ChargeCategory", {"Usage"});
  const bool purchase = is("ChargeCategory", {"Purchase"});
  const bool correction = is("ChargeClass", {"Correction"});
  if ((usage || purchase) && !correction) {
    for (const char* column : {"PricingQuantity", "PricingUnit", "ListUnitPrice", "SkuId",
                               "SkuPriceId", "ContractedUnitPrice", "PricingCategory"}) {
      EXPECT_NE(row.at(column), "") << column;
    }
  }
  EXPECT_TRUE(!purchase || row.at("EffectiveCost") == "0");
  const bool unused = is("CommitmentDiscountStatus", {"Unused"});
  EXPECT_EQ(row.at("ConsumedQuantity") != "", usage && !unused && !correction);
  EXPECT_EQ(row.at("CommitmentDiscountQuantity") == "", row.at("CommitmentDiscountUnit") == "");
  if (usage && row.at("CommitmentDiscountId") != "") {
    EXPECT_TRUE(is("CommitmentDiscountStatus", {"Used", "Unused"}));
    EXPECT_EQ(row.at("BilledCost"), "0");
    EXPECT_GT(*parse_money(row.at("EffectiveCost")), 0);
    EXPECT_EQ(row.at("PricingCategory"), "Committed");
  }
}

TEST_F(Focus, RowsKeepTheRules) {
  live();
  const std::vector<Record> all = rows(FocusVersion::v1_2);
  std::map<std::string, int> categories;
  int corrections = 0;
  int used = 0;
  int unused = 0;
  for (const Record& row : all) {
    SCOPED_TRACE(row.at("x_EntryKind"));
    expect_rules(row);
    EXPECT_NE(row.at("ProviderName"), "");
    EXPECT_NE(row.at("PublisherName"), "");
    ++categories[row.at("ChargeCategory")];
    corrections += row.at("ChargeClass") == "Correction" ? 1 : 0;
    used += row.at("CommitmentDiscountStatus") == "Used" ? 1 : 0;
    unused += row.at("CommitmentDiscountStatus") == "Unused" ? 1 : 0;
    EXPECT_EQ(row.at("InvoiceId") != "", row.at("BillingPeriodStart") < "2026-04") << "closed";
  }
  EXPECT_EQ(categories["Purchase"], 3);
  EXPECT_EQ(categories["Credit"], 1);
  EXPECT_EQ(corrections, 2);
  EXPECT_EQ(used, 1);
  EXPECT_EQ(unused, 0);  // the package was used up before it was over
  EXPECT_GE(categories["Usage"], 5);
  EXPECT_GE(categories["Adjustment"], 4);
}

TEST_F(Focus, RowsOfAnInvoiceAddUpToIt) {
  live();
  std::map<std::string, Money> sums;
  for (const Record& row : rows(FocusVersion::v1_2)) {
    sums[row.at("InvoiceId")] += *parse_money(row.at("BilledCost"));
  }
  for (const char* name : {"phys", "chem"}) {
    InvoiceBuilder builder(*scene_.books.customer_named(name), *parse_month("2026-03"));
    for (const Entry& entry : scene_.entries) builder.add(entry);
    const Result<Invoice> invoice = builder.take();
    ASSERT_TRUE(invoice);
    EXPECT_TRUE(invoice->issued);
    EXPECT_EQ(sums[invoice->id], invoice->amount) << invoice->id;
  }
  EXPECT_EQ(sums["202603-0001"], money("50"));
  EXPECT_EQ(sums["202603-0002"] % money("0.01"), 0);
}

TEST_F(Focus, PricesTimesQuantitiesAreTheCosts) {
  run(2, "chem", 3, Fate::completed);
  const std::vector<Record> all = rows(FocusVersion::v1_2);
  ASSERT_EQ(all.size(), 1U);
  const Record& row = all.front();
  EXPECT_EQ(row.at("ListUnitPrice"), "0.1");
  EXPECT_EQ(row.at("ContractedUnitPrice"), "0.0875");
  EXPECT_EQ(row.at("PricingUnit"), "Core-Hours");
  // 3 hours but 1.234567 s, of 10 cores; the last second that has begun counts.
  EXPECT_EQ(row.at("x_ConsumedSeconds"), "107987.65433");
  EXPECT_EQ(row.at("x_PricedSeconds"), "107990");
  EXPECT_EQ(row.at("PricingQuantity"), "29.997222222222");
  EXPECT_EQ(row.at("ListCost"), "2.999722");
  EXPECT_EQ(row.at("ContractedCost"), "2.624756");
  EXPECT_EQ(row.at("BilledCost"), "2.624756");
  EXPECT_EQ(row.at("BillingAccountName"), "Chemistry, \"old\" building");
  EXPECT_EQ(row.at("Tags"), "{\"wckey\": \"w,1\"}");
  EXPECT_EQ(row.at("SubAccountId"), "chem");
  EXPECT_EQ(row.at("x_UserName"), "ann");
  EXPECT_EQ(row.at("ResourceId"), "lake/00000000000000070000000000000002");
}

TEST_F(Focus, ExpiredPackagesAreUnusedRows) {
  ASSERT_TRUE(scene_.top_up("phys", "50"));
  ASSERT_TRUE(scene_.take(scene_.books.purchase(
      {"phys", "pack", "cpu", "", "", 30, money("2"), at("2026-03-03")}, scene_.stamp())));
  scene_.now = at("2026-03-04");
  scene_.take(scene_.books.expire(scene_.stamp()));
  const Record row = rows(FocusVersion::v1_2).back();
  expect_rules(row);
  EXPECT_EQ(row.at("CommitmentDiscountStatus"), "Unused");
  EXPECT_EQ(row.at("CommitmentDiscountQuantity"), "30");
  EXPECT_EQ(row.at("EffectiveCost"), "2");
  EXPECT_EQ(row.at("BilledCost"), "0");
}

TEST_F(Focus, TheLaterVersionNamesProvidersOtherwise) {
  live();
  const Record row = rows(FocusVersion::v1_4).front();
  EXPECT_FALSE(row.contains("ProviderName"));
  EXPECT_FALSE(row.contains("PublisherName"));
  EXPECT_EQ(row.at("ServiceProviderName"), "Example Centre");
  EXPECT_EQ(row.at("HostProviderName"), "Example Centre");
  for (const FocusColumn& column : focus_columns()) {
    const bool own = column.name.starts_with("x_");
    EXPECT_TRUE(own || (column.name[0] >= 'A' && column.name[0] <= 'Z'));
    EXPECT_EQ(row.contains(std::string(column.name)), column.in_1_4);
  }
}

TEST_F(Focus, JsonHasTheSameValues) {
  run(2, "chem", 3, Fate::completed);
  const std::string text = write(FocusVersion::v1_2, FocusForm::json);
  EXPECT_TRUE(text.starts_with("[\n{\"BilledCost\":2.624756,"));
  EXPECT_TRUE(text.ends_with("}\n]\n"));
  EXPECT_NE(text.find("\"ChargeClass\":null"), std::string::npos);
  EXPECT_NE(text.find("\"Tags\":{\"wckey\": \"w,1\"}"), std::string::npos);
  EXPECT_NE(text.find("\"BillingAccountName\":\"Chemistry, \\\"old\\\" building\""),
            std::string::npos);
  FocusWriter empty(FocusVersion::v1_2, FocusForm::json, kSite);
  std::string none;
  empty.head(none);
  empty.tail(none);
  EXPECT_EQ(none, "[]\n");
}

}  // namespace
}  // namespace sluice::ledger
