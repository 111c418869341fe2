// --export and --export-file.
#include "opt/export.hpp"

#include <gtest/gtest.h>

namespace sluice::opt {
namespace {

using Entries = std::vector<std::string>;

base::Environment own() {
  return base::Environment(Entries{"PATH=/bin", "FOO=1", "SLURM_JOB_ID=7", "SPANK_X=1"});
}
Entries exported(std::string_view text, ExportTo to = ExportTo::batch) {
  return exported_environment(own(), text, to)->entries();
}

TEST(Export, Forms) {
  EXPECT_EQ(exported(""), own().entries());
  EXPECT_EQ(exported("ALL"), own().entries());
  EXPECT_EQ(exported("NONE"), (Entries{"SLURM_JOB_ID=7", "SPANK_X=1"}));
  EXPECT_EQ(exported("NIL"), exported("NONE"));
  EXPECT_EQ(exported("FOO,A=x,B"), (Entries{"SLURM_JOB_ID=7", "SPANK_X=1", "FOO=1", "A=x"}));
  EXPECT_EQ(exported("A='x,y',Q=a=b"),
            (Entries{"SLURM_JOB_ID=7", "SPANK_X=1", "A='x,y'", "Q=a=b"}));
  EXPECT_FALSE(exported_environment(own(), "=x", ExportTo::batch));
}

TEST(Export, AllWithValuesDependsOnWhoGetsThem) {
  EXPECT_EQ(exported("ALL,FOO=2")[1], "FOO=2");
  EXPECT_EQ(exported("ALL,FOO=2", ExportTo::step)[1], "FOO=1");
  EXPECT_EQ(exported("ALL,BAR=3", ExportTo::step).back(), "BAR=3");
}

TEST(Export, WhetherTheOwnEnvironmentIsHidden) {
  EXPECT_FALSE(export_hides_own(""));
  EXPECT_FALSE(export_hides_own("ALL,A=1"));
  EXPECT_TRUE(export_hides_own("NONE"));
  EXPECT_TRUE(export_hides_own("A=1"));
}

TEST(ExportFile, EntriesEndInZeroBytes) {
  using namespace std::string_view_literals;
  const auto good = parse_export_file("A=1\0B=x=y\nz\0"sv);
  ASSERT_TRUE(good);
  EXPECT_EQ(good->entries(), (Entries{"A=1", "B=x=y\nz"}));
  EXPECT_FALSE(parse_export_file("novalue\0"sv));
}

}  // namespace
}  // namespace sluice::opt
