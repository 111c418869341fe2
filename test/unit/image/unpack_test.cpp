// Layers as they should not be, and what becomes of them. Each test looks at the layer's folder
// and at a file beside it that a bad layer would like to change.
#include "image/unpack.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/file.hpp"
#include "image/digest.hpp"
#include "test/unit/image/image_builder.hpp"

namespace sluice::image {
namespace {

class Unpack : public ::testing::Test {
 protected:
  Unpack() { EXPECT_TRUE(base::write_file_atomic(folder_.path("victim"), "untouched")); }
  ~Unpack() override { EXPECT_EQ(base::read_file(folder_.path("victim"), 100), "untouched"); }

  Result<Unpacked> unpack(const BuiltLayer& layer, Bounds bounds = {}) {
    EXPECT_TRUE(base::write_file_atomic(folder_.path("blob"), layer.blob));
    EXPECT_TRUE(remove_own_tree(folder_.path("layer")));
    EXPECT_EQ(::mkdir(folder_.path("layer").c_str(), 0755), 0);
    LayerJob job;
    job.blob_path = folder_.path("blob");
    job.blob = {digest_of(layer.blob), layer.blob.size(), ""};
    job.diff_id = digest_of(layer.tar);
    job.folder = folder_.path("layer");
    job.bounds = bounds;
    job.deadline = Deadline::in_seconds(30);
    return unpack_layer(job, Progress());
  }
  Result<Unpacked> unpack(const std::vector<TarEntry>& entries, Bounds bounds = {}) {
    return unpack(make_layer(entries), bounds);
  }
  void expect_refused(const std::vector<TarEntry>& entries, const std::string& why) {
    const auto done = unpack(entries);
    ASSERT_FALSE(done);
    EXPECT_NE(done.error().text.find(why), std::string::npos) << done.error().text;
  }

  [[nodiscard]] std::string in(const std::string& name) const {
    return folder_.path("layer/" + name);
  }
  [[nodiscard]] std::string content(const std::string& name) const {
    return base::read_file(in(name), 1 << 20).value_or("(none)");
  }
  [[nodiscard]] struct stat status(const std::string& name) const {
    struct stat found {};
    EXPECT_EQ(::lstat(in(name).c_str(), &found), 0) << name;
    return found;
  }
  [[nodiscard]] bool is_whiteout(const std::string& name) const {
    const struct stat found = status(name);
    return S_ISCHR(found.st_mode) && found.st_rdev == makedev(0, 0);
  }
  [[nodiscard]] bool is_opaque(const std::string& name) const {
    char value = 0;
    return ::getxattr(in(name).c_str(), "user.overlay.opaque", &value, 1) == 1 && value == 'y';
  }

