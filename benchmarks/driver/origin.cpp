#include "benchmarks/driver/origin.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace sidecar::bench {

namespace {

constexpr std::size_t kOrdinaryBytes = 1024;
constexpr std::size_t kBurstBytes = 64 * 1024;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

std::string ordinary_body(std::uint32_t number) {
  std::string body(kOrdinaryBytes, '.');
  write_number(body.data(), 8, number);
  return body;
}

// --- a connection ---------------------------------------------------------------------------------------------------

OriginConnection::~OriginConnection() {
  ::close(fd_);
}

void OriginConnection::on_ready(std::uint32_t events) {
  const bool readable = (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
  if ((readable && !read_requests()) || ((events & EPOLLOUT) != 0 && !flush())) origin_.close(*this, stream_);
}

bool OriginConnection::read_requests() {
  std::array<char, 16 * 1024> buffer{};
  const ssize_t size = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (size < 0) return errno == EAGAIN;
  if (size == 0) return false;
  received_.append(buffer.data(), static_cast<std::size_t>(size));
  for (;;) {
    const std::size_t end = received_.find("\r\n\r\n");
    if (end == std::string::npos) break;
    const std::string_view line = std::string_view(received_).substr(0, received_.find("\r\n"));
    const std::size_t from = line.find(' ') + 1;
    const std::string target(line.substr(from, line.find(' ', from) - from));
    received_.erase(0, end + 4);
    if (!serve(target)) return false;
  }
  if (received_.empty()) received_.shrink_to_fit();
  return true;
}

bool OriginConnection::serve(std::string_view target) {
  ++origin_.requests_;
  if (target.size() < 4) return false;
  const std::string_view rest = target.substr(3);
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  const auto number = read_number(rest.substr(0, slash));
  if (!number || *number >= origin_.streams_.size()) return false;
  stream_ = static_cast<std::uint32_t>(*number);
  switch (target[1]) {
    case 'e':
      return origin_.open_stream(stream_, *this);
    case 'b':
      burst_left_ = slash < rest.size() ? read_number(rest.substr(slash + 1)).value_or(0) : 0;
      burst_next_ = 0;
      unsent_ = origin_.stream_head_;
      return flush();
    default:
      unsent_ += origin_.answer_head_;
      unsent_ += ordinary_body(stream_);
      return flush();
  }
}

bool OriginConnection::write(std::string_view bytes) {
  ssize_t size = 0;
  if (unsent_.empty()) {
    size = ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size < 0 && errno != EAGAIN) return false;
  }
  bytes.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  if (bytes.empty()) return true;
  unsent_.append(bytes);
  if (!waits_to_write_) origin_.loop_.change(fd_, EPOLLIN | EPOLLOUT, *this);
  waits_to_write_ = true;
  return true;
}

void OriginConnection::fill_burst() {
  while (burst_left_ > 0 && unsent_.size() < kBurstBytes) {
    origin_.append_event(unsent_, stream_, burst_next_++);
    if (--burst_left_ == 0) unsent_ += "0\r\n\r\n";
  }
}

/// Sends what waits and what the burst has left, until the kernel takes no more. False: the connection is gone.
bool OriginConnection::flush() {
  for (;;) {
    fill_burst();
    if (unsent_.empty()) break;
    const ssize_t size = ::send(fd_, unsent_.data(), unsent_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size < 0 && errno != EAGAIN) return false;
    if (size < 0) break;
    unsent_.erase(0, static_cast<std::size_t>(size));
  }
  if (waits_to_write_ == !unsent_.empty()) return true;
  waits_to_write_ = !unsent_.empty();
  origin_.loop_.change(fd_, waits_to_write_ ? EPOLLIN | EPOLLOUT : EPOLLIN, *this);
  return true;
}

// --- all of them ----------------------------------------------------------------------------------------------------

Origin::Origin(Loop& loop, std::uint16_t port, const EventFormat& format, std::size_t streams)
    : loop_(loop), format_(format), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
  const int on = 1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (listener_ < 0) fail("socket");
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): what the socket API asks for
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind");
  if (::listen(listener_, SOMAXCONN) != 0) fail("listen");
  streams_.resize(streams);
  stream_head_ =
      "HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Sat, 21 Nov 2026 00:00:00 GMT\r\n"
      "Content-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";
  answer_head_ =
      "HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Sat, 21 Nov 2026 00:00:00 GMT\r\n"
      "Content-Type: application/json\r\nContent-Length: " +
      std::to_string(kOrdinaryBytes) + "\r\n\r\n";
  loop_.watch(listener_, EPOLLIN, *this);
}

Origin::~Origin() {
  ::close(listener_);
}

void Origin::on_ready(std::uint32_t) {
  for (;;) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED)) return;
    if (fd < 0) fail("accept");
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto connection = std::make_unique<OriginConnection>(*this, fd);
    loop_.watch(fd, EPOLLIN, *connection);
    OriginConnection* const key = connection.get();
    connections_.emplace(key, std::move(connection));
  }
}

void Origin::append_event(std::string& out, std::uint32_t stream, std::uint64_t sequence) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::array<char, 8> size{};
  std::size_t at = size.size();
  for (std::size_t value = format_.size(); value > 0; value /= 16) size.at(--at) = kHex[value % 16];
  out.append(size.data() + at, size.size() - at);
  out += "\r\n";
  const std::size_t begin = out.size();
  out.resize(begin + format_.size());
  format_.write(out.data() + begin, {stream, sequence, now_ns()});
  out += "\r\n";
  ++events_sent_;
}

bool Origin::open_stream(std::uint32_t number, OriginConnection& connection) {
  Stream& stream = streams_.at(number);
  if (stream.connection == nullptr) ++open_streams_;
  stream = {&connection, 1};
  scratch_ = stream_head_;
  append_event(scratch_, number, 0);
  return connection.write(scratch_);
}

bool Origin::send_event(std::uint32_t number) {
  Stream& stream = streams_.at(number);
  if (stream.connection == nullptr) return false;
  scratch_.clear();
  append_event(scratch_, number, stream.next++);
  if (stream.connection->write(scratch_)) return true;
  close(*stream.connection, number);
  return false;
}

void Origin::close(OriginConnection& connection, std::uint32_t number) {
  Stream& stream = streams_.at(number);
  if (stream.connection == &connection) {
    stream.connection = nullptr;
    --open_streams_;
  }
  loop_.forget(connection.fd(), connection);
  connections_.erase(&connection);
}

}  // namespace sidecar::bench
