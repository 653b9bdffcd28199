#include "config/units.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <limits>

#include "config/words.hpp"

namespace sidecar::config {
namespace {

struct Unit {
  std::string_view name;
  std::size_t factor;
};

constexpr std::array<Unit, 4> kDurationUnits{{{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<Unit, 4> kSizeUnits{{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}};

/// Digits and one of the units; an empty unit counts as `bare` (0: not allowed).
std::optional<std::size_t> parse_with_unit(std::string_view text, const std::array<Unit, 4>& units, std::size_t bare) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = parse_digits(text.substr(0, digits));
  if (!number) return std::nullopt;
  const std::string_view name = text.substr(digits);
  std::size_t factor = name.empty() ? bare : 0;
  for (const Unit& unit : units) {
    if (unit.name == name) factor = unit.factor;
  }
  // half of the range, so that the number fits into the signed count of a duration too
  if (factor == 0 || *number > std::numeric_limits<std::size_t>::max() / 2 / factor) return std::nullopt;
  return *number * factor;
}

std::string format_with_unit(std::size_t number, const std::array<Unit, 4>& units, std::string_view zero) {
  if (number == 0) return std::string(zero);
  for (const Unit& unit : units) {
    if (number % unit.factor == 0) return std::to_string(number / unit.factor) + std::string(unit.name);
  }
  return std::to_string(number);  // not reached: every last factor is 1
}

std::string out_of_range(std::string_view text, const std::string& least, const std::string& most) {
  return in_quotes(text) + " is out of range (" + least + " to " + most + ")";
}

}  // namespace

std::optional<std::size_t> parse_digits(std::string_view text) {
  std::size_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  return number;
}

Parsed<Milliseconds> parse_duration(std::string_view text, DurationBounds bounds) {
  using Result = Parsed<Milliseconds>;
  const auto number = parse_with_unit(text, kDurationUnits, 0);
  if (!number) return Result::refused(in_quotes(text) + " is not a duration (write 10s, 500ms, 2m)");
  const Milliseconds duration(static_cast<Milliseconds::rep>(*number));
  if (duration < bounds.least || duration > bounds.most) {
    return Result::refused(out_of_range(text, format_duration(bounds.least), format_duration(bounds.most)));
  }
  return duration;
}

Parsed<std::size_t> parse_size(std::string_view text, Bounds bounds) {
  using Result = Parsed<std::size_t>;
  const auto bytes = parse_with_unit(text, kSizeUnits, 1);
  if (!bytes) return Result::refused(in_quotes(text) + " is not a size (write 16KiB, 1MiB, 512B)");
  if (*bytes < bounds.least || *bytes > bounds.most) {
    return Result::refused(out_of_range(text, format_size(bounds.least), format_size(bounds.most)));
  }
  return *bytes;
}

Parsed<std::size_t> parse_count(std::string_view text, Bounds bounds) {
  using Result = Parsed<std::size_t>;
  const auto count = parse_digits(text);
  if (!count) return Result::refused(in_quotes(text) + " is not a whole number");
  if (*count < bounds.least || *count > bounds.most) {
    return Result::refused(out_of_range(text, std::to_string(bounds.least), std::to_string(bounds.most)));
  }
  return *count;
}

std::string format_duration(Milliseconds duration) {
  return format_with_unit(static_cast<std::size_t>(duration.count()), kDurationUnits, "0s");
}

std::string format_size(std::size_t bytes) {
  return format_with_unit(bytes, kSizeUnits, "0B");
}

}  // namespace sidecar::config
