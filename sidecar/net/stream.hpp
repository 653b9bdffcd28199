#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "net/asio.hpp"

namespace sidecar::net {

/// What an attempt to move bytes came to.
struct IoResult {
  enum class Status : unsigned char {
    moved,        ///< `size` bytes, at least one.
    would_block,  ///< None now.
    eof,          ///< The peer's FIN (reading only).
    failed,       ///< The connection is gone.
  };
  Status status = Status::would_block;
  std::size_t size = 0;
};

/// One connected socket, non-blocking: attempts to read and write, and waits for readiness. What stands behind it (a
/// plain descriptor today) nobody else knows. Waiting reads nothing: the buffer is the caller's, and borrowed only
/// while bytes move.
class Stream {
 public:
  /// Takes over `fd`, which is non-blocking and close-on-exec.
  Stream(asio::io_context& io, int fd) : descriptor_(io.get_executor(), fd) {}
  /// No wait is armed on `other`, which is only to be destroyed.
  Stream(Stream&& other) = default;
  Stream& operator=(Stream&&) = delete;

  [[nodiscard]] IoResult try_read(std::span<char> buffer);
  [[nodiscard]] IoResult try_writev(std::span<const iovec> pieces);

  /// Calls `handler(error)` once, when something can be read (or the peer closed), or with an error behind close().
  template <class Handler>
  void wait_readable(Handler&& handler) {
    descriptor_.async_wait(Descriptor::wait_read, std::forward<Handler>(handler));
  }
  template <class Handler>
  void wait_writable(Handler&& handler) {
    descriptor_.async_wait(Descriptor::wait_write, std::forward<Handler>(handler));
  }

  /// Nothing has come that was not read, and the peer has not closed.
  [[nodiscard]] bool quiet();
  /// The peer is gone, and nothing that it sent can be answered: seen without reading.
  [[nodiscard]] bool broken();
  /// What comes next is acknowledged at once. A peer that writes a head and a body with Nagle's algorithm on waits for
  /// that, and on a connection in use the kernel would wait 40 ms.
  void acknowledge_at_once();
  /// FIN; reading goes on.
  void shutdown_write();
  /// Bytes that the peer's kernel has not taken yet. 0 where that cannot be asked.
  [[nodiscard]] std::uint32_t unsent();
  /// Every wait completes with an error.
  void close();
  /// close() with a reset instead of a FIN; what the peer has not got yet is lost.
  void reset();

 private:
  using Descriptor = asio::posix::basic_stream_descriptor<asio::io_context::executor_type>;
  Descriptor descriptor_;
};

}  // namespace sidecar::net
