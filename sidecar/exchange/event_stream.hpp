#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "exchange/policy.hpp"
#include "exchange/stream_delivery.hpp"
#include "exchange/stream_source.hpp"
#include "exchange/turn.hpp"

namespace sidecar::exchange {

/// An event stream towards one client, from its head to its end: both of its halves, and when it is to end. It knows
/// nothing of connections and requests; the Exchange says what happens and decides about the end.
class EventStream {
 public:
  EventStream() = default;
  /// The head goes out in this turn.
  EventStream(sse::StreamKind kind, const EventStreamPolicy& policy, Turn& turn)
      : source_(kind, turn.now), delivery_(policy.heartbeat, turn.now, turn.random) {}

  /// Bytes of the backend, on to the client; those behind the boundary at which the stream ends are dropped. Returns
  /// how many went out.
  std::size_t pass(std::string_view bytes, Turn& turn);
  /// The backend ended, however: what was held back goes out.
  std::size_t pass_end(Turn& turn) { return delivery_.pass_end(turn.downstream); }
  /// True once, when the first event has passed.
  [[nodiscard]] bool take_first_event();

  /// The kernel took `sent` bytes and `pending` wait.
  void on_progress(const EventStreamPolicy& policy, std::size_t sent, std::size_t pending, Turn& turn) {
    delivery_.on_progress(policy.heartbeat, sent, pending, turn.now, turn.random);
  }
  [[nodiscard]] StreamDelivery::Beat beat(const EventStreamPolicy& policy, Turn& turn) {
    return delivery_.on_deadline(policy.heartbeat, source_, turn.now, turn.random, turn.downstream);
  }

  /// From `at` on the stream ends at its next event boundary. Only where boundaries can be seen.
  void plan_end(TimePoint at) { ends_at_ = std::min(ends_at_, at); }
  /// The time may have come: true when the stream is to end now.
  [[nodiscard]] bool is_time_to_end(TimePoint now);
  /// Behind pass(): true when it has reached the boundary at which it ends.
  [[nodiscard]] bool over() const { return leaving_ && source_.at_boundary(); }
  /// The client is told when to come back, unless nothing is to be inserted on this route. Returns the bytes of that.
  std::size_t tell_retry(const EventStreamPolicy& policy, Milliseconds least, Milliseconds most, Turn& turn);

  [[nodiscard]] TimePoint next_deadline() const { return std::min(delivery_.deadline(), ends_at_); }
  /// Events may be put in, and boundaries be seen.
  [[nodiscard]] bool insertable() const { return source_.kind() == sse::StreamKind::insertable; }

  /// What its last record says.
  void describe(LifecycleRecord& record, TimePoint now);

 private:
  StreamSource source_;
  StreamDelivery delivery_;
  TimePoint ends_at_ = kNever;
  bool leaving_ = false;  ///< It ends at its next event boundary.
  bool first_event_seen_ = false;
};

}  // namespace sidecar::exchange
