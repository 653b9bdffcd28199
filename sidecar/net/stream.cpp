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
  tls_ = std::make_unique<TlsLayer>(std::move(ssl), *watch_, side, std::move(owner));
  return *tls_;
}

const char* Stream::why() const {
  return tls_ && *tls_->failure_text() != '\0' ? tls_->failure_text() : nullptr;
}

IoResult Stream::try_read(std::span<char> buffer) {
  const IoResult result = tls_ ? tls_->read(buffer) : receive(buffer, 0);
  if (result.size == buffer.size()) watch_->set_bulk();
  return result;
}

IoResult Stream::receive(std::span<char> buffer, int flags) {
  for (;;) {
    const ssize_t size = ::recv(fd(), buffer.data(), buffer.size(), flags);
    if (size > 0) {
      // Less than there was room for: that was all, unless the peer's end comes behind it.
      const bool all = static_cast<std::size_t>(size) < buffer.size() && flags == 0;
      if (all && !watch_->ended()) watch_->set_unreadable();
      return {IoResult::Status::moved, static_cast<std::size_t>(size)};
    }
    if (size == 0) return {IoResult::Status::eof, 0};
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return {IoResult::Status::failed, 0};
    watch_->set_unreadable();
    return {IoResult::Status::would_block, 0};
  }
}

IoResult Stream::try_writev(std::span<const iovec> pieces) {
  if (tls_) {
    const IoResult result = tls_->writev(pieces);
    if (tls_->take_read_meanwhile()) watch_->wake();  // Who waits for the socket would wait in vain.
    return result;
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());  // sendmsg only reads it.
  message.msg_iovlen = pieces.size();
  std::size_t wanted = 0;
  for (const iovec& piece : pieces) wanted += piece.iov_len;
  for (;;) {
    const ssize_t size = pieces.size() == 1 ? ::send(fd(), pieces[0].iov_base, wanted, MSG_NOSIGNAL)  // It costs less.
                                            : ::sendmsg(fd(), &message, MSG_NOSIGNAL);
    if (size >= 0) {
      if (static_cast<std::size_t>(size) < wanted) watch_->set_unwritable();
      return {IoResult::Status::moved, static_cast<std::size_t>(size)};
    }
    if (errno == EINTR) continue;
    if (errno == ENOBUFS) return {IoResult::Status::would_block, 0};  // No event tells when that is over.
    if (errno != EAGAIN && errno != EWOULDBLOCK) return {IoResult::Status::failed, 0};
    watch_->set_unwritable();
    return {IoResult::Status::would_block, 0};
  }
}

bool Stream::quiet() {
  if (tls_) return tls_->quiet();
  if (!watch_->readable()) return true;
  char byte = 0;
  return try_peek_raw(std::span(&byte, 1)).status == IoResult::Status::would_block;
}

bool Stream::broken() {
  pollfd entry{.fd = fd(), .events = 0, .revents = 0};
  return ::poll(&entry, 1, 0) > 0;  // Without events only errors and the end of both directions are told.
}

void Stream::acknowledge_at_once() {
  const int on = 1;
  ::setsockopt(fd(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

bool Stream::try_shutdown_write() {
  if (tls_ && !tls_->try_shutdown()) return false;
  ::shutdown(fd(), SHUT_WR);
  return true;
}

std::uint32_t Stream::unsent() {
  int bytes = 0;
  return ::ioctl(fd(), SIOCOUTQ, &bytes) == 0 ? static_cast<std::uint32_t>(bytes) : 0;
}

void Stream::close() {
  if (tls_) static_cast<void>(tls_->try_shutdown());
  close_descriptor();
}

void Stream::close_descriptor() {
  tls_.reset();  // It knows the number of a descriptor that will soon be somebody else's.
  watch_->close();
}

void Stream::reset() {
  const linger immediately{1, 0};
  ::setsockopt(fd(), SOL_SOCKET, SO_LINGER, &immediately, sizeof immediately);
  close_descriptor();
}

}  // namespace sidecar::net
