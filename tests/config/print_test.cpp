#include "config/print.hpp"

#include <gtest/gtest.h>

#include "tests/config/support.hpp"

namespace sidecar::config {
namespace {

void expect_round_trip(const Config& config) {
  const std::string printed = print(config);
  const LoadResult again = load_text(printed);
  for (const Problem& problem : again.problems) ADD_FAILURE() << to_string(problem) << "\n" << printed;
  ASSERT_TRUE(again.config);
  EXPECT_EQ(described(*again.config), described(config)) << printed;
  EXPECT_EQ(print(*again.config), printed);
}

TEST(Print, FeedingItBackGivesTheSame) {
  for (const char* const file : {"conf/sidecar.yaml", "conf/minimal.yaml", "tests/config/every_key.yaml"}) {
    SCOPED_TRACE(file);
    expect_round_trip(config_of(source_file(file)));
  }
}

TEST(Print, SpellsOutEveryKey) {
  EXPECT_EQ(
      keys_of(print(config_of("upstreams: {app: {url: 'http://app'}}\n"
                              "listeners: [{address: ':1', tls: {certificates: [{certificate: c, key: k}]}}]\n"))),
      known_keys());
}

TEST(Print, NothingIsLostThatIsSwitchedOff) {
  expect_round_trip(
      config_of("upstreams: {app: {url: 'http://app', keepalive: {max_idle: 0}, dns_ttl: 0s}}\n"
                "defaults: {event_stream: {heartbeat: off}}\nadmin: off\nlog: {level: off, redact_query: []}\n"));
}

TEST(Print, AwkwardWordsSurvive) {
  Config config = config_of("upstreams: {app: {url: 'http://app'}}\n");
  exchange::RoutePolicy& route = config.policies.routes[0];
  for (const char* const name : {"null",
                                 "~",
                                 "off",
                                 "true",
                                 "1",
                                 "- a",
                                 "a: b",
                                 "#x",
                                 "a #b",
                                 "'",
                                 "\"",
                                 "\\",
                                 "[a",
                                 "{a}",
                                 "a,b",
                                 "&a",
                                 "*a",
                                 "!a",
                                 "|",
                                 ">",
                                 "%",
                                 "@",
                                 "`",
                                 "?",
                                 "${HOME}",
                                 "$${X}",
                                 "${",
                                 "\xc3\xbc",
                                 "\xe2\x80\xa8",
                                 "\xc2\x85",
                                 "\xef\xbb\xbf",
                                 " a ",
                                 "<<",
                                 "---",
                                 "a\xf0\x9f\x98\x80"}) {
    SCOPED_TRACE(name);
    route.name = name;
    config.log.redact_query = {name, "b"};
    route.request_headers.set = {{"Null", "x"}, {"!#$%&'*+-.^_`|~1", "null"}, {"X-Empty", ""}};
    if (std::string_view(name) != " a ") route.response_headers.set = {{"X-A", name}};
    expect_round_trip(config);
  }
}

TEST(Print, UpstreamNamesThatLookLikeSomethingElse) {
  expect_round_trip(
      config_of("upstreams: {'null': {url: 'http://a'}, '1': {url: 'http://b'}, '-': {url: 'unix:/a b#c'}}\n"
                "routes: [{upstream: 'null', name: a}, {upstream: '1', name: b}, {upstream: '-'}]\n"
                "listeners: [{address: '[::]:80'}, {address: 'unix:/x: y'}]\n"));
}

TEST(Print, Scalars) {
  EXPECT_EQ(yaml_scalar("everything"), "everything");
  EXPECT_EQ(yaml_scalar("/"), "/");
  EXPECT_EQ(yaml_scalar("a-b_c.d/e1"), "a-b_c.d/e1");
  EXPECT_EQ(yaml_scalar(""), "\"\"");
  EXPECT_EQ(yaml_scalar("Off"), "\"Off\"");
  EXPECT_EQ(yaml_scalar("1"), "\"1\"");
  EXPECT_EQ(yaml_scalar("a:b"), "\"a:b\"");
  EXPECT_EQ(yaml_scalar("a\"b\\c"), "\"a\\\"b\\\\c\"");
  EXPECT_EQ(yaml_scalar("a\nb\x7f"), "\"a\\x0ab\\x7f\"");
}

}  // namespace
}  // namespace sidecar::config
