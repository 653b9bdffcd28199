#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "net/event_loop.hpp"
#include "net/io_result.hpp"
#include "net/tls_files.hpp"

namespace sidecar::net {

/// TLS on one socket: OpenSSL reads and writes the descriptor itself, and what it cannot do now is told like what a
/// kernel cannot do. It waits for nothing: `reads_when`, `writes_when` say for what to wait. What it finds out about
/// the socket the watch is told.
class TlsLayer {
 public:
  enum class Side : bool { server, client };
  enum class Step : unsigned char { done, want_read, want_write, failed };

  /// Why a handshake failed.
  enum class Failure : unsigned char {
    silent,      ///< The peer left without having said anything.
    gone,        ///< It left, or was lost.
    plain_http,  ///< It speaks HTTP, and no TLS.
    untrusted,   ///< Its certificate, or that it has none.
    refused,     ///< Anything else; text() has it.
  };

  /// What has to happen before trying again makes sense.
  enum class When : unsigned char { now, readable, writable };

  /// The watched socket stays the caller's; it is connected and outlives this. `owner` is what `ssl` was made by: it
  /// lives as long.
  TlsLayer(OpenSslPtr<SSL> ssl, EventLoop::Watch& watch, Side side, std::shared_ptr<const void> owner);
  TlsLayer(const TlsLayer&) = delete;
  TlsLayer& operator=(const TlsLayer&) = delete;

  [[nodiscard]] Step handshake();
  [[nodiscard]] Failure failure() const { return failure_; }
  /// In a few static words; also why reading failed. Empty: the connection was lost.
  [[nodiscard]] const char* failure_text() const { return failure_text_; }

  /// The peer said something.
  [[nodiscard]] bool has_heard() const { return BIO_number_read(SSL_get_rbio(ssl_.get())) != 0; }

  // Behind the handshake.

  /// The peer and we agreed on HTTP/2.
  [[nodiscard]] bool speaks_http2() const;
  /// The client would have spoken HTTP/2.
  [[nodiscard]] bool downgraded() const { return downgraded_; }

  [[nodiscard]] IoResult read(std::span<char> buffer);
  /// Small pieces share a record. What could not be moved has to be offered again, first, before anything else.
  [[nodiscard]] IoResult writev(std::span<const iovec> pieces);
  /// Nothing has come that was not read, and the peer has not closed.
  [[nodiscard]] bool quiet();
  /// TLS's own end (close_notify). False: to be tried again when the socket takes bytes.
  [[nodiscard]] bool try_shutdown();

  [[nodiscard]] When reads_when() const { return reads_when_; }
  [[nodiscard]] When writes_when() const { return writes_when_; }
  /// True once when a write has read what somebody else waits for.
  [[nodiscard]] bool take_read_meanwhile();

  // For the contexts.

  static void watch(SSL_CTX& context);
  [[nodiscard]] static TlsLayer& of(const SSL* ssl);
  void note_downgrade() { downgraded_ = true; }

 private:
  class Cursor;
  class Socket;

  bool send(std::string_view& bytes);
  bool flush();
  [[nodiscard]] ssize_t receive(char* buffer, std::size_t size, int flags);
  void note_failure(int kind);
  void note_message();
  [[nodiscard]] IoResult end_with(IoResult::Status status);
  [[nodiscard]] IoResult read_one(std::span<char> buffer);
  [[nodiscard]] IoResult::Status write_record(std::span<const char> record);
  [[nodiscard]] bool has_more() const { return SSL_has_pending(ssl_.get()) != 0; }

  std::shared_ptr<const void> owner_;
  OpenSslPtr<SSL> ssl_;
  std::string unsent_;  ///< What OpenSSL wrote and the kernel did not take.
  const char* failure_text_ = "";
  EventLoop::Watch& watch_;
  std::uint16_t unwritten_ = 0;  ///< Bytes in the record of which a part is unsent: they are not moved yet.
  std::uint8_t messages_ = 0;    ///< Of TLS itself since bytes came last.
  Failure failure_ = Failure::refused;
  std::optional<IoResult::Status> ended_;  ///< Nothing is read any more.
  When reads_when_ = When::readable;
  When writes_when_ = When::writable;
  bool established_ = false;
  bool downgraded_ = false;
  bool shut_ = false;
  bool dead_ = false;  ///< OpenSSL is not to be asked any more.
  bool deaf_ = false;  ///< The peer takes no more bytes.
  bool read_meanwhile_ = false;
};

}  // namespace sidecar::net
