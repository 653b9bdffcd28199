#include "http/fields.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace sidecar::http {
namespace {

using namespace std::string_view_literals;

std::vector<std::string> members_of(std::string_view list) {
  std::vector<std::string> members;
  ListWalker walker(list);
  while (const auto member = walker.next()) members.emplace_back(*member);
  return members;
}

TEST(Fields, ComparesAsciiCaseInsensitively) {
  EXPECT_TRUE(iequals("", ""));
  EXPECT_TRUE(iequals("Content-LENGTH", "cONTENT-length"));
  EXPECT_FALSE(iequals("a", "ab"));
  EXPECT_FALSE(iequals("ab", "a"));
  EXPECT_FALSE(iequals("@", "`"));  // Differ by the case bit, and are no letters.
  EXPECT_FALSE(iequals("[", "{"));
  EXPECT_FALSE(iequals("\xC4", "\xE4"));  // A-umlaut in Latin-1.
}

TEST(Fields, TrimsSpaceAndTabOnly) {
  EXPECT_EQ(trim(""), "");
  EXPECT_EQ(trim(" \t "), "");
  EXPECT_EQ(trim("\t a b \t"), "a b");
  EXPECT_EQ(trim("\va\r"), "\va\r");
  EXPECT_EQ(trim("a"), "a");
}

TEST(Fields, KnowsTokens) {
  std::string all;
  for (int c = 0; c < 256; ++c) {
    if (is_token_char(static_cast<unsigned char>(c))) all.push_back(static_cast<char>(c));
  }
  EXPECT_EQ(all, "!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~");
  EXPECT_TRUE(is_token("M-SEARCH"));
  EXPECT_FALSE(is_token(""));
  EXPECT_FALSE(is_token("a b"));
  EXPECT_FALSE(is_token("a\0"sv));
  EXPECT_FALSE(is_token("a:"));
}

TEST(Fields, KnowsFieldValues) {
  for (int c = 0; c < 256; ++c) {
    const std::string value = {'a', static_cast<char>(c), 'b'};
    const bool control = (c < 0x20 && c != '\t') || c == 0x7f;
    EXPECT_EQ(is_field_value(value), !control) << c;
  }
  EXPECT_TRUE(is_field_value(""));
}

TEST(Fields, KnowsFieldValuesOfEveryLength) {
  // Beside characters that eight at once could take for the same: the lowest that are fine, the highest, tabs.
  for (const char fill : {' ', '!', '~', '\x80', '\xff', '\t'}) {
    for (std::size_t size = 1; size <= 25; ++size) {
      for (std::size_t at = 0; at < size; ++at) {
        for (int c = 0; c < 256; ++c) {
          std::string value(size, fill);
          value[at] = static_cast<char>(c);
          const bool control = (c < 0x20 && c != '\t') || c == 0x7f;
          ASSERT_EQ(is_field_value(value), !control) << c << " at " << at << " of " << size << " of " << int{fill};
        }
      }
    }
  }
}

TEST(Fields, FindsTheFirstOfAName) {
  const std::array<Field, 3> fields = {Field{"A", "1"}, Field{"b", "2"}, Field{"B", "3"}};
  EXPECT_EQ(find(fields, "B"), &fields[1]);
  EXPECT_EQ(find(fields, "c"), nullptr);
  EXPECT_EQ(value_of(fields, "a"), "1");
  EXPECT_EQ(value_of(fields, "c"), "");
  EXPECT_EQ(count(fields, "b"), 2U);
  EXPECT_EQ(count(fields, "c"), 0U);
  EXPECT_EQ(find({}, "a"), nullptr);
}

TEST(ListWalker, WalksLists) {
  struct Case {
    std::string_view list;
    std::vector<std::string> members;
  };
  const Case cases[] = {
      {"", {}},
      {" \t ", {}},
      {",", {}},
      {", ,\t,", {}},
      {"a", {"a"}},
      {"a,b", {"a", "b"}},
      {" a ,\tb , ", {"a", "b"}},
      {",,a,,b,,", {"a", "b"}},
      {"a b, c", {"a b", "c"}},
      {R"(a="x,y", b)", {R"(a="x,y")", "b"}},
      {R"("x\",y", b)", {R"("x\",y")", "b"}},
      {R"("x\\", b)", {R"("x\\")", "b"}},
      {R"(a\,b)", {R"(a\)", "b"}},
      {R"("never closed, b)", {R"("never closed, b)"}},
      {R"("closed by nothing\)", {R"("closed by nothing\)"}},
  };
  for (const Case& c : cases) EXPECT_EQ(members_of(c.list), c.members) << c.list;
}

TEST(ListWalker, FindsMembersInAnyLine) {
  const std::array<Field, 4> fields = {Field{"Connection", "keep-alive, X-A"}, Field{"connection", "\"close\""},
                                       Field{"Other", "close"}, Field{"CONNECTION", "x-b ,Upgrade"}};
  EXPECT_TRUE(lists(fields, "Connection", "x-a"));
  EXPECT_TRUE(lists(fields, "Connection", "upgrade"));
  EXPECT_FALSE(lists(fields, "Connection", "close"));
  EXPECT_FALSE(lists(fields, "Connection", "keep"));
  EXPECT_FALSE(lists({}, "Connection", "close"));
}

}  // namespace
}  // namespace sidecar::http
