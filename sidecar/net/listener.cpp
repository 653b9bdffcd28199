#include "net/listener.hpp"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "net/socket.hpp"
#include "net/worker.hpp"

namespace sidecar::net {

namespace {

/// Out of file descriptors: how long accepting rests. What waits in the backlog is not lost.
constexpr std::chrono::milliseconds kPause{200};

/// Who is about to recover and fails again is not news.
constexpr std::chrono::seconds kEpisode{10};

/// How long the last handshakes may take when a listener finishes.
constexpr std::chrono::milliseconds kHandshake{100};

}  // namespace

bool Listener::Episode::begins(TimePoint now) {
  const bool over = now >= until_;
  until_ = now + kEpisode;
  return over;
}

Listener::Listener(Worker& worker, const ListeningSocket& socket, bool shared)
    : worker_(worker),
      watch_(EventLoop::Watch::make(worker.loop(), socket.fd, true)),
      accepts_max_(shared ? 1 : 64),
      socket_(socket) {}

void Listener::change(const ListeningSocket& socket) {
  socket_ = socket;
}

void Listener::start() {
  // Workers wait on the same socket, and each takes but one at a time: whether more are there is the kernel's to say.
  watch_->wait_anew(EventLoop::Watch::Way::read, EventLoop::Watch::Way::read, [this] { on_readable(); });
}

void Listener::finish() {
  if (finishing_) return;
  finishing_ = true;
  keep_newcomers_out(watch_->fd());
  stop_at_ = worker_.now() + kHandshake;
  worker_.schedule(*this, stop_at_);
}

bool Listener::accept_waiting() {
  Accepted accepted = Accepted::one;
  while (accepted == Accepted::one) accepted = accept_one();
  return accepted == Accepted::nothing;
}

void Listener::stop() {
  if (!is_open()) return;
  static_cast<void>(accept_waiting());
  watch_->close();
}

void Listener::on_deadline(TimePoint now) {
  if (!is_open()) return;
  if (finishing_) {
    if (!exchange::is_due(stop_at_, now)) return worker_.schedule(*this, stop_at_);  // An earlier entry was queued.
    if (accept_waiting()) return stop();
    worker_.schedule(*this, now + kPause);  // Whom nobody can accept yet is not to be reset.
  } else if (paused_) {
    start();
  }
}

void Listener::on_readable() {
  if (!is_open()) return;
  Accepted accepted = Accepted::one;
  for (int i = 0; i < accepts_max_ && accepted == Accepted::one; ++i) accepted = accept_one();
  if (accepted != Accepted::impossible) {
    start();
  } else if (!finishing_) {
    worker_.schedule(*this, worker_.now() + kPause);
  }
}

Listener::Accepted Listener::accept_one() {
  const std::size_t connections_max = worker_.bench().policies->limits.connections;
  const Census::Admission admission = worker_.census().enter_connection(connections_max);
  if (admission == Census::Admission::full) {
    pause("limits.connections is reached, and too many clients are being told so: accepting pauses");
    return Accepted::impossible;
  }
  Endpoint peer;
  peer.size = sizeof peer.address;
  const int fd = ::accept4(watch_->fd(), peer.data(), &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    const int why = errno;
    worker_.census().leave_connection();
    if (why == ECONNABORTED || why == EINTR) return Accepted::one;  // Gone before it was accepted.
    if (!is_exhaustion(why)) return Accepted::nothing;
    pause("no file descriptor left: accepting pauses until connections end");
    return Accepted::impossible;
  }
  paused_ = false;
  const bool refused = admission == Census::Admission::refused;
  if (refused && refusals_.begins(worker_.now())) {
    worker_.warn("limits.connections is reached: further clients get 503");
  }
  // A unix peer may be bound to any path it likes: what a stranger chose is no address of his.
  Newcomer newcomer{fd, peer.address.ss_family == AF_UNIX ? "unix" : to_string(peer), refused, socket_};
  if (Worker& taker = worker_.choose_taker(); &taker != &worker_) {
    taker.post_connection(std::move(newcomer));
    return Accepted::one;
  }
  if (worker_.take_in(std::move(newcomer))) return Accepted::one;
  ::close(fd);
  worker_.leave_connection();
  pause("the kernel cannot watch one more connection: accepting pauses");
  return Accepted::impossible;
}

void Listener::pause(const char* why) {
  if (pauses_.begins(worker_.now())) worker_.warn(why);
  paused_ = true;
}

}  // namespace sidecar::net
