#include "exchange/deadline_wheel.hpp"

#include <algorithm>

namespace sidecar::exchange {

void DeadlineEntry::leave() {
  if (next_ == nullptr) return;
  next_->previous_ = previous_;
  previous_->next_ = next_;
  next_ = previous_ = nullptr;
}

void DeadlineEntry::link_before(DeadlineEntry& entry) {
  next_ = &entry;
  previous_ = entry.previous_;
  previous_->next_ = this;
  entry.previous_ = this;
}

void DeadlineEntry::pass_ring_to(DeadlineEntry& head) {
  if (next_ == this) return;
  next_->previous_ = head.previous_;
  head.previous_->next_ = next_;
  previous_->next_ = &head;
  head.previous_ = previous_;
  next_ = previous_ = this;
}

namespace {

/// Begins to bring an entry and what its owner keeps around it into the cache. Among thousands of owners the next one
/// is in none, and there is time for it while the one before is visited.
void fetch(const DeadlineEntry* entry) {
  static constexpr std::size_t kLine = 64;
  static constexpr std::size_t kLines = 12;
  const auto* const byte = static_cast<const char*>(static_cast<const void*>(entry));
  for (std::size_t i = 0; i < kLines; ++i) __builtin_prefetch(byte + i * kLine, 1, 2);
}

}  // namespace

DeadlineWheel::DeadlineWheel(TimePoint start) : current_(tick_of(start)) {
  for (DeadlineEntry& head : slots_) head.next_ = head.previous_ = &head;
  due_.next_ = due_.previous_ = &due_;
}

DeadlineWheel::~DeadlineWheel() {
  // Entries may outlive the wheel: leave none linked to it.
  for (DeadlineEntry& head : slots_) {
    while (head.next_ != &head) head.next_->leave();
    head.next_ = head.previous_ = nullptr;
  }
  while (due_.next_ != &due_) due_.next_->leave();
  due_.next_ = due_.previous_ = nullptr;
}

DeadlineWheel::Tick DeadlineWheel::tick_of(TimePoint time) {
  return std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()) / kDeadlineGrid;
}

void DeadlineWheel::schedule(DeadlineEntry& entry, TimePoint due) {
  if (due == kNever) return;
  if (entry.scheduled()) {
    if (entry.due_ <= due) return;
    entry.leave();
  }
  entry.due_ = due;
  enter(entry);
}

void DeadlineWheel::enter(DeadlineEntry& entry) {
  const Tick tick = std::max(tick_of(entry.due_), current_ + 1);
  const auto slot = static_cast<std::size_t>(tick) % kSlots;
  entry.link_before(slots_[slot]);
  occupied_.set(slot);
}

TimePoint DeadlineWheel::next_wakeup() const {
  for (Tick tick = current_ + 1; tick <= current_ + static_cast<Tick>(kSlots); ++tick) {
    const auto slot = static_cast<std::size_t>(tick) % kSlots;
    if (!occupied_.test(slot)) continue;
    if (slots_[slot].next_ == &slots_[slot]) {
      occupied_.reset(slot);  // Its entries left on their own.
      continue;
    }
    return TimePoint(tick * kDeadlineGrid);
  }
  return kNever;
}

void DeadlineWheel::collect(TimePoint now) {
  const Tick target = tick_of(now);
  // After a long sleep one round visits every slot.
  const Tick from = std::max(current_ + 1, target - static_cast<Tick>(kSlots) + 1);
  for (Tick tick = from; tick <= target; ++tick) {
    const auto slot = static_cast<std::size_t>(tick) % kSlots;
    if (!occupied_.test(slot)) continue;
    slots_[slot].pass_ring_to(due_);
    occupied_.reset(slot);
  }
  current_ = std::max(current_, target);
}

DeadlineEntry* DeadlineWheel::pop_due() {
  for (;;) {
    DeadlineEntry* entry = due_.next_;
    if (entry == &due_) return nullptr;
    entry->leave();
    fetch(due_.next_);
    if (tick_of(entry->due_) <= current_) return entry;
    enter(*entry);  // That is a round away.
  }
}

}  // namespace sidecar::exchange
