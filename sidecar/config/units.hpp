#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "config/parsed.hpp"

/// Durations, sizes and counts: text to value within bounds, and back.
namespace sidecar::config {

using Milliseconds = std::chrono::milliseconds;

struct DurationBounds {
  Milliseconds least;
  Milliseconds most;
};

struct Bounds {
  std::size_t least;
  std::size_t most;
};

/// `500ms 15s 2m 1h`, whole numbers.
[[nodiscard]] Parsed<Milliseconds> parse_duration(std::string_view text, DurationBounds bounds);

/// `16KiB 1MiB 512B`, or a plain number of bytes.
[[nodiscard]] Parsed<std::size_t> parse_size(std::string_view text, Bounds bounds);

[[nodiscard]] Parsed<std::size_t> parse_count(std::string_view text, Bounds bounds);

/// In the largest unit that says it in a whole number; what the parsers read back as the same value.
[[nodiscard]] std::string format_duration(Milliseconds duration);
[[nodiscard]] std::string format_size(std::size_t bytes);

/// Decimal digits and nothing else; nullopt on anything else and on overflow.
[[nodiscard]] std::optional<std::size_t> parse_digits(std::string_view text);

}  // namespace sidecar::config
