#include "benchmarks/driver/tally.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace sidecar::bench {

double Latencies::percentile_us(double fraction) {
  if (values_.empty()) return 0;
  std::ranges::sort(values_);
  const double rank = std::ceil(fraction * static_cast<double>(values_.size())) - 1;
  const auto index = static_cast<std::size_t>(std::clamp(rank, 0.0, static_cast<double>(values_.size() - 1)));
  return static_cast<double>(values_[index]) / 1000;
}

double Latencies::mean_us() const {
  if (values_.empty()) return 0;
  return std::accumulate(values_.begin(), values_.end(), 0.0) / static_cast<double>(values_.size()) / 1000;
}

}  // namespace sidecar::bench
