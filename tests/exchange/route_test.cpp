#include "exchange/route.hpp"

#include <gtest/gtest.h>

namespace sidecar::exchange {
namespace {

TEST(Route, PathMatches) {
  const struct {
    const char* pattern;
    const char* path;
    bool matches;
  } cases[] = {
      {"/**", "/", true},
      {"/**", "/a/b/", true},
      {"/a", "/a", true},
      {"/a", "/a/", false},
      {"/a", "/ab", false},
      {"/a/", "/a/", true},
      {"/*", "/a", true},
      {"/*", "/", false},
      {"/*", "/a/b", false},
      {"/a/*/c", "/a/b/c", true},
      {"/a/*/c", "/a//c", false},
      {"/a/**", "/a", true},
      {"/a/**", "/a/b/c", true},
      {"/a/**", "/ab", false},
      {"/**/x", "/x", true},
      {"/**/x", "/a/b/x", true},
      {"/**/x", "/a/x/b", false},
      {"/a/**/b/*", "/a/b/c", true},
      {"/a/**/b/*", "/a/b/b/c", true},
      {"/a/**/b/*", "/a/x/b", false},
      {"/**/a/**/b", "/a/a/b/c/b", true},
      {"/a/**/a", "/a", false},
      {"/**x", "/**x", true},
      {"/**x", "/ax", false},
      {"/a%20b", "/a%20b", true},
      {"/A", "/a", false},
      {"/", "/", true},
      {"/**/", "/a/", true},
      {"/**/", "/a", false},
      {"/a/***", "/a/b", false},
  };
  for (const auto& c : cases) EXPECT_EQ(path_matches(c.pattern, c.path), c.matches) << c.pattern << " " << c.path;
}

TEST(Route, ManyStarsStayFast) {
  std::string pattern;
  std::string path;
  for (int i = 0; i < 200; ++i) pattern += "/**/a";
  for (int i = 0; i < 4000; ++i) path += "/a";
  EXPECT_FALSE(path_matches(pattern + "/b", path));
}

class FindRoute : public testing::Test {
 protected:
  std::string find(std::string_view method, std::string_view target, std::vector<http::Field> fields) {
    http::RequestHead head{method, target, http::Version::http_1_1, fields};
    const RoutePolicy* route = find_route(policies_, head);
    return route == nullptr ? "none" : route->name;
  }
  RouteMatch& add(const char* name) {
    policies_.routes.emplace_back().name = name;
    return policies_.routes.back().match;
  }
  PolicySet policies_;
};

TEST_F(FindRoute, TheFirstThatMatches) {
  add("sse").path = "/events/**";
  add("all");
  EXPECT_EQ(find("GET", "/events?x=/a", {{"Host", "h"}}), "sse");
  EXPECT_EQ(find("GET", "/other?x=/events", {{"Host", "h"}}), "all");
}

TEST_F(FindRoute, ByHostWithoutPortOrCase) {
  add("app").host = "app.example";
  EXPECT_EQ(find("GET", "/", {{"Host", "App.Example:8080"}}), "app");
  EXPECT_EQ(find("GET", "/", {{"host", "app.example.org"}}), "none");
  EXPECT_EQ(find("GET", "http://app.example/x", {{"Host", "app.example"}}), "app");
  EXPECT_EQ(find("GET", "/", {}), "none");
}

TEST_F(FindRoute, ByMethodAndHeader) {
  RouteMatch& match = add("post");
  match.methods = {"POST", "PUT"};
  match.headers = {{"X-Api", "2"}};
  EXPECT_EQ(find("POST", "/", {{"Host", "h"}, {"x-api", "2"}}), "post");
  EXPECT_EQ(find("PUT", "/", {{"x-api", "1"}, {"X-API", "2"}}), "post");
  EXPECT_EQ(find("POST", "/", {{"X-Api", "22"}}), "none");
  EXPECT_EQ(find("post", "/", {{"X-Api", "2"}}), "none") << "methods are case-sensitive";
}

TEST_F(FindRoute, OptionsForTheServer) {
  add("events").path = "/events";
  EXPECT_EQ(find("OPTIONS", "*", {{"Host", "h"}}), "none");
  add("all");
  EXPECT_EQ(find("OPTIONS", "*", {{"Host", "h"}}), "all");
}

}  // namespace
}  // namespace sidecar::exchange
