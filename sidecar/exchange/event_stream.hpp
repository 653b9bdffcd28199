#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
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
  /// The head goes out in this turn. `complete_at_end`: where the backend ends cleanly, nothing can be missing.
  EventStream(sse::StreamKind kind, bool complete_at_end, const EventStreamPolicy& policy, Turn& turn)
      : source_(kind, turn.now),
        complete_at_end_(complete_at_end),
        delivery_(policy.heartbeat, turn.now, turn.random) {}

  // What puts bytes in returns how many.

  /// What goes right behind the head, and how old the stream may get.
  std::size_t begin(const EventStreamPolicy& policy, std::string_view method, Turn& turn);

  /// The backend's own head came at last, behind one of ours.
  void attach(bool complete_at_end, TimePoint now) {
    complete_at_end_ = complete_at_end;
    source_.resume(now);
  }
  /// Something of ours that is legal here.
  std::size_t insert(std::string_view bytes, Turn& turn) { return delivery_.insert(bytes, turn.downstream); }
  /// Its silence up to here is not the backend's.
  void forgive_silence(TimePoint now) { source_.resume(now); }

  /// Bytes of the backend, on to the client; those behind the boundary at which the stream ends are dropped. Returns
  /// how many went out.
  std::size_t pass(std::string_view bytes, Turn& turn);
  /// From here on pass() passes all as it is.
  [[nodiscard]] bool passes_all() const { return !leaving_ && delivery_.passes_all(); }
  /// Where it does: these were passed on without it.
  void on_passed(std::span<const std::string_view> pieces, TimePoint now) { source_.on_pieces(pieces, now); }
  /// The backend ended, however: what was held back goes out.
  std::size_t pass_end(Turn& turn) { return delivery_.pass_end(turn.downstream); }
  /// It ended cleanly: the last event gets the blank line that it lacks, where that is wanted and certain.
  std::size_t complete(const EventStreamPolicy& policy, Turn& turn);
  /// It ended abnormally: tells so, where an event is legal. Behind a half event nothing is: it would be dispatched.
  std::size_t tell_end(const EventStreamPolicy& policy, Reason reason, Turn& turn);
  /// True once, when the first event has passed.
  [[nodiscard]] bool take_first_event();

  /// The kernel took `sent` bytes and `pending` wait.
  void on_progress(const EventStreamPolicy& policy, std::size_t sent, std::size_t pending, Turn& turn);
  [[nodiscard]] StreamDelivery::Beat beat(const EventStreamPolicy& policy, Turn& turn) {
    return delivery_.on_deadline(policy.heartbeat, source_, turn.now, turn.random, turn.downstream);
  }

  /// From `at` on the stream ends at its next event boundary, for `reason`. Only where boundaries can be seen.
  void plan_end(TimePoint at, Reason reason);
  /// Why it ends as planned.
  [[nodiscard]] Reason planned() const { return planned_; }
  /// The time may have come: true when the stream is to end now.
  [[nodiscard]] bool is_time_to_end(TimePoint now);
  /// Behind pass(): true when it has reached the boundary at which it ends.
  [[nodiscard]] bool over() const { return leaving_ && source_.at_boundary(); }
  /// The backend has been silent for too long.
  [[nodiscard]] bool is_idle(const EventStreamPolicy& policy, TimePoint now) const {
    return is_due(idle_at(policy), now);
  }
  /// The client is told when to come back, unless nothing is to be inserted on this route.
  std::size_t tell_retry(const EventStreamPolicy& policy, Milliseconds least, Milliseconds most, Turn& turn);

  [[nodiscard]] TimePoint next_deadline(const EventStreamPolicy& policy) const {
    return std::min({delivery_.deadline(), ends_at_, idle_at(policy)});
  }
  /// Events may be put in, and boundaries be seen.
  [[nodiscard]] bool insertable() const { return source_.kind() == sse::StreamKind::insertable; }

  /// What its last record says.
  void describe(LifecycleRecord& record, TimePoint now);

 private:
  [[nodiscard]] TimePoint idle_at(const EventStreamPolicy& policy) const;

  // The small ones fit in behind the last of the source.
  [[no_unique_address]] StreamSource source_;
  Reason planned_ = Reason::drain;
  bool complete_at_end_ = false;
  bool leaving_ = false;  ///< It ends at its next event boundary.
  bool first_event_seen_ = false;
  StreamDelivery delivery_;
  TimePoint ends_at_ = kNever;
};

static_assert(sizeof(EventStream) <= 64, "every open stream holds one");

}  // namespace sidecar::exchange
