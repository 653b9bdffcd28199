#include "tests/net/harness/clock.hpp"

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace sidecar::nettest {

bool sanitized() {
  return !std::string_view(SIDECAR_SANITIZE).empty();
}

int slowness() {
  static const int factor = [] {
    const char* slow = std::getenv("SIDECAR_TEST_SLOW");
    const int wished = slow == nullptr ? 1 : std::max(1, std::atoi(slow));
    return wished * (sanitized() ? 4 : 1);
  }();
  return factor;
}

Milliseconds scaled(Milliseconds duration) {
  return duration * slowness();
}

Milliseconds patience() {
  return scaled(5s);
}

Milliseconds since(Clock::time_point start) {
  return std::chrono::duration_cast<Milliseconds>(Clock::now() - start);
}

std::string to_text(Milliseconds duration) {
  return std::to_string(duration.count()) + "ms";
}

}  // namespace sidecar::nettest
