#include "observe/escape.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "json.hpp"

namespace sidecar::observe {
namespace {

using namespace std::string_literals;

constexpr std::size_t kNoLimit = 1 << 20;

std::string json(std::string_view value, std::size_t bytes_max = kNoLimit) {
  std::string out;
  append_json_string(out, value, bytes_max);
  return out;
}

std::string text(std::string_view value, std::size_t bytes_max = kNoLimit) {
  std::string out;
  append_text_token(out, value, bytes_max);
  return out;
}

struct Case {
  std::string in;
  std::string out;
};

TEST(Escape, JsonStrings) {
  const Case cases[] = {
      {"", R"("")"},
      {"plain /path?a=b&c", R"("plain /path?a=b&c")"},
      {"a\"b\\c", R"("a\"b\\c")"},
      {"\b\f\n\r\t", R"("\b\f\n\r\t")"},
      {"\0"s, R"("\u0000")"},
      {"\x01\x1b[31m\x1f", R"("\u0001\u001b[31m\u001f")"},
      {"\x7f", R"("\u007f")"},
      {"\u0080\u0085\u009b\u009f", R"("\u0080\u0085\u009b\u009f")"},
      {"\u00a0\u00e9\u20ac\U0001f600", "\"\u00a0\u00e9\u20ac\U0001f600\""},
      {"\u2028\u2029", R"("\u2028\u2029")"},
      {"\u202e\u2066\u200b\ufeff\u061c", R"("\u202e\u2066\u200b\ufeff\u061c")"},
      {"\ufffd", "\"\ufffd\""},  // A replacement character that came as such is a character like others.
      {"\U0010ffff", "\"\U0010ffff\""},
  };
  for (const Case& c : cases) EXPECT_EQ(json(c.in), c.out);
}

// One \ufffd for every maximal subpart, as in Unicode 15, table 3-8 and its neighbours.
TEST(Escape, IllFormedUtf8) {
  const Case cases[] = {
      {"\x80", R"("\ufffd")"},
      {"\xff\xfe", R"("\ufffd\ufffd")"},
      {"\xc3", R"("\ufffd")"},
      {"\xc3(", R"("\ufffd(")"},
      {"\xc0\xaf", R"("\ufffd\ufffd")"},  // overlong '/'
      {"\xc1\xbf", R"("\ufffd\ufffd")"},
      {"\xe0\x80\x8a", R"("\ufffd\ufffd\ufffd")"},  // overlong newline
      {"\xe0\x9f\xbf", R"("\ufffd\ufffd\ufffd")"},
      {"\xed\xa0\x80", R"("\ufffd\ufffd\ufffd")"},  // surrogate
      {"\xf0\x8f\xbf\xbf", R"("\ufffd\ufffd\ufffd\ufffd")"},
      {"\xf4\x90\x80\x80", R"("\ufffd\ufffd\ufffd\ufffd")"},  // beyond U+10FFFF
      {"\xf5\x80", R"("\ufffd\ufffd")"},
      {"\xe2\x82", R"("\ufffd")"},
      {"\xe2\x82"
       "A",
       R"("\ufffdA")"},
      {"\xf0\x9f\x98", R"("\ufffd")"},
      {"\xe2\x82\xe2\x82\xac", "\"\\ufffd\u20ac\""},
      {"\xc3\n", R"("\ufffd\n")"},
      {"\xc3\"", R"("\ufffd\"")"},
  };
  for (const Case& c : cases) EXPECT_EQ(json(c.in), c.out);
}

TEST(Escape, TextTokensAreBareWhenPlain) {
  const Case cases[] = {
      {"/a/b?c", "/a/b?c"},
      {"[2001:db8::1]:80", "[2001:db8::1]:80"},
      {"", R"("")"},
      {"a b", R"("a b")"},
      {"a=b", R"("a=b")"},
      {"a\"b", R"("a\"b")"},
      {"a\\b", R"("a\\b")"},
      {"a\nINFO forged", R"("a\nINFO forged")"},
      {"\u00e9", "\"\u00e9\""},
      {"\xff", R"("\ufffd")"},
  };
  for (const Case& c : cases) EXPECT_EQ(text(c.in), c.out);
}

TEST(Escape, CutsAtACharacter) {
  const auto cut = [](std::string_view kept) { return "\"" + std::string(kept) + std::string(kEllipsis) + "\""; };
  EXPECT_EQ(json("abcd", 4), R"("abcd")");
  EXPECT_EQ(json("abcde", 4), cut("abcd"));
  EXPECT_EQ(json("abc\u20ac", 6), "\"abc\u20ac\"");
  EXPECT_EQ(json("abc\u20ac", 5), cut("abc"));
  EXPECT_EQ(json("ab\n", 4), R"("ab\n")");
  EXPECT_EQ(json("abc\n", 4), cut("abc"));  // half an escape would not be JSON
  EXPECT_EQ(json("\x01\x01", 11), cut("\\u0001"));
  EXPECT_EQ(json("\xff\xff", 11), cut("\\ufffd"));
  EXPECT_EQ(json("a", 0), cut(""));
  EXPECT_EQ(json("", 0), R"("")");
  EXPECT_EQ(text("abcd", 4), "abcd");
  EXPECT_EQ(text("abcde", 4), cut("abcd"));
}

TEST(Escape, LongValuesStayBounded) {
  for (const char c : {'a', '\x01', '\xff', '"'}) {
    const std::string line = json(std::string(32 * 1024, c), 2048);
    EXPECT_LE(line.size(), 2048 + 2 + kEllipsis.size());
    EXPECT_GE(line.size(), 2048 - 6);
  }
}

/// Bytes that break naive escapers more often than uniform ones do.
std::string random_bytes(std::mt19937& random) {
  static const std::string kNasty = "\"\\\n\r\x1b\x7f\xc2\xc3\xe2\x80\xa8\xed\xa0\xf0\x9f\xf4\x90\xff\0"s;
  std::string bytes(random() % 48, '\0');
  for (char& c : bytes) {
    c = random() % 2 == 0 ? kNasty[random() % kNasty.size()] : static_cast<char>(random() % 256);
  }
  return bytes;
}

TEST(Escape, RandomBytesAreAlwaysValidJsonOnOneLine) {
  std::mt19937 random{20261121};
  for (int round = 0; round < 100'000; ++round) {
    const std::string bytes = random_bytes(random);
    const std::size_t bytes_max = random() % 3 == 0 ? random() % 40 : kNoLimit;
    const std::string line = "{\"v\":" + json(bytes, bytes_max) + "}";
    ASSERT_TRUE(test::is_one_clean_line(line)) << "round " << round;
    ASSERT_TRUE(test::parse_line(line).contains("v")) << "round " << round;
    const std::string token = text(bytes, bytes_max);
    ASSERT_TRUE(test::is_one_clean_line(token)) << "round " << round;
    ASSERT_TRUE(token.front() == '"' || token.find_first_of(" =\"") == std::string::npos) << "round " << round;
  }
}

TEST(Escape, WellFormedTextComesBackUnchanged) {
  std::mt19937 random{7};
  const std::string_view pieces[] = {"a",      "\"",         "\\",     "\n",     "\u00e9",
                                     "\u20ac", "\U0001f600", "\u0085", "\u2028", "\x7f"};
  for (int round = 0; round < 2'000; ++round) {
    std::string value;
    for (std::size_t at = random() % 20; at > 0; --at) value += pieces[random() % std::size(pieces)];
    EXPECT_EQ(std::string_view(test::parse_line("{\"v\":" + json(value) + "}").at("v").as_string()), value);
  }
}

}  // namespace
}  // namespace sidecar::observe
