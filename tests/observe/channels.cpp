#include "channels.hpp"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <utility>

namespace sidecar::observe::test {
namespace {

int checked(int result) {
  if (result < 0) throw std::runtime_error("a test's own descriptor: errno " + std::to_string(errno));
  return result;
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = other.release();
  }
  return *this;
}

Fd::~Fd() {
  close();
}

int Fd::release() {
  return std::exchange(fd_, -1);
}

void Fd::close() {
  if (fd_ >= 0) ::close(release());
}

Channel make_pipe() {
  std::array<int, 2> ends{};
  checked(::pipe2(ends.data(), O_CLOEXEC));
  checked(::fcntl(ends[1], F_SETPIPE_SZ, 4096));
  return {Fd(ends[0]), Fd(ends[1])};
}

Channel make_socket() {
  std::array<int, 2> ends{};
  checked(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()));
  return {Fd(ends[0]), Fd(ends[1])};
}

Channel make_terminal() {
  Fd master(checked(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)));
  checked(::grantpt(master.get()));
  checked(::unlockpt(master.get()));
  Fd slave(checked(::open(::ptsname(master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC)));
  termios settings{};
  checked(::tcgetattr(slave.get(), &settings));
  settings.c_oflag &= ~static_cast<tcflag_t>(OPOST);  // "\n" stays "\n"
  checked(::tcsetattr(slave.get(), TCSANOW, &settings));
  return {std::move(master), std::move(slave)};
}

Fd make_file() {
  return Fd(checked(::memfd_create("log", MFD_CLOEXEC)));
}

std::size_t fill(const Channel& channel) {
  const int flags = checked(::fcntl(channel.writer.get(), F_GETFL));
  checked(::fcntl(channel.writer.get(), F_SETFL, flags | O_NONBLOCK));
  std::size_t filled = 0;
  while (::write(channel.writer.get(), "\n", 1) == 1) ++filled;
  checked(::fcntl(channel.writer.get(), F_SETFL, flags));
  return filled;
}

bool is_nonblocking(const Fd& fd) {
  return (checked(::fcntl(fd.get(), F_GETFL)) & O_NONBLOCK) != 0;
}

std::string read_available(const Fd& reader) {
  std::string all;
  std::array<char, 4096> part{};
  pollfd entry{.fd = reader.get(), .events = POLLIN, .revents = 0};
  while (::poll(&entry, 1, 0) == 1 && (entry.revents & POLLIN) != 0) {
    const ssize_t size = ::read(reader.get(), part.data(), part.size());
    if (size <= 0) break;
    all.append(part.data(), static_cast<std::size_t>(size));
  }
  return all;
}

std::string read_to_end(const Fd& reader) {
  std::string all;
  std::array<char, 4096> part{};
  for (;;) {
    const ssize_t size = ::read(reader.get(), part.data(), part.size());
    if (size <= 0) return all;
    all.append(part.data(), static_cast<std::size_t>(size));
  }
}

std::string contents(const Fd& file) {
  std::string all;
  std::array<char, 4096> part{};
  for (;;) {
    const ssize_t size = ::pread(file.get(), part.data(), part.size(), static_cast<off_t>(all.size()));
    if (size <= 0) return all;
    all.append(part.data(), static_cast<std::size_t>(size));
  }
}

}  // namespace sidecar::observe::test
