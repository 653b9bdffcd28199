#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include "benchmarks/driver/meter.hpp"
#include "benchmarks/driver/tally.hpp"

namespace sidecar::bench {

/// One line of JSON, of numbers and texts that need no escaping.
class Report {
 public:
  template <class Number>
  requires std::integral<Number> || std::floating_point<Number>
  void set(std::string_view key, Number value) { put(key, std::to_string(value)); }
  void set(std::string_view key, std::string_view text) { put(key, '"' + std::string(text) + '"'); }

  /// Percentiles and the mean in microseconds.
  void set(std::string_view key, Latencies& latencies);
  /// What was used between two moments.
  void set_usage(const Usage& begin, const Usage& end);
  /// What went wrong; all zeros in a sound run.
  void set_losses(const Tally& tally);

  [[nodiscard]] std::string line() const { return "{" + text_ + "}"; }

 private:
  void put(std::string_view key, const std::string& value);

  std::string text_;
};

}  // namespace sidecar::bench
