#include "sse/line_feeds.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace sidecar::sse {
namespace {

using Masks = std::vector<std::uint64_t>;

Masks expected(const std::string& bytes) {
  Masks masks(bytes.size() / kLineFeedBlock);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    if (bytes[at] == '\n') masks[at / kLineFeedBlock] |= std::uint64_t{1} << (at % kLineFeedBlock);
  }
  return masks;
}

/// Both ways, whatever was in the masks before.
void expect_found(const std::string& bytes) {
  for (const FindLineFeeds find : {find_line_feeds, &find_line_feeds_anywhere}) {
    Masks masks(bytes.size() / kLineFeedBlock, 0x5555'5555'5555'5555);
    EXPECT_EQ(find(bytes.data(), masks), bytes.find('\r') == std::string::npos);
    if (bytes.find('\r') == std::string::npos) {
      EXPECT_EQ(masks, expected(bytes));
    }
  }
}

TEST(LineFeeds, AreFoundInEachPlace) {
  for (std::size_t at = 0; at < 2 * kLineFeedBlock; ++at) {
    std::string bytes(2 * kLineFeedBlock, 'x');
    bytes[at] = '\n';
    expect_found(bytes);
    bytes[at] = '\r';
    expect_found(bytes);
  }
}

TEST(LineFeeds, AreNoOtherBytes) {
  std::string bytes(4 * kLineFeedBlock, ' ');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i == '\r' ? 0 : i);
  expect_found(bytes);
}

TEST(LineFeeds, OfAnyBytes) {
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same every time.
  const std::string alphabet("\n\n\nabc\x8a\x8d\x0b\x0c\0\xff", 12);
  for (std::size_t blocks = 0; blocks < 20; ++blocks) {
    std::string bytes(blocks * kLineFeedBlock, ' ');
    for (char& byte : bytes) byte = alphabet[random() % alphabet.size()];
    expect_found(bytes);
  }
}

}  // namespace
}  // namespace sidecar::sse
