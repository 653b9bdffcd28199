#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/net/harness/connection.hpp"

/// Backends: a listening socket whose connections the test plays itself, or one that serves them with threads.
namespace sidecar::nettest {

struct BackendOptions {
  std::string unix_path;  ///< Empty: 127.0.0.1, any free port.
  bool listening = true;  ///< false: the port is taken but refuses until listen().
  int backlog = 512;
  int receive_buffer = 0;  ///< SO_RCVBUF of the accepted connections; 0: the kernel's default.
};

class RawBackend {
 public:
  explicit RawBackend(const BackendOptions& options = {});
  RawBackend(const RawBackend&) = delete;
  RawBackend& operator=(const RawBackend&) = delete;
  ~RawBackend();

  void listen();
  [[nodiscard]] RawConnection accept(Milliseconds timeout = patience());
  /// The connection on which something comes next: `known` when it becomes readable, otherwise a new one.
  [[nodiscard]] RawConnection next_of(RawConnection known, Milliseconds timeout = patience());
  /// Nobody connects within `duration`.
  [[nodiscard]] bool no_connection_for(Milliseconds duration);

  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// As the option and the configuration want it.
  [[nodiscard]] std::string url() const;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_ = -1;
  int backlog_;
  std::uint16_t port_ = 0;
  std::string address_;
};

/// A listening socket that serves every connection with `handler` on a thread of its own. The handler returns when it
/// is done; a peer that goes away, or the end of the backend, reaches it as an exception that it need not catch.
class ServingBackend {
 public:
  using Handler = std::function<void(RawConnection&)>;

  explicit ServingBackend(Handler handler, const BackendOptions& options = {});
  ~ServingBackend();

  [[nodiscard]] const RawBackend& listener() const { return backend_; }
  /// What a handler threw beside the departure of a peer.
  [[nodiscard]] std::vector<std::string> failures();

 private:
  void accept_loop();
  void serve(RawConnection connection);

  RawBackend backend_;
  Handler handler_;
  std::mutex mutex_;
  bool stopping_ = false;
  std::list<int> open_fds_;
  std::vector<std::string> failures_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace sidecar::nettest
