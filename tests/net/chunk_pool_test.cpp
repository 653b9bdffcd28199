// Bytes that wait for a peer, against a plain string.
#include "net/chunk_pool.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>

namespace sidecar::net {
namespace {

constexpr std::size_t kChunk = std::tuple_size_v<decltype(ChunkPool::Chunk::bytes)>;

/// All that waits, a few chunks at a time as a write takes them.
std::string all(const PendingBytes& pending) {
  std::array<iovec, 64> pieces{};
  std::string bytes;
  for (const iovec& piece : std::span(pieces).first(pending.gather(pieces))) {
    EXPECT_GT(piece.iov_len, 0U);
    bytes.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
  }
  return bytes;
}

std::string text(std::size_t size, char first) {
  std::string bytes(size, '\0');
  for (char& c : bytes) c = first = first == 'z' ? 'a' : static_cast<char>(first + 1);
  return bytes;
}

TEST(PendingBytes, HoldsNothingAtFirst) {
  const PendingBytes pending;
  EXPECT_TRUE(pending.empty());
  EXPECT_EQ(pending.memory(), 0U);
  EXPECT_EQ(all(pending), "");
}

TEST(PendingBytes, GivesBackEachChunkWhenItsLastByteHasGone) {
  ChunkPool pool;
  PendingBytes pending;
  pending.append(text(2 * kChunk + 1, 'a'), pool);
  EXPECT_EQ(pool.in_use(), 3U);
  pending.consume(kChunk - 1, pool);
  EXPECT_EQ(pool.in_use(), 3U);
  pending.consume(1, pool);
  EXPECT_EQ(pool.in_use(), 2U);
  pending.consume(kChunk + 1, pool);
  EXPECT_EQ(pool.in_use(), 0U);
  EXPECT_TRUE(pending.empty());
  pending.append("again", pool);
  EXPECT_EQ(all(pending), "again");
  EXPECT_EQ(pool.in_use(), 1U);
  pending.clear(pool);
  EXPECT_EQ(pool.in_use(), 0U);
}

TEST(PendingBytes, GathersNoMoreThanThereIsRoomFor) {
  ChunkPool pool;
  PendingBytes pending;
  const std::string bytes = text(3 * kChunk, 'a');
  pending.append(bytes, pool);
  std::array<iovec, 2> pieces{};
  ASSERT_EQ(pending.gather(pieces), 2U);
  EXPECT_EQ(pieces[0].iov_len + pieces[1].iov_len, 2 * kChunk);
  EXPECT_EQ(all(pending), bytes);
  pending.clear(pool);
}

TEST(PendingBytes, KeepsBytesAndTheirOrderHoweverTheyComeAndGo) {
  constexpr std::size_t kMost = 3 * kChunk;
  std::mt19937 random(6);
  ChunkPool pool;
  PendingBytes pending;
  std::string expected;
  for (int step = 0; step < 3'000; ++step) {
    if (random() % 2 == 0 && expected.size() < kMost) {
      const std::string bytes = text(random() % 2 == 0 ? random() % 100 : random() % kMost, 'a');
      pending.append(bytes, pool);
      expected += bytes;
    } else {
      const std::size_t size = random() % 4 == 0 ? expected.size() : random() % (expected.size() + 1);
      pending.consume(size, pool);
      expected.erase(0, size);
    }
    ASSERT_EQ(pending.size(), expected.size());
    ASSERT_EQ(all(pending), expected);
    ASSERT_EQ(pending.memory(), pool.in_use() * sizeof(ChunkPool::Chunk));
  }
  pending.clear(pool);
  EXPECT_EQ(pool.in_use(), 0U);
}

}  // namespace
}  // namespace sidecar::net
