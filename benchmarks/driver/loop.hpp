#pragma once

#include <cstdint>
#include <utility>
#include <vector>

/// The smallest event loop that does the job: level-triggered epoll, one thread. It shares nothing with sidecar/, so
/// that no mistake of the one can hide in the other.
namespace sidecar::bench {

using Nanoseconds = std::int64_t;
inline constexpr Nanoseconds kMicrosecond = 1'000;
inline constexpr Nanoseconds kMillisecond = 1'000'000;
inline constexpr Nanoseconds kSecond = 1'000'000'000;

/// CLOCK_MONOTONIC.
[[nodiscard]] Nanoseconds now_ns();

class Watcher {
 public:
  virtual void on_ready(std::uint32_t events) = 0;

 protected:
  ~Watcher() = default;
};

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// The watcher must stay where it is until `forget`.
  void watch(int fd, std::uint32_t events, Watcher& watcher);
  void change(int fd, std::uint32_t events, Watcher& watcher);
  /// Before the descriptor is closed. What this turn still has for the watcher is not delivered.
  void forget(int fd, Watcher& watcher);

  /// Waits until something is ready, at most until `deadline`, and delivers it.
  void turn(Nanoseconds deadline);

  /// Turns until `done()` is true (then true) or the deadline has come (then false).
  template <class Done>
  bool run_until(Done done, Nanoseconds deadline) {
    while (!done()) {
      if (now_ns() >= deadline) return false;
      turn(deadline);
    }
    return true;
  }

 private:
  int epoll_;
  std::vector<Watcher*> forgotten_;
  bool delivering_ = false;
};

}  // namespace sidecar::bench
