// Preloaded into the sidecar: reads, writes, accepts, connects and waits that go less well than on an idle machine.
//
// Nothing here may happen that a kernel never does, or a test would show bugs that nobody can have:
//
// - Short: fewer bytes than wished, the rest stays where it was. Any socket may do so at any time. A pipe takes up to
//   PIPE_BUF bytes wholly or not at all, so such writes are left alone.
// - EINTR: nothing has happened, except for connect(): that goes on behind it (POSIX).
// - EAGAIN although a wait said "ready": memory pressure, another worker that was faster.
// - An edge is told anew behind each of these three: epoll(7) promises that who was given fewer bytes than wished, or
//   EAGAIN, is told when there are more.
// - MSG_PEEK is a question about what is there: it gets the truth. So do eventfds and the pipe of the signal handler,
//   which are never interrupted and never short.
// - EMFILE and the like: for as long as the test says.

#include <limits.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>

#include "tests/faults/shim/control.hpp"
#include "tests/faults/shim/real.hpp"

namespace sidecar::faults {

namespace {

constexpr std::size_t kSmallestLogLine = 16;  // What is shorter are counters of eventfds and numbers of signals.

/// Numbers of this thread: the seed and the order of the threads decide them.
std::uint32_t random_number(const Control& told) {
  static std::atomic<std::uint32_t> threads{0};
  thread_local std::uint64_t state = 0;
  if (state == 0) state = (std::uint64_t{told.seed} + 1) * 0x9E3779B97F4A7C15U + ++threads;
  state ^= state << 13U;
  state ^= state >> 7U;
  state ^= state << 17U;
  return static_cast<std::uint32_t>(state >> 32U);
}

bool happens(const Control& told, std::uint32_t percent) {
  return percent != 0 && random_number(told) % 100 < percent;
}

bool fails(int error) {
  if (error == 0) return false;
  ++control()->denied;
  errno = error;
  return true;
}

bool interrupted(Control* told) {
  if (told == nullptr || !happens(*told, told->eintr_percent)) return false;
  ++told->interrupted;
  errno = EINTR;
  return true;
}

// How each descriptor is watched.
struct Registration {
  int epoll = -1;
  epoll_event event{};
};
std::mutex registrations_mutex;
std::array<Registration, 20'000> registrations;

void remember(int epoll, int operation, int fd, const epoll_event* event) {
  if (fd < 0 || static_cast<std::size_t>(fd) >= registrations.size()) return;
  const std::lock_guard lock(registrations_mutex);
  registrations[static_cast<std::size_t>(fd)] =
      operation == EPOLL_CTL_DEL ? Registration{} : Registration{epoll, *event};
}

/// The next wait tells again what the descriptor is ready for. Somebody may have closed it: then nothing happens.
void tell_again(int fd) {
  static auto* const next = real<decltype(epoll_ctl)>("epoll_ctl");
  if (fd < 0 || static_cast<std::size_t>(fd) >= registrations.size()) return;
  const int error = errno;
  const std::lock_guard lock(registrations_mutex);
  Registration& known = registrations[static_cast<std::size_t>(fd)];
  if (known.epoll >= 0) next(known.epoll, EPOLL_CTL_MOD, fd, &known.event);
  errno = error;
}

bool put_off(Control* told, int fd) {
  if (told == nullptr || !happens(*told, told->eagain_percent)) return false;
  ++told->put_off;
  tell_again(fd);
  errno = EAGAIN;
  return true;
}

/// How many of `size` bytes may move.
std::size_t shortened(Control* told, std::size_t size) {
  if (told == nullptr || size < 2 || !happens(*told, told->short_percent)) return size;
  ++told->shortened;
  // A single byte often: between CR and LF, inside a chunk's size.
  return random_number(*told) % 4 == 0 ? 1 : 1 + random_number(*told) % (size - 1);
}

}  // namespace

}  // namespace sidecar::faults

namespace faults = sidecar::faults;

