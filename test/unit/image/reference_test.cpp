// What may be written to name an image.
#include "image/reference.hpp"

#include <gtest/gtest.h>

#include "base/file.hpp"
#include "test/unit/image/image_builder.hpp"

namespace sluice::image {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

std::string canonical(const std::string& text) {
  auto reference = parse_reference(text);
  return reference ? reference->canonical() : "error: " + reference.error().text;
}

TEST(Reference, PlainNames) {
  EXPECT_EQ(canonical("debian"), "docker.io/library/debian:latest");
  EXPECT_EQ(canonical("debian:12"), "docker.io/library/debian:12");
  EXPECT_EQ(canonical("nvidia/cuda:12.0"), "docker.io/nvidia/cuda:12.0");
  EXPECT_EQ(canonical("docker://debian"), "docker.io/library/debian:latest");
  EXPECT_EQ(canonical("debian@" + kDigest), "docker.io/library/debian@" + kDigest);
  EXPECT_EQ(canonical("quay.io/a/b_c:V1"), "quay.io/a/b_c:V1");
  EXPECT_EQ(canonical("localhost:5000/x"), "localhost:5000/x:latest");
  EXPECT_EQ(canonical("localhost/x:t@" + kDigest), "localhost/x:t@" + kDigest);
}

TEST(Reference, PyxisNames) {
  EXPECT_EQ(canonical("nvcr.io#nvidia/pytorch:24.01"), "nvcr.io/nvidia/pytorch:24.01");
  EXPECT_EQ(canonical("docker.io#debian"), "docker.io/library/debian:latest");
  const auto user = parse_reference("$oauthtoken@nvcr.io#nvidia/pytorch");
  ASSERT_TRUE(user);
  EXPECT_EQ(user->user, "$oauthtoken");
  EXPECT_EQ(user->registry, "nvcr.io");
  const auto hub = parse_reference("me@debian:12");
  ASSERT_TRUE(hub);
  EXPECT_EQ(hub->user, "me");
  EXPECT_EQ(hub->canonical(), "docker.io/library/debian:12");
}

TEST(Reference, RefusesOthers) {
  const std::vector<std::string> wrong = {"",
                                          "Debian",
                                          "debian:",
                                          "debian:a b",
                                          "a//b",
                                          "a/../b",
                                          "-x",
                                          "debian@sha256:12",
                                          "#debian",
                                          "x y#debian",
                                          "http://a/b",
                                          "dockerd://a",
                                          "a@b@c",
                                          "debian:" + std::string(200, 'a'),
                                          std::string("a\0b", 3),
                                          "localhost:5000/",
                                          "$(reboot)",
                                          "deb\nian"};
  for (const std::string& text : wrong) {
    const auto reference = parse_reference(text);
    ASSERT_FALSE(reference) << text << " became " << reference->canonical();
    EXPECT_FALSE(reference.error().text.empty());
  }
}

TEST(Reference, FilesByTheirContent) {
  const TestFolder folder;
  EXPECT_FALSE(parse_reference(folder.path("nothing")));
  ASSERT_TRUE(base::write_file_atomic(folder.path("squash"), "hsqs and more"));
  ASSERT_TRUE(base::write_file_atomic(folder.path("tar"), "some archive"));
  ASSERT_TRUE(base::write_file_atomic(folder.path("empty"), ""));
  write_layout(folder.path("layout"), {});
  EXPECT_EQ(parse_reference(folder.path("squash"))->source, Source::squashfs);
  EXPECT_EQ(parse_reference(folder.path("tar"))->source, Source::archive);
  EXPECT_FALSE(parse_reference(folder.path("empty")));
  EXPECT_FALSE(parse_reference(folder.path("home")));
  const auto layout = parse_reference(folder.path("layout:v1"));
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->source, Source::oci_layout);
  EXPECT_EQ(layout->tag, "v1");
  EXPECT_EQ(layout->file, folder.path("layout"));
  EXPECT_FALSE(parse_reference(folder.path("tar:v1")));
}

}  // namespace
}  // namespace sluice::image
