#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace sidecar::net {

/// Memory for bytes that a peer does not take yet, in equal pieces, one pool a worker. A quiet connection holds none.
class ChunkPool {
 public:
  struct Chunk {
    Chunk* next;
    std::array<char, 16 * 1024 - sizeof(void*)> bytes;
  };

  ChunkPool() = default;
  ~ChunkPool();
  ChunkPool(const ChunkPool&) = delete;
  ChunkPool& operator=(const ChunkPool&) = delete;

  [[nodiscard]] Chunk* take();
  void give_back(Chunk* chunk);

  [[nodiscard]] std::size_t in_use() const { return in_use_; }

 private:
  static constexpr std::size_t kSpareMax = 64;

  Chunk* spare_ = nullptr;
  std::size_t spares_ = 0;
  std::size_t in_use_ = 0;
};

/// Bytes that wait for a peer, in order: the tail that the kernel did not take.
class PendingBytes {
 public:
  PendingBytes() = default;
  PendingBytes(const PendingBytes&) = delete;
  PendingBytes& operator=(const PendingBytes&) = delete;

  void append(std::string_view bytes, ChunkPool& pool);
  void consume(std::size_t size, ChunkPool& pool);
  void clear(ChunkPool& pool) { consume(size_, pool); }

  /// Fills `out` from the front; returns how many it filled.
  [[nodiscard]] std::size_t gather(std::span<iovec> out) const;
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  /// What it costs: whole chunks.
  [[nodiscard]] std::size_t memory() const {
    static constexpr std::size_t kBytes = std::tuple_size_v<decltype(ChunkPool::Chunk::bytes)>;
    return (begin_ + size_ + kBytes - 1) / kBytes * sizeof(ChunkPool::Chunk);
  }

 private:
  ChunkPool::Chunk* last_ = nullptr;  ///< Of a ring: the first is behind it.
  std::uint32_t size_ = 0;
  std::uint16_t begin_ = 0;  ///< In the first.
  std::uint16_t end_ = 0;    ///< In the last.

  static_assert(sizeof(ChunkPool::Chunk) <= 0xffff);
};

static_assert(sizeof(PendingBytes) <= 16, "every open stream holds two");

}  // namespace sidecar::net
