#pragma once

#include <cstddef>

#include "http/output.hpp"
#include "net/chunk_pool.hpp"
#include "net/stream.hpp"

/// A turn's output on its way into a stream: at once what the kernel takes, the rest in pooled chunks.
namespace sidecar::net {

/// Writes as much of `output` as the kernel takes. False: the connection is gone.
[[nodiscard]] bool write_out(Stream& stream, const http::Output& output, std::size_t& sent);

/// Keeps what write_out() left over.
void keep_rest(const http::Output& output, std::size_t sent, PendingBytes& pending, ChunkPool& pool);

/// Writes as much of what waited as the kernel takes now. False: the connection is gone.
[[nodiscard]] bool write_pending(Stream& stream, PendingBytes& pending, ChunkPool& pool, std::size_t& sent);

}  // namespace sidecar::net
