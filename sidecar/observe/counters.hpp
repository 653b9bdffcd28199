#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "exchange/lifecycle.hpp"

/// What is counted, per worker. A worker adds to its own block only; whoever exposes the figures sums the blocks.
namespace sidecar::observe {

inline constexpr std::size_t kReasons = static_cast<std::size_t>(exchange::Reason::protocol_error) + 1;
inline constexpr std::size_t kCountedKinds = static_cast<std::size_t>(exchange::Counted::count_);
inline constexpr std::size_t kStatusClasses = 6;

/// A count that one thread raises and any thread reads. No order between counts is promised.
class RelaxedCounter {
 public:
  void add(std::uint64_t times = 1) { value_.fetch_add(times, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t load() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// The list of what is counted, once for the live cells and once for their sums.
template <class Cell>
struct CounterBlock {
  Cell streams_opened{};
  std::array<Cell, kReasons> streams_closed{};  ///< By Reason.
  Cell events{};                                ///< Of closed streams.
  Cell heartbeats{};
  std::array<Cell, kStatusClasses> requests{};  ///< Ordinary exchanges, by status / 100; 0: no head went out.
  std::array<Cell, kReasons> requests_ended{};  ///< The same ones, by Reason.
  std::array<Cell, kCountedKinds> counted{};    ///< By Counted.
  Cell bytes_in{};                              ///< Body bytes, of ended exchanges.
  Cell bytes_out{};
  Cell downgrades{};
};

/// One worker's live counts; later also one worker's counts for one route. On its own cache lines.
struct alignas(64) Counters : CounterBlock<RelaxedCounter> {};

struct CounterTotals : CounterBlock<std::uint64_t> {
  std::uint64_t log_dropped = 0;

  [[nodiscard]] std::uint64_t closed(exchange::Reason reason) const {
    return streams_closed[static_cast<std::size_t>(reason)];
  }
  [[nodiscard]] std::uint64_t times(exchange::Counted what) const { return counted[static_cast<std::size_t>(what)]; }

  [[nodiscard]] std::uint64_t streams_closed_sum() const;
  /// Opened less closed. Never below zero, also when read in the middle of a change.
  [[nodiscard]] std::uint64_t streams_active() const;
};

/// Adds what a record says to `counters`.
void count(Counters& counters, const exchange::LifecycleRecord& record);
void count(Counters& counters, exchange::Counted what, std::uint64_t times);

/// The sum over all workers. `log_dropped` is the log's own count.
[[nodiscard]] CounterTotals sum(std::span<const Counters* const> workers, std::uint64_t log_dropped);

}  // namespace sidecar::observe
