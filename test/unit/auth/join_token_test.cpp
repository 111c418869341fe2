// Join tokens: text there and back, damage, and when a secret redeems its grant.

#include "auth/join_token.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace sluice::auth {
namespace {

JoinToken a_token() {
  return JoinToken{.address = "controller.example.org",
                   .port = 6817,
                   .controller = fingerprint(HostKey::generate()->public_key()),
                   .secret = *make_join_secret(),
                   .role = Role::node};
}

TEST(JoinTokenTest, SurvivesItsText) {
  const JoinToken token = a_token();
  const std::string text = token_text(token);
  EXPECT_EQ(
      text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
      std::string::npos);
  const auto back = parse_token(text);
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, token);
}

TEST(JoinTokenTest, AnyDamageIsNoticed) {
  const std::string text = token_text(a_token());
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string damaged = text;
    damaged[i] = damaged[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(parse_token(damaged)) << i;
    EXPECT_FALSE(parse_token(text.substr(0, i))) << i;
  }
  EXPECT_FALSE(parse_token(text + "AAAA"));
  EXPECT_FALSE(parse_token(std::string(100'000, 'A')));
}

TEST(JoinTokenTest, GarbageIsRefused) {
  rc::check([](const std::string& text) { RC_ASSERT(!parse_token(text)); });
}

TEST(JoinTokenTest, TheGrantTellsNothingOfTheSecret) {
  const JoinToken token = a_token();
  const JoinGrant grant = grant_for(token, 1000, 1);
  EXPECT_EQ(grant.secret_hash.size(), 64U);
  EXPECT_NE(grant.secret_hash, grant_for(a_token(), 1000, 1).secret_hash);
}

TEST(JoinTokenTest, RedeemsOnlyWithSecretRoleTimeAndUsesLeft) {
  const JoinToken token = a_token();
  JoinGrant grant = grant_for(token, 1000, 1);
  EXPECT_TRUE(check_join(grant, token.secret, Role::node, 999));
  EXPECT_FALSE(check_join(grant, token.secret, Role::node, 1000)) << "expired";
  EXPECT_FALSE(check_join(grant, token.secret, Role::login, 999)) << "another role";
  JoinSecret wrong = token.secret;
  wrong[15] = static_cast<std::uint8_t>(wrong[15] ^ 1);
  EXPECT_FALSE(check_join(grant, wrong, Role::node, 999)) << "another secret";
  JoinGrant raised = grant;
  raised.role_bits = Roles(Role::login).bits;
  EXPECT_FALSE(check_join(raised, token.secret, Role::login, 999)) << "a raised grant";
  grant.uses_left = 0;
  EXPECT_FALSE(check_join(grant, token.secret, Role::node, 999)) << "used up";
}

}  // namespace
}  // namespace sluice::auth
