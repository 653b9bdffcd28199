#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tests/net/harness/clock.hpp"
#include "tests/net/harness/http.hpp"

struct ssl_st;  // OpenSSL's SSL.

/// One end of a socket in the hands of a test: raw bytes, a deadline on everything, and a clear word about how the
/// other end went. A disappointed wait throws, which GoogleTest reports with the bytes that did arrive.
namespace sidecar::nettest {

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// What was waited for did not come in time.
struct TimedOut : Failure {
  using Failure::Failure;
};
/// The peer closed or reset although more was expected.
struct PeerGone : Failure {
  using Failure::Failure;
};

/// How the reading direction of a connection stands.
enum class End : std::uint8_t {
  open,
  eof,    ///< A FIN: all the bytes before it were read.
  cut,    ///< A FIN that TLS did not announce.
  reset,  ///< A RST.
};

[[nodiscard]] std::string_view to_string(End end);

class RawConnection {
 public:
  RawConnection() = default;
  /// Takes over `fd`; `name` appears in failures.
  RawConnection(int fd, std::string name);
  RawConnection(RawConnection&& other) noexcept;
  RawConnection& operator=(RawConnection&& other) noexcept;
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;
  ~RawConnection();

  /// Speaks TLS from here on: shakes hands as `ssl` (whose connection this becomes) was made to. A failure throws with
  /// OpenSSL's words. Bytes are then those inside; half_close() and close() mean TLS's own end as well.
  void start_tls(ssl_st* ssl, Milliseconds timeout = patience());
  [[nodiscard]] ssl_st* ssl() const { return ssl_; }

  // Writing

  void send(std::string_view bytes, Milliseconds timeout = patience());
  /// Hands over what the kernel takes now and returns how much; 0: its buffer is full.
  std::size_t send_some(std::string_view bytes);
  /// Waits until the peer's kernel has acknowledged everything: a reset behind it destroys nothing.
  void flush(Milliseconds timeout = patience());
  /// FIN: no more bytes from here, reading goes on.
  void half_close();
  /// FIN without the end of TLS.
  void cut();
  /// RST, now; unsent bytes are lost.
  void reset();
  void close();

  // Reading. What was received but not asked for stays for the next call.

  [[nodiscard]] std::string read_until(std::string_view needle, Milliseconds timeout = patience());
  [[nodiscard]] std::string read_exact(std::size_t count, Milliseconds timeout = patience());
  [[nodiscard]] Head read_head(Milliseconds timeout = patience());
  /// At least one byte, or nothing at the end.
  [[nodiscard]] std::string read_available(Milliseconds timeout = patience());
  /// Everything up to the FIN; a reset throws.
  [[nodiscard]] std::string read_to_end(Milliseconds timeout = patience());
  /// Reads on (and keeps the bytes) until the peer ends; `open` when it did not in time.
  [[nodiscard]] End wait_end(Milliseconds timeout = patience());
  /// Neither a byte nor an end within `duration`; what came all the same is kept.
  [[nodiscard]] bool silent_for(Milliseconds duration);
  /// Waits for a byte or an end without consuming it.
  [[nodiscard]] bool readable_within(Milliseconds timeout);
  /// Gives bytes back, to be read first.
  void unread(std::string_view bytes);

  [[nodiscard]] const std::string& buffered() const { return buffer_; }
  [[nodiscard]] End end() const { return end_; }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  bool fill(Clock::time_point deadline);
  bool fill_through_tls(char* bytes, std::size_t size);
  [[noreturn]] void disappoint(std::string_view expected) const;

  int fd_ = -1;
  ssl_st* ssl_ = nullptr;
  std::string name_;
  std::string buffer_;
  End end_ = End::open;
};

struct ClientOptions {
  int receive_buffer = 0;  ///< SO_RCVBUF before connecting; 0: the kernel's default.
};

/// Connects to `127.0.0.1:8080`, `[::1]:8080` or `unix:/path`.
[[nodiscard]] RawConnection connect_to(const std::string& address, ClientOptions options = {});

}  // namespace sidecar::nettest
