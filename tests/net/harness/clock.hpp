#pragma once

#include <chrono>
#include <string>

/// Time as the loopback tests see it: the steady clock, and patience that grows on slow builds.
namespace sidecar::nettest {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;
using namespace std::chrono_literals;

/// How much slower than a plain build on an idle machine things may be: 1 there, more under a sanitizer, times
/// SIDECAR_TEST_SLOW from the environment.
[[nodiscard]] int slowness();

/// True when the binary under test carries a sanitizer: sizes and budgets then mean nothing.
[[nodiscard]] bool sanitized();

/// An upper bound: never use it for "not before".
[[nodiscard]] Milliseconds scaled(Milliseconds duration);

/// How long a peer waits for something that must come.
[[nodiscard]] Milliseconds patience();

[[nodiscard]] Milliseconds since(Clock::time_point start);

/// `250ms`, as options and configuration write it.
[[nodiscard]] std::string to_text(Milliseconds duration);

}  // namespace sidecar::nettest
