// From a layout to a record: caching, sharing, sending, removing, and images that are not right.
#include "image/prepare.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "image/blobs.hpp"
#include "image/collect.hpp"
#include "image/digest.hpp"
#include "image/program.hpp"
#include "image/save.hpp"
#include "test/unit/image/image_builder.hpp"

namespace sluice::image {
namespace {

class Prepare : public ::testing::Test {
 protected:
  static PrepareOptions options() {
    PrepareOptions result;
    result.fetch.skopeo.deadline = Deadline::in_seconds(60);
    return result;
  }
  Result<ImageRecord> prepare_path(const Home& home, const std::string& path,
                                   const PrepareOptions& how = options()) {
    auto reference = parse_reference(path);
    if (!reference) return tl::unexpected(reference.error());
    return prepare(home, *reference, how);
  }
  Result<ImageRecord> prepare_layout(const LayoutSpec& spec) {
    write_layout(folder_.path("layout"), spec);
    return prepare_path(home_, folder_.path("layout"));
  }

  TestFolder folder_;
  Home home_ = folder_.home();
  const BuiltLayer base_ = make_layer({{EntryKind::file, "base", "b"}}, "gzip");
  const BuiltLayer top_ = make_layer({{EntryKind::file, "top", "t"}}, "zstd");
};

TEST_F(Prepare, TellsWhatTheImageSays) {
  LayoutSpec spec;
  spec.layers = {base_, top_};
  spec.process = R"({"Env":["A=1","bad","B=2=3"],"Entrypoint":["/e"],"Cmd":["c"],)"
                 R"("WorkingDir":"/w","User":"u"})";
  const auto record = prepare_layout(spec);
  ASSERT_TRUE(record) << record.error().text;
  EXPECT_EQ(record->environment, (std::vector<Text>{"A=1", "B=2=3"}));
  EXPECT_EQ(record->entrypoint, std::vector<Text>{"/e"});
  EXPECT_EQ(record->command, std::vector<Text>{"c"});
  EXPECT_EQ(record->workdir, Text("/w"));
  EXPECT_EQ(record->user, Text("u"));
  EXPECT_EQ(record->bytes, 2U);
  ASSERT_EQ(record->layers.size(), 2U);
  EXPECT_EQ(record->layers[0], Text(hex_of(digest_of(base_.tar))));
  const auto again = prepare_path(home_, folder_.path("layout"));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->digest, record->digest);
  const auto found = find_prepared(home_, *parse_reference(folder_.path("layout")), "");
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->has_value());
}

TEST_F(Prepare, RefusesWhatCantRun) {
  LayoutSpec spec;
  spec.layers = {base_};
  spec.architecture = "vax";
  const auto record = prepare_layout(spec);
  ASSERT_FALSE(record);
  EXPECT_NE(record.error().text.find("for vax"), std::string::npos) << record.error().text;
  EXPECT_TRUE(entries_of(home_.folder(kRecordFolder)).empty());
  EXPECT_TRUE(entries_of(home_.folder("tmp")).empty());
}

TEST_F(Prepare, RefusesWrongDigests) {
  LayoutSpec spec;
  spec.layers = {base_};
  write_layout(folder_.path("layout"), spec);
  const std::string blob = folder_.path("layout/blobs/sha256/") + hex_of(digest_of(base_.blob));
  std::string bent = base_.blob;
  bent[20] = static_cast<char>(bent[20] ^ 1);
  ASSERT_TRUE(base::write_file_atomic(blob, bent));
  const auto record = prepare_path(home_, folder_.path("layout"));
  ASSERT_FALSE(record);
  EXPECT_NE(record.error().text.find("isn't what its name says"), std::string::npos);
  EXPECT_TRUE(entries_of(home_.folder(kLayerFolder)).empty());
}

TEST_F(Prepare, LoadsDamagedBlobsAnew) {
  LayoutSpec spec;
  spec.layers = {base_};
  ASSERT_TRUE(prepare_layout(spec));
  std::string bent = base_.blob;
  bent[20] = static_cast<char>(bent[20] ^ 1);
  ASSERT_TRUE(base::write_file_atomic(home_.blob(digest_of(base_.blob)), bent));
  ASSERT_TRUE(remove_own_tree(home_.layer(digest_of(base_.tar))));
  const auto record = prepare_path(home_, folder_.path("layout"));
  ASSERT_TRUE(record) << record.error().text;
  EXPECT_EQ(base::read_file(home_.layer(digest_of(base_.tar)) + "/base", 10), "b");
}

