#pragma once

#include <string>

#include "net/asio.hpp"
#include "net/timed_entry.hpp"

namespace sidecar::net {

class Worker;

/// One worker's share in a listening socket: all workers wait on the same one, and whoever is free accepts.
class Listener final : public TimedEntry {
 public:
  /// Takes over `fd`, a duplicate of the listening socket.
  Listener(Worker& worker, int fd, bool shared);

  void start();
  void stop();
  void on_deadline(TimePoint now) override;

 private:
  void on_readable(const ErrorCode& error);
  /// False: nothing can be accepted for a while.
  bool accept_some();

  Worker& worker_;
  asio::posix::basic_stream_descriptor<asio::io_context::executor_type> descriptor_;
  int accepts_max_;  ///< At one wake-up: a worker that is not alone leaves some to the others.
  bool paused_ = false;
};

}  // namespace sidecar::net
