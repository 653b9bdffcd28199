#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/driver/loop.hpp"

namespace sidecar::bench {

/// What had been used at one moment.
struct Usage {
  Nanoseconds wall = 0;
  Nanoseconds proxy = 0;    ///< All processes of the proxy: user and system time, threads that are gone included.
  Nanoseconds own = 0;      ///< This process.
  Nanoseconds softirq = 0;  ///< Kernel threads that deliver packets when a sender has too many at once.
  Nanoseconds machine = 0;  ///< All processors, whoever used them, and what the hypervisor took (/proc/stat).
};

/// A process' CPU time is read from its own clock: what /proc/PID/stat shows, in nanoseconds instead of ticks.
class Meter {
 public:
  explicit Meter(std::vector<pid_t> proxy);

  [[nodiscard]] Usage now() const;
  [[nodiscard]] Nanoseconds proxy_cpu() const;
  /// Proportional set size of the proxy in KiB.
  [[nodiscard]] double pss_kib() const;
  void replace(std::vector<pid_t> proxy) { proxy_ = std::move(proxy); }

 private:
  std::vector<pid_t> proxy_;
  std::vector<pid_t> softirq_;
};

}  // namespace sidecar::bench