TEST_F(Prepare, SameLayerTwiceAndOpaqueRoots) {
  const BuiltLayer hides = make_layer({{EntryKind::file, ".wh..wh..opq", ""}});
  LayoutSpec spec;
  spec.layers = {base_, top_, base_};
  auto record = prepare_layout(spec);
  ASSERT_TRUE(record) << record.error().text;
  EXPECT_EQ(record->layers,
            (std::vector<Text>{hex_of(digest_of(top_.tar)), hex_of(digest_of(base_.tar))}));
  spec.layers = {base_, hides, top_};
  record = prepare_layout(spec);
  ASSERT_TRUE(record) << record.error().text;
  EXPECT_EQ(record->layers,
            (std::vector<Text>{hex_of(digest_of(hides.tar)), hex_of(digest_of(top_.tar))}));
}

TEST_F(Prepare, BoundsHoldForTheWholeImage) {
  const BuiltLayer one = make_layer({{EntryKind::file, "a", std::string(3000, 'a')}});
  const BuiltLayer two = make_layer({{EntryKind::file, "b", std::string(3000, 'b')}});
  LayoutSpec spec;
  spec.layers = {one, two};
  write_layout(folder_.path("layout"), spec);
  PrepareOptions how = options();
  how.fetch.bounds.bytes = 5000;
  EXPECT_FALSE(prepare_path(home_, folder_.path("layout"), how));
  EXPECT_TRUE(entries_of(home_.folder("tmp")).empty());
  EXPECT_TRUE(entries_of(home_.folder(kRecordFolder)).empty());
}

TEST_F(Prepare, TravelsAsAStream) {
  LayoutSpec spec;
  spec.layers = {base_, top_};
  const auto record = prepare_layout(spec);
  ASSERT_TRUE(record);
  const std::string path = folder_.path("stream");
  {
    auto out = base::open_file(path, O_WRONLY | O_CREAT, 0600);
    ASSERT_TRUE(out);
    ASSERT_TRUE(send(home_, record->digest.str(), out->get()));
  }
  ASSERT_EQ(::mkdir(folder_.path("other").c_str(), 0700), 0);
  auto other = Home::open(folder_.path("other"));
  ASSERT_TRUE(other);
  auto bytes = base::read_file(path, 1 << 20);
  ASSERT_TRUE(bytes);
  const auto take = [&](const std::string& content) {
    EXPECT_TRUE(base::write_file_atomic(path, content));
    auto in = base::open_file(path, O_RDONLY);
    PrepareOptions how = options();
    how.stream = in->get();
    how.fetch.digest = record->digest.str();
    return prepare(*other, *parse_reference(folder_.path("layout")), how);
  };
  EXPECT_FALSE(take(bytes->substr(0, bytes->size() / 2)));
  std::string bent = *bytes;
  const std::size_t at = bent.find(base_.blob.substr(20, 30));
  ASSERT_NE(at, std::string::npos);
  bent[at] = static_cast<char>(bent[at] ^ 1);
  EXPECT_FALSE(take(bent));
  EXPECT_TRUE(entries_of(other->folder(kRecordFolder)).empty());
  const auto arrived = take(*bytes);
  ASSERT_TRUE(arrived) << arrived.error().text;
  EXPECT_EQ(arrived->digest, record->digest);
  EXPECT_EQ(arrived->layers, record->layers);
}

