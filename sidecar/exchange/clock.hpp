#pragma once

#include <chrono>

/// Time on the pure shore: a value that is handed in, never asked for.
namespace sidecar::exchange {

using TimePoint = std::chrono::steady_clock::time_point;
using TimeSpan = std::chrono::steady_clock::duration;

inline constexpr TimePoint kNever = TimePoint::max();

/// Deadlines are kept on this grid and fire up to one step early, never late.
inline constexpr std::chrono::milliseconds kDeadlineGrid{50};

[[nodiscard]] constexpr bool is_due(TimePoint deadline, TimePoint now) {
  return deadline != kNever && deadline - kDeadlineGrid < now;
}

[[nodiscard]] constexpr std::chrono::milliseconds to_ms(TimeSpan span) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(span);
}

}  // namespace sidecar::exchange