  TestFolder folder_;
};

TEST_F(Unpack, EveryCompression) {
  for (const char* filter : {"", "gzip", "zstd", "xz"}) {
    const auto done = unpack(make_layer({{EntryKind::folder, "./etc", "", 0755},
                                         {EntryKind::file, "etc/motd", "hello", 0644},
                                         {EntryKind::link, "link", "etc/motd"},
                                         {EntryKind::hard_link, "other", "etc/motd"},
                                         {EntryKind::pipe, "pipe", "", 0600}},
                                        filter));
    ASSERT_TRUE(done) << filter << ": " << done.error().text;
    EXPECT_EQ(done->bytes, 5U);
    EXPECT_EQ(done->entries, 5U);
    EXPECT_EQ(content("etc/motd"), "hello");
    EXPECT_EQ(content("link"), "hello");
    EXPECT_EQ(status("other").st_ino, status("etc/motd").st_ino);
    EXPECT_TRUE(S_ISFIFO(status("pipe").st_mode));
    EXPECT_EQ(status("etc/motd").st_mtim.tv_sec, 1'000'000'000);
  }
}

TEST_F(Unpack, PathsThatLeadOut) {
  expect_refused({{EntryKind::file, "../victim", "x"}}, "leads out");
  expect_refused({{EntryKind::file, "a/../../victim", "x"}}, "leads out");
  expect_refused({{EntryKind::hard_link, "a", "../victim"}}, "leads out");
  expect_refused({{EntryKind::hard_link, "a", folder_.path("victim")}}, "hard link to nothing");
  expect_refused({{EntryKind::file, ".wh...", ""}}, "hides what it may not");
  expect_refused({{EntryKind::file, ".wh..", ""}}, "hides what it may not");
  // An absolute name is one of the image.
  ASSERT_TRUE(unpack({{EntryKind::file, folder_.path("victim"), "x"}}));
  EXPECT_EQ(content(folder_.path("victim")), "x");
}

TEST_F(Unpack, LinksThatLeadOut) {
  const std::string outside = folder_.path("");
  expect_refused({{EntryKind::link, "a", outside}, {EntryKind::file, "a/victim", "x"}},
                 "isn't a folder");
  expect_refused({{EntryKind::link, "a", "../../../../.."},
                  {EntryKind::link, "b", "/proc"},
                  {EntryKind::file, "b/self/x", "x"}},
                 "isn't a folder");
  // "..", from the root, is the root of the image.
  ASSERT_TRUE(unpack({{EntryKind::link, "a", "../../.."}, {EntryKind::file, "a/victim", "x"}}));
  EXPECT_EQ(content("victim"), "x");
  // A file replaces a link, and isn't written through it.
  ASSERT_TRUE(
      unpack({{EntryKind::link, "a", folder_.path("victim")}, {EntryKind::file, "a", "x"}}));
  EXPECT_EQ(content("a"), "x");
  EXPECT_TRUE(S_ISREG(status("a").st_mode));
}

TEST_F(Unpack, DevicesAndBits) {
  ASSERT_TRUE(unpack({{EntryKind::device, "dev/null", "", 0666},
                      {EntryKind::file, "su", "x", 06755},
                      {EntryKind::folder, "tmp", "", 07777},
                      {EntryKind::file, "shadow", "x", 0000},
                      {EntryKind::folder, "closed", "", 0000}}));
  EXPECT_FALSE(base::file_exists(in("dev/null")));
  EXPECT_EQ(status("su").st_mode & 07777U, 0755U);
  EXPECT_EQ(status("tmp").st_mode & 07777U, 01777U);
  EXPECT_EQ(status("shadow").st_mode & 07777U, 0400U);
  EXPECT_EQ(status("closed").st_mode & 07777U, 0700U);
}

TEST_F(Unpack, Whiteouts) {
  ASSERT_TRUE(unpack({{EntryKind::file, "etc/.wh.gone", ""},
                      {EntryKind::folder, "opt", "", 0755},
                      {EntryKind::file, "opt/.wh..wh..opq", ""},
                      {EntryKind::file, "opt/new", "x"},
                      {EntryKind::file, ".wh.replaced", ""},
                      {EntryKind::folder, "replaced", "", 0755},
                      {EntryKind::folder, "late", "", 0755},
                      {EntryKind::file, ".wh.late", ""},
                      {EntryKind::file, ".wh..wh.plnk", "x"},
                      {EntryKind::file, "kept", "x"},
                      {EntryKind::file, ".wh.kept", ""}}));
  EXPECT_TRUE(is_whiteout("etc/gone"));
  EXPECT_TRUE(is_opaque("opt"));
  EXPECT_EQ(content("opt/new"), "x");
  EXPECT_TRUE(is_opaque("replaced"));
  EXPECT_TRUE(is_opaque("late"));
  EXPECT_EQ(content("kept"), "x");
  EXPECT_EQ(entries_of(in("")),
            (std::vector<std::string>{"etc", "kept", "late", "opt", "replaced"}));
}

TEST_F(Unpack, HolesAreNotBytes) {
  const auto done =
      unpack({{EntryKind::sparse, "large", "end", 0644, std::uint64_t{1} << 30U}}, {1U << 20U, 10});
  ASSERT_TRUE(done) << done.error().text;
  EXPECT_LE(done->bytes, 4096U);
  EXPECT_EQ(status("large").st_size, 1 << 30);
  EXPECT_LT(status("large").st_blocks, 1000);
}

TEST_F(Unpack, BombsAreBounded) {
  // 64 MiB of zeros in some kilobytes.
  const auto large =
      make_layer({{EntryKind::file, "zeros", std::string(64U << 20U, '\0')}}, "gzip");
  ASSERT_LT(large.blob.size(), 200'000U);
  auto done = unpack(large, {1U << 20U, 10});
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().text.find("too large"), std::string::npos) << done.error().text;

  std::vector<TarEntry> many(2000, TarEntry{EntryKind::file, "", "", 0644});
  for (std::size_t i = 0; i < many.size(); ++i) many[i].name = "f" + std::to_string(i);
  done = unpack(many, {1U << 20U, 100});
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().text.find("too many files"), std::string::npos);

  std::string deep;
  for (int i = 0; i < 200; ++i) deep += "d/";
  expect_refused({{EntryKind::folder, deep, "", 0755}}, "too deeply");
  expect_refused({{EntryKind::file, std::string(300, 'n'), "x"}}, "too long");
  // Folders on the way count as well.
  done = unpack({{EntryKind::file, "a/b/c/d/e/f", "x"}}, {100, 3});
  EXPECT_FALSE(done);
}

TEST_F(Unpack, DamageIsSeen) {
  BuiltLayer layer = make_layer({{EntryKind::file, "f", std::string(100'000, 'x')}}, "gzip");
  BuiltLayer cut = layer;
  cut.blob.resize(cut.blob.size() / 2);
  auto done = unpack(cut);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::protocol);

  BuiltLayer other = layer;
  other.tar += "x";
  done = unpack(other);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::protocol);
  EXPECT_NE(done.error().text.find("configuration"), std::string::npos) << done.error().text;

  BuiltLayer nonsense{"this is no archive at all", "this is no archive at all"};
  EXPECT_FALSE(unpack(nonsense));

  // Bytes after the archive's end are no part of what its digest says.
  BuiltLayer longer = layer;
  longer.blob += "more";
  LayerJob job;
  EXPECT_TRUE(base::write_file_atomic(folder_.path("blob"), longer.blob));
  job.blob_path = folder_.path("blob");
  job.blob = {digest_of(layer.blob), layer.blob.size(), ""};
  job.diff_id = digest_of(layer.tar);
  job.folder = folder_.path("layer");
  done = unpack_layer(job, Progress());
  EXPECT_FALSE(done);
}

TEST_F(Unpack, FilesAndFoldersOfOneName) {
  ASSERT_TRUE(unpack({{EntryKind::file, "a", "one"},
                      {EntryKind::file, "a", "two"},
                      {EntryKind::folder, "b", "", 0755},
                      {EntryKind::file, "b/x", "x"},
                      {EntryKind::folder, "b", "", 0750},
                      {EntryKind::file, "c", "c"},
                      {EntryKind::folder, "c", "", 0755}}));
  EXPECT_EQ(content("a"), "two");
  EXPECT_EQ(content("b/x"), "x");
  EXPECT_EQ(status("b").st_mode & 07777U, 0750U);
  EXPECT_TRUE(S_ISDIR(status("c").st_mode));
  expect_refused({{EntryKind::file, "d/x", "x"}, {EntryKind::file, "d", "x"}}, "replaces a folder");
}

TEST_F(Unpack, NamesInAnyAlphabet) {
  ASSERT_TRUE(unpack({{EntryKind::file, "grün/名前", "x"},
                      {EntryKind::file,
                       "a\xff"
                       "b",
                       "y"}}));
  EXPECT_EQ(content("grün/名前"), "x");
}

}  // namespace
}  // namespace sluice::image
