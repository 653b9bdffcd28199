#pragma once

#include <cstdint>
#include <vector>

#include "benchmarks/driver/loop.hpp"

namespace sidecar::bench {

/// Times of one kind; percentiles are exact.
class Latencies {
 public:
  void add(Nanoseconds value) { values_.push_back(value); }
  [[nodiscard]] std::size_t count() const { return values_.size(); }
  /// In microseconds; 0 when there is none. `fraction` 0.5 is the median, 1 the largest.
  [[nodiscard]] double percentile_us(double fraction);
  [[nodiscard]] double mean_us() const;
  void clear() { values_.clear(); }

 private:
  std::vector<Nanoseconds> values_;
};

/// What all clients of a run saw.
struct Tally {
  std::uint64_t received = 0;    ///< Events that were right.
  std::uint64_t missing = 0;     ///< Sent, and jumped over or never come.
  std::uint64_t repeated = 0;    ///< Or out of order.
  std::uint64_t cut = 0;         ///< Bytes that are no event of ours, events and responses without an end.
  std::uint64_t heartbeats = 0;  ///< Blocks that consist of comments.
  std::uint64_t responses = 0;   ///< Ordinary ones that were right.
  std::uint64_t bytes = 0;       ///< Of bodies.
  std::uint64_t refused = 0;     ///< Connections that failed, and answers other than 200.
  bool timing = false;           ///< Latencies are taken down.
  Latencies latencies;           ///< Of events, or of requests.
  Latencies connects;            ///< From the call of connect() to the first event.
  Latencies gaps;                ///< From the last byte to the heartbeat behind it.
};

}  // namespace sidecar::bench
