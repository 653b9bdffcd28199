#include "http/output.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

namespace sidecar::http {
namespace {

TEST(Output, KeepsTheOrderOfWhatIsLentAndWhatIsCopied) {
  Output out;
  EXPECT_TRUE(out.empty());
  out.copy("a");
  out.copy("b");
  out.lend("c");
  out.lend("d");
  out.copy("e");
  EXPECT_EQ(out.joined(), "abcde");
  EXPECT_EQ(out.size(), 5U);
  EXPECT_FALSE(out.empty());
}

TEST(Output, JoinsNeighboursInTheArena) {
  Output out;
  out.copy("a");
  out.copy("b");
  out.lend("c");
  out.copy("d");
  ASSERT_EQ(out.pieces(), 3U);
  EXPECT_EQ(out.piece(0), "ab");
  EXPECT_EQ(out.piece(1), "c");
  EXPECT_EQ(out.piece(2), "d");
}

TEST(Output, JoinsNeighboursThatAreLent) {
  const std::string bytes = "abcdef";
  const std::string_view view = bytes;
  Output out;
  out.lend(view.substr(0, 2));
  out.lend(view.substr(2, 2));
  out.lend(view.substr(5));
  out.copy("-");
  out.lend(view.substr(4, 1));
  ASSERT_EQ(out.pieces(), 4U);
  EXPECT_EQ(out.piece(0), "abcd");
  EXPECT_EQ(out.joined(), "abcdf-e");
}

TEST(Output, LendsWithoutCopying) {
  const std::string bytes(100, 'x');
  Output out;
  out.lend(std::string_view(bytes).substr(10, 20));
  ASSERT_EQ(out.pieces(), 1U);
  EXPECT_EQ(out.piece(0).data(), bytes.data() + 10);
}

TEST(Output, TakesNoEmptyPieces) {
  Output out;
  out.lend({});
  out.lend("");
  out.copy("");
  EXPECT_EQ(out.pieces(), 0U);
  EXPECT_TRUE(out.empty());
  EXPECT_EQ(out.joined(), "");
}

/// Earlier pieces are found again although the arena moved in between, and the source of a copy is gone.
TEST(Output, CopiesSurviveTheirSourceAndTheArenasGrowth) {
  Output out;
  std::string expected;
  for (int i = 0; i < 2'000; ++i) {
    auto bytes = std::make_unique<std::string>(static_cast<std::size_t>(i % 60 + 1), static_cast<char>('a' + i % 26));
    expected.append(*bytes);
    out.copy(*bytes);
    expected.append("|");
    out.lend("|");
  }
  EXPECT_EQ(out.joined(), expected);
  EXPECT_EQ(out.size(), expected.size());
  EXPECT_EQ(out.pieces(), 4'000U);
}

TEST(Output, IsEmptyAndUsableWhenCleared) {
  Output out;
  out.copy(std::string(200'000, 'x'));
  out.lend("y");
  out.clear();
  EXPECT_TRUE(out.empty());
  EXPECT_EQ(out.pieces(), 0U);
  EXPECT_EQ(out.joined(), "");
  out.copy("again");
  EXPECT_EQ(out.joined(), "again");
}

}  // namespace
}  // namespace sidecar::http
