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
  const Tick tick = std::max(tick_of(due), current_ + 1);
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
    if (occupied_.test(slot)) collect_slot(slot, target);
  }
  current_ = std::max(current_, target);
}

void DeadlineWheel::collect_slot(std::size_t slot, Tick now) {
  DeadlineEntry& head = slots_[slot];
  for (DeadlineEntry* entry = head.next_; entry != &head;) {
    DeadlineEntry* next = entry->next_;
    if (tick_of(entry->due_) <= now) {
      entry->leave();
      entry->link_before(due_);
    }
    entry = next;
  }
  if (head.next_ == &head) occupied_.reset(slot);
}

DeadlineEntry* DeadlineWheel::pop_due() {
  DeadlineEntry* entry = due_.next_;
  if (entry == &due_) return nullptr;
  entry->leave();
  return entry;
}

}  // namespace sidecar::exchange
