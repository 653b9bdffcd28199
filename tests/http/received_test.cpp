#include "http/received.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace sidecar::http {
namespace {

TEST(Received, LendsAReadItselfWhileNothingIsLeftOver) {
  const std::string read = "all of it";
  Received received;
  EXPECT_EQ(received.join(read).data(), read.data());
  received.keep({});
  EXPECT_TRUE(received.empty());
  EXPECT_EQ(received.join(read).data(), read.data());
}

TEST(Received, PutsTheRestBeforeTheNextRead) {
  Received received;
  std::string_view input = received.join("one two");
  received.keep(input.substr(4));
  EXPECT_EQ(received.size(), 3U);
  EXPECT_EQ(received.join(" three"), "two three");
}

TEST(Received, KeepsWhatWasUsedUntilTheTurnEnds) {
  Received received;
  received.keep(received.join("a long enough head to be on the heap, "));
  const std::string_view input = received.join("and its body");
  const std::string_view used = input.substr(0, 38);
  received.keep(input.substr(38));
  EXPECT_EQ(received.size(), 12U);
  EXPECT_EQ(used, "a long enough head to be on the heap, ");  // Still lent.
  received.tidy();
  EXPECT_EQ(received.size(), 12U);
  EXPECT_EQ(received.join({}), "and its body");
}

TEST(Received, GivesUpItsMemoryWhenAllWasUsed) {
  Received received;
  received.keep(received.join(std::string(5'000, 'x')));
  const std::string_view input = received.join({});
  received.keep(input.substr(input.size()));
  EXPECT_TRUE(received.empty());
  received.tidy();
  const std::string read = "lent again";
  EXPECT_EQ(received.join(read).data(), read.data());
}

TEST(Received, NothingUsedIsNothingLost) {
  Received received;
  std::string expected;
  for (const char c : std::string_view("byte by byte, none of them used")) {
    expected.push_back(c);
    const std::string_view input = received.join({&c, 1});
    EXPECT_EQ(input, expected);
    received.keep(input);
    received.tidy();
  }
  EXPECT_EQ(received.size(), expected.size());
}

TEST(Received, UsedPieceByPiece) {
  Received received;
  received.keep(received.join("0123456789"));
  for (std::size_t left = 10; left > 0; --left) {
    const std::string_view input = received.join({});
    EXPECT_EQ(input.size(), left);
    EXPECT_EQ(input[0], static_cast<char>('0' + (10 - left)));
    received.keep(input.substr(1));
  }
  EXPECT_TRUE(received.empty());
}

TEST(Received, AnEmptyReadChangesNothing) {
  Received received;
  EXPECT_EQ(received.join({}), "");
  received.keep({});
  EXPECT_TRUE(received.empty());
}

}  // namespace
}  // namespace sidecar::http
