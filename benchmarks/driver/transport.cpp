#include "benchmarks/driver/transport.hpp"

#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

namespace sidecar::bench {

TlsContext make_client_context() {
  TlsContext context(SSL_CTX_new(TLS_client_method()));
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_ciphersuites(context.get(), "TLS_AES_128_GCM_SHA256") != 1 ||
      SSL_CTX_set1_groups_list(context.get(), "X25519") != 1) {
    throw std::runtime_error("OpenSSL does not know TLS 1.3 as it is wanted here");
  }
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  return context;
}

bool Transport::connect(const sockaddr_in& to, in_addr_t source, SSL_CTX* tls) {
  close();
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return false;
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  sockaddr_in from{};
  from.sin_family = AF_INET;
  from.sin_addr.s_addr = source;
  // NOLINTBEGIN(cppcoreguidelines-pro-type-reinterpret-cast): what the socket API asks for
  if (::bind(fd_, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0) return false;
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS) return false;
  // NOLINTEND(cppcoreguidelines-pro-type-reinterpret-cast)
  if (tls != nullptr) {
    tls_.reset(SSL_new(tls));
    if (!tls_ || SSL_set_fd(tls_.get(), fd_) != 1) return false;
    SSL_set_connect_state(tls_.get());
  }
  return true;
}

long Transport::outcome(int result) {
  if (result > 0) return result;
  switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return kAgain;
    case SSL_ERROR_ZERO_RETURN:
      return kEnded;
    default:
      ERR_clear_error();
      return kFailed;
  }
}

long Transport::establish() {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) return kFailed;
  return tls_ ? outcome(SSL_do_handshake(tls_.get())) : 1;
}

long Transport::read(std::span<char> buffer) {
  if (tls_) return outcome(SSL_read(tls_.get(), buffer.data(), static_cast<int>(buffer.size())));
  const ssize_t size = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (size > 0) return size;
  if (size == 0) return kEnded;
  return errno == EAGAIN ? kAgain : kFailed;
}

long Transport::write(std::string_view bytes) {
  if (tls_) return outcome(SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size())));
  const ssize_t size = ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (size >= 0) return size;
  return errno == EAGAIN ? kAgain : kFailed;
}

void Transport::close() {
  tls_.reset();
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

}  // namespace sidecar::bench
