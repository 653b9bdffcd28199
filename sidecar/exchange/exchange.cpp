#include "exchange/exchange.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "exchange/client_address.hpp"
#include "exchange/route.hpp"
#include "http/accept.hpp"
#include "http/fields.hpp"
#include "http/own_answer.hpp"
#include "http/rewrite.hpp"
#include "sse/insertion.hpp"

namespace sidecar::exchange {

namespace {

/// What a client that met a limit is told: soon, but not at once.
constexpr std::chrono::seconds kRetryAfter{5};

constexpr std::size_t kTargetKept = 4096;

}  // namespace

void Exchange::enter(Phase phase) {
  assert(may_follow(phase_, phase));
  phase_ = phase;
}

void Exchange::reset() {
  enter(Phase::idle);
  const std::uint32_t attempt = wish_.attempt;
  *this = Exchange{};
  wish_.attempt = attempt;  // Numbers never repeat on a session, so that late news is recognised.
}

// ---- The request -------------------------------------------------------------------------------------------------

void Exchange::on_request_head(const http::RequestHead& head, const http::Framing& framing, const Peer& peer,
                               PolicySetPtr policies, std::uint64_t id, Turn& turn) {
  policies_ = std::move(policies);
  id_ = id;
  started_ = turn.now;
  to_head_ = head.method == "HEAD";
  request_chunked_ = framing.kind == http::FramingKind::chunked;
  wants_json_ = http::accepts_json_over_html_or_text(http::value_of(head.fields, "Accept"));
  const std::string_view client = client_of(policies_->client_address, peer.text, head.fields);
  // More of a target than is ever written down is not kept.
  const std::string_view target = head.target.substr(0, kTargetKept);
  subject_.reserve(client.size() + head.method.size() + target.size());
  subject_.append(client).append(head.method).append(target);
  client_size_ = static_cast<std::uint16_t>(client.size());
  method_size_ = static_cast<std::uint16_t>(head.method.size());
  route_ = find_route(*policies_, head);
  if (route_ == nullptr) {
    detail_ = "no route matches";
    answer(404, detail_, Reason::complete, ClosedBy::sidecar, turn);
    return;
  }
  const PreparedRequest prepared =
      prepare_request(head, framing, *policies_, *route_, peer, turn.scratch, retained_head_);
  upgrade_offered_ = prepared.upgrade_offered;
  repeatable_ = prepared.repeatable;
  connect(prepared.pooled_ok ? UpstreamWish::Kind::pooled_ok : UpstreamWish::Kind::fresh, turn.now);
}

void Exchange::connect(UpstreamWish::Kind kind, TimePoint now) {
  enter(Phase::connecting);
  wish_ = {wish_.attempt + 1, kind};
  deadline_ = now + policies_->upstreams[route_->upstream].connect_timeout;
}

void Exchange::on_request_body(std::string_view bytes, Turn& turn) {
  bytes_in_ += bytes.size();
  turn.upstream.data(bytes);
  if (phase_ == Phase::tunnel) note_tunnel_idle(turn.now);
}

void Exchange::on_request_end(http::Fields trailers, Turn& turn) {
  request_ended_ = true;
  if (phase_ != Phase::tunnel) {
    turn.upstream.end(
        http::rewrite_trailers(trailers, route_->request_headers, policies_->client_address.header, turn.scratch));
    if (phase_ == Phase::awaiting) await_head(turn.now);
  } else if (response_ended_) {
    close(Reason::complete, ClosedBy::client, Ending::clean, turn);
    wish_.kind = UpstreamWish::Kind::close;  // The client's last bytes are still on their way.
  } else {
    note_tunnel_idle(turn.now);
  }
}

/// A tunnel that is open may be silent for ever; one that is half closed must have an end of its own.
void Exchange::note_tunnel_idle(TimePoint now) {
  if (request_ended_ || response_ended_) deadline_ = now + policies_->limits.idle_timeout;
}

void Exchange::await_head(TimePoint now) {
  const auto limit = policies_->upstreams[route_->upstream].response_timeout;
  deadline_ = limit ? now + *limit : kNever;
}

void Exchange::on_request_refused(http::Refusal refusal, const http::RequestHead& head, const Peer& peer,
                                  std::uint64_t id, Turn& turn) {
  const bool too_many = refusal.status == 503;
  turn.lifecycle.on_counted(too_many ? Counted::connection_refused : Counted::request_rejected, 1);
  detail_ = refusal.why;
  if (phase_ == Phase::idle) {
    id_ = id;
    started_ = turn.now;
    static constexpr std::size_t kMethodMax = 255;  // A longer one is what it is refused for.
    const std::string_view method = head.method.substr(0, kMethodMax);
    subject_.append(peer.text).append(method).append(head.target.substr(0, kTargetKept));
    client_size_ = static_cast<std::uint16_t>(peer.text.size());
    method_size_ = static_cast<std::uint16_t>(method.size());
  }
  if (phase_ == Phase::idle || phase_ == Phase::connecting || phase_ == Phase::awaiting) {
    answer(refusal.status, refusal.why, too_many ? Reason::limit : Reason::protocol_error, ClosedBy::sidecar, turn);
  } else {
    close(Reason::protocol_error, ClosedBy::sidecar, Ending::truncated, turn);
  }
}

void Exchange::on_downstream_eof(bool request_complete, Turn& turn) {
  client_closed_ = true;
  if (!active() || phase_ == Phase::closing) return;
  if (phase_ == Phase::tunnel) {
    on_request_end({}, turn);
  } else if (phase_ == Phase::streaming || !request_complete) {
    on_downstream_lost(Reason::client_gone, "", turn);
  }
}

void Exchange::on_downstream_lost(Reason reason, const char* why, Turn& turn) {
  if (!active()) return;
  if (phase_ != Phase::closing || reason_ == Reason::complete) detail_ = why;
  if (phase_ == Phase::closing) {
    // The end was decided, but the client did not live to see it.
    if (reason_ == Reason::complete) {
      reason_ = reason;
      closed_by_ = reason == Reason::client_gone ? ClosedBy::client : ClosedBy::sidecar;
    }
    ending_ = Ending::aborted;
    settle(turn);
    return;
  }
  close(reason, reason == Reason::client_gone ? ClosedBy::client : ClosedBy::sidecar, Ending::aborted, turn);
}

void Exchange::on_downstream_progress(std::size_t sent, std::size_t pending, Turn& turn) {
  if (phase_ == Phase::streaming) delivery_.on_progress(route_->event_stream.heartbeat, sent, pending, turn.now);
  if (phase_ == Phase::closing && pending == 0) settle(turn);
}

// ---- The upstream ------------------------------------------------------------------------------------------------

void Exchange::on_upstream_ready(bool pooled, Turn& turn) {
  enter(Phase::awaiting);
  pooled_ = pooled;
  wish_.kind = UpstreamWish::Kind::none;
  deadline_ = kNever;
  if (request_ended_) await_head(turn.now);  // Sent before, on a connection that was dead.
  turn.upstream.head(retained_head_);
}

void Exchange::on_upstream_failed(UpstreamFailure failure, Turn& turn) {
  turn.lifecycle.on_counted(Counted::upstream_connect_error, 1);
  detail_ = to_string(failure).data();
  if (failure == UpstreamFailure::exhausted) return answer(503, detail_, Reason::limit, ClosedBy::sidecar, turn);
  const int status = failure == UpstreamFailure::timed_out ? 504 : 502;
  answer(status, to_string(failure), Reason::upstream_unreachable, ClosedBy::upstream, turn);
}

void Exchange::on_informational(const http::ResponseHead& head, Turn& turn) {
  if (phase_ != Phase::awaiting) return;
  http::ResponseHead out;
  http::rewrite_response(head, {}, turn.scratch, out);
  turn.downstream.informational(out);
}

void Exchange::on_response_head(const http::ResponseHead& head, const http::Framing& framing, Turn& turn) {
  if (head.status == 101) {
    on_switching(head, turn);
    return;
  }
  const sse::StreamKind kind = stream_kind(head, framing, to_head_, turn.own_body);
  stream_ = kind != sse::StreamKind::none;
  if (stream_ && client_closed_) {
    // A FIN before the head is decided here: for a stream it means that nobody reads any more.
    stream_ = false;
    close(Reason::client_gone, ClosedBy::client, Ending::aborted, turn);
    return;
  }
  if (stream_ && !admit_stream(turn)) return;
  http::ResponseChanges changes;
  changes.event_stream = stream_;
  changes.route = &route_->response_headers;
  http::ResponseHead out;
  http::rewrite_response(head, changes, turn.scratch, out);
  const bool insertable = kind == sse::StreamKind::insertable;
  turn.downstream.head(out, insertable ? http::BodySize{http::BodySize::Kind::unknown, 0} : framing.body_size());
  std::string().swap(retained_head_);
  deadline_ = kNever;
  status_ = static_cast<std::uint16_t>(head.status);
  ttfb_ms_ = static_cast<std::uint32_t>(to_ms(turn.now - started_).count());
  if (stream_) {
    open_stream(kind, turn);
  } else {
    enter(Phase::responding);
  }
}

/// Only now is it known that the answer is a stream. What is open stays open: the newcomer is told to wait.
bool Exchange::admit_stream(Turn& turn) {
  const StreamGate::Verdict verdict = turn.gate.enter(without_port(client()), policies_->limits);
  if (verdict == StreamGate::Verdict::admitted) return true;
  stream_ = false;
  const bool of_client = verdict == StreamGate::Verdict::too_many_of_client;
  turn.lifecycle.on_counted(of_client ? Counted::stream_refused_for_client : Counted::stream_refused, 1);
  detail_ = of_client ? "too many event streams of this client (limits.streams_per_client)"
                      : "too many event streams (limits.streams)";
  answer(503, detail_, Reason::limit, ClosedBy::sidecar, turn);
  return false;
}

void Exchange::open_stream(sse::StreamKind kind, Turn& turn) {
  enter(Phase::streaming);
  source_ = StreamSource(kind, turn.now);
  delivery_ = StreamDelivery(route_->event_stream.heartbeat, turn.now);
  if (kind == sse::StreamKind::opaque) turn.lifecycle.on_counted(Counted::stream_opaque, 1);
  LifecycleRecord opened;
  opened.ttfb = Milliseconds{ttfb_ms_};
  record(LifecycleEvent::stream_open, opened, turn);
  if (turn.drain != nullptr) plan_end(*turn.drain, turn);
}

void Exchange::on_switching(const http::ResponseHead& head, Turn& turn) {
  if (!upgrade_offered_ || !request_ended_) {
    on_upstream_broken(UpstreamBreak::malformed, false, "switched protocols without being asked", turn);
    return;
  }
  http::ResponseHead out;
  http::rewrite_response(head, {}, turn.scratch, out);
  turn.downstream.switching(out);
  std::string().swap(retained_head_);
  deadline_ = kNever;
  status_ = 101;
  request_ended_ = false;  // From here on it means the client's half of the tunnel.
  client_closed_ = false;  // And so does a FIN: one that has come already is told once more.
  ttfb_ms_ = static_cast<std::uint32_t>(to_ms(turn.now - started_).count());
  enter(Phase::tunnel);
}

void Exchange::on_response_body(std::string_view bytes, Turn& turn) {
  if (phase_ != Phase::streaming) {
    bytes_out_ += bytes.size();
    turn.downstream.data(bytes);
    if (phase_ == Phase::tunnel) note_tunnel_idle(turn.now);
    return;
  }
  if (leaving_) {
    bytes = bytes.substr(0, source_.on_bytes_to_boundary(bytes, turn.now));
  } else {
    source_.on_bytes(bytes, turn.now);
  }
  bytes_out_ += delivery_.pass(bytes, turn.downstream);
  if (!first_event_seen_ && source_.events() > 0) {
    first_event_seen_ = true;
    LifecycleRecord first;
    first.after = to_ms(turn.now - started_) - Milliseconds{ttfb_ms_};
    record(LifecycleEvent::stream_first_event, first, turn);
  }
  if (leaving_ && source_.at_boundary()) end_as_planned(turn);
}

void Exchange::on_response_end(http::Fields trailers, bool reusable, Turn& turn) {
  response_ended_ = true;
  if (phase_ == Phase::tunnel) {
    if (!request_ended_) return note_tunnel_idle(turn.now);
    close(Reason::complete, ClosedBy::upstream, Ending::clean, turn);
    wish_.kind = UpstreamWish::Kind::close;
    return;
  }
  if (phase_ == Phase::streaming) bytes_out_ += delivery_.pass_end(turn.downstream);
  turn.downstream.end(http::rewrite_trailers(trailers, route_->response_headers, {}, turn.scratch));
  close(Reason::complete, ClosedBy::upstream, Ending::clean, turn);
  // A request that is still being sent has no reader any more.
  wish_.kind = reusable && request_ended_ ? UpstreamWish::Kind::release : UpstreamWish::Kind::close;
}

void Exchange::on_upstream_broken(UpstreamBreak how, bool untouched, const char* why, Turn& turn) {
  if (!takes_response()) return;
  if (phase_ == Phase::awaiting && pooled_ && repeatable_ && untouched) {
    // The backend closed the idle connection before it saw this request.
    turn.lifecycle.on_counted(Counted::request_retried, 1);
    connect(UpstreamWish::Kind::fresh, turn.now);
    return;
  }
  detail_ = why;
  const Reason reason = how == UpstreamBreak::reset ? Reason::upstream_reset
                        : how == UpstreamBreak::eof ? Reason::upstream_truncated
                                                    : Reason::protocol_error;
  if (phase_ == Phase::awaiting) {
    answer(502, why, reason, ClosedBy::upstream, turn);
    return;
  }
  if (phase_ == Phase::streaming) bytes_out_ += delivery_.pass_end(turn.downstream);
  close(reason, ClosedBy::upstream, phase_ == Phase::tunnel ? Ending::aborted : Ending::truncated, turn);
}

void Exchange::on_upstream_stalled(Turn& turn) {
  if (!active() || phase_ == Phase::closing) return;
  detail_ = "the backend does not take the request";
  if (phase_ == Phase::awaiting) {
    answer(504, detail_, Reason::upstream_timeout, ClosedBy::sidecar, turn);
  } else {
    close(Reason::upstream_timeout, ClosedBy::sidecar, Ending::truncated, turn);
  }
}

// ---- Time --------------------------------------------------------------------------------------------------------

TimePoint Exchange::next_deadline() const {
  return phase_ == Phase::streaming ? std::min(delivery_.deadline(), deadline_) : deadline_;
}

void Exchange::on_deadline(Turn& turn) {
  const bool due = is_due(deadline_, turn.now);
  if (phase_ == Phase::streaming) {
    if (due) {
      deadline_ = kNever;
      leaving_ = true;
      if (source_.at_boundary()) return end_as_planned(turn);
    }
    beat(turn);
    return;
  }
  if (!due) return;
  if (phase_ == Phase::tunnel) {
    detail_ = "a half-closed tunnel was silent";
    close(Reason::limit, ClosedBy::sidecar, Ending::aborted, turn);
  } else if (phase_ == Phase::connecting) {
    on_upstream_failed(UpstreamFailure::timed_out, turn);
  } else if (phase_ == Phase::awaiting) {
    detail_ = "response timeout";
    answer(504, "no response head in time", Reason::upstream_timeout, ClosedBy::sidecar, turn);
  }
}

void Exchange::beat(Turn& turn) {
  const StreamDelivery::Beat beat =
      delivery_.on_deadline(route_->event_stream.heartbeat, source_, turn.now, turn.downstream);
  switch (beat.outcome) {
    case StreamDelivery::Outcome::early:
      return;
    case StreamDelivery::Outcome::blocked:
      turn.lifecycle.on_counted(Counted::heartbeat_deferred_blocked, 1);
      return;
    case StreamDelivery::Outcome::mid_line:
      turn.lifecycle.on_counted(Counted::heartbeat_deferred_mid_line, 1);
      return;
    case StreamDelivery::Outcome::opaque:
      turn.lifecycle.on_counted(Counted::heartbeat_deferred_opaque, 1);
      return;
    case StreamDelivery::Outcome::sent:
      break;
  }
  bytes_out_ += beat.bytes;
  LifecycleRecord sent;
  sent.idle = beat.idle;
  record(LifecycleEvent::heartbeat, sent, turn);
}

// ---- The end -----------------------------------------------------------------------------------------------------

void Exchange::on_drain(Turn& turn) {
  if (phase_ == Phase::streaming && turn.drain != nullptr) plan_end(*turn.drain, turn);
}

/// The reader of anything but a GET takes a clean end for success, and where we cannot read we know no boundary: those
/// streams run as long as the process does (law 5).
void Exchange::plan_end(const DrainPlan& plan, Turn& turn) {
  if (method() != "GET" || source_.kind() != sse::StreamKind::insertable) return;
  const auto left = std::max(to_ms(plan.streams_end_by - turn.now), Milliseconds{0});
  deadline_ = std::min(deadline_, turn.now + between(Milliseconds{0}, left, turn.random));
}

/// At an event boundary. The client is told when to come back, unless nothing is to be inserted on this route.
void Exchange::end_as_planned(Turn& turn) {
  if (turn.drain != nullptr && route_->event_stream.heartbeat.interval) {
    const Milliseconds retry = between(turn.drain->retry_min, turn.drain->retry_max, turn.random);
    turn.own_body.clear();
    sse::append_retry(retry, source_.scanner().insertion_ending(), turn.own_body);
    turn.downstream.data(turn.own_body);
    bytes_out_ += turn.own_body.size();
  }
  turn.downstream.end({});
  close(Reason::drain, ClosedBy::sidecar, Ending::clean, turn);
}

void Exchange::answer(int status, std::string_view reason_class, Reason reason, ClosedBy by, Turn& turn) {
  status_ = static_cast<std::uint16_t>(status);
  http::OwnAnswer answer;
  answer.status = status;
  answer.reason_class = reason_class;
  answer.json = wants_json_;
  if (status == 503) answer.retry_after = kRetryAfter;
  if (route_ != nullptr && reason != Reason::limit) answer.upstream = policies_->upstreams[route_->upstream].name;
  http::write_own_answer(answer, turn.own_body, turn.downstream);
  if (!to_head_) bytes_out_ += turn.own_body.size();
  close(reason, by, Ending::clean, turn);
}

void Exchange::close(Reason reason, ClosedBy by, Ending ending, Turn& turn) {
  enter(Phase::closing);
  reason_ = reason;
  closed_by_ = by;
  ending_ = ending;
  deadline_ = kNever;
  std::string().swap(retained_head_);
  wish_.kind = UpstreamWish::Kind::abort;
  if (ending == Ending::aborted) settle(turn);
}

void Exchange::settle(Turn& turn) {
  record_end(turn);
  if (stream_) turn.gate.leave(without_port(client()), policies_->limits);
  enter(Phase::done);
}

void Exchange::record(LifecycleEvent event, LifecycleRecord record, Turn& turn) const {
  record.event = event;
  record.id = id_;
  record.client = client();
  record.method = method();
  record.target = std::string_view(subject_).substr(client_size_ + method_size_);
  record.status = status_;
  if (route_ != nullptr) {
    record.route = route_->name;
    record.upstream = policies_->upstreams[route_->upstream].name;
    if (route_->log_path == LogPath::pattern) record.target = route_->match.path;
  }
  turn.lifecycle.on_record(record);
}

void Exchange::record_end(Turn& turn) {
  LifecycleRecord end;
  end.duration = to_ms(turn.now - started_);
  end.bytes_in = bytes_in_;
  end.bytes_out = bytes_out_;
  end.reason = reason_;
  end.closed_by = closed_by_;
  end.detail = detail_;
  if (stream_) {
    end.events = source_.events();
    end.heartbeats = delivery_.heartbeats();
    end.max_idle = source_.max_idle(turn.now);
  }
  record(stream_ ? LifecycleEvent::stream_close : LifecycleEvent::request, end, turn);
}

}  // namespace sidecar::exchange
