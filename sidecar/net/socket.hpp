#pragma once

#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"

/// Sockets as the kernel knows them. Every descriptor is non-blocking and close-on-exec.
namespace sidecar::net {

struct Endpoint {
  sockaddr_storage address{};
  socklen_t size = 0;

  [[nodiscard]] const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&address); }
  [[nodiscard]] sockaddr* data() { return reinterpret_cast<sockaddr*>(&address); }
};

/// "192.0.2.7:51412", "[2001:db8::1]:80", "unix:/path", "unix" for an unnamed peer.
[[nodiscard]] std::string to_string(const Endpoint& endpoint);

/// Literal addresses only: no name is looked up. False when `host` is a name.
[[nodiscard]] bool literal_endpoint(const std::string& host, std::uint16_t port, Endpoint& out);
/// False when the path does not fit.
[[nodiscard]] bool unix_endpoint(const std::string& path, Endpoint& out);
/// Looks a name up, blocking: for listeners at the start.
[[nodiscard]] std::vector<Endpoint> resolve_now(const std::string& host, std::uint16_t port);

struct Opened {
  int fd = -1;
  std::string error;    ///< Empty: fd is open.
  std::string address;  ///< As bound: with the port that the kernel chose.
};

/// A listening socket, tuned. A dead unix socket in the way is removed, a live one is not.
[[nodiscard]] Opened open_listener(const config::ListenAddress& address, std::uint32_t user_timeout_ms);

/// No new connection gets into the backlog from now on (their SYNs are dropped, their kernels try again); handshakes
/// that have begun go on. TCP only; nothing happens elsewhere, or where the kernel refuses.
void keep_newcomers_out(int listening_fd);

/// There is no room for one more descriptor just now; later there may be.
[[nodiscard]] bool is_exhaustion(int error);

/// A connect under way; -1 and errno when it failed at once.
[[nodiscard]] int start_connect(const Endpoint& endpoint);
/// The outcome of a connect that became writable: 0 or an errno.
[[nodiscard]] int connect_outcome(int fd);

/// How long unacknowledged bytes may stay so: a little longer than a write may stall, so that a client that reads
/// nothing is called stalled, and only one that answers nothing is called gone.
[[nodiscard]] std::uint32_t user_timeout(std::chrono::milliseconds write_timeout);

/// TCP_NODELAY and keep-alive; TCP_USER_TIMEOUT so that a peer that vanished without a word is found.
void tune(int fd, std::uint32_t user_timeout_ms);

/// Raises the soft limit of open files to the hard one; returns it.
std::uint64_t raise_file_limit();

}  // namespace sidecar::net
