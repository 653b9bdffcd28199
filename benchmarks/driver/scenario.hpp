#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "benchmarks/driver/meter.hpp"
#include "benchmarks/driver/report.hpp"
#include "benchmarks/driver/slices.hpp"
#include "benchmarks/driver/world.hpp"

namespace sidecar::bench {

struct Options {
  std::string scenario;
  sockaddr_in proxy{};
  std::uint16_t origin = 0;
  std::vector<pid_t> pids;
  std::size_t streams = 200;
  std::vector<std::size_t> steps;  ///< Of `idle`: numbers of streams, ascending.
  std::size_t events = 500'000;    ///< Of each stream of `burst`.
  std::size_t cycles = 3;          ///< Of `storm`.
  std::size_t event_bytes = 256;
  double rate = 10;      ///< Events a second and stream.
  double warm_up = 0.5;  ///< Seconds.
  double seconds = 2;    ///< Of what is measured.
  double interval = 1;   ///< Between heartbeats, as the proxy was told.
  bool tls = false;
  bool hold = false;  ///< Says when the measured part begins and ends, and waits for a line each time.
};

/// What every scenario needs at hand.
struct Bench {
  const Options& options;
  World& world;
  Meter& meter;
  Report& report;

  /// Begins and ends what is measured; with `hold`, somebody outside is asked for his consent.
  [[nodiscard]] Usage begin() const;
  [[nodiscard]] Usage end() const;
};

// Each plays one scenario and reports; an exception says why that was impossible.
void run_fanout(const Bench& bench);      ///< Each stream's next event is sent when its last has arrived.
void run_rate(const Bench& bench);        ///< Every stream has `rate` events a second, evenly spread.
void run_requests(const Bench& bench);    ///< `streams` keep-alive connections, one request after the other.
void run_storm(const Bench& bench);       ///< `streams` clients connect at once, close at once, `cycles` times.
void run_burst(const Bench& bench);       ///< `streams` backends send `events` events as fast as they can.
void run_idle(const Bench& bench);        ///< Memory with each number of silent streams in `steps`.
void run_heartbeats(const Bench& bench);  ///< Silent streams, opened evenly over one interval.
void run_restart(const Bench& bench);     ///< The proxy is replaced under `streams` streams.

/// Says a line to whoever started this program; waits for one.
void say(const std::string& line);
[[nodiscard]] std::string hear();

}  // namespace sidecar::bench