extern "C" {

ssize_t recv(int fd, void* buffer, size_t size, int flags) {
  static auto* const next = faults::real<decltype(recv)>("recv");
  faults::Control* told = (flags & MSG_PEEK) != 0 ? nullptr : faults::control();
  if (faults::interrupted(told) || faults::put_off(told, fd)) return -1;
  const std::size_t less = faults::shortened(told, size);
  const ssize_t moved = next(fd, buffer, less, flags);
  if (less < size) faults::tell_again(fd);
  return moved;
}

ssize_t send(int fd, const void* bytes, size_t size, int flags) {
  static auto* const next = faults::real<decltype(send)>("send");
  faults::Control* told = faults::control();
  if (faults::interrupted(told) || faults::put_off(told, fd)) return -1;
  const std::size_t less = faults::shortened(told, size);
  const ssize_t moved = next(fd, bytes, less, flags);
  if (less < size) faults::tell_again(fd);
  return moved;
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  static auto* const next = faults::real<decltype(sendmsg)>("sendmsg");
  faults::Control* told = faults::control();
  if (faults::interrupted(told) || faults::put_off(told, fd)) return -1;
  std::array<iovec, 64> pieces{};
  const std::size_t count = std::min(message->msg_iovlen, pieces.size());
  std::copy_n(message->msg_iov, count, pieces.begin());
  std::size_t size = 0;
  for (std::size_t i = 0; i < count; ++i) size += pieces[i].iov_len;
  std::size_t left = faults::shortened(told, size);
  for (std::size_t i = 0; i < count; ++i) {
    pieces[i].iov_len = std::min(pieces[i].iov_len, left);
    left -= pieces[i].iov_len;
  }
  msghdr less = *message;
  less.msg_iov = pieces.data();
  less.msg_iovlen = count;
  const ssize_t moved = next(fd, &less, flags);
  faults::tell_again(fd);
  return moved;
}

ssize_t write(int fd, const void* bytes, size_t size) {
  static auto* const next = faults::real<decltype(write)>("write");
  faults::Control* told = size < faults::kSmallestLogLine ? nullptr : faults::control();
  if (faults::interrupted(told) || faults::put_off(told, fd)) return -1;
  return next(fd, bytes, size <= PIPE_BUF ? size : faults::shortened(told, size));
}

int accept4(int fd, sockaddr* peer, socklen_t* size, int flags) {
  static auto* const next = faults::real<decltype(accept4)>("accept4");
  faults::Control* told = faults::control();
  if (told != nullptr && faults::fails(told->accept_error)) return -1;
  if (faults::interrupted(told) || faults::put_off(told, fd)) return -1;
  return next(fd, peer, size, flags);
}

int socket(int family, int type, int protocol) noexcept {
  static auto* const next = faults::real<decltype(socket)>("socket");
  const faults::Control* told = faults::control();
  if (told != nullptr && faults::fails(told->socket_error)) return -1;
  return next(family, type, protocol);
}

int connect(int fd, const sockaddr* address, socklen_t size) {
  static auto* const next = faults::real<decltype(connect)>("connect");
  faults::Control* told = faults::control();
  if (told != nullptr && faults::fails(told->connect_error)) return -1;
  const int result = next(fd, address, size);
  const int error = errno;
  if (result != 0 && error == EINPROGRESS && faults::interrupted(told)) return -1;
  errno = error;
  return result;
}

int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) noexcept {
  static auto* const next = faults::real<decltype(epoll_ctl)>("epoll_ctl");
  const int result = next(epoll, operation, fd, event);
  if (result == 0) faults::remember(epoll, operation, fd, event);
  return result;
}

int epoll_wait(int fd, epoll_event* events, int count, int timeout) {
  static auto* const next = faults::real<decltype(epoll_wait)>("epoll_wait");
  return faults::interrupted(faults::control()) ? -1 : next(fd, events, count, timeout);
}

}  // extern "C"
