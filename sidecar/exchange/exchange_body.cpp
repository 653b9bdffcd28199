// An Exchange's response as it passes, behind its head.
#include "exchange/exchange.hpp"

namespace sidecar::exchange {

void Exchange::open_stream(sse::StreamKind kind, bool complete_at_end, Turn& turn) {
  event_stream_ = EventStream(kind, complete_at_end, route_->event_stream, turn);
  account_.bytes_out += event_stream_.begin(route_->event_stream, account_.method(), turn);
  if (kind == sse::StreamKind::opaque) turn.lifecycle.on_counted(Counted::stream_opaque, 1);
  LifecycleRecord opened;
  opened.ttfb = account_.ttfb();
  record(LifecycleEvent::stream_open, opened, turn);
  if (turn.drain != nullptr) plan_end(*turn.drain, turn);
}

void Exchange::on_response_body(std::string_view bytes, Turn& turn) {
  if (phase_ == Phase::explaining) {
    if (rescue_->collect(bytes)) tell_error(Reason::upstream_error, ClosedBy::upstream, turn);
    return;
  }
  if (phase_ != Phase::streaming) {
    account_.bytes_out += bytes.size();
    turn.downstream.data(bytes);
    if (phase_ == Phase::tunnel) note_tunnel_idle(turn.now);
    return;
  }
  account_.bytes_out += event_stream_.pass(bytes, turn);
  note_first_event(turn);
  if (event_stream_.over()) end_as_planned(turn);
}

void Exchange::on_response_run(const http::ChunkRun& run, Turn& turn) {
  account_.bytes_out += run.size();
  turn.downstream.chunks(run);
  if (phase_ != Phase::streaming) return;
  event_stream_.on_passed(run.pieces(), turn.now);
  note_first_event(turn);
}

void Exchange::note_first_event(Turn& turn) {
  if (!event_stream_.take_first_event()) return;
  LifecycleRecord first;
  first.after = to_ms(turn.now - account_.started()) - account_.ttfb();
  record(LifecycleEvent::stream_first_event, first, turn);
}

}  // namespace sidecar::exchange
