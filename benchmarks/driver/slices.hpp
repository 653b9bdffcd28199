#pragma once

#include <cstdint>
#include <vector>

#include "benchmarks/driver/meter.hpp"

namespace sidecar::bench {

/// What an event or a request cost the proxy in each short part of a sample. Whoever shares the machine's caches and
/// cores makes some parts dearer. Only for closed loops: what is under way is a small part of what a part counts, and
/// nothing piles up that would be cheap together later.
class Slices {
 public:
  static constexpr Nanoseconds kLength = 50 * kMillisecond;

  /// `units` is counted elsewhere and outlives this.
  Slices(const Meter& meter, const std::uint64_t& units);

  /// Ends a part when it is time to.
  void look();
  /// Of one unit in microseconds of the proxy, in the part that a quarter of all are cheaper than; 0 when there is
  /// none.
  [[nodiscard]] double quartile_us() const;

 private:
  const Meter& meter_;
  const std::uint64_t& units_;
  Nanoseconds ends_;
  Nanoseconds cpu_;
  std::uint64_t counted_;
  std::vector<double> costs_;
};

}  // namespace sidecar::bench
