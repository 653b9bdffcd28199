#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "benchmarks/driver/loop.hpp"

/// The events that run through the proxy. All of one run have the same size, and every byte of them is known, so that
/// nothing can be lost, repeated, mixed up or cut without being seen:
///
///     id: 00000017-0000000042\n
///     data: 0000001234567890123 {"job":"xxxx...\n
///     \n
namespace sidecar::bench {

struct EventNumbers {
  std::uint32_t stream = 0;
  std::uint64_t sequence = 0;
  Nanoseconds sent = 0;
};

class EventFormat {
 public:
  static constexpr std::size_t kSmallest = 64;

  /// Events of `size` bytes, at least `kSmallest`.
  explicit EventFormat(std::size_t size);

  [[nodiscard]] std::size_t size() const { return template_.size(); }

  /// `size()` bytes.
  void write(char* out, const EventNumbers& numbers) const;

  /// Nothing unless `bytes` is exactly one such event.
  [[nodiscard]] std::optional<EventNumbers> read(std::string_view bytes) const;

 private:
  std::string template_;
};

/// `digits` decimal digits, zeros in front.
void write_number(char* out, std::size_t digits, std::uint64_t value);
[[nodiscard]] std::optional<std::uint64_t> read_number(std::string_view digits);

}  // namespace sidecar::bench
