#pragma once

#include <netinet/in.h>
#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace sidecar::bench {

struct TlsDeleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* tls) const { SSL_free(tls); }
};
using TlsContext = std::unique_ptr<SSL_CTX, TlsDeleter>;

/// TLS 1.3 with one cipher and one group, so that every proxy does the same work; no certificate is checked, no
/// session resumed.
[[nodiscard]] TlsContext make_client_context();

/// What an attempt came to: bytes moved, or one of these.
enum Outcome : long { kAgain = -1, kEnded = -2, kFailed = -3 };

/// A client's socket, in the clear or with TLS; non-blocking.
class Transport {
 public:
  Transport() = default;
  ~Transport() { close(); }
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  /// The connection is being made; true unless it failed at once. `source` spreads the clients over 127.0.0.0/8.
  [[nodiscard]] bool connect(const sockaddr_in& to, in_addr_t source, SSL_CTX* tls);
  /// Writable for the first time. kAgain: more of the handshake is to come.
  [[nodiscard]] long establish();
  [[nodiscard]] long read(std::span<char> buffer);
  [[nodiscard]] long write(std::string_view bytes);
  /// There are decrypted bytes that no readiness will tell of.
  [[nodiscard]] bool holds_bytes() const { return tls_ && SSL_has_pending(tls_.get()) != 0; }
  [[nodiscard]] int fd() const { return fd_; }
  void close();

 private:
  [[nodiscard]] long outcome(int result);

  int fd_ = -1;
  std::unique_ptr<SSL, TlsDeleter> tls_;
};

}  // namespace sidecar::bench
