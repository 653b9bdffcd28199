#include "tests/net/harness/backend.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace sidecar::nettest {
namespace {

[[noreturn]] void fail(const char* what) {
  throw Failure(std::string(what) + ": " + std::strerror(errno));
}

int bind_tcp(std::uint16_t& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) fail("socket");
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof in;
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&in), size) != 0) fail("bind");
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&in), &size) != 0) fail("getsockname");
  port = ntohs(in.sin_port);
  return fd;
}

int bind_unix(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) fail("socket");
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  if (path.size() >= sizeof un.sun_path) throw Failure("unix path too long: " + path);
  path.copy(un.sun_path, sizeof un.sun_path - 1);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&un), sizeof un) != 0) fail("bind");
  return fd;
}

bool readable(int fd, Milliseconds timeout) {
  pollfd entry{fd, POLLIN, 0};
  const auto deadline = Clock::now() + timeout;
  while (true) {
    const auto left = std::chrono::ceil<Milliseconds>(deadline - Clock::now()).count();
    const int ready = ::poll(&entry, 1, left > 0 ? static_cast<int>(left) : 0);
    if (ready >= 0) return ready > 0;
    if (errno != EINTR) fail("poll");
  }
}

}  // namespace

RawBackend::RawBackend(const BackendOptions& options) : backlog_(options.backlog) {
  if (options.unix_path.empty()) {
    fd_ = bind_tcp(port_);
    address_ = "127.0.0.1:" + std::to_string(port_);
  } else {
    fd_ = bind_unix(options.unix_path);
    address_ = "unix:" + options.unix_path;
  }
  if (options.receive_buffer > 0) {
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &options.receive_buffer, sizeof options.receive_buffer);
  }
  if (options.listening) listen();
}

RawBackend::~RawBackend() {
  ::close(fd_);
}

void RawBackend::listen() {
  if (::listen(fd_, backlog_) != 0) fail("listen");
}

RawConnection RawBackend::accept(Milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (true) {
    const auto left = std::chrono::ceil<Milliseconds>(deadline - Clock::now());
    if (!readable(fd_, left)) throw TimedOut("backend " + address_ + ": nobody connects");
    const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) return {fd, "backend"};
    if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) fail("accept");
  }
}

RawConnection RawBackend::next_of(RawConnection known, Milliseconds timeout) {
  if (!known.buffered().empty()) return known;
  pollfd entries[] = {{known.fd(), POLLIN, 0}, {fd_, POLLIN, 0}};
  if (::poll(entries, 2, static_cast<int>(timeout.count())) <= 0)
    throw TimedOut("backend " + address_ + ": nothing comes");
  if (entries[1].revents != 0) return accept();
  return known;
}

bool RawBackend::no_connection_for(Milliseconds duration) {
  return !readable(fd_, duration);
}

std::string RawBackend::url() const {
  return port_ == 0 ? address_ : "http://" + address_;
}

ServingBackend::ServingBackend(Handler handler, const BackendOptions& options)
    : backend_(options), handler_(std::move(handler)), acceptor_([this] { accept_loop(); }) {}

ServingBackend::~ServingBackend() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const int fd : open_fds_) ::shutdown(fd, SHUT_RDWR);
  }
  ::shutdown(backend_.fd(), SHUT_RDWR);
  acceptor_.join();
  for (auto& thread : threads_) thread.join();
}

std::vector<std::string> ServingBackend::failures() {
  const std::lock_guard lock(mutex_);
  return failures_;
}

void ServingBackend::accept_loop() {
  while (true) {
    pollfd entry{backend_.fd(), POLLIN, 0};
    (void)::poll(&entry, 1, -1);
    const int fd = ::accept4(backend_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      if (fd >= 0) ::close(fd);
      return;
    }
    if (fd < 0) continue;
    open_fds_.push_back(fd);
    threads_.emplace_back([this, fd] { serve(RawConnection(fd, "backend")); });
  }
}

void ServingBackend::serve(RawConnection connection) {
  const int fd = connection.fd();
  std::string failure;
  try {
    handler_(connection);
  } catch (const PeerGone&) {
  } catch (const std::exception& error) {
    failure = error.what();
  }
  const std::lock_guard lock(mutex_);
  open_fds_.remove(fd);
  if (!failure.empty() && !stopping_) failures_.push_back(failure);
  connection.close();
}

}  // namespace sidecar::nettest
