#pragma once

#include <cstdint>
#include <string_view>

namespace sidecar::observe {

/// How much a line matters, least first. `off` is a threshold only, no line has it.
enum class Level : std::uint8_t { trace, debug, info, warn, error, off };

[[nodiscard]] constexpr std::string_view to_string(Level level) {
  switch (level) {
    case Level::trace:
      return "trace";
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warn:
      return "warn";
    case Level::error:
      return "error";
    case Level::off:
      return "off";
  }
  return "unknown";
}

}  // namespace sidecar::observe
