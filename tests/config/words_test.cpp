#include "config/words.hpp"

#include <gtest/gtest.h>

namespace sidecar::config {
namespace {

TEST(Words, QuotedStaysOneReadableLine) {
  EXPECT_EQ(in_quotes("10x"), "'10x'");
  EXPECT_EQ(in_quotes("a\nb\tc\x1b[0m"), "'a\\nb\\tc\\x1b[0m'");
  EXPECT_EQ(in_quotes("gr\xc3\xbc\xc3\x9f"), "'gr\xc3\xbc\xc3\x9f'");
  EXPECT_EQ(in_quotes("\xff"), "'\\xff'");
  EXPECT_EQ(in_quotes(std::string(80, 'x')), "'" + std::string(80, 'x') + "'");
  EXPECT_EQ(in_quotes(std::string(81, 'x')), "'" + std::string(80, 'x') + "...'");
  EXPECT_EQ(in_quotes(std::string(79, 'x') + "\xc3\xbc"), "'" + std::string(79, 'x') + "...'");
}

TEST(Words, Joined) {
  EXPECT_EQ(joined({}, " and "), "");
  EXPECT_EQ(joined({"a"}, " and "), "a");
  EXPECT_EQ(joined({"a", "b"}, " and "), "a and b");
  EXPECT_EQ(joined({"a", "b", "c"}, " or "), "a, b or c");
}

TEST(Words, EditDistance) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("interval", "interval"), 0U);
  EXPECT_EQ(edit_distance("intervall", "interval"), 1U);
  EXPECT_EQ(edit_distance("intreval", "interval"), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(Words, NearestIsMeantOnlyWhenNear) {
  const std::vector<std::string_view> keys{"heartbeat", "strip_accept_encoding", "interval"};
  EXPECT_EQ(nearest("hartbeat", keys), "heartbeat");
  EXPECT_EQ(nearest("Heartbeat", keys), "heartbeat");
  EXPECT_EQ(nearest("strip_encoding", {"strip_accept_encoding"}), "");
  EXPECT_EQ(nearest("cors", keys), "");
  EXPECT_EQ(nearest("", keys), "");
  EXPECT_EQ(nearest("x", {"y"}), "");
  EXPECT_EQ(nearest("url", {"uri", "url"}), "url");
  EXPECT_EQ(nearest(std::string(65, 'a'), {std::string_view("a")}), "");
  EXPECT_EQ(did_you_mean("intervall", keys), " (did you mean 'interval'?)");
  EXPECT_EQ(did_you_mean("zzz", keys), "");
}

TEST(Words, Utf8) {
  for (const char* const good :
       {"", "a", "\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(good)) << in_quotes(good);
  }
  for (const char* const bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                                "\xf4\x90\x80\x80", "\xf5", "\xc3", "\xe2\x82", "\xc3(", "\xff\xfe"}) {
    EXPECT_FALSE(is_utf8(bad)) << in_quotes(bad);
  }
}

TEST(Words, Control) {
  EXPECT_FALSE(has_control("plain \xc3\xbc"));
  EXPECT_TRUE(has_control("a\tb"));
  EXPECT_TRUE(has_control("\x7f"));
  EXPECT_TRUE(has_control(std::string_view("a\0b", 3)));
  EXPECT_EQ(lower_case("X-Forwarded-For \xc3\x9c"), "x-forwarded-for \xc3\x9c");
}

}  // namespace
}  // namespace sidecar::config
