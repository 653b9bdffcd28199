#include "net/listener.hpp"

#include <cerrno>
#include <chrono>

#include "net/session.hpp"
#include "net/socket.hpp"
#include "net/worker.hpp"

namespace sidecar::net {

namespace {

/// Out of file descriptors: how long accepting rests. What waits in the backlog is not lost.
constexpr std::chrono::milliseconds kPause{200};

}  // namespace

Listener::Listener(Worker& worker, int fd, bool shared)
    : worker_(worker), descriptor_(worker.io().get_executor(), fd), accepts_max_(shared ? 1 : 64) {}

void Listener::start() {
  descriptor_.async_wait(asio::posix::descriptor_base::wait_read,
                         [this](const ErrorCode& error) { on_readable(error); });
}

void Listener::stop() {
  ErrorCode ignored;
  descriptor_.close(ignored);
}

void Listener::on_deadline(TimePoint) {
  if (descriptor_.is_open() && paused_) start();
}

void Listener::on_readable(const ErrorCode& error) {
  if (error || !descriptor_.is_open()) return;
  if (accept_some()) {
    start();
  } else {
    worker_.schedule(*this, worker_.now() + kPause);
  }
}

bool Listener::accept_some() {
  for (int i = 0; i < accepts_max_; ++i) {
    Endpoint peer;
    peer.size = sizeof peer.address;
    const int fd = ::accept4(descriptor_.native_handle(), peer.data(), &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      paused_ = false;
      // A unix peer may be bound to any path it likes: what a stranger chose is no address of his.
      Session::start(worker_, fd, peer.address.ss_family == AF_UNIX ? "unix" : to_string(peer));
      continue;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      if (!paused_) worker_.warn("no file descriptor left: accepting pauses until connections end");
      paused_ = true;
      return false;
    }
    return true;  // EAGAIN, or a connection that was gone before it was accepted.
  }
  return true;
}

}  // namespace sidecar::net