TEST_F(Prepare, RemovesOnlyWhatNobodyUses) {
  LayoutSpec both;
  both.layers = {base_, top_};
  const auto first = prepare_layout(both);
  ASSERT_TRUE(first);
  LayoutSpec one;
  one.layers = {base_};
  const auto second = prepare_layout(one);
  ASSERT_TRUE(second);
  {
    auto used = Lock::take(home_.lock(hex_of(first->digest)), LockKind::shared, {});
    ASSERT_TRUE(used);
    const auto refused = remove_image(home_, first->digest.str());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::busy);
  }
  ASSERT_TRUE(base::make_directories(home_.folder("containers/c")));
  ASSERT_TRUE(base::write_file_atomic(home_.folder("containers/c/image"), first->digest.view()));
  EXPECT_FALSE(remove_image(home_, first->digest.str()));
  ASSERT_TRUE(remove_own_tree(home_.folder("containers/c")));
  const auto removed = remove_image(home_, first->digest.str());
  ASSERT_TRUE(removed) << removed.error().text;
  EXPECT_FALSE(home_.has_layer(digest_of(top_.tar)));
  EXPECT_TRUE(home_.has_layer(digest_of(base_.tar)));
  EXPECT_TRUE(home_.has_blob(digest_of(base_.blob)));
  const auto images = list_images(home_);
  ASSERT_TRUE(images);
  ASSERT_EQ(images->size(), 1U);
  // Fresh ones stay, old ones go.
  ASSERT_TRUE(collect(home_, {0, 0}));
  EXPECT_EQ(list_images(home_)->size(), 1U);
  const timespec old[2] = {{1'000'000, 0}, {1'000'000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, home_.record(second->digest).c_str(), old, 0), 0);
  ASSERT_TRUE(collect(home_, {0, 1'000'000'000'000}));
  EXPECT_TRUE(list_images(home_)->empty());
  EXPECT_TRUE(entries_of(home_.folder("blobs/sha256")).empty());
}

TEST_F(Prepare, SweepsWhatTheDeadLeft) {
  ASSERT_TRUE(base::make_directories(home_.folder("tmp/pull.0/layout")));
  auto mine = home_.make_work("mine");
  ASSERT_TRUE(mine);
  const Home again = folder_.home();
  EXPECT_FALSE(base::file_exists(again.folder("tmp/pull.0")));
  EXPECT_TRUE(base::file_exists(mine->path()));
}

TEST_F(Prepare, SquashfsThereAndBack) {
  LayoutSpec spec;
  spec.layers = {base_, make_layer({{EntryKind::file, ".wh.base", ""},
                                    {EntryKind::file, "etc/x", "x", 04755}})};
  spec.process = R"({"Env":["A=1"],"Cmd":["/bin/x"]})";
  const auto record = prepare_layout(spec);
  ASSERT_TRUE(record);
  const std::string file = folder_.path("image.sqsh");
  const auto saved = save_image(home_, *record, file, {"", Deadline::in_seconds(60)});
  ASSERT_TRUE(saved) << saved.error().text;
  const auto back = prepare_path(home_, file);
  ASSERT_TRUE(back) << back.error().text;
  ASSERT_EQ(back->layers.size(), 1U);
  const std::string root = home_.folder(kLayerFolder) + "/" + back->layers[0].str();
  EXPECT_EQ(base::read_file(root + "/etc/x", 10), "x");
  EXPECT_FALSE(base::file_exists(root + "/base"));
  EXPECT_EQ(back->environment, std::vector<Text>{"A=1"});
  EXPECT_EQ(back->entrypoint, (std::vector<Text>{"/bin/sh", "/etc/rc"}));
  PrepareOptions how = options();
  how.fetch.bounds.entries = 2;
  ASSERT_TRUE(remove_image(home_, back->digest.str()));
  EXPECT_FALSE(prepare_path(home_, file, how));
}

TEST_F(Prepare, OneAtATimeUnpacks) {
  LayoutSpec spec;
  spec.layers = {base_, top_};
  write_layout(folder_.path("layout"), spec);
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) ::_exit(prepare_path(home_, folder_.path("layout")) ? 0 : 1);
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(entries_of(home_.folder(kLayerFolder)).size(), 2U);
  EXPECT_TRUE(entries_of(home_.folder("tmp")).empty());
}

TEST(Program, EndsAtItsDeadline) {
  ProgramCall call;
  call.command = {"sleep", "60"};
  call.deadline = Deadline::in_seconds(0);
  const auto end = run_program(call);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, ErrorCode::busy);
  call.command = {"no-such-program-here"};
  call.deadline = {};
  EXPECT_EQ(run_program(call).error().code, ErrorCode::not_found);
}

TEST(Skopeo, ComplaintsAreOneLine) {
  EXPECT_EQ(condense_complaint("time=\"x\" level=fatal msg=\"Error parsing image name "
                               "\\\"docker://a\\\": reading manifest v1 in h/a: manifest unknown: "
                               "manifest unknown\"\n"),
            "reading manifest v1 in h/a: manifest unknown");
  EXPECT_EQ(condense_complaint("one\ntwo\x1b[31m\n"), "two [31m");
  EXPECT_EQ(condense_complaint(""), "it ended without a reason");
}

}  // namespace
}  // namespace sluice::image
