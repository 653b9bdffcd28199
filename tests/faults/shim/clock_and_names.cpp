// Preloaded into the sidecar: a wall clock that jumps, and a resolver that is slow, fails or changes its mind.

#include <netdb.h>
#include <time.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <thread>

#include "tests/faults/shim/control.hpp"
#include "tests/faults/shim/real.hpp"

namespace faults = sidecar::faults;

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  static auto* const next = faults::real<decltype(clock_gettime)>("clock_gettime");
  const int result = next(clock, time);
  if (result != 0 || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)) return result;
  const faults::Control* told = faults::control();
  if (told != nullptr) time->tv_sec += static_cast<time_t>(told->wall_clock_ahead_s);
  return result;
}

int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** found) {
  static auto* const next = faults::real<decltype(getaddrinfo)>("getaddrinfo");
  faults::Control* told = faults::control();
  if (told == nullptr || name == nullptr) return next(name, service, hints, found);
  // What the resolver knew when it was asked.
  const int error = told->name_error;
  const std::uint32_t address = told->name_address;
  const std::chrono::milliseconds delay(told->name_delay_ms);
  ++told->names_asked;
  std::this_thread::sleep_for(delay);
  if (error != 0) return error;
  if (address == 0) return next(name, service, hints, found);
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%u.%u.%u.%u", address >> 24U, address >> 16U & 255U, address >> 8U & 255U,
                address & 255U);
  return next(text.data(), service, hints, found);
}

}  // extern "C"
