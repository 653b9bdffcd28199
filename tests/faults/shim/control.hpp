#pragma once

#include <atomic>
#include <cstdint>

/// What a test tells the shim, and what the shim tells back: one page of a file that both have mapped. A test may
/// change its mind while the program runs. Zeroes are a kernel that behaves.
namespace sidecar::faults {

inline constexpr const char* kControlVariable = "SIDECAR_FAULTS";  ///< Names the file, in the program's environment.

struct Control {
  // Told by the test.
  std::atomic<std::uint32_t> seed;
  std::atomic<std::uint32_t> short_percent;   ///< Of reads and writes: some of the bytes only.
  std::atomic<std::uint32_t> eintr_percent;   ///< Of reads, writes, accepts, connects and waits.
  std::atomic<std::uint32_t> eagain_percent;  ///< Of reads, writes and accepts.
  std::atomic<int> accept_error;              ///< errno of every accept; 0: none.
  std::atomic<int> socket_error;              ///< errno of every new socket; 0: none.
  std::atomic<int> connect_error;             ///< errno of every connect; 0: none.
  std::atomic<std::int64_t> wall_clock_ahead_s;
  std::atomic<std::uint32_t> name_address;   ///< IPv4 in host order that every name resolves to; 0: the real resolver.
  std::atomic<int> name_error;               ///< EAI_* of every name; 0: none.
  std::atomic<std::uint32_t> name_delay_ms;  ///< How long the resolver thinks.

  // Told by the shim.
  std::atomic<std::uint64_t> shortened;
  std::atomic<std::uint64_t> interrupted;
  std::atomic<std::uint64_t> put_off;  ///< EAGAIN
  std::atomic<std::uint64_t> denied;   ///< The errors of accept, socket and connect.
  std::atomic<std::uint64_t> names_asked;
};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "shared between processes");

/// The page, or nullptr for a program that runs without a test.
[[nodiscard]] Control* control();

}  // namespace sidecar::faults
