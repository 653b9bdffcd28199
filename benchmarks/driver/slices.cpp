#include "benchmarks/driver/slices.hpp"

#include <algorithm>

namespace sidecar::bench {

Slices::Slices(const Meter& meter, const std::uint64_t& units)
    : meter_(meter), units_(units), ends_(now_ns() + kLength), cpu_(meter.proxy_cpu()), counted_(units) {}

void Slices::look() {
  if (now_ns() < ends_) return;
  const Nanoseconds cpu = meter_.proxy_cpu();
  const std::uint64_t units = units_ - counted_;
  if (units > 0) costs_.push_back(static_cast<double>(cpu - cpu_) / 1e3 / static_cast<double>(units));
  cpu_ = cpu;
  counted_ = units_;
  ends_ = now_ns() + kLength;
}

double Slices::quartile_us() const {
  if (costs_.empty()) return 0;
  std::vector<double> costs = costs_;
  const auto at = costs.begin() + static_cast<std::ptrdiff_t>(costs.size() / 4);
  std::ranges::nth_element(costs, at);
  return *at;
}

}  // namespace sidecar::bench
