#include "net/stream.hpp"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>

namespace sidecar::net {

TlsLayer& Stream::start_tls(OpenSslPtr<SSL> ssl, TlsLayer::Side side, std::shared_ptr<const void> owner) {
  tls_ = std::make_unique<TlsLayer>(std::move(ssl), descriptor_.native_handle(), side, std::move(owner));
  return *tls_;
}

const char* Stream::why() const {
  return tls_ && *tls_->failure_text() != '\0' ? tls_->failure_text() : nullptr;
}

IoResult Stream::try_read(std::span<char> buffer) {
  if (tls_) return tls_->read(buffer);
  for (;;) {
    const ssize_t size = ::recv(descriptor_.native_handle(), buffer.data(), buffer.size(), 0);
    if (size > 0) return {IoResult::Status::moved, static_cast<std::size_t>(size)};
    if (size == 0) return {IoResult::Status::eof, 0};
    if (errno == EINTR) continue;
    const bool blocked = errno == EAGAIN || errno == EWOULDBLOCK;
    return {blocked ? IoResult::Status::would_block : IoResult::Status::failed, 0};
  }
}

IoResult Stream::try_writev(std::span<const iovec> pieces) {
  if (tls_) {
    const IoResult result = tls_->writev(pieces);
    ErrorCode ignored;
    if (tls_->take_read_meanwhile()) descriptor_.cancel(ignored);  // Who waits for the socket would wait in vain.
    return result;
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());  // sendmsg only reads it.
  message.msg_iovlen = pieces.size();
  for (;;) {
    const ssize_t size = ::sendmsg(descriptor_.native_handle(), &message, MSG_NOSIGNAL);
    if (size >= 0) return {IoResult::Status::moved, static_cast<std::size_t>(size)};
    if (errno == EINTR) continue;
    const bool blocked = errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS;
    return {blocked ? IoResult::Status::would_block : IoResult::Status::failed, 0};
  }
}

bool Stream::quiet() {
  if (tls_) return tls_->quiet();
  char byte = 0;
  return ::recv(descriptor_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

bool Stream::broken() {
  pollfd entry{.fd = descriptor_.native_handle(), .events = 0, .revents = 0};
  return ::poll(&entry, 1, 0) > 0;  // Without events only errors and the end of both directions are told.
}

void Stream::acknowledge_at_once() {
  const int on = 1;
  ::setsockopt(descriptor_.native_handle(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

bool Stream::try_shutdown_write() {
  if (tls_ && !tls_->try_shutdown()) return false;
  ::shutdown(descriptor_.native_handle(), SHUT_WR);
  return true;
}

std::uint32_t Stream::unsent() {
  int bytes = 0;
  return ::ioctl(descriptor_.native_handle(), SIOCOUTQ, &bytes) == 0 ? static_cast<std::uint32_t>(bytes) : 0;
}

void Stream::close() {
  if (tls_) static_cast<void>(tls_->try_shutdown());
  close_descriptor();
}

void Stream::close_descriptor() {
  tls_.reset();  // It knows the number of a descriptor that will soon be somebody else's.
  ErrorCode ignored;
  descriptor_.close(ignored);
}

void Stream::reset() {
  const linger immediately{1, 0};
  ::setsockopt(descriptor_.native_handle(), SOL_SOCKET, SO_LINGER, &immediately, sizeof immediately);
  close_descriptor();
}

}  // namespace sidecar::net
