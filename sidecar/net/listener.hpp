#pragma once

#include <memory>
#include <string>

#include "net/event_loop.hpp"
#include "net/timed_entry.hpp"
#include "net/tls_context.hpp"

namespace sidecar::net {

class Worker;

/// A listening socket as one worker gets it.
struct ListeningSocket {
  int fd = -1;      ///< A duplicate of the worker's own.
  unsigned id = 0;  ///< The same for all workers.
  bool proxy_protocol = false;
  bool translates_http2 = false;
  std::shared_ptr<const TlsServer> tls{};  ///< nullptr: plain.
};

/// A connection that was accepted, and how it is to be met.
struct Newcomer {
  int fd = -1;
  std::string peer{};
  bool refused = false;
  ListeningSocket at{};  ///< But for its descriptor.
};

/// One worker's share in a listening socket: all workers wait on the same one, and whoever is free accepts. When it
/// stops, nothing that was connected by then is lost.
class Listener final : public TimedEntry {
 public:
  /// Takes over `socket.fd`.
  Listener(Worker& worker, const ListeningSocket& socket, bool shared);

  void start();
  /// Newcomers are kept out from now on; who is on his way in is accepted, as soon as there is room for him, and then
  /// the socket is closed.
  void finish();
  /// Closes it at once, behind what is in the backlog.
  void stop();
  /// From the next connection on.
  void change(const ListeningSocket& socket);
  [[nodiscard]] unsigned id() const { return socket_.id; }
  [[nodiscard]] bool is_open() const { return watch_->fd() >= 0; }
  void on_deadline(TimePoint now) override;

 private:
  enum class Accepted { one, nothing, impossible };

  /// What is told once, however often it happens, until it has not happened for a while.
  class Episode {
   public:
    [[nodiscard]] bool begins(TimePoint now);

   private:
    TimePoint until_;
  };

  void on_readable();
  [[nodiscard]] Accepted accept_one();
  /// True when nobody waits any more.
  [[nodiscard]] bool accept_waiting();
  void pause(const char* why);

  Worker& worker_;
  EventLoop::Watch::Owner watch_;
  int accepts_max_;  ///< At one wake-up: a worker that is not alone leaves some to the others.
  ListeningSocket socket_;
  bool paused_ = false;
  Episode refusals_;
  Episode pauses_;
  bool finishing_ = false;  ///< Newcomers are kept out.
  TimePoint stop_at_;       ///< Then.
};

}  // namespace sidecar::net
