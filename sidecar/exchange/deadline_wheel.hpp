#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>

#include "exchange/clock.hpp"

namespace sidecar::exchange {

/// Something that has a deadline: derive from it. Leaves its wheel when it is destroyed.
class DeadlineEntry {
 public:
  DeadlineEntry() = default;
  DeadlineEntry(const DeadlineEntry&) = delete;
  DeadlineEntry& operator=(const DeadlineEntry&) = delete;
  ~DeadlineEntry() { leave(); }

  [[nodiscard]] bool scheduled() const { return next_ != nullptr; }

 private:
  friend class DeadlineWheel;

  void leave();
  void link_before(DeadlineEntry& entry);
  /// Of a ring's head: all others go to the end of another ring.
  void pass_ring_to(DeadlineEntry& head);

  DeadlineEntry* next_ = nullptr;
  DeadlineEntry* previous_ = nullptr;
  TimePoint due_ = kNever;
};

/// A hashed wheel on the 50 ms grid, one a worker. Touched lazily: moving a deadline further away costs nothing, the
/// entry comes up at its old time and its owner schedules it again.
class DeadlineWheel {
 public:
  static constexpr std::size_t kSlots = 2048;  ///< 102.4 s a round; later deadlines are looked at once a round.

  explicit DeadlineWheel(TimePoint start);
  ~DeadlineWheel();
  DeadlineWheel(const DeadlineWheel&) = delete;
  DeadlineWheel& operator=(const DeadlineWheel&) = delete;

  /// `entry` will come up at `due` or up to one grid step before it. Nothing happens when it is queued for that time
  /// or an earlier one. kNever takes no place.
  void schedule(DeadlineEntry& entry, TimePoint due);

  /// When advance() is to be called next: the first moment at which an entry is due; kNever when there is none.
  [[nodiscard]] TimePoint next_wakeup() const;

  /// Hands out every entry whose time has come, unlinked, one call each; the owner may schedule any entry anew or
  /// destroy any. `visit` is called with a DeadlineEntry&.
  template <class Visit>
  void advance(TimePoint now, Visit&& visit) {
    collect(now);
    while (DeadlineEntry* entry = pop_due()) visit(*entry);
  }

  [[nodiscard]] bool empty() const { return occupied_.none(); }

 private:
  using Tick = std::int64_t;

  [[nodiscard]] static Tick tick_of(TimePoint time);
  void enter(DeadlineEntry& entry);
  void collect(TimePoint now);
  DeadlineEntry* pop_due();

  std::array<DeadlineEntry, kSlots> slots_;  ///< Ring heads.
  DeadlineEntry due_;  ///< Ring head of the slots that came up; some of it may be due a round later.
  mutable std::bitset<kSlots> occupied_;
  Tick current_;  ///< Everything up to here has come up.
};

}  // namespace sidecar::exchange
