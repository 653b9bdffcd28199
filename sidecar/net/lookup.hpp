#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "net/event_loop.hpp"
#include "net/socket.hpp"

namespace sidecar::net {

/// Looks names up, each on a thread of its own: getaddrinfo() blocks, nothing can interrupt it, and a name that takes
/// half a minute must hold up neither another name nor the exit. A thread that is not done when we go is left behind;
/// it owns all that it touches.
class Lookup {
 public:
  using Answer = std::function<void(std::vector<Endpoint>)>;  ///< Empty: the name did not resolve.

  explicit Lookup(EventLoop& loop) : door_(std::make_shared<Door>()) { door_->loop = &loop; }
  /// No answer comes any more.
  ~Lookup();
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

  /// `answer` is called by the loop, never from within ask().
  void ask(std::string host, std::uint16_t port, Answer answer);

 private:
  struct Door {
    std::mutex mutex;
    EventLoop* loop = nullptr;  ///< nullptr: closed.
  };

  std::shared_ptr<Door> door_;
};

}  // namespace sidecar::net
