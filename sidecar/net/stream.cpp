#include "net/stream.hpp"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>

namespace sidecar::net {

IoResult Stream::try_read(std::span<char> buffer) {
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

void Stream::shutdown_write() {
  ::shutdown(descriptor_.native_handle(), SHUT_WR);
}

std::uint32_t Stream::unsent() {
  int bytes = 0;
  return ::ioctl(descriptor_.native_handle(), SIOCOUTQ, &bytes) == 0 ? static_cast<std::uint32_t>(bytes) : 0;
}

void Stream::close() {
  ErrorCode ignored;
  descriptor_.close(ignored);
}

void Stream::reset() {
  const linger immediately{1, 0};
  ::setsockopt(descriptor_.native_handle(), SOL_SOCKET, SO_LINGER, &immediately, sizeof immediately);
  close();
}

}  // namespace sidecar::net
