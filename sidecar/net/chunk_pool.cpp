#include "net/chunk_pool.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

namespace sidecar::net {

ChunkPool::~ChunkPool() {
  while (spare_ != nullptr) {
    Chunk* next = spare_->next;
    delete spare_;
    spare_ = next;
  }
}

ChunkPool::Chunk* ChunkPool::take() {
  ++in_use_;
  Chunk* chunk = spare_;
  if (chunk != nullptr) {
    spare_ = chunk->next;
    --spares_;
  } else {
    chunk = new Chunk;  // NOLINT(cppcoreguidelines-owning-memory): owned by the list that it goes into.
  }
  chunk->next = nullptr;
  return chunk;
}

void ChunkPool::give_back(Chunk* chunk) {
  --in_use_;
  if (spares_ == kSpareMax) {
    delete chunk;
    return;
  }
  chunk->next = spare_;
  spare_ = chunk;
  ++spares_;
}

void PendingBytes::append(std::string_view bytes, ChunkPool& pool) {
  size_ += static_cast<std::uint32_t>(bytes.size());
  while (!bytes.empty()) {
    if (last_ == nullptr || end_ == last_->bytes.size()) {
      ChunkPool::Chunk* chunk = pool.take();
      chunk->next = last_ == nullptr ? chunk : std::exchange(last_->next, chunk);
      last_ = chunk;
      end_ = 0;
    }
    const std::size_t part = std::min(bytes.size(), last_->bytes.size() - end_);
    std::memcpy(last_->bytes.data() + end_, bytes.data(), part);
    end_ = static_cast<std::uint16_t>(end_ + part);
    bytes.remove_prefix(part);
  }
}

void PendingBytes::consume(std::size_t size, ChunkPool& pool) {
  assert(size <= size_);
  size_ -= static_cast<std::uint32_t>(size);
  while (last_ != nullptr) {
    ChunkPool::Chunk* first = last_->next;
    const std::size_t held = (first == last_ ? end_ : first->bytes.size()) - begin_;
    if (size < held) {
      begin_ = static_cast<std::uint16_t>(begin_ + size);
      return;
    }
    size -= held;
    begin_ = 0;
    if (first == last_) {
      last_ = nullptr;
    } else {
      last_->next = first->next;
    }
    pool.give_back(first);
  }
}

std::size_t PendingBytes::gather(std::span<iovec> out) const {
  if (last_ == nullptr) return 0;
  std::size_t count = 0;
  std::size_t begin = begin_;
  for (ChunkPool::Chunk* chunk = last_->next; count < out.size(); chunk = chunk->next) {
    const std::size_t end = chunk == last_ ? end_ : chunk->bytes.size();
    out[count++] = {chunk->bytes.data() + begin, end - begin};
    if (chunk == last_) break;
    begin = 0;
  }
  return count;
}

}  // namespace sidecar::net
