#pragma once

#include <memory>
#include <span>
#include <vector>

#include "benchmarks/driver/client.hpp"
#include "benchmarks/driver/event.hpp"
#include "benchmarks/driver/loop.hpp"
#include "benchmarks/driver/origin.hpp"
#include "benchmarks/driver/tally.hpp"
#include "benchmarks/driver/transport.hpp"

namespace sidecar::bench {

/// What a scenario does when something happens. By default: count what went wrong.
class Scene {
 public:
  Scene() = default;
  virtual ~Scene() = default;
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;

  virtual void on_open(Client&) {}      ///< The first event has come.
  virtual void on_event(Client&) {}     ///< Each event, the first too.
  virtual void on_response(Client&) {}  ///< An ordinary response, or the end of a stream that was no error.
  /// The connection has ended, or was never made. `whole`: nothing was cut.
  virtual void on_end(Client& client, bool whole);

  World* world = nullptr;
};

/// Origin, clients, and what they count: one process, one thread, so that "sent" and "received" are on one clock.
class World {
 public:
  World(sockaddr_in proxy, std::uint16_t origin_port, std::size_t event_bytes, std::size_t clients, bool tls);

  /// Makes `scene` the one that hears of everything.
  void play(Scene& scene);

  /// Opens event streams `from` to `to` - 1, no more than `window` at once; true when all are open in time.
  [[nodiscard]] bool open_streams(std::size_t from, std::size_t to, std::size_t window, Nanoseconds deadline);
  /// Waits until everything that was sent has been received (or five seconds), then counts what has not.
  void settle();
  /// Closes all clients and waits until the proxy has closed its connections too: every stream has its whole life.
  /// Some notice only at the next event that nobody is there; when none has ended for a second, those that are left get
  /// one, as they would from any backend. How many those were.
  std::size_t close_all();

  Loop loop;
  EventFormat format;
  Origin origin;
  Tally tally;
  sockaddr_in proxy;
  TlsContext tls;
  std::vector<std::unique_ptr<Client>> clients;
  Scene* scene = nullptr;
  std::vector<char> buffer;  ///< What a client reads into; borrowed while it does.
  std::size_t open = 0;      ///< Clients whose stream is open.
};

}  // namespace sidecar::bench
