#include "exchange/exchange.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "exchange/client_address.hpp"
#include "exchange/cors.hpp"
#include "exchange/route.hpp"
#include "http/accept.hpp"
#include "http/fields.hpp"
#include "http/own_answer.hpp"
#include "http/rewrite.hpp"

namespace sidecar::exchange {

namespace {

/// What a client that met a limit is told: soon, but not at once.
constexpr std::chrono::seconds kRetryAfter{5};

/// Room for an encoded head: what came, and what is put in.
std::size_t encoded_size(const http::RequestHead& head) {
  std::size_t size = head.method.size() + head.target.size() + 512;
  for (const http::Field& field : head.fields) size += field.name.size() + field.value.size() + 4;
  return size;
}

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
  to_head_ = head.method == "HEAD";
  request_chunked_ = framing.kind == http::FramingKind::chunked;
  wants_json_ = http::accepts_json_over_html_or_text(http::value_of(head.fields, "Accept"));
  wants_stream_ = asks_for_event_stream(head);
  const std::string_view client = client_of(policies_->client_address, peer.text, head.fields);
  account_.begin(id, turn.now, client, head.method, head.target, encoded_size(head));
  if (answer_preflight(head, turn)) return;
  route_ = find_route(*policies_, head);
  if (route_ == nullptr) {
    account_.detail = "no route matches";
    answer(404, account_.detail, Reason::complete, ClosedBy::sidecar, turn);
    return;
  }
  const PreparedRequest prepared =
      prepare_request(head, framing, *policies_, *route_, peer, turn.scratch, account_.text());
  upgrade_offered_ = prepared.upgrade_offered;
  repeatable_ = prepared.repeatable;
  if (http::offers_http2(head)) record(LifecycleEvent::downgrade, downgrade_by("h2c_upgrade"), turn);
  rescue_ = Rescue::for_request(head, framing, prepared, *route_, turn.now);
  connect(prepared.pooled_ok ? UpstreamWish::Kind::pooled_ok : UpstreamWish::Kind::fresh, turn.now);
}

/// A preflight asks for another request: the route of that one decides. Where it knows the page, the backend, which
/// does not, is not asked.
bool Exchange::answer_preflight(const http::RequestHead& head, Turn& turn) {
  const std::string_view method = preflight_method(head);
  if (method.empty()) return false;
  http::RequestHead asked = head;
  asked.method = method;
  const RoutePolicy* const route = find_route(*policies_, asked);
  if (route == nullptr) return false;
  const std::string_view origin = allowed_origin(route->cors, head.fields);
  if (origin.empty()) return false;
  route_ = route;
  account_.answered(204, turn.now);
  write_preflight(route->cors, origin, method, turn.downstream);
  close(Reason::complete, ClosedBy::sidecar, Ending::clean, turn);
  return true;
}

void Exchange::connect(UpstreamWish::Kind kind, TimePoint now) {
  enter(Phase::connecting);
  wish_ = {wish_.attempt + 1, kind};
  deadline_ = now + policies_->upstreams[route_->upstream].connect_timeout;
}

void Exchange::on_request_body(std::string_view bytes, Turn& turn) {
  account_.bytes_in += bytes.size();
  turn.upstream.data(bytes);
  if (phase_ == Phase::tunnel) note_tunnel_idle(turn.now);
}

void Exchange::on_request_end(http::Fields trailers, Turn& turn) {
  request_ended_ = true;
  if (phase_ != Phase::tunnel) {
    turn.upstream.end(
        http::rewrite_trailers(trailers, route_->request_headers, policies_->client_address.header, turn.scratch));
    if (phase_ == Phase::awaiting) await_head(turn.now);
    if (rescue_ != nullptr && phase_ == Phase::awaiting && !stream_)
      rescue_->on_request_complete(route_->event_stream, turn.now);
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
  account_.detail = refusal.why;
  if (phase_ == Phase::idle) account_.begin(id, turn.now, peer.text, head.method, head.target, 0);
  const bool unanswered = phase_ == Phase::idle || phase_ == Phase::connecting || phase_ == Phase::awaiting;
  if (unanswered && !stream_) {
    answer(refusal.status, refusal.why, too_many ? Reason::limit : Reason::protocol_error, ClosedBy::sidecar, turn);
  } else {
    break_off(Reason::protocol_error, ClosedBy::sidecar, turn);
  }
}

void Exchange::on_downstream_eof(bool request_complete, Turn& turn) {
  client_closed_ = true;
  if (!active() || phase_ == Phase::closing) return;
  if (phase_ == Phase::tunnel) {
    on_request_end({}, turn);
  } else if (stream_ || !request_complete || phase_ == Phase::pausing ||
             (wants_stream_ && phase_ != Phase::responding)) {
    on_downstream_lost(Reason::client_gone, "", turn);
  }
}

void Exchange::on_downstream_lost(Reason reason, const char* why, Turn& turn) {
  if (!active()) return;
  if (phase_ != Phase::closing || reason_ == Reason::complete) account_.detail = why;
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
  if (streams()) event_stream_.on_progress(route_->event_stream, sent, pending, turn);
  if (phase_ == Phase::closing && pending == 0) settle(turn);
}

// ---- The upstream ------------------------------------------------------------------------------------------------

void Exchange::on_upstream_ready(bool pooled, Turn& turn) {
  enter(Phase::awaiting);
  pooled_ = pooled;
  account_.detail = "";
  wish_.kind = UpstreamWish::Kind::none;
  deadline_ = kNever;
  if (request_ended_) await_head(turn.now);  // Sent before, on a connection that was dead.
  turn.upstream.head(account_.kept_head());
}

void Exchange::on_upstream_failed(UpstreamFailure failure, const char* why, Turn& turn) {
  turn.lifecycle.on_counted(Counted::upstream_connect_error, 1);
  account_.detail = why;
  if (failure == UpstreamFailure::exhausted) {
    if (stream_) return fail(503, to_string(failure), Reason::limit, ClosedBy::sidecar, turn);
    return answer(503, why, Reason::limit, ClosedBy::sidecar, turn);
  }
  // One that is there and is not who it has to be does not become it.
  const bool away = failure != UpstreamFailure::untrusted && failure != UpstreamFailure::no_tls;
  if (away && retry_later(turn)) return;
  const int status = failure == UpstreamFailure::timed_out ? 504 : 502;
  fail(status, to_string(failure), Reason::upstream_unreachable, ClosedBy::upstream, turn);
}

void Exchange::on_informational(const http::ResponseHead& head, Turn& turn) {
  if (phase_ != Phase::awaiting || stream_) return;
  http::ResponseHead out;
  http::rewrite_response(head, {}, turn.scratch, out);
  turn.downstream.informational(out);
}

void Exchange::on_response_head(const http::ResponseHead& head, const http::Framing& framing, Turn& turn) {
  if (head.status == 101) {
    on_switching(head, turn);
    return;
  }
  if (rescue_ != nullptr && on_rescued_head(head, framing, turn)) return;
  const sse::StreamKind kind = stream_kind(head, framing, to_head_, true, turn.own_body);
  const bool stream = kind != sse::StreamKind::none;
  if (stream && client_closed_) {
    // A FIN before the head is decided here: for a stream it means that nobody reads any more.
    close(Reason::client_gone, ClosedBy::client, Ending::aborted, turn);
    return;
  }
  if (stream && !admit_stream(turn)) return;
  http::ResponseChanges changes;
  changes.event_stream = stream_;
  changes.route = &route_->response_headers;
  http::ResponseHead out;
  http::rewrite_response(head, changes, turn.scratch, out);
  add_cors(route_->cors, cors_origin(), turn.scratch, out);
  const bool insertable = kind == sse::StreamKind::insertable;
  turn.downstream.head(out, insertable ? http::BodySize{http::BodySize::Kind::unknown, 0} : framing.body_size());
  account_.drop_head();
  account_.answered(head.status, turn.now);
  deadline_ = kNever;
  if (stream_) {
    enter(Phase::streaming);
    open_stream(kind, framing.kind != http::FramingKind::until_close, turn);
  } else {
    enter(Phase::responding);
  }
}

StreamGate::Verdict Exchange::enter_gate(Turn& turn) {
  const StreamGate::Verdict verdict = turn.gate.enter(without_port(account_.client()), policies_->limits);
  stream_ = verdict == StreamGate::Verdict::admitted;
  return verdict;
}

/// Only now is it known that the answer is a stream. What is open stays open: the newcomer is told to wait.
bool Exchange::admit_stream(Turn& turn) {
  const StreamGate::Verdict verdict = enter_gate(turn);
  if (stream_) return true;
  const bool of_client = verdict == StreamGate::Verdict::too_many_of_client;
  turn.lifecycle.on_counted(of_client ? Counted::stream_refused_for_client : Counted::stream_refused, 1);
  account_.detail = of_client ? "too many event streams of this client (limits.streams_per_client)"
                              : "too many event streams (limits.streams)";
  answer(503, account_.detail, Reason::limit, ClosedBy::sidecar, turn);
  return false;
}

void Exchange::on_switching(const http::ResponseHead& head, Turn& turn) {
  if (!upgrade_offered_ || !request_ended_) {
    on_upstream_broken(UpstreamBreak::malformed, false, "switched protocols without being asked", turn);
    return;
  }
  http::ResponseHead out;
  http::rewrite_response(head, {}, turn.scratch, out);
  turn.downstream.switching(out);
  account_.drop_head();
  account_.answered(101, turn.now);
  deadline_ = kNever;
  request_ended_ = false;  // From here on it means the client's half of the tunnel.
  client_closed_ = false;  // And so does a FIN: one that has come already is told once more.
  enter(Phase::tunnel);
}

void Exchange::on_response_end(http::Fields trailers, bool reusable, Turn& turn) {
  response_ended_ = true;
  if (phase_ == Phase::tunnel) {
    if (!request_ended_) return note_tunnel_idle(turn.now);
    close(Reason::complete, ClosedBy::upstream, Ending::clean, turn);
    wish_.kind = UpstreamWish::Kind::close;
    return;
  }
  if (phase_ == Phase::explaining) {
    tell_error(Reason::upstream_error, ClosedBy::upstream, turn);
  } else {
    if (phase_ == Phase::streaming) {
      account_.bytes_out += event_stream_.pass_end(turn);
      account_.bytes_out += event_stream_.complete(route_->event_stream, turn);
    }
    turn.downstream.end(http::rewrite_trailers(trailers, route_->response_headers, {}, turn.scratch));
    close(Reason::complete, ClosedBy::upstream, Ending::clean, turn);
  }
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
  if (phase_ == Phase::explaining) return tell_error(Reason::upstream_error, ClosedBy::upstream, turn);
  account_.detail = why;
  if (phase_ == Phase::awaiting && how != UpstreamBreak::malformed && retry_later(turn)) return;
  const Reason reason = how == UpstreamBreak::reset ? Reason::upstream_reset
                        : how == UpstreamBreak::eof ? Reason::upstream_truncated
                                                    : Reason::protocol_error;
  if (phase_ == Phase::awaiting) {
    fail(502, why, reason, ClosedBy::upstream, turn);
    return;
  }
  break_off(reason, ClosedBy::upstream, turn);
}

void Exchange::on_upstream_stalled(Turn& turn) {
  if (!takes_request_body()) return;
  account_.detail = "the backend does not take the request";
  if (phase_ == Phase::awaiting) {
    fail(504, account_.detail, Reason::upstream_timeout, ClosedBy::sidecar, turn);
  } else {
    break_off(Reason::upstream_timeout, ClosedBy::sidecar, turn);
  }
}

// ---- Time --------------------------------------------------------------------------------------------------------

TimePoint Exchange::next_deadline() const {
  TimePoint next = deadline_;
  if (rescue_ != nullptr) next = std::min(next, rescue_->open_at());
  if (streams()) next = std::min(next, event_stream_.next_deadline(route_->event_stream));
  return next;
}

void Exchange::on_deadline(Turn& turn) {
  if (rescue_ != nullptr && is_due(rescue_->open_at(), turn.now)) open_early(turn);
  if (streams() && event_stream_.is_time_to_end(turn.now)) return end_as_planned(turn);
  if (streams() && event_stream_.is_idle(route_->event_stream, turn.now)) return on_idle(turn);
  if (is_due(deadline_, turn.now)) return on_time_up(turn);
  if (streams()) beat(turn);
}

/// What the phase waited for did not come.
void Exchange::on_time_up(Turn& turn) {
  if (phase_ == Phase::tunnel) {
    account_.detail = "a half-closed tunnel was silent";
    close(Reason::limit, ClosedBy::sidecar, Ending::aborted, turn);
  } else if (phase_ == Phase::connecting) {
    on_upstream_failed(UpstreamFailure::timed_out, "connect timeout", turn);
  } else if (phase_ == Phase::awaiting) {
    account_.detail = "response timeout";
    fail(504, "no response head in time", Reason::upstream_timeout, ClosedBy::sidecar, turn);
  } else if (phase_ == Phase::pausing) {
    if (stream_) event_stream_.forgive_silence(turn.now);  // It was away: how long it may be is another limit.
    connect(UpstreamWish::Kind::fresh, turn.now);
  } else if (phase_ == Phase::explaining) {
    tell_error(Reason::upstream_error, ClosedBy::upstream, turn);
  }
}

void Exchange::beat(Turn& turn) {
  const StreamDelivery::Beat beat = event_stream_.beat(route_->event_stream, turn);
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
  account_.bytes_out += beat.bytes;
  LifecycleRecord sent;
  sent.idle = beat.idle;
  record(LifecycleEvent::heartbeat, sent, turn);
}

// ---- The end -----------------------------------------------------------------------------------------------------

void Exchange::on_drain(Turn& turn) {
  if (streams() && turn.drain != nullptr) plan_end(*turn.drain, turn);
  if (phase_ == Phase::pausing && !stream_) deadline_ = turn.now;  // One last attempt.
}

/// The reader of anything but a GET takes a clean end for success, and where we cannot read we know no boundary: those
/// streams run as long as the process does (law 5).
void Exchange::plan_end(const DrainPlan& plan, Turn& turn) {
  if (account_.method() != "GET" || !event_stream_.insertable()) return;
  const auto left = std::max(to_ms(plan.streams_end_by - turn.now), Milliseconds{0});
  event_stream_.plan_end(turn.now + between(Milliseconds{0}, left, turn.random), Reason::drain);
}

/// At an event boundary.
void Exchange::end_as_planned(Turn& turn) {
  const Reason reason = event_stream_.planned();
  const MaxAgePolicy& max_age = route_->event_stream.max_age;
  const bool drains = reason == Reason::drain && turn.drain != nullptr;
  if (account_.method() == "GET") {
    account_.bytes_out +=
        event_stream_.tell_retry(route_->event_stream, drains ? turn.drain->retry_min : max_age.retry_min,
                                 drains ? turn.drain->retry_max : max_age.retry_max, turn);
  }
  turn.downstream.end({});
  close(reason, ClosedBy::sidecar, Ending::clean, turn);
}

/// What had come is delivered, and the client can tell that more was to come.
void Exchange::break_off(Reason reason, ClosedBy by, Turn& turn) {
  if (streams()) {
    account_.bytes_out += event_stream_.pass_end(turn);
    account_.bytes_out += event_stream_.tell_end(route_->event_stream, reason, turn);
  }
  close(reason, by, phase_ == Phase::tunnel ? Ending::aborted : Ending::truncated, turn);
}

void Exchange::answer(int status, std::string_view reason_class, Reason reason, ClosedBy by, Turn& turn) {
  account_.answered(status, turn.now);
  http::OwnAnswer answer;
  answer.status = status;
  answer.reason_class = reason_class;
  answer.json = wants_json_;
  if (status == 503) answer.retry_after = kRetryAfter;
  std::vector<http::Field> cors;
  if (route_ != nullptr && route_->cors.configured()) cors = cors_fields(route_->cors, cors_origin());
  answer.more = cors;
  if (route_ != nullptr && reason != Reason::limit) answer.upstream = policies_->upstreams[route_->upstream].name;
  http::write_own_answer(answer, turn.own_body, turn.downstream);
  if (!to_head_) account_.bytes_out += turn.own_body.size();
  close(reason, by, Ending::clean, turn);
}

void Exchange::close(Reason reason, ClosedBy by, Ending ending, Turn& turn) {
  enter(Phase::closing);
  reason_ = reason;
  closed_by_ = by;
  ending_ = ending;
  deadline_ = kNever;
  if (rescue_ != nullptr) rescue_->forget_opening();
  account_.drop_head();
  wish_.kind = UpstreamWish::Kind::abort;
  if (ending == Ending::aborted) settle(turn);
}

void Exchange::settle(Turn& turn) {
  record_end(turn);
  if (stream_) turn.gate.leave(without_port(account_.client()), policies_->limits);
  enter(Phase::done);
}

void Exchange::record(LifecycleEvent event, const LifecycleRecord& record, Turn& turn) const {
  account_.write(event, record, policies_.get(), route_, turn);
}

void Exchange::record_end(Turn& turn) {
  LifecycleRecord end = account_.end(reason_, closed_by_, turn.now);
  if (stream_) event_stream_.describe(end, turn.now);
  record(stream_ ? LifecycleEvent::stream_close : LifecycleEvent::request, end, turn);
}

}  // namespace sidecar::exchange
