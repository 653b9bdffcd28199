#pragma once

#include <cstdint>
#include <vector>

#include "benchmarks/driver/meter.hpp"

namespace sidecar::bench {

/// What a unit of work (an event, a request, a byte) cost the proxy in each short part of a sample. Whoever shares the
/// machine's caches and cores makes some parts dearer and none cheaper.
class Slices {
 public:
  static constexpr Nanoseconds kLength = 50 * kMillisecond;

  /// `units` is counted elsewhere and outlives this.
  Slices(const Meter& meter, const std::uint64_t& units) : meter_(meter), units_(units) { begin(); }

  /// Forgets what was.
  void begin();
  /// Ends a part when it is time to.
  void look();
  /// Of one unit in microseconds of the proxy, in the part that a quarter of all are cheaper than; 0 when there is
  /// none.
  [[nodiscard]] double quartile_us() const;

 private:
  const Meter& meter_;
  const std::uint64_t& units_;
  Nanoseconds ends_ = 0;
  Nanoseconds cpu_ = 0;
  std::uint64_t counted_ = 0;
  std::vector<double> costs_;
};

}  // namespace sidecar::bench
