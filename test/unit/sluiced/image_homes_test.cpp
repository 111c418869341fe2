// Users' image folders as the agent makes them, and errands that it runs as users.
#include "daemon/worker/image_homes.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include <gtest/gtest.h>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "daemon/worker/user_errand.hpp"

namespace sluice::worker {
namespace {

class ImageHomes : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/sluice-homes.XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
    cache_ = folder_ + "/images";
  }
  void TearDown() override { EXPECT_TRUE(base::remove_tree(folder_)); }
  [[nodiscard]] ImageOwner me() const { return {::geteuid(), ::getegid()}; }

  std::string folder_;
  std::string cache_;
};

TEST_F(ImageHomes, AreTheUsersOwnBelowAFolderOfTheDaemons) {
  const auto home = make_image_home(cache_, me(), true);
  ASSERT_TRUE(home) << home.error().text;
  EXPECT_EQ(*home, cache_ + "/" + std::to_string(me().uid));
  struct stat seen {};
  ASSERT_EQ(::stat(home->c_str(), &seen), 0);
  EXPECT_EQ(seen.st_mode & 0777U, 0700U);
  EXPECT_EQ(seen.st_uid, me().uid);
  ASSERT_EQ(::stat(cache_.c_str(), &seen), 0);
  EXPECT_EQ(seen.st_mode & 0022U, 0U);
  EXPECT_EQ(find_image_home(cache_, me().uid), *home);
  EXPECT_EQ(find_image_home(cache_, 4'000'000), "");
  ASSERT_EQ(image_homes(cache_).size(), 1U);
  EXPECT_EQ(image_homes(cache_).front().first, *home);
  EXPECT_TRUE(make_image_home(cache_, me(), true));
}

TEST_F(ImageHomes, AnotherUsersIsHandedOver) {
  const auto home = make_image_home(cache_, {12345, 54321}, true);
  ASSERT_EQ(home.has_value(), ::geteuid() == 0);  // who isn't root can't
  if (!home) return;
  struct stat seen {};
  ASSERT_EQ(::stat(home->c_str(), &seen), 0);
  EXPECT_EQ(seen.st_uid, 12345U);
  EXPECT_EQ(seen.st_gid, 54321U);
}

TEST_F(ImageHomes, AFolderThatOthersMayWriteIsRefused) {
  ASSERT_EQ(::mkdir(cache_.c_str(), 0755), 0);
  ASSERT_EQ(::chmod(cache_.c_str(), 0777), 0);
  const auto home = make_image_home(cache_, me(), true);
  ASSERT_FALSE(home);
  EXPECT_NE(home.error().text.find("others may write there"), std::string::npos);
}

TEST_F(ImageHomes, ALinkIsNotFollowed) {
  ASSERT_TRUE(make_image_home(cache_, me(), true));
  const std::string link = cache_ + "/77";
  ASSERT_EQ(::symlink("/tmp", link.c_str()), 0);
  EXPECT_FALSE(make_image_home(cache_, {77, 77}, true));
  EXPECT_EQ(find_image_home(cache_, 77), "");
}

// --- errands
// --------------------------------------------------------------------------------------

class Errands : public testing::Test {
 protected:
  Errands() : loop_(*net::Loop::create()) {}
  UserErrand::Spec shell(const std::string& script) {
    UserErrand::Spec spec;
    spec.command = {"/bin/sh", "-c", script};
    spec.user = auth::resolve_user_or_bare(::geteuid(), ::getegid());
    return spec;
  }
  void run_until(const std::function<bool()>& condition) {
    const std::uint64_t until = base::monotonic_ms() + 10'000;
    while (!condition() && base::monotonic_ms() < until) loop_->run_once(20);
  }
  Status run(UserErrand::Spec spec) {
    std::optional<Status> result;
    const auto errand =
        UserErrand::start(*loop_, std::move(spec), [&](const Status& done) { result = done; });
    run_until([&] { return result.has_value(); });
    return result.value_or(fail(ErrorCode::failure, "no end"));
  }
  std::unique_ptr<net::Loop> loop_;
};

TEST_F(Errands, TellTheLastWordsOfAFailure) {
  EXPECT_TRUE(run(shell("exit 0")));
  EXPECT_EQ(run(shell("exit 3")).error().text, "/bin/sh exited with 3");
  EXPECT_EQ(run(shell("echo a >&2; echo b >&2; exit 1")).error().text, "b");
  UserErrand::Spec none = shell("");
  none.command = {"/nonexistent/program"};
  EXPECT_FALSE(run(std::move(none)));
}

TEST_F(Errands, HaveAnEnvironmentOfTheirOwn) {
  ::setenv("SLUICE_SECRET", "x", 1);
  EXPECT_EQ(run(shell("echo \"<$SLUICE_SECRET>$(pwd)\" >&2; exit 1")).error().text, "<>/");
  ::unsetenv("SLUICE_SECRET");
}

TEST_F(Errands, TakeNoLongerThanTheyMay) {
  UserErrand::Spec spec = shell("");
  spec.command = {"/bin/sleep", "1000"};
  spec.timeout_ms = 50;
  EXPECT_EQ(run(std::move(spec)).error().text, "/bin/sleep took too long");
}

TEST_F(Errands, GiveTheirOutputInPieces) {
  UserErrand::Spec spec = shell("printf 123456789");
  spec.output = true;
  std::optional<Status> result;
  std::string text;
  std::unique_ptr<UserErrand> errand;
  const std::function<void(std::string)> take = [&](const std::string& piece) {
    EXPECT_LE(piece.size(), 4U);
    text += piece;
    errand->read(4, take);
  };
  errand = UserErrand::start(*loop_, std::move(spec), [&](const Status& done) { result = done; });
  errand->read(4, take);
  run_until([&] { return result.has_value(); });
  ASSERT_TRUE(result);
  EXPECT_TRUE(*result);
  EXPECT_EQ(text, "123456789");
  EXPECT_TRUE(errand->over());
}

TEST_F(Errands, AbandonedOnesDieAndSayNothing) {
  UserErrand::Spec spec = shell("");
  spec.command = {"/bin/sleep", "1000"};
  bool said = false;
  const auto errand =
      UserErrand::start(*loop_, std::move(spec), [&](const Status&) { said = true; });
  errand->abandon();
  run_until([&] { return errand->over(); });
  EXPECT_TRUE(errand->over());
  EXPECT_FALSE(said);
}

}  // namespace
}  // namespace sluice::worker
