#include "config/tokens.hpp"

#include <gtest/gtest.h>

namespace sidecar::config {
namespace {

TEST(Tokens, Token) {
  EXPECT_TRUE(is_token("X-Forwarded-For"));
  EXPECT_TRUE(is_token("!#$%&'*+-.^_`|~09az"));
  for (const char* const text : {"", "a b", "a:", "a\t", "a\"", "(a)", "\xc3\xbc", "a/b"}) EXPECT_FALSE(is_token(text));
}

TEST(Tokens, FieldValue) {
  for (const char* const text : {"", "a", "a b\tc", "\xc3\xbc", "\"x\""}) EXPECT_TRUE(is_field_value(text));
  for (const char* const text : {" a", "a ", "\ta", "a\r\nb", "a\nb", "a\rb", "\x01", "a\x7f"}) {
    EXPECT_FALSE(is_field_value(text));
  }
  EXPECT_FALSE(is_field_value(std::string_view("a\0b", 3)));
}

TEST(Tokens, Methods) {
  EXPECT_EQ(parse_method("GET").value, "GET");
  EXPECT_EQ(parse_method("M-SEARCH").value, "M-SEARCH");
  EXPECT_EQ(parse_method("custom").value, "custom");
  EXPECT_EQ(parse_method("get").why, "'get' would never match: methods are case-sensitive (write GET)");
  EXPECT_EQ(parse_method("GET ").why, "'GET ' is not a method (write GET, POST, ...)");
  EXPECT_FALSE(parse_method("").value);
}

TEST(Tokens, PathPatterns) {
  for (const char* const text : {"/", "/**", "/a", "/a/", "/a/*/b", "/a/**/b", "/*", "/a//b", "/%41", "/a:b;c=d"}) {
    EXPECT_EQ(parse_path_pattern(text).value, text);
  }
  EXPECT_EQ(parse_path_pattern("a").why, "'a' is not a path pattern: it begins with /");
  EXPECT_EQ(parse_path_pattern("").why, "'' is not a path pattern: it begins with /");
  for (const char* const text : {"/a*", "/*.js", "/***", "/a/*b/c", "/a**"}) {
    EXPECT_EQ(parse_path_pattern(text).why,
              "'" + std::string(text) + "' is not a path pattern: * and ** stand for whole segments");
  }
  for (const char* const text : {"/a?b", "/a#b", "/a b", "/a\nb"}) EXPECT_FALSE(parse_path_pattern(text).value);
  EXPECT_TRUE(parse_path_pattern("/" + std::string(1023, 'a')).value);
  EXPECT_FALSE(parse_path_pattern("/" + std::string(1024, 'a')).value);
}

TEST(Tokens, Names) {
  EXPECT_EQ(parse_upstream_name("app-1.b_c").value, "app-1.b_c");
  EXPECT_EQ(parse_upstream_name("a b").why, "'a b' is not a name (letters, digits, '.', '-', '_')");
  EXPECT_FALSE(parse_upstream_name("").value);
  EXPECT_FALSE(parse_upstream_name(std::string(129, 'a')).value);
  EXPECT_EQ(parse_route_name("all uploads: \xc3\xbc").value, "all uploads: \xc3\xbc");
  EXPECT_FALSE(parse_route_name("a\nb").value);
  EXPECT_FALSE(parse_route_name("").value);
  EXPECT_FALSE(parse_route_name("\xff").value);
  EXPECT_EQ(parse_field_name("X-A").value, "X-A");
  EXPECT_EQ(parse_field_name("X A").why, "'X A' is not a header name");
  EXPECT_EQ(parse_query_name("token[]").value, "token[]");
  EXPECT_EQ(parse_query_name("").why, "'' is not the name of a query parameter");
}

}  // namespace
}  // namespace sidecar::config
