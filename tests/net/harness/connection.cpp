#include "tests/net/harness/connection.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

namespace sidecar::nettest {
namespace {

constexpr std::size_t kReadBytes = 256 * 1024;
constexpr std::size_t kShownBytes = 400;

int remaining_ms(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<Milliseconds>(deadline - Clock::now()).count();
  return left > 0 ? static_cast<int>(left) : 0;
}

bool poll_one(int fd, short events, Clock::time_point deadline) {
  while (true) {
    pollfd entry{fd, events, 0};
    const int ready = ::poll(&entry, 1, remaining_ms(deadline));
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) throw Failure(std::string("poll: ") + std::strerror(errno));
  }
}

std::string printable(std::string_view bytes) {
  std::string text;
  const std::size_t skipped = bytes.size() > kShownBytes ? bytes.size() - kShownBytes : 0;
  if (skipped > 0) text = "(" + std::to_string(skipped) + " bytes) ... ";
  for (const char byte : bytes.substr(skipped)) {
    if (byte == '\r') {
      text += "\\r";
    } else if (byte == '\n') {
      text += "\\n";
    } else {
      text += byte;
    }
  }
  return text;
}

}  // namespace

std::string_view to_string(End end) {
  switch (end) {
    case End::open:
      return "open";
    case End::eof:
      return "eof";
    case End::cut:
      return "cut";
    case End::reset:
      return "reset";
  }
  return "?";
}

RawConnection::RawConnection(int fd, std::string name) : fd_(fd), name_(std::move(name)) {
  const int flags = ::fcntl(fd_, F_GETFL);
  ::fcntl(fd_, F_SETFL, flags | O_NONBLOCK);
  const int one = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);  // Fails on unix sockets, which need none.
}

RawConnection::RawConnection(RawConnection&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      ssl_(std::exchange(other.ssl_, nullptr)),
      name_(std::move(other.name_)),
      buffer_(std::move(other.buffer_)),
      end_(other.end_) {}

RawConnection& RawConnection::operator=(RawConnection&& other) noexcept {
  if (this == &other) return *this;
  close();
  fd_ = std::exchange(other.fd_, -1);
  ssl_ = std::exchange(other.ssl_, nullptr);
  name_ = std::move(other.name_);
  buffer_ = std::move(other.buffer_);
  end_ = other.end_;
  return *this;
}

RawConnection::~RawConnection() {
  close();
}

void RawConnection::disappoint(std::string_view expected) const {
  const std::string text = name_ + ": expected " + std::string(expected) + ", the peer is " +
                           std::string(to_string(end_)) + " and sent: " + printable(buffer_);
  if (end_ == End::open) throw TimedOut(text);
  throw PeerGone(text);
}

void RawConnection::start_tls(ssl_st* ssl, Milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  ssl_ = ssl;
  SSL_set_fd(ssl_, fd_);
  while (true) {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_);
    if (result == 1) return;
    const int error = SSL_get_error(ssl_, result);
    const bool reads = error == SSL_ERROR_WANT_READ;
    if (!reads && error != SSL_ERROR_WANT_WRITE) {
      const char* reason = ERR_reason_error_string(ERR_peek_error());
      throw PeerGone(name_ + ": TLS: " + (reason != nullptr ? reason : "the connection is gone"));
    }
    if (!poll_one(fd_, reads ? POLLIN : POLLOUT, deadline)) throw TimedOut(name_ + ": no TLS handshake");
  }
}

void RawConnection::send(std::string_view bytes, Milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (!bytes.empty()) {
    bytes.remove_prefix(send_some(bytes));
    if (!bytes.empty() && !poll_one(fd_, POLLOUT, deadline)) {
      throw TimedOut(name_ + ": the peer does not take " + std::to_string(bytes.size()) + " bytes");
    }
  }
}

std::size_t RawConnection::send_some(std::string_view bytes) {
  if (ssl_ != nullptr) {
    ERR_clear_error();
    const int sent = SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
    if (sent > 0) return static_cast<std::size_t>(sent);
    const int error = SSL_get_error(ssl_, sent);
    if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ) return 0;
    throw PeerGone(name_ + ": SSL_write");
  }
  const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
  throw PeerGone(name_ + ": send: " + std::strerror(errno));
}

void RawConnection::flush(Milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (true) {
    int unacknowledged = 0;
    if (::ioctl(fd_, SIOCOUTQ, &unacknowledged) != 0) throw Failure(std::string("SIOCOUTQ: ") + std::strerror(errno));
    if (unacknowledged == 0) return;
    if (Clock::now() > deadline) throw TimedOut(name_ + ": the peer does not acknowledge what was sent");
    std::this_thread::sleep_for(1ms);
  }
}

void RawConnection::half_close() {
  if (ssl_ != nullptr) SSL_shutdown(ssl_);
  cut();
}

void RawConnection::cut() {
  ::shutdown(fd_, SHUT_WR);
}

