#include "observe/outlet.hpp"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

namespace sidecar::observe {
namespace {

int reopen_nonblocking(int descriptor) {
  const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  return ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

Outlet::Manner manner_for(int descriptor) {
  struct stat info {};
  if (::fstat(descriptor, &info) != 0) return Outlet::Manner::closed;
  if (S_ISSOCK(info.st_mode)) return Outlet::Manner::socket;
  if (S_ISFIFO(info.st_mode) || ::isatty(descriptor) == 1) return Outlet::Manner::reopened;
  return Outlet::Manner::plain;
}

bool takes_bytes(int descriptor) {
  pollfd entry{.fd = descriptor, .events = POLLOUT, .revents = 0};
  return ::poll(&entry, 1, 0) > 0;  // An error counts: the write will name it.
}

}  // namespace

Outlet::Outlet(int descriptor) : manner_(manner_for(descriptor)) {
  if (manner_ == Manner::closed) return;
  if (manner_ == Manner::reopened) {
    descriptor_ = reopen_nonblocking(descriptor);
    if (descriptor_ >= 0) return;
    manner_ = Manner::careful;  // Another user's pipe, no /proc, or a named pipe that lost its reader.
  }
  descriptor_ = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
  if (descriptor_ < 0) manner_ = Manner::closed;
}

Outlet::~Outlet() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::optional<std::size_t> Outlet::try_write(std::string_view bytes) {
  if (manner_ == Manner::closed) return std::nullopt;
  if (manner_ == Manner::careful) {
    if (!takes_bytes(descriptor_)) return 0;
    bytes = bytes.substr(0, std::min<std::size_t>(bytes.size(), PIPE_BUF));
  }
  const ssize_t taken = manner_ == Manner::socket
                            ? ::send(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                            : ::write(descriptor_, bytes.data(), bytes.size());
  if (taken >= 0) return static_cast<std::size_t>(taken);
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return 0;
  return std::nullopt;
}

}  // namespace sidecar::observe
