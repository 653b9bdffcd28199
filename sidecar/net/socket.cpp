#include "net/socket.hpp"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace sidecar::net {

namespace {

constexpr int kBacklog = 4096;  // The kernel cuts it to net.core.somaxconn.

void set_int(int fd, int level, int name, int value) {
  ::setsockopt(fd, level, name, &value, sizeof value);
}

std::string printable(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    return std::string(text.data()) + ":" + std::to_string(ntohs(v4.sin_port));
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  const std::string port = std::to_string(ntohs(v6.sin6_port));
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    ::inet_ntop(AF_INET, v6.sin6_addr.s6_addr + 12, text.data(), text.size());
    return std::string(text.data()) + ":" + port;
  }
  ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  return "[" + std::string(text.data()) + "]:" + port;
}

/// A socket file that nobody listens on any more.
bool is_dead_unix_socket(const Endpoint& endpoint, const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return false;
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const bool dead = ::connect(probe, endpoint.data(), endpoint.size) != 0 && errno == ECONNREFUSED;
  ::close(probe);
  return dead;
}

Opened open_at(const Endpoint& endpoint, bool dual_stack, const std::string& text, std::uint32_t user_timeout_ms) {
  Opened opened;
  opened.fd = ::socket(endpoint.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (opened.fd >= 0) {
    set_int(opened.fd, SOL_SOCKET, SO_REUSEADDR, 1);
    tune(opened.fd, user_timeout_ms);  // Accepted sockets inherit it.
    if (endpoint.address.ss_family == AF_INET6) set_int(opened.fd, IPPROTO_IPV6, IPV6_V6ONLY, dual_stack ? 0 : 1);
  }
  if (opened.fd < 0 || ::bind(opened.fd, endpoint.data(), endpoint.size) != 0 || ::listen(opened.fd, kBacklog) != 0) {
    opened.error = "cannot listen on " + text + ": " + std::strerror(errno);
    if (opened.fd >= 0) ::close(opened.fd);
    opened.fd = -1;
    return opened;
  }
  Endpoint bound;
  bound.size = sizeof bound.address;
  ::getsockname(opened.fd, bound.data(), &bound.size);
  opened.address = to_string(bound);
  return opened;
}

}  // namespace

std::string to_string(const Endpoint& endpoint) {
  if (endpoint.address.ss_family != AF_UNIX) return printable(endpoint.address);
  const auto& local = reinterpret_cast<const sockaddr_un&>(endpoint.address);
  const bool named = endpoint.size > offsetof(sockaddr_un, sun_path) && local.sun_path[0] != '\0';
  return named ? "unix:" + std::string(local.sun_path) : "unix";
}

bool literal_endpoint(const std::string& host, std::uint16_t port, Endpoint& out) {
  out = {};
  auto& v4 = reinterpret_cast<sockaddr_in&>(out.address);
  if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    out.size = sizeof v4;
    return true;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(out.address);
  if (::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    out.size = sizeof v6;
    return true;
  }
  return false;
}

bool unix_endpoint(const std::string& path, Endpoint& out) {
  out = {};
  auto& local = reinterpret_cast<sockaddr_un&>(out.address);
  if (path.size() >= sizeof local.sun_path) return false;
  local.sun_family = AF_UNIX;
  std::memcpy(local.sun_path, path.c_str(), path.size() + 1);
  out.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return true;
}

std::vector<Endpoint> resolve_now(const std::string& host, std::uint16_t port) {
  std::vector<Endpoint> endpoints(1);
  if (literal_endpoint(host, port, endpoints[0])) return endpoints;
  endpoints.clear();
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return endpoints;
  for (const addrinfo* info = found; info != nullptr; info = info->ai_next) {
    Endpoint endpoint;
    std::memcpy(&endpoint.address, info->ai_addr, info->ai_addrlen);
    endpoint.size = info->ai_addrlen;
    endpoints.push_back(endpoint);
  }
  ::freeaddrinfo(found);
  return endpoints;
}

Opened open_listener(const config::ListenAddress& address, std::uint32_t user_timeout_ms) {
  Endpoint endpoint;
  if (!address.unix_path.empty()) {
    if (!unix_endpoint(address.unix_path, endpoint)) return {-1, "the path of " + address.text + " is too long", {}};
    if (is_dead_unix_socket(endpoint, address.unix_path)) ::unlink(address.unix_path.c_str());
    return open_at(endpoint, false, address.text, user_timeout_ms);
  }
  if (address.host.empty()) {
    static_cast<void>(literal_endpoint("::", address.port, endpoint));
    Opened opened = open_at(endpoint, true, address.text, user_timeout_ms);
    if (opened.fd >= 0) return opened;
    static_cast<void>(literal_endpoint("0.0.0.0", address.port, endpoint));  // A kernel without IPv6.
    return open_at(endpoint, false, address.text, user_timeout_ms);
  }
  const std::vector<Endpoint> endpoints = resolve_now(address.host, address.port);
  if (endpoints.empty()) return {-1, "cannot listen on " + address.text + ": the name is not known", {}};
  return open_at(endpoints.front(), false, address.text, user_timeout_ms);
}

void keep_newcomers_out(int listening_fd) {
  // A listening socket's filter sees segments from their TCP header on; flags are in byte 13.
  static constexpr std::uint32_t kFlags = 13;
  static constexpr std::uint32_t kSyn = 0x02;
  std::array<sock_filter, 4> code{{
      {BPF_LD | BPF_B | BPF_ABS, 0, 0, kFlags},
      {BPF_JMP | BPF_JSET | BPF_K, 0, 1, kSyn},
      {BPF_RET | BPF_K, 0, 0, 0},
      {BPF_RET | BPF_K, 0, 0, 0xffff'ffff},
  }};
  int family = 0;
  socklen_t size = sizeof family;
  if (::getsockopt(listening_fd, SOL_SOCKET, SO_DOMAIN, &family, &size) != 0 || family == AF_UNIX) return;
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  ::setsockopt(listening_fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

bool is_exhaustion(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

int start_connect(const Endpoint& endpoint) {
  const int fd = ::socket(endpoint.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  if (::connect(fd, endpoint.data(), endpoint.size) == 0) return fd;
  if (errno == EINPROGRESS || errno == EINTR) return fd;  // Interrupted, it goes on all the same (POSIX).
  const int error = errno;
  ::close(fd);
  errno = error;
  return -1;
}

int connect_outcome(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

std::uint32_t user_timeout(std::chrono::milliseconds write_timeout) {
  static constexpr std::chrono::seconds kMore{10};
  return static_cast<std::uint32_t>((write_timeout + kMore).count());
}

void tune(int fd, std::uint32_t user_timeout_ms) {
  // On unix sockets these fail, and nothing is lost.
  set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, 30);
  set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
  set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(user_timeout_ms));
}

std::uint64_t raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

}  // namespace sidecar::net
