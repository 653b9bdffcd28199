#include "benchmarks/driver/report.hpp"

namespace sidecar::bench {

void Report::put(std::string_view key, const std::string& value) {
  if (!text_.empty()) text_ += ", ";
  text_ += '"' + std::string(key) + "\": " + value;
}

void Report::set(std::string_view key, Latencies& latencies) {
  const std::string name(key);
  set(name + "_p50_us", latencies.percentile_us(0.5));
  set(name + "_p99_us", latencies.percentile_us(0.99));
  set(name + "_max_us", latencies.percentile_us(1));
  set(name + "_mean_us", latencies.mean_us());
}

void Report::set_usage(const Usage& begin, const Usage& end) {
  const auto wall = static_cast<double>(end.wall - begin.wall);
  const Nanoseconds ours = end.proxy - begin.proxy + end.own - begin.own + end.softirq - begin.softirq;
  set("wall_s", wall / 1e9);
  set("proxy_cpu_us", static_cast<double>(end.proxy - begin.proxy) / 1e3);
  set("driver_cpu_us", static_cast<double>(end.own - begin.own) / 1e3);
  set("softirq_us", static_cast<double>(end.softirq - begin.softirq) / 1e3);
  // In parts of one processor.
  set("foreign", static_cast<double>(end.machine - begin.machine - ours) / wall);
}

void Report::set_losses(const Tally& tally) {
  set("missing", tally.missing);
  set("repeated", tally.repeated);
  set("cut", tally.cut);
  set("refused", tally.refused);
}

}  // namespace sidecar::bench
