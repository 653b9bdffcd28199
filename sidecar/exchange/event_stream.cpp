#include "exchange/event_stream.hpp"

#include <utility>

#include "sse/insertion.hpp"

namespace sidecar::exchange {

std::size_t EventStream::begin(const EventStreamPolicy& policy, std::string_view method, Turn& turn) {
  if (!insertable()) return 0;
  const MaxAgePolicy& max_age = policy.max_age;
  const bool ages = std::find(max_age.methods.begin(), max_age.methods.end(), method) != max_age.methods.end();
  if (max_age.after && ages) plan_end(turn.now + *max_age.after, Reason::max_age);
  const bool comes_back = method == "GET" && policy.heartbeat.form != HeartbeatForm::off;
  return delivery_.insert(comes_back ? policy.opening.bytes : policy.opening.without_retry, turn.downstream);
}

std::size_t EventStream::complete(const EventStreamPolicy& policy, Turn& turn) {
  if (!policy.complete_last_event || !complete_at_end_ || !insertable()) return 0;
  const std::string_view missing = sse::missing_end(source_.scanner());
  source_.on_bytes(missing, turn.now);
  return delivery_.insert(missing, turn.downstream);
}

std::size_t EventStream::tell_end(const EventStreamPolicy& policy, Reason reason, Turn& turn) {
  if (policy.end_event.empty() || !insertable() || !source_.at_boundary()) return 0;
  const std::string event =
      "event: " + policy.end_event + "\ndata: {\"reason\":\"" + std::string(to_string(reason)) + "\"}\n\n";
  turn.own_body.clear();
  sse::append_lines(event, source_.scanner().insertion_ending(), turn.own_body);
  turn.lifecycle.on_counted(Counted::end_event_sent, 1);
  return delivery_.insert(turn.own_body, turn.downstream);
}

void EventStream::on_progress(const EventStreamPolicy& policy, std::size_t sent, std::size_t pending, Turn& turn) {
  // While the client is behind, the backend is not read, and cannot be blamed for its silence.
  if (delivery_.blocked() && pending == 0) source_.resume(turn.now);
  delivery_.on_progress(policy.heartbeat, sent, pending, turn.now, turn.random);
}

void EventStream::plan_end(TimePoint at, Reason reason) {
  if (at >= ends_at_) return;
  ends_at_ = at;
  planned_ = reason;
}

TimePoint EventStream::idle_at(const EventStreamPolicy& policy) const {
  if (!policy.idle_timeout || delivery_.blocked()) return kNever;
  return source_.silent_since() + *policy.idle_timeout;
}

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
  sse::append_retry(retry, policy.heartbeat.closes_blocks(), source_.scanner().insertion_ending(), turn.own_body);
  return delivery_.insert(turn.own_body, turn.downstream);
}

void EventStream::describe(LifecycleRecord& record, TimePoint now) {
  record.events = source_.events();
  record.heartbeats = delivery_.heartbeats();
  record.max_idle = source_.max_idle(now);
}

}  // namespace sidecar::exchange
