#include "benchmarks/driver/tally.hpp"

#include <gtest/gtest.h>

namespace sidecar::bench {
namespace {

TEST(Latencies, PercentilesAreValuesThatOccurred) {
  Latencies latencies;
  for (Nanoseconds i = 100; i > 0; --i) latencies.add(i * kMicrosecond);
  EXPECT_EQ(latencies.percentile_us(0.5), 50);
  EXPECT_EQ(latencies.percentile_us(0.99), 99);
  EXPECT_EQ(latencies.percentile_us(1), 100);
  EXPECT_EQ(latencies.percentile_us(0), 1);
  EXPECT_EQ(latencies.mean_us(), 50.5);
}

TEST(Latencies, NothingIsZero) {
  Latencies latencies;
  EXPECT_EQ(latencies.percentile_us(0.5), 0);
  EXPECT_EQ(latencies.mean_us(), 0);
}

}  // namespace
}  // namespace sidecar::bench
