#include "http/arena.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace sidecar::http {
namespace {

using namespace std::string_view_literals;

TEST(Arena, TakesViewsStringsAndLiteralsInOrder) {
  Arena arena;
  EXPECT_EQ(arena.append("a", "bc"sv, std::string("def")), 6U);
  EXPECT_EQ(arena.append(""sv, std::string_view{}, "\0g"sv), 2U);
  EXPECT_EQ(arena.view(), "abcdef\0g"sv);
  EXPECT_EQ(arena.view(1, 2), "bc");
}

TEST(Arena, GrowsAndKeepsWhatItHas) {
  Arena arena;
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    const std::string piece(static_cast<std::size_t>(i % 97), static_cast<char>('a' + i % 26));
    arena.append(piece, "|");
    expected += piece + "|";
  }
  EXPECT_EQ(arena.view(), expected);
}

TEST(Arena, IsEmptyWhenCleared) {
  Arena arena;
  arena.append("something");
  arena.clear(64);
  EXPECT_EQ(arena.size(), 0U);
  EXPECT_EQ(arena.view(), "");
  arena.append("else");
  EXPECT_EQ(arena.view(), "else");
}

TEST(Arena, GivesBackWhatOneLargeHeadTook) {
  Arena arena;
  arena.append(std::string(100'000, 'x'));
  EXPECT_GE(arena.room(), 100'000U);
  arena.clear(1000);
  EXPECT_EQ(arena.room(), 0U);
  arena.append("small");
  const std::size_t room = arena.room();
  arena.clear(1000);
  EXPECT_EQ(arena.room(), room) << "what is used again and again stays";
}

}  // namespace
}  // namespace sidecar::http