void RawConnection::reset() {
  if (ssl_ != nullptr) SSL_set_quiet_shutdown(ssl_, 1);
  const linger at_once{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

void RawConnection::close() {
  if (ssl_ != nullptr) {
    SSL_shutdown(ssl_);
    SSL_free(std::exchange(ssl_, nullptr));
    ERR_clear_error();
  }
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

bool RawConnection::fill_through_tls(char* bytes, std::size_t size) {
  ERR_clear_error();
  const int received = SSL_read(ssl_, bytes, static_cast<int>(size));
  const int error = SSL_get_error(ssl_, received);
  if (received > 0) {
    buffer_.append(bytes, static_cast<std::size_t>(received));
  } else if (error == SSL_ERROR_ZERO_RETURN) {
    end_ = End::eof;
  } else if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
    const bool fin = ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
    if (error == SSL_ERROR_SSL && !fin) {
      throw PeerGone(name_ + ": TLS: " + ERR_reason_error_string(ERR_peek_error()));
    }
    end_ = fin ? End::cut : End::reset;
  }
  return true;
}

bool RawConnection::fill(Clock::time_point deadline) {
  const bool held = ssl_ != nullptr && SSL_pending(ssl_) > 0;
  if (end_ != End::open || (!held && !poll_one(fd_, POLLIN, deadline))) return false;
  static thread_local std::array<char, kReadBytes> bytes;
  if (ssl_ != nullptr) return fill_through_tls(bytes.data(), bytes.size());
  const ssize_t received = ::recv(fd_, bytes.data(), bytes.size(), 0);
  if (received > 0) {
    buffer_.append(bytes.data(), static_cast<std::size_t>(received));
    return true;
  }
  if (received == 0) {
    end_ = End::eof;
  } else if (errno == ECONNRESET || errno == EPIPE) {
    end_ = End::reset;
  } else if (errno != EAGAIN && errno != EINTR) {
    throw Failure(name_ + ": recv: " + std::strerror(errno));
  }
  return true;
}

std::string RawConnection::read_until(std::string_view needle, Milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (true) {
    const std::size_t at = buffer_.find(needle);
    if (at != std::string::npos) return read_exact(at + needle.size(), 0ms);
    if (!fill(deadline)) disappoint("'" + printable(needle) + "'");
  }
}

std::string RawConnection::read_exact(std::size_t count, Milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (buffer_.size() < count) {
    if (!fill(deadline)) disappoint(std::to_string(count) + " bytes");
  }
  std::string bytes = buffer_.substr(0, count);
  buffer_.erase(0, count);
  return bytes;
}

Head RawConnection::read_head(Milliseconds timeout) {
  return parse_head(read_until("\r\n\r\n", timeout));
}

std::string RawConnection::read_available(Milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (buffer_.empty() && end_ == End::open) {
    if (!fill(deadline)) disappoint("any byte");
  }
  if (buffer_.empty() && end_ == End::reset) disappoint("bytes or a clean end");
  return std::exchange(buffer_, {});
}

std::string RawConnection::read_to_end(Milliseconds timeout) {
  if (wait_end(timeout) != End::eof) disappoint("a clean end");
  return std::exchange(buffer_, {});
}

End RawConnection::wait_end(Milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (end_ == End::open && fill(deadline)) {
  }
  return end_;
}

bool RawConnection::silent_for(Milliseconds duration) {
  if (!buffer_.empty() || end_ != End::open) return false;
  const auto deadline = Clock::now() + duration;
  while (fill(deadline)) {
    if (!buffer_.empty() || end_ != End::open) return false;
  }
  return true;
}

bool RawConnection::readable_within(Milliseconds timeout) {
  if (!buffer_.empty() || end_ != End::open) return true;
  return poll_one(fd_, POLLIN, Clock::now() + timeout);
}

void RawConnection::unread(std::string_view bytes) {
  buffer_.insert(0, bytes);
}

namespace {

void shrink_receive_buffer(int fd, const ClientOptions& options) {
  if (options.receive_buffer == 0) return;
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &options.receive_buffer, sizeof options.receive_buffer);
}

int connect_socket(int family, const void* address, std::size_t size, const ClientOptions& options) {
  const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw Failure(std::string("socket: ") + std::strerror(errno));
  shrink_receive_buffer(fd, options);
  if (::connect(fd, static_cast<const sockaddr*>(address), static_cast<socklen_t>(size)) != 0) {
    const int error = errno;
    ::close(fd);
    throw Failure(std::string("connect: ") + std::strerror(error));
  }
  return fd;
}

}  // namespace

RawConnection connect_to(const std::string& address, ClientOptions options) {
  if (address.starts_with("unix:")) {
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    const std::string path = address.substr(5);
    path.copy(un.sun_path, sizeof un.sun_path - 1);
    return {connect_socket(AF_UNIX, &un, sizeof un, options), "client"};
  }
  const std::size_t colon = address.rfind(':');
  const auto port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
  if (address.starts_with("[")) {
    sockaddr_in6 in6{};
    in6.sin6_family = AF_INET6;
    in6.sin6_port = port;
    ::inet_pton(AF_INET6, address.substr(1, colon - 2).c_str(), &in6.sin6_addr);
    return {connect_socket(AF_INET6, &in6, sizeof in6, options), "client"};
  }
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = port;
  ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &in.sin_addr);
  return {connect_socket(AF_INET, &in, sizeof in, options), "client"};
}

}  // namespace sidecar::nettest
