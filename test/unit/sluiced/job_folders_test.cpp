// Folders of jobs: given again when nothing is left in them, and only then.
#include "daemon/worker/job_folders.hpp"

#include <sys/stat.h>

#include <cstdlib>

#include <gtest/gtest.h>

#include "base/file.hpp"

namespace sluice::worker {
namespace {

class JobFoldersTest : public ::testing::Test {
 protected:
  JobFoldersTest() {
    std::string pattern = ::testing::TempDir() + "foldersXXXXXX";
    spool = ::mkdtemp(pattern.data());
  }
  ~JobFoldersTest() override { EXPECT_TRUE(base::remove_tree(spool)); }
  [[nodiscard]] std::string at(const std::string& name) const { return spool + "/" + name; }
  [[nodiscard]] ino_t inode(const std::string& name) const {
    struct stat info {};
    EXPECT_EQ(::stat(at(name).c_str(), &info), 0);
    return info.st_ino;
  }
  std::string spool;
};

TEST_F(JobFoldersTest, an_emptied_folder_serves_again) {
  JobFolders folders(spool);
  ASSERT_TRUE(folders.make(at("job_1.0")));
  const ino_t first = inode("job_1.0");
  ASSERT_EQ(::mkdir(at("job_1.0/step_batch").c_str(), 0700), 0);
  ASSERT_TRUE(base::write_file_atomic(at("job_1.0/slurm_script"), "secret"));
  ASSERT_TRUE(folders.remove(at("job_1.0")));
  EXPECT_FALSE(base::file_exists(at("job_1.0")));
  ASSERT_TRUE(folders.make(at("job_2.0")));
  EXPECT_EQ(inode("job_2.0"), first);
  EXPECT_FALSE(base::file_exists(at("job_2.0/slurm_script")));
}

TEST_F(JobFoldersTest, a_folder_with_more_in_it_is_removed_whole) {
  JobFolders folders(spool);
  ASSERT_TRUE(folders.make(at("job_1.0")));
  ASSERT_EQ(::mkdir(at("job_1.0/step_0").c_str(), 0700), 0);
  ASSERT_TRUE(base::write_file_atomic(at("job_1.0/step_0/record"), "x"));
  ASSERT_TRUE(folders.remove(at("job_1.0")));
  EXPECT_FALSE(base::file_exists(at("job_1.0")));
  ASSERT_TRUE(folders.make(at("job_2.0")));
  EXPECT_FALSE(base::file_exists(at("job_2.0/step_0")));
}

TEST_F(JobFoldersTest, a_steps_folder_serves_again_without_what_was_in_it) {
  JobFolders folders(spool);
  ASSERT_TRUE(folders.make_step(at("step_0")));
  const ino_t first = inode("step_0");
  ASSERT_TRUE(base::write_file_atomic(at("step_0/record"), "x"));
  ASSERT_TRUE(folders.remove_step(at("step_0")));
  EXPECT_FALSE(base::file_exists(at("step_0")));
  ASSERT_TRUE(folders.make_step(at("step_1")));
  EXPECT_EQ(inode("step_1"), first);
  EXPECT_FALSE(base::file_exists(at("step_1/record")));
  // Something unknown in it: it goes, and what is inside.
  ASSERT_TRUE(base::write_file_atomic(at("step_1/other"), "x"));
  ASSERT_TRUE(folders.remove_step(at("step_1")));
  EXPECT_FALSE(base::file_exists(at("step_1")));
  ASSERT_TRUE(folders.make_step(at("step_2")));
  EXPECT_FALSE(base::file_exists(at("step_2/other")));
  ASSERT_TRUE(base::write_file_atomic(at("step_2/record"), "mine"));
  ASSERT_TRUE(folders.make_step(at("step_2")));
  EXPECT_TRUE(base::file_exists(at("step_2/record")));
}

TEST_F(JobFoldersTest, a_folder_that_is_there_is_left_alone) {
  JobFolders folders(spool);
  ASSERT_TRUE(folders.make(at("job_1.0")));
  ASSERT_EQ(::mkdir(at("job_1.0/step_batch").c_str(), 0700), 0);
  ASSERT_TRUE(folders.remove(at("job_1.0")));
  ASSERT_EQ(::mkdir(at("job_2.0").c_str(), 0711), 0);
  ASSERT_TRUE(base::write_file_atomic(at("job_2.0/slurm_script"), "mine"));
  ASSERT_TRUE(folders.make(at("job_2.0")));
  EXPECT_TRUE(base::file_exists(at("job_2.0/slurm_script")));
}

}  // namespace
}  // namespace sluice::worker
