#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "net/event_loop.hpp"
#include "net/io_result.hpp"
#include "net/tls_layer.hpp"

namespace sidecar::net {

/// One connected socket, non-blocking: attempts to read and write, and waits for readiness. Whether the bytes go
/// through TLS nobody else has to know. Waiting reads nothing: the buffer is the caller's, and borrowed only while
/// bytes move. What could not be written has to be offered again before anything else is.
class Stream {
 public:
  /// Takes over `fd`, which is non-blocking and close-on-exec. Throws std::system_error, and then it stays the
  /// caller's.
  Stream(EventLoop& loop, int fd) : watch_(EventLoop::Watch::make(loop, fd)) {}
  /// Takes over socket, TLS and what was not read yet. No wait is armed on `other`, which is only to be destroyed.
  Stream(Stream&& other) = default;
  Stream& operator=(Stream&&) = delete;

  [[nodiscard]] int fd() const { return watch_->fd(); }

  /// From now on TLS is spoken, and its handshake comes next. `owner` is what `ssl` was made by.
  TlsLayer& start_tls(OpenSslPtr<SSL> ssl, TlsLayer::Side side, std::shared_ptr<const void> owner);
  /// nullptr: plain.
  [[nodiscard]] TlsLayer* tls() const { return tls_.get(); }
  /// Why reading or writing failed, in a few static words; nullptr when the connection was just lost.
  [[nodiscard]] const char* why() const;

  [[nodiscard]] IoResult try_read(std::span<char> buffer);
  /// What is below TLS. The bytes that are only looked at are there still.
  [[nodiscard]] IoResult try_read_raw(std::span<char> buffer) { return receive(buffer, 0); }
  [[nodiscard]] IoResult try_peek_raw(std::span<char> buffer) { return receive(buffer, MSG_PEEK); }
  [[nodiscard]] IoResult try_writev(std::span<const iovec> pieces);

  /// Calls `handler()` once, when reading is worth an attempt (or the peer closed), or behind close(); sometimes in
  /// vain.
  template <class Handler>
  void wait_readable(Handler handler) {
    wait(Way::read, tls_ ? tls_->reads_when() : TlsLayer::When::readable, handler);
  }
  template <class Handler>
  void wait_writable(Handler handler) {
    wait(Way::write, tls_ ? tls_->writes_when() : TlsLayer::When::writable, handler);
  }

  /// Nothing has come that was not read, and the peer has not closed.
  [[nodiscard]] bool quiet();
  /// The peer is gone, and nothing that it sent can be answered: seen without reading.
  [[nodiscard]] bool broken();
  /// What has come is acknowledged now. A peer that writes a head and a body with Nagle's algorithm on waits for that,
  /// and on a connection in use the kernel would wait 40 ms.
  void acknowledge_at_once();
  /// FIN (behind TLS's own end); reading goes on. False: to be tried again when the socket is writable.
  [[nodiscard]] bool try_shutdown_write();
  /// Bytes that the peer's kernel has not taken yet. 0 where that cannot be asked.
  [[nodiscard]] std::uint32_t unsent();
  /// Every wait completes with an error. The peer is told that this was the end, as far as that goes without waiting.
  void close();
  /// close() with a reset instead of a FIN; what the peer has not got yet is lost.
  void reset();

 private:
  using Way = EventLoop::Watch::Way;

  /// TLS may have to write before it can read, and what it holds already shows on no descriptor.
  template <class Handler>
  void wait(Way what, TlsLayer::When when, Handler handler) {
    watch_->wait(what, when == TlsLayer::When::writable ? Way::write : Way::read, handler);
    if (when == TlsLayer::When::now) watch_->wake();
  }
  [[nodiscard]] IoResult receive(std::span<char> buffer, int flags);
  void close_descriptor();

  EventLoop::Watch::Owner watch_;
  std::unique_ptr<TlsLayer> tls_;
};

}  // namespace sidecar::net
