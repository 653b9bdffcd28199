#include "config/units.hpp"

#include <gtest/gtest.h>

namespace sidecar::config {
namespace {

using namespace std::chrono_literals;

constexpr DurationBounds kAnyDuration{0ms, 24h};
constexpr Bounds kAny{0, std::size_t{1} << 40};

TEST(Units, Durations) {
  EXPECT_EQ(parse_duration("500ms", kAnyDuration).value, 500ms);
  EXPECT_EQ(parse_duration("15s", kAnyDuration).value, 15s);
  EXPECT_EQ(parse_duration("2m", kAnyDuration).value, 2min);
  EXPECT_EQ(parse_duration("1h", kAnyDuration).value, 1h);
  EXPECT_EQ(parse_duration("0s", kAnyDuration).value, 0s);
  EXPECT_EQ(parse_duration("24h", kAnyDuration).value, 24h);
}

TEST(Units, NoDurations) {
  for (const char* const text : {"", "s", "10", "10x", "1.5s", "-1s", "+1s", " 1s", "1s ", "1 s", "1S", "1s1s", "ms",
                                 "99999999999999999999s", "9223372036854775807h", "18446744073709551615ms"}) {
    EXPECT_EQ(parse_duration(text, kAnyDuration).why,
              "'" + std::string(text) + "' is not a duration (write 10s, 500ms, 2m)");
  }
}

TEST(Units, DurationBoundsAreInclusive) {
  constexpr DurationBounds bounds{10ms, 2min};
  EXPECT_EQ(parse_duration("10ms", bounds).value, 10ms);
  EXPECT_EQ(parse_duration("2m", bounds).value, 2min);
  EXPECT_EQ(parse_duration("9ms", bounds).why, "'9ms' is out of range (10ms to 2m)");
  EXPECT_EQ(parse_duration("121s", bounds).why, "'121s' is out of range (10ms to 2m)");
}

TEST(Units, Sizes) {
  EXPECT_EQ(parse_size("512B", kAny).value, 512U);
  EXPECT_EQ(parse_size("512", kAny).value, 512U);
  EXPECT_EQ(parse_size("16KiB", kAny).value, 16384U);
  EXPECT_EQ(parse_size("1MiB", kAny).value, 1048576U);
  EXPECT_EQ(parse_size("1GiB", kAny).value, 1073741824U);
  for (const char* const text : {"", "KiB", "1KB", "1kib", "1.5MiB", "-1", "17179869184GiB"}) {
    EXPECT_EQ(parse_size(text, kAny).why, "'" + std::string(text) + "' is not a size (write 16KiB, 1MiB, 512B)");
  }
  EXPECT_EQ(parse_size("1KiB", {16384, 1U << 30}).why, "'1KiB' is out of range (16KiB to 1GiB)");
}

TEST(Units, Counts) {
  EXPECT_EQ(parse_count("64", {0, 100}).value, 64U);
  EXPECT_EQ(parse_count("101", {0, 100}).why, "'101' is out of range (0 to 100)");
  EXPECT_EQ(parse_count("1e3", {0, 100}).why, "'1e3' is not a whole number");
  EXPECT_EQ(parse_count("99999999999999999999", {0, 100}).why, "'99999999999999999999' is not a whole number");
}

TEST(Units, FormattedInTheLargestUnitThatFits) {
  EXPECT_EQ(format_duration(0ms), "0s");
  EXPECT_EQ(format_duration(1ms), "1ms");
  EXPECT_EQ(format_duration(1500ms), "1500ms");
  EXPECT_EQ(format_duration(75s), "75s");
  EXPECT_EQ(format_duration(120s), "2m");
  EXPECT_EQ(format_duration(24h), "24h");
  EXPECT_EQ(format_size(0), "0B");
  EXPECT_EQ(format_size(1023), "1023B");
  EXPECT_EQ(format_size(32 * 1024), "32KiB");
  EXPECT_EQ(format_size(1 << 30), "1GiB");
}

TEST(Units, WhatIsFormattedIsReadBack) {
  for (std::int64_t count = 0; count < 86'400'000; count += 7'777) {
    const Milliseconds duration(count);
    ASSERT_EQ(parse_duration(format_duration(duration), kAnyDuration).value, duration) << count;
    const auto bytes = static_cast<std::size_t>(count) * 512;
    ASSERT_EQ(parse_size(format_size(bytes), kAny).value, bytes) << bytes;
  }
}

}  // namespace
}  // namespace sidecar::config
