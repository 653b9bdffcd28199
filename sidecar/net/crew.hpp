#pragma once

#include <atomic>
#include <cstddef>
#include <vector>

namespace sidecar::net {

class Worker;

/// The workers of a process as those who accept see them. Whoever is awake first accepts, and under load that is often
/// the same one; so a connection is passed on to a worker that has clearly fewer. Streams stay for hours, and what is
/// skewed at their beginning remains so.
class Crew {
 public:
  explicit Crew(std::size_t workers) : places_(workers) {}

  /// Before any thread runs. All workers go after the last thread has ended.
  void join(std::size_t place, Worker& worker) { places_[place].worker = &worker; }
  /// From now on each keeps what it accepts: the process is about to end.
  void part() { together_ = false; }

  void enter(std::size_t place) { places_[place].connections.fetch_add(1, std::memory_order_relaxed); }
  void leave(std::size_t place) { places_[place].connections.fetch_sub(1, std::memory_order_relaxed); }

  /// Whose a connection is that `place` has accepted: another's if that has fewer by more than passing on is worth.
  [[nodiscard]] std::size_t choose(std::size_t place) const {
    if (!together_) return place;
    const std::size_t own = places_[place].connections.load(std::memory_order_relaxed);
    std::size_t best = place;
    std::size_t least = own;
    for (std::size_t i = 0; i < places_.size(); ++i) {
      const std::size_t connections = places_[i].connections.load(std::memory_order_relaxed);
      if (connections >= least) continue;
      least = connections;
      best = i;
    }
    return own > least + 1 + least / 32 ? best : place;
  }
  [[nodiscard]] Worker& worker(std::size_t place) const { return *places_[place].worker; }

 private:
  struct alignas(64) Place {
    Worker* worker = nullptr;
    std::atomic<std::size_t> connections = 0;
  };

  std::vector<Place> places_;
  std::atomic<bool> together_ = true;
};

}  // namespace sidecar::net
