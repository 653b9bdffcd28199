#include "http/json_text.hpp"

#include <gtest/gtest.h>

namespace sidecar::http {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(text, out);
  return out;
}

TEST(JsonText, NothingEndsTheStringOrItsLine) {
  EXPECT_EQ(quoted("a\"b\\c/\xc3\xa4"), "\"a\\\"b\\\\c/\xc3\xa4\"");
  EXPECT_EQ(quoted(""), "\"\"");
  const std::string controls = quoted(std::string_view("\r\n\t\0\x1f", 5));
  for (const char c : controls) EXPECT_GE(c, ' ');
  EXPECT_EQ(controls.front(), '"');
  EXPECT_EQ(controls.back(), '"');
}

TEST(JsonText, CountsWholeCharacters) {
  EXPECT_EQ(utf8_prefix("abc"), 3U);
  EXPECT_EQ(utf8_prefix("a\xc3\xa4"), 3U);
  EXPECT_EQ(utf8_prefix("a\xc3"), 1U) << "cut";
  EXPECT_EQ(utf8_prefix("\xe2\x82\xac"), 3U);
  EXPECT_EQ(utf8_prefix("\xf0\x9f\x98\x80"), 4U);
  for (const char* wrong : {"\x80", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe0\x80\x80", "\xff"})
    EXPECT_EQ(utf8_prefix(wrong), 0U) << wrong;
}

}  // namespace
}  // namespace sidecar::http
