#include "net/writing.hpp"

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

namespace sidecar::net {

bool write_out(Stream& stream, const http::Output& output, std::size_t& sent) {
  static constexpr std::size_t kPieces = 64;
  std::array<iovec, kPieces> pieces;  // Nothing is read that was not written; zeroes would cost more than the rest.
  std::size_t next = 0;
  while (next < output.pieces()) {
    std::size_t count = 0;
    std::size_t wanted = 0;
    for (; count < kPieces && next < output.pieces(); ++count, ++next) {
      const std::string_view piece = output.piece(next);
      pieces[count] = {const_cast<char*>(piece.data()), piece.size()};  // iovec has no const; writing only reads it.
      wanted += piece.size();
    }
    const IoResult result = stream.try_writev(std::span(pieces.data(), count));
    if (result.status == IoResult::Status::failed) return false;
    sent += result.size;
    if (result.size < wanted) break;
  }
  return true;
}

void keep_rest(const http::Output& output, std::size_t sent, PendingBytes& pending, ChunkPool& pool) {
  for (std::size_t i = 0; i < output.pieces(); ++i) {
    const std::string_view piece = output.piece(i);
    const std::size_t skipped = std::min(sent, piece.size());
    sent -= skipped;
    if (skipped < piece.size()) pending.append(piece.substr(skipped), pool);
  }
}

bool write_pending(Stream& stream, PendingBytes& pending, ChunkPool& pool, std::size_t& sent) {
  static constexpr std::size_t kPieces = 8;
  std::array<iovec, kPieces> pieces{};
  const std::size_t count = pending.gather(pieces);
  const IoResult result = stream.try_writev(std::span(pieces.data(), count));
  if (result.status == IoResult::Status::failed) return false;
  sent = result.size;
  pending.consume(sent, pool);
  return true;
}

}  // namespace sidecar::net
