#include "exchange/event_stream.hpp"

#include <utility>

#include "sse/insertion.hpp"

namespace sidecar::exchange {

std::size_t EventStream::pass(std::string_view bytes, Turn& turn) {
  if (leaving_) {
    bytes = bytes.substr(0, source_.on_bytes_to_boundary(bytes, turn.now));
  } else {
    source_.on_bytes(bytes, turn.now);
  }
  return delivery_.pass(bytes, turn.downstream);
}

bool EventStream::take_first_event() {
  return source_.events() > 0 && !std::exchange(first_event_seen_, true);
}

bool EventStream::is_time_to_end(TimePoint now) {
  if (!is_due(ends_at_, now)) return false;
  ends_at_ = kNever;
  leaving_ = true;
  return source_.at_boundary();
}

std::size_t EventStream::tell_retry(const EventStreamPolicy& policy, Milliseconds least, Milliseconds most,
                                    Turn& turn) {
  if (!policy.heartbeat.sends()) return 0;
  const Milliseconds retry = between(least, most, turn.random);
  turn.own_body.clear();
  sse::append_retry(retry, source_.scanner().insertion_ending(), turn.own_body);
  turn.downstream.data(turn.own_body);
  return turn.own_body.size();
}

void EventStream::describe(LifecycleRecord& record, TimePoint now) {
  record.events = source_.events();
  record.heartbeats = delivery_.heartbeats();
  record.max_idle = source_.max_idle(now);
}

}  // namespace sidecar::exchange
