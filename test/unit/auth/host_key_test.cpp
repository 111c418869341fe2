// Host keys on disk and as text, and the host list.

#include "auth/host_key.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "auth/base64.hpp"
#include "auth/host_list.hpp"
#include "base/file.hpp"

namespace sluice::auth {
namespace {

class HostKeyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "sluice_auth_" + std::to_string(::getpid());
    ASSERT_TRUE(base::make_directories(folder_, 0700));
  }
  void TearDown() override { EXPECT_TRUE(base::remove_tree(folder_)); }

  std::string folder_;
};

TEST_F(HostKeyTest, IsTheSameAfterSavingAndLoading) {
  const std::string path = folder_ + "/key";
  const auto key = HostKey::load_or_create(path);
  ASSERT_TRUE(key) << key.error().text;
  struct stat found {};
  ASSERT_EQ(::stat(path.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
  const auto again = HostKey::load_or_create(path);
  ASSERT_TRUE(again) << again.error().text;
  EXPECT_EQ(key->public_key(), again->public_key());
  EXPECT_EQ(*key->private_key_der(), *again->private_key_der());
}

TEST_F(HostKeyTest, EachIsItsOwn) {
  EXPECT_NE(HostKey::generate()->public_key(), HostKey::generate()->public_key());
}

TEST_F(HostKeyTest, RefusesFilesThatOthersCouldReadOrThatAreNoKeys) {
  const std::string path = folder_ + "/key";
  ASSERT_TRUE(HostKey::generate()->save(path));
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  const auto open_file = HostKey::load(path);
  ASSERT_FALSE(open_file);
  EXPECT_EQ(open_file.error().code, ErrorCode::access_denied);
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  ASSERT_EQ(::symlink(path.c_str(), (folder_ + "/link").c_str()), 0);
  EXPECT_FALSE(HostKey::load(folder_ + "/link"));
  const base::WriteOptions secret{.mode = 0600};
  ASSERT_TRUE(base::write_file_atomic(folder_ + "/junk", "not a key", secret));
  EXPECT_FALSE(HostKey::load(folder_ + "/junk"));
  EXPECT_FALSE(HostKey::load_or_create(folder_ + "/junk")) << "a bad key is never replaced";
  EXPECT_EQ(HostKey::load(folder_ + "/absent").error().code, ErrorCode::not_found);
}

TEST(PublicKeyText, IsCanonical) {
  const PublicKey key = HostKey::generate()->public_key();
  const std::string text = public_key_text(key);
  EXPECT_TRUE(text.starts_with("ed25519:"));
  EXPECT_EQ(*parse_public_key(text), key);
  for (const char* bad : {"", "ed25519:", "ed25519:AAAA", "rsa:AAAA", "ed25519:!!!!"}) {
    EXPECT_FALSE(parse_public_key(bad)) << bad;
  }
  EXPECT_FALSE(parse_public_key(text + "A"));
  EXPECT_FALSE(parse_public_key(text.substr(0, text.size() - 1)));
  EXPECT_EQ(fingerprint_text(fingerprint(key)).size(), 7U + 64U);
}

TEST(Base64Text, DecodesWhatItEncodesAndNothingElse) {
  EXPECT_EQ(encode_base64("f", Base64::standard), "Zg==");
  EXPECT_EQ(encode_base64("foobar", Base64::standard), "Zm9vYmFy");
  EXPECT_EQ(encode_base64("\xff\xfe", Base64::url), "__4");
  EXPECT_FALSE(decode_base64("Zh==", Base64::standard)) << "spare bits must be zero";
  EXPECT_FALSE(decode_base64("Zg=", Base64::standard));
  EXPECT_FALSE(decode_base64("Z g==", Base64::standard));
  rc::check([](const std::string& bytes) {
    for (const Base64 kind : {Base64::standard, Base64::url}) {
      const auto back = decode_base64(encode_base64(bytes, kind), kind);
      RC_ASSERT((back && *back == bytes));
    }
  });
  rc::check([](const std::string& text) {
    const auto bytes = decode_base64(text, Base64::url);
    RC_ASSERT((!bytes || encode_base64(*bytes, Base64::url) == text));
  });
}

HostEntry entry(const std::string& name, const std::string& key) {
  return {.name = name, .address = "192.0.2.1", .port = 6817, .public_key = key, .role_bits = 2};
}

TEST(HostListTest, FindsHostsByNameAndKey) {
  const PublicKey key = HostKey::generate()->public_key();
  const std::string other = public_key_text(HostKey::generate()->public_key());
  HostList list;
  ASSERT_TRUE(list.put(entry("n1", public_key_text(key))));
  ASSERT_TRUE(list.put(entry("n2", other)));
  EXPECT_EQ(list.version, 2U);
  EXPECT_EQ(list.by_key(key), list.by_name("n1"));
  EXPECT_EQ(list.by_name("n3"), nullptr);
  EXPECT_EQ(list.by_key(HostKey::generate()->public_key()), nullptr);

  EXPECT_EQ(list.put(entry("n3", other)).error().code, ErrorCode::already_exists);
  const std::string renewed = public_key_text(HostKey::generate()->public_key());
  ASSERT_TRUE(list.put(entry("n1", renewed)));
  EXPECT_EQ(list.hosts.size(), 2U);
  EXPECT_EQ(list.by_key(key), nullptr);
  EXPECT_TRUE(list.remove("n1"));
  EXPECT_FALSE(list.remove("n1"));
}

TEST(HostListTest, RefusesWhatMakesNoSense) {
  const std::string key = public_key_text(HostKey::generate()->public_key());
  HostList list;
  EXPECT_FALSE(list.put(entry("", key)));
  EXPECT_FALSE(list.put(entry("a b", key)));
  EXPECT_FALSE(list.put(entry("n1", "ed25519:junk")));
  HostEntry bad_role = entry("n1", key);
  bad_role.role_bits = 16;
  EXPECT_FALSE(list.put(bad_role));
  bad_role.role_bits = 0;
  EXPECT_FALSE(list.put(bad_role));
  HostEntry bad_port = entry("n1", key);
  bad_port.port = 70000;
  EXPECT_FALSE(list.put(bad_port));
  EXPECT_TRUE(list.hosts.empty());
}

}  // namespace
}  // namespace sluice::auth
