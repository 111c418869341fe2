// The accelerator table: what stands wrong in it is told with file, line and key.
#include "accel/table.hpp"

#include <gtest/gtest.h>

#include "test/unit/accel/host_tree.hpp"

namespace sluice::accel {
namespace {

constexpr const char* kSmallest =
    "vendors:\n"
    "  - name: acme\n"
    "    gres: gpu\n"
    "    pci_vendors: [\"abcd\"]\n"
    "    pci_classes: [\"12\"]\n"
    "    files: /dev/acme{N}\n";

TEST(Table, TheShippedOneKnowsTheVendors) {
  EXPECT_EQ(shipped_table().vendors.size(), 13U);
  for (const TableVendor& row : shipped_table().vendors) {
    EXPECT_FALSE(row.vendor.cdi_kind.empty()) << row.vendor.name.view();
    EXPECT_FALSE(row.vendor.variables.empty()) << row.vendor.name.view();
  }
}

TEST(Table, AVendorNeedsLittle) {
  const Result<Table> table = parse_table(kSmallest, "t.yaml");
  ASSERT_TRUE(table) << table.error().text;
  EXPECT_EQ(table->vendors[0].vendor.name, "acme");
}

struct Wrong {
  std::string more;  // behind the smallest
  std::string error;
};

TEST(Table, ErrorsNameFileLineAndKey) {
  const std::vector<Wrong> cases = {
      {"    colour: red\n", "t.yaml:7: colour: expected a known key"},
      {"    pci_devices: [\"0xzz\"]\n",
       "t.yaml:7: pci_devices: expected hexadecimal digits in lower case, not \"0xzz\""},
      {"    control: dev/x\n", "t.yaml:7: control: expected an absolute path, not \"dev/x\""},
      {"    control: /dev/x{\n", "t.yaml:7: control: expected a path with {gaps}, not \"/dev/x{\""},
      {"    companions: /dev/y{Q}\n", "expected an entry in numbers for {Q}, not \"/dev/y{Q}\""},
      {"    variables:\n      A_B: order\n",
       "t.yaml:8: variables.A_B: expected one of number, position, uuid, bus_id, not \"order\""},
      {"    variables: [A]\n",
       "t.yaml:7: variables: expected a mapping of variables, not \"a list\""},
      {"    constants: AB\n", "t.yaml:7: constants: expected NAME=value, not \"AB\""},
      {"    count_by: luck\n", "t.yaml:7: count_by: expected one of pci, file, kfd, not \"luck\""},
      {"    models:\n      \"12\": a\n",
       "t.yaml:8: models.12: expected a PCI device id of 4 digits, not \"12\""},
      {"    models:\n      \"0012\": \"100\"\n",
       "t.yaml:8: models.0012: expected a type as in gpu:TYPE:2, not \"100\""},
      {"    tool:\n      programs: /bin/x\n      separator: \",\"\n      columns: [power]\n",
       "t.yaml:10: tool.columns: expected a column number, uuid or bus_id"},
      {"    tool:\n      programs: /bin/x\n      separator: \",\"\n      columns: [number, "
       "speed]\n",
       "not \"speed\""},
      {"    numbers:\n      Q: {path: /sys/x}\n",
       "t.yaml:8: numbers.Q: expected a path with {Q} in it, not \"/sys/x\""},
      {"    partitions: {found: \"/dev/p{P}\", file: \"/dev/p{P}\", type: p}\n",
       "t.yaml:7: partitions: expected either {N} in found, or first and per_device"},
      {"    gres: npu\n", "t.yaml:7: gres: expected each key once"},
      {"  - name: acme\n    gres: x\n    pci_classes: [\"12\"]\n    files: /dev/x\n",
       "expected each name once, not \"acme\""},
      {"  - gres: x\n    files: /dev/x\n", "t.yaml:7: expected a name"},
      {"  - [\n", "t.yaml:"},
  };
  for (const Wrong& one : cases) {
    const Result<Table> table = parse_table(kSmallest + one.more, "t.yaml");
    ASSERT_FALSE(table) << one.more;
    EXPECT_NE(table.error().text.find(one.error), std::string::npos)
        << table.error().text << "\n  wanted: " << one.error;
  }
}

TEST(Table, AMissingFileIsAnError) {
  const Result<Table> table = load_table("/nonexistent/t.yaml");
  ASSERT_FALSE(table);
  EXPECT_NE(table.error().text.find("/nonexistent/t.yaml"), std::string::npos);
}

}  // namespace
}  // namespace sluice::accel
