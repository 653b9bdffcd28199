#include "exchange/client_address.hpp"

#include <gtest/gtest.h>

namespace sidecar::exchange {
namespace {

Network network(const char* text, std::uint8_t bits) {
  return {parse_ip(text).value(), bits};
}

ClientAddressPolicy behind_nginx() {
  return {"X-Forwarded-For", {network("10.0.0.0", 104), network("::1", 128)}};
}

std::string_view client_of(std::string_view peer, std::vector<http::Field> fields) {
  static ClientAddressPolicy policy = behind_nginx();
  return client_of(policy, peer, fields);
}

TEST(ClientAddress, ParseIp) {
  const auto v4 = parse_ip("192.0.2.7");
  ASSERT_TRUE(v4);
  EXPECT_EQ((*v4)[11], 0xff);
  EXPECT_EQ((*v4)[12], 192);
  EXPECT_EQ(parse_ip("192.0.2.7:80"), v4);
  EXPECT_EQ(parse_ip("::ffff:192.0.2.7"), v4);
  const auto v6 = parse_ip("2001:db8::1");
  ASSERT_TRUE(v6);
  EXPECT_EQ(parse_ip("[2001:db8::1]:443"), v6);
  EXPECT_EQ(parse_ip("[2001:db8::1]"), v6);
  for (const char* text : {"", "unix", "192.0.2", "192.0.2.256", "host", "[::1", "[", "unknown", "_hidden", "1.2.3.4,",
                           "[::1]junk", "[::1]:x", "1.2.3.4:x", "1.2.3.4:", "[::1]:123456", ":80"}) {
    EXPECT_FALSE(parse_ip(text)) << text;
  }
}

TEST(ClientAddress, Contains) {
  EXPECT_TRUE(contains(network("10.0.0.0", 104), *parse_ip("10.255.1.2")));
  EXPECT_FALSE(contains(network("10.0.0.0", 104), *parse_ip("11.0.0.0")));
  EXPECT_TRUE(contains(network("10.128.0.0", 105), *parse_ip("10.200.0.1"))) << "a prefix inside a byte";
  EXPECT_FALSE(contains(network("10.128.0.0", 105), *parse_ip("10.127.0.1")));
  EXPECT_TRUE(contains(network("::", 0), *parse_ip("1.2.3.4")));
  EXPECT_FALSE(contains(network("::1", 128), *parse_ip("::2")));
}

TEST(ClientAddress, ThePeerItselfWithoutAHeaderOrTrust) {
  EXPECT_EQ(client_of(ClientAddressPolicy{}, "10.0.0.1:5", {}), "10.0.0.1:5");
  EXPECT_EQ(client_of("192.0.2.7:5", {{"X-Forwarded-For", "1.1.1.1"}}), "192.0.2.7:5") << "a stranger may say anything";
  EXPECT_EQ(client_of("10.0.0.1:5", {}), "10.0.0.1:5");
}

TEST(ClientAddress, TheLastOneThatIsNotTrusted) {
  EXPECT_EQ(client_of("10.0.0.1:5", {{"x-forwarded-for", "6.6.6.6, 1.1.1.1, 10.9.9.9"}}), "1.1.1.1");
  EXPECT_EQ(client_of("10.0.0.1:5", {{"X-Forwarded-For", "6.6.6.6"}, {"X-Forwarded-For", "1.1.1.1"}}), "1.1.1.1");
  EXPECT_EQ(client_of("unix", {{"X-Forwarded-For", "1.1.1.1"}}), "1.1.1.1");
  EXPECT_EQ(client_of("[::1]:5", {{"X-Forwarded-For", "[2001:db8::1]:80"}}), "[2001:db8::1]:80");
}

TEST(ClientAddress, AllTrustedGivesTheFirst) {
  EXPECT_EQ(client_of("10.0.0.1:5", {{"X-Forwarded-For", "10.0.0.3, 10.0.0.2"}}), "10.0.0.3");
}

TEST(ClientAddress, JunkEndsTheSearch) {
  EXPECT_EQ(client_of("10.0.0.1:5", {{"X-Forwarded-For", "1.1.1.1, unknown, 10.0.0.2"}}), "10.0.0.2");
  EXPECT_EQ(client_of("10.0.0.1:5", {{"X-Forwarded-For", ""}}), "10.0.0.1:5");
  EXPECT_EQ(client_of("10.0.0.1:5", {{"X-Forwarded-For", "1.1.1.1,"}}), "10.0.0.1:5");
}

}  // namespace
}  // namespace sidecar::exchange
