#include "http/request_check.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/http/reading.hpp"

namespace sidecar::http {
namespace {

using namespace std::string_view_literals;

int check(std::string_view method, std::string_view target, const std::vector<Field>& fields,
          Version version = Version::http_1_1) {
  RequestHead head;
  head.method = method;
  head.target = target;
  head.version = version;
  head.fields = fields;
  const Refusal refusal = check_request(head);
  EXPECT_EQ(refusal.status != 0, !std::string_view(refusal.why).empty());
  return refusal.status;
}

int check_host(std::string_view host) {
  return check("GET", "/", {{"Host", host}});
}

TEST(RequestCheck, WantsOneHost) {
  EXPECT_EQ(check("GET", "/", {{"Host", "a"}}), 0);
  EXPECT_EQ(check("GET", "/", {{"hOST", "a"}}), 0);
  EXPECT_EQ(check("GET", "/", {}), 400);
  EXPECT_EQ(check("GET", "/", {{"Hosts", "a"}}), 400);
  EXPECT_EQ(check("GET", "/", {{"Host", "a"}, {"Host", "a"}}), 400);
  EXPECT_EQ(check("GET", "/", {{"Host", "a"}, {"X", "y"}, {"host", "b"}}), 400);
  EXPECT_EQ(check("GET", "/", {}, Version::http_1_0), 0);
  EXPECT_EQ(check("GET", "/", {{"Host", "a"}}, Version::http_1_0), 0);
  EXPECT_EQ(check("GET", "/", {{"Host", "a"}, {"Host", "a"}}, Version::http_1_0), 400);
}

TEST(RequestCheck, WantsAHostThatCanBeOne) {
  for (const std::string_view host :
       {""sv, "a"sv, "example.com"sv, "example.com:8080"sv, "example.com:"sv, "my_service:80"sv, "192.0.2.1:80"sv,
        "[::1]"sv, "[::1]:80"sv, "[fe80::1%25eth0]:80"sv,
        "b\xc3\xbc"
        "cher.example"sv,
        "%C3%BC.example"sv}) {
    EXPECT_EQ(check_host(host), 0) << host;
  }
  for (const std::string_view host :
       {"a b"sv,     "a\tb"sv, "a,b"sv,   "a, b"sv, "a/b"sv,      "a/"sv,      "a?b"sv,     "a#b"sv,
        "user@a"sv,  "a\\b"sv, "\"a\""sv, "<a>"sv,  "http://a"sv, "a:80:80"sv, "a:8o"sv,    "a:-1"sv,
        "a:+80"sv,   "a:b"sv,  "::1"sv,   "[::1"sv, "::1]"sv,     "[::1]80"sv, "[::1]:x"sv, "[::1]x:80"sv,
        "[[::1]]"sv, "a[b]"sv, "[]"sv,    ":80"sv,  "a\x7f"sv,    "a\0"sv}) {
    EXPECT_EQ(check_host(host), 400) << test::printable(host);
  }
}

TEST(RequestCheck, WantsAPathOrAUrl) {
  const std::vector<Field> host = {{"Host", "a"}};
  EXPECT_EQ(check("GET", "/", host), 0);
  EXPECT_EQ(check("GET", "//", host), 0);
  EXPECT_EQ(check("GET", "//b/c", host), 0);
  EXPECT_EQ(check("GET", "/x?y=http://b/", host), 0);
  EXPECT_EQ(check("GET", "/../%2e%2E/%00?%", host), 0);
  EXPECT_EQ(check("GET", "/\xc3\xa4?\xff", host), 0);
  EXPECT_EQ(check("GET", "x", host), 400);
  EXPECT_EQ(check("GET", "?x", host), 400);
  EXPECT_EQ(check("GET", "a:80", host), 400);
  EXPECT_EQ(check("GET", "*", host), 400);
  EXPECT_EQ(check("POST", "*", host), 400);
  EXPECT_EQ(check("OPTIONS", "*", host), 0);
  EXPECT_EQ(check("options", "*", host), 400);
  EXPECT_EQ(check("OPTIONS", "**", host), 400);
  EXPECT_EQ(check("OPTIONS", "/", host), 0);
}

TEST(RequestCheck, HoldsAUrlAgainstItsHost) {
  const std::vector<Field> host = {{"Host", "a:80"}};
  EXPECT_EQ(check("GET", "http://a:80/x", host), 0);
  EXPECT_EQ(check("GET", "HTTPS://A:80", host), 0);
  EXPECT_EQ(check("GET", "http://a/x", host), 400);
  EXPECT_EQ(check("GET", "http://b:80/x", host), 400);
  EXPECT_EQ(check("GET", "http://a:80/x", {{"Host", ""}}), 400);
  EXPECT_EQ(check("GET", "http://a/x", {}, Version::http_1_0), 0);
  EXPECT_EQ(check("GET", "http://a/x", {}), 400);
  EXPECT_EQ(check("GET", "http://u@a/x", {}, Version::http_1_0), 400);
  EXPECT_EQ(check("GET", "http://a?x", {{"Host", "a"}}), 400);
  EXPECT_EQ(check("GET", "ftp://a:80/x", host), 400);
  EXPECT_EQ(check("GET", "http:/x", host), 400);
  EXPECT_EQ(check("GET", "://a:80/", host), 400);
}

TEST(RequestCheck, RefusesAUrlWithoutAHost) {
  EXPECT_EQ(check("GET", "http:///x", {{"Host", "a"}}), 400);
  EXPECT_EQ(check("GET", "http://", {{"Host", "a"}}), 400);
  EXPECT_EQ(check("GET", "http:///x", {{"Host", ""}}), 400);
  EXPECT_EQ(check("GET", "http:///x", {}, Version::http_1_0), 400);
  EXPECT_EQ(check("GET", "http://:80/x", {{"Host", ":80"}}), 400);
}

/// Whoever reads the authority behind the first colon sees another one than whoever looks for `://`.
TEST(RequestCheck, RefusesAUrlWhoseSchemeIsNone) {
  EXPECT_EQ(check("GET", "http:zz://b/x?y", {{"Host", "b"}}), 400);
  EXPECT_EQ(check("GET", "http:b://b/", {{"Host", "b"}}), 400);
}

TEST(RequestCheck, ServesNoConnect) {
  EXPECT_EQ(check("CONNECT", "a:443", {{"Host", "a:443"}}), 405);
  EXPECT_EQ(check("CONNECT", "/", {{"Host", "a"}}), 405);
  EXPECT_EQ(check("connect", "a:443", {{"Host", "a:443"}}), 400);
}

TEST(RequestCheck, KnowsOneExpectation) {
  const auto expecting = [](const std::vector<Field>& more) {
    std::vector<Field> fields = {{"Host", "a"}};
    fields.insert(fields.end(), more.begin(), more.end());
    return check("POST", "/", fields);
  };
  EXPECT_EQ(expecting({{"Expect", "100-continue"}}), 0);
  EXPECT_EQ(expecting({{"expect", "100-Continue"}}), 0);
  EXPECT_EQ(expecting({{"Expect", "100-continue"}, {"Expect", "100-continue"}}), 0);
  EXPECT_EQ(expecting({{"Expect", ""}}), 417);
  EXPECT_EQ(expecting({{"Expect", "200-ok"}}), 417);
  EXPECT_EQ(expecting({{"Expect", "100-continue, x"}}), 417);
  EXPECT_EQ(expecting({{"Expect", "100-continue;x"}}), 417);
  EXPECT_EQ(expecting({{"Expect", "100-continue"}, {"Expect", "x"}}), 417);
}

TEST(SplitTarget, TakesTheAuthorityOffAUrl) {
  struct Case {
    std::string_view target;
    std::string_view authority;
    std::string_view rest;
  };
  const Case cases[] = {
      {"/", "", "/"},
      {"/a?b", "", "/a?b"},
      {"/http://a/b", "", "/http://a/b"},
      {"*", "", "*"},
      {"a:443", "", "a:443"},
      {"http://a", "a", "/"},
      {"http://a/", "a", "/"},
      {"http://a:80/b?c=http://d/e", "a:80", "/b?c=http://d/e"},
      {"HtTpS://[::1]:80//x", "[::1]:80", "//x"},
      {"http://a?b/c", "a", "?b/c"},
      {"ws://a/", "", "ws://a/"},
      {"x?http://a/", "", "x?http://a/"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(split_target(c.target).authority, c.authority) << c.target;
    EXPECT_EQ(split_target(c.target).target, c.rest) << c.target;
  }
}

TEST(HostWithoutPort, TakesThePortOff) {
  EXPECT_EQ(host_without_port("a:80"), "a");
  EXPECT_EQ(host_without_port("a:"), "a");
  EXPECT_EQ(host_without_port("a"), "a");
  EXPECT_EQ(host_without_port(""), "");
  EXPECT_EQ(host_without_port("[::1]:80"), "[::1]");
  EXPECT_EQ(host_without_port("[::1]"), "[::1]");
  EXPECT_EQ(host_without_port("[::1"), "");
}

}  // namespace
}  // namespace sidecar::http
