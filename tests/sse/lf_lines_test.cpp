#include "sse/lf_lines.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace sidecar::sse {
namespace {

/// Line after line, up to where the last whole one ends.
Blocks walked(std::string_view bytes, Blocks blocks = {}) {
  while (!bytes.empty()) {
    const std::size_t lf = bytes.find('\n');
    blocks.end_line(bytes.substr(0, lf));
    bytes.remove_prefix(lf + 1);
  }
  return blocks;
}

void expect_same(const Blocks& one, const Blocks& other) {
  EXPECT_EQ(one.events, other.events);
  EXPECT_EQ(one.open, other.open);
  EXPECT_EQ(one.has_data, other.has_data);
}

/// Each of them leaves some lines, stops at the beginning of one, before a CR, and has not missed any on the way.
void expect_walked(const std::string& bytes, const Blocks& before = {}) {
  for (const WalkLfLines walk : all_lf_line_walks()) {
    Blocks blocks = before;
    const auto size = static_cast<std::size_t>(walk(bytes.data(), bytes.data() + bytes.size(), blocks) - bytes.data());
    ASSERT_LE(size, bytes.size());
    const std::string done = bytes.substr(0, size);
    ASSERT_TRUE(done.empty() || done.back() == '\n') << done;
    EXPECT_EQ(done.find('\r'), std::string::npos);
    expect_same(blocks, walked(done, before));
  }
}

/// How much the fastest leaves.
std::size_t left_of(const std::string& bytes) {
  Blocks blocks;
  const char* const end = bytes.data() + bytes.size();
  return static_cast<std::size_t>(end - walk_lf_lines(bytes.data(), end, blocks));
}

TEST(Blocks, CountEventsWithData) {
  const Blocks blocks = walked("data: 1\n\nid: 2\n\ndata\n\n: data:\n\ndata:\ndata\n\n data: 3\n\ndatabase\n\n\n\n");
  EXPECT_EQ(blocks.events, 3U);
  EXPECT_FALSE(blocks.open);
}

TEST(Blocks, KnowWhatIsOpen) {
  expect_same(walked("data: 1\n"), {.events = 0, .open = true, .has_data = true});
  expect_same(walked("id: 1\n"), {.events = 0, .open = true, .has_data = false});
  expect_same(walked("data: 1\n\n:\n"), {.events = 1, .open = true, .has_data = false});
}

TEST(LfLines, EndInEachPlace) {
  for (std::size_t at = 0; at < 150; ++at) {
    std::string bytes(200, 'x');
    bytes[at] = '\n';
    expect_walked(bytes);
    expect_walked("data: " + bytes + "\n\n", {.events = 7, .open = true, .has_data = true});
    bytes[150] = '\r';
    expect_walked(bytes);
  }
}

TEST(LfLines, OfAnyBytes) {
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same every time.
  for (const std::string_view alphabet :
       {std::string_view("\n\n\nabc\x8a\x8d\x0b\x0c\0\xff", 12), std::string_view("\n\ndata:"),
        std::string_view("\n\n\r...................")}) {
    for (std::size_t size = 0; size < 700; ++size) {
      std::string bytes(size, ' ');
      for (char& byte : bytes) byte = alphabet[random() % alphabet.size()];
      expect_walked(bytes, {.events = 1, .open = size % 2 == 0, .has_data = size % 4 == 0});
    }
  }
}

/// Not more than it promises is left where nothing is in the way: the last, unfinished line, and less than 64 bytes.
TEST(LfLines, AreNotLeftWithoutNeed) {
  if (all_lf_line_walks().size() == 1) GTEST_SKIP() << "this processor has no way";
  std::string bytes;
  for (int i = 0; i < 1000; ++i) bytes += "data: " + std::string(static_cast<std::size_t>(i) % 100, 'x') + "\n\n";
  EXPECT_LT(left_of(bytes), 64U + 110U);
  EXPECT_LT(left_of(bytes + "data: unfinished"), 64U + 110U);
}

}  // namespace
}  // namespace sidecar::sse
