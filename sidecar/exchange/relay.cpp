#include "exchange/relay.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "http/field_names.hpp"

namespace sidecar::exchange {

namespace {

/// How long a client may take to close behind a last response; longer than a round trip, shorter than anybody notices.
constexpr std::chrono::seconds kLingerTime{5};
/// The same when the process wants to end.
constexpr std::chrono::seconds kLingerTimeAtDrain{1};
/// Between the last byte of a response that is cut and the sign that it is. Chromium hands a page what it has read in
/// pieces, and throws away what is still on its way when the end is an error: right behind the last event, or the one
/// that tells of the end, the sign would take that event along.
constexpr std::chrono::milliseconds kTimeToRead{150};
/// A client that is about to send its next request does it within that time, and is told then to close; one that is not
/// loses nothing.
constexpr std::chrono::seconds kIdleTimeAtDrain{1};

}  // namespace

/// The sinks and the turn of one call, on the stack. At its end the upstream's output is dropped when the exchange has
/// given up the connection that it was meant for.
class Relay::TurnScope {
 public:
  TurnScope(Relay& relay, TimePoint now, Workbench& bench)
      : relay_(relay),
        bench_(bench),
        to_downstream_(relay.downstream_, bench.to_downstream),
        to_upstream_(relay.upstream_, bench.to_upstream),
        turn{now,           to_downstream_, to_upstream_,
             bench.scratch, bench.own_body, bench.lifecycle,
             bench.gate,    bench.random,   bench.drain ? &*bench.drain : nullptr} {}

  ~TurnScope() {
    // An end that leaves nothing to deliver waits for no writing: behind a FIN there is none.
    const bool delivered =
        !relay_.downstream_pending_ && bench_.to_downstream.empty() && relay_.downstream_.pending() == 0;
    if (delivered && relay_.exchange_.phase() == Phase::closing) relay_.exchange_.on_downstream_progress(0, 0, turn);
    relay_.after_exchange(turn.now, bench_);
    if (relay_.exchange_.upstream_wish().kind != UpstreamWish::Kind::none) bench_.to_upstream.clear();
  }
  TurnScope(const TurnScope&) = delete;
  TurnScope& operator=(const TurnScope&) = delete;

 private:
  Relay& relay_;
  Workbench& bench_;
  http::DownstreamCodec::Sink to_downstream_;
  http::H1Upstream::Sink to_upstream_;

 public:
  Turn turn;
};

Relay::Relay(http::DownstreamCodec& codec, std::string_view peer, bool tls, TimePoint now, const Workbench& bench)
    : downstream_(codec), peer_(peer.data(), peer.size()), tls_(tls) {
  // A read of the shell, what waits here and what waits to be written share the limit.
  const Limits& limits = bench.policies->limits;
  received_max_ = static_cast<std::uint32_t>(std::max(limits.pending_bytes / 4, limits.head_bytes));
  await_request(now, bench);
}

/// A client may be silent before its next request; not for long when the process wants to end.
void Relay::await_request(TimePoint now, const Workbench& bench) {
  const Limits& limits = bench.policies->limits;
  const auto patience = refused_ ? limits.head_timeout : limits.idle_timeout;
  deadline_ = now + (bench.drain ? kIdleTimeAtDrain : patience);
}

void Relay::expect_proxy_header(TimePoint now, const Workbench& bench) {
  opening_.expect_proxy_header();
  deadline_ = now + bench.policies->limits.head_timeout;
}

http::HeadLimits Relay::head_limits(const Workbench& bench) const {
  return {bench.policies->limits.head_bytes, bench.policies->limits.head_fields};
}

bool Relay::current(std::uint32_t attempt) const {
  return attempt == exchange_.upstream_wish().attempt;
}

// ---- The client's side -------------------------------------------------------------------------------------------

/// True when what is left of `input` is the client's requests.
bool Relay::open_connection(std::string_view& input, Turn& turn, Workbench& bench) {
  const bool header_awaited = opening_.awaits_proxy_header();
  const Opening::Result result = opening_.look(input, peer_);
  if (header_awaited && !opening_.awaits_proxy_header()) await_request(turn.now, bench);
  switch (result.outcome) {
    case Opening::Outcome::need_more:
      return false;
    case Opening::Outcome::wrong_header:
      refuse_proxy_header(result.why, turn, bench);
      return false;
    case Opening::Outcome::http2:
      connection_ = Connection::handed_over;
      deadline_ = kNever;
      return false;
    case Opening::Outcome::http1:
      break;
  }
  return true;
}

/// Nobody is there who could read an answer: the peer is not who was expected.
void Relay::refuse_proxy_header(const char* why, Turn& turn, Workbench& bench) {
  turn.lifecycle.on_counted(Counted::proxy_header_refused, 1);
  LifecycleRecord record;
  record.id = bench.next_id++;
  record.client = peer().text;
  record.reason = Reason::protocol_error;
  record.closed_by = ClosedBy::sidecar;
  record.detail = why;
  turn.lifecycle.on_record(record);
  connection_ = Connection::aborted;
}

void Relay::on_downstream_bytes(std::string_view bytes, TimePoint now, Workbench& bench) {
  if (connection_ != Connection::open) return;
  TurnScope scope(*this, now, bench);
  if (exchange_.streams() && downstream_.request_complete() &&
      downstream_.received().size() + bytes.size() > bench.policies->limits.pending_bytes / 4) {
    exchange_.on_downstream_lost(Reason::limit, "the client sent too much behind its request", scope.turn);
    return;
  }
  pump_downstream(bytes, scope.turn, bench);
}

void Relay::pump_downstream(std::string_view bytes, Turn& turn, Workbench& bench) {
  std::string_view input = downstream_.received().join(bytes);
  const http::HeadLimits limits = head_limits(bench);
  const bool begun = opening_.over() || open_connection(input, turn, bench);
  while (begun && connection_ == Connection::open) {
    const bool wanted =
        exchange_.phase() == Phase::idle ? downstream_.at_head() : exchange_.takes_request_body() && !upstream_pending_;
    if (!wanted) break;
    const http::DownstreamCodec::Parsed parsed = downstream_.next(input, limits, bench.scratch);
    if (!on_request_event(parsed, turn, bench)) break;
  }
  downstream_.received().keep(input);
  tell_eof(turn, bench);
  const bool idle = connection_ == Connection::open && exchange_.phase() == Phase::idle;
  if (idle && !head_begun_ && !opening_.awaits_proxy_header() && !downstream_.received().empty()) {
    head_begun_ = true;
    deadline_ = turn.now + bench.policies->limits.head_timeout;
  }
}

bool Relay::on_request_event(const http::DownstreamCodec::Parsed& parsed, Turn& turn, Workbench& bench) {
  switch (parsed.event) {
    case http::DownstreamCodec::Event::need_more:
      return false;
    case http::DownstreamCodec::Event::head:
      deadline_ = kNever;
      head_begun_ = false;
      if (refused_) {
        downstream_.refuse_persistence();
        exchange_.on_request_refused({503, "too many connections (limits.connections)"}, parsed.head, peer(),
                                     bench.next_id++, turn);
        return false;
      }
      if (bench.drain) downstream_.refuse_persistence();
      expect_body(turn.now, bench);
      pinned_ = pinned_ || http::authenticates_connection(parsed.head.fields);
      exchange_.on_request_head(parsed.head, parsed.framing, peer(), bench.policies, bench.next_id++, turn);
      return true;
    case http::DownstreamCodec::Event::body:
      expect_body(turn.now, bench);
      exchange_.on_request_body(parsed.body, turn);
      return true;
    case http::DownstreamCodec::Event::end:
      deadline_ = kNever;
      exchange_.on_request_end(parsed.trailers, turn);
      return true;
    case http::DownstreamCodec::Event::error:
      deadline_ = kNever;
      exchange_.on_request_refused(parsed.refusal, parsed.head, peer(), bench.next_id++, turn);
      return false;
  }
  return false;
}

void Relay::expect_body(TimePoint now, const Workbench& bench) {
  const auto limit = bench.policies->limits.body_timeout;
  const bool expected = limit && !downstream_.request_complete() && exchange_.phase() != Phase::tunnel;
  deadline_ = expected ? now + *limit : kNever;
}

void Relay::on_downstream_eof(TimePoint now, Workbench& bench) {
  downstream_eof_ = true;
  if (leaves()) connection_ = Connection::closed;
  if (connection_ != Connection::open) return;
  TurnScope scope(*this, now, bench);
  if (exchange_.phase() == Phase::idle) {
    connection_ = Connection::closed;
    return;
  }
  tell_eof(scope.turn, bench);
}

void Relay::tell_eof(Turn& turn, const Workbench& bench) {
  if (!downstream_eof_ || exchange_.client_closed() || !exchange_.active()) return;
  const bool complete = downstream_.request_complete();
  if (!exchange_.streams()) {
    // What still waits for the backend comes before the end. A piece that is left although it could go is no more
    // than the beginning of something, and a stream's client is gone whatever it left behind.
    const bool waits = !exchange_.takes_request_body() || upstream_pending_;
    if (!complete && waits && !downstream_.received().empty()) return;
    if (exchange_.phase() == Phase::tunnel && (waits || !bench.to_upstream.empty())) return;
  }
  exchange_.on_downstream_eof(complete, turn);
}

void Relay::on_downstream_reset(TimePoint now, Workbench& bench) {
  if (connection_ == Connection::closed || connection_ == Connection::aborted) return;
  TurnScope scope(*this, now, bench);
  downstream_eof_ = true;
  exchange_.on_downstream_lost(Reason::client_gone, "", scope.turn);
  connection_ = Connection::aborted;
}

void Relay::on_downstream_progress(std::size_t sent, std::size_t pending, TimePoint now, Workbench& bench) {
  downstream_pending_ = pending > 0;
  if (pending == 0) {
    stalled_at_ = kNever;
  } else if (sent > 0 || stalled_at_ == kNever) {
    stalled_at_ = now + bench.policies->limits.write_timeout;
  }
  if (!exchange_.active()) return;
  TurnScope scope(*this, now, bench);
  exchange_.on_downstream_progress(sent, pending, scope.turn);
}

void Relay::on_downstream_kernel_progress(TimePoint now, const Workbench& bench) {
  if (stalled_at_ != kNever) stalled_at_ = now + bench.policies->limits.write_timeout;
}

// ---- The upstream's side -----------------------------------------------------------------------------------------

void Relay::on_upstream_ready(std::uint32_t attempt, bool pooled, TimePoint now, Workbench& bench) {
  if (!current(attempt) || exchange_.phase() != Phase::connecting) return;
  upstream_ = http::H1Upstream(exchange_.upstream_request());
  upstream_pending_ = false;
  upstream_stalled_at_ = kNever;
  TurnScope scope(*this, now, bench);
  exchange_.on_upstream_ready(pooled, scope.turn);
  pump_downstream({}, scope.turn, bench);
}

void Relay::on_upstream_failed(std::uint32_t attempt, UpstreamFailure failure, TimePoint now, Workbench& bench,
                               const char* why) {
  if (!current(attempt) || exchange_.phase() != Phase::connecting) return;
  TurnScope scope(*this, now, bench);
  exchange_.on_upstream_failed(failure, why != nullptr ? why : to_string(failure).data(), scope.turn);
}

void Relay::on_upstream_bytes(std::uint32_t attempt, std::string_view bytes, TimePoint now, Workbench& bench) {
  if (!current(attempt) || !exchange_.takes_response()) return;
  TurnScope scope(*this, now, bench);
  pump_upstream(bytes, scope.turn, bench);
  // What the client sent behind its offer to switch belongs to the new protocol.
  if (exchange_.phase() == Phase::tunnel) pump_downstream({}, scope.turn, bench);
}

void Relay::pump_upstream(std::string_view bytes, Turn& turn, Workbench& bench) {
  std::string_view input = upstream_.received().join(bytes);
  const http::HeadLimits limits = head_limits(bench);
  while (exchange_.takes_response()) {
    if (exchange_.passes_all() && upstream_.next_run(input, bench.run)) {
      exchange_.on_response_run(bench.run, turn);
      if (input.empty()) break;
    } else if (const std::string_view body = upstream_.next_body(input); !body.empty()) {
      exchange_.on_response_body(body, turn);
    } else {
      const http::H1Upstream::Parsed parsed = upstream_.next(input, limits, bench.scratch);
      if (parsed.event == http::H1Upstream::Event::need_more) break;
      if (parsed.event == http::H1Upstream::Event::end) upstream_.received().keep(input);
      on_response_event(parsed, turn);
      if (parsed.event == http::H1Upstream::Event::end) return;
    }
  }
  upstream_.received().keep(input);
}

void Relay::on_response_event(const http::H1Upstream::Parsed& parsed, Turn& turn) {
  switch (parsed.event) {
    case http::H1Upstream::Event::need_more:
      return;
    case http::H1Upstream::Event::informational:
      exchange_.on_informational(parsed.head, turn);
      return;
    case http::H1Upstream::Event::head:
      pinned_ = pinned_ || http::authenticates_connection(parsed.head.fields);
      exchange_.on_response_head(parsed.head, parsed.framing, turn);
      if (exchange_.phase() == Phase::tunnel) {
        upstream_.start_tunnel();
        downstream_.start_tunnel();
      }
      return;
    case http::H1Upstream::Event::body:
      exchange_.on_response_body(parsed.body, turn);
      return;
    case http::H1Upstream::Event::end:
      exchange_.on_response_end(parsed.trailers, upstream_.reusable(), turn);
      return;
    case http::H1Upstream::Event::error:
      exchange_.on_upstream_broken(UpstreamBreak::malformed, false, parsed.refusal.why, turn);
      return;
  }
}

void Relay::on_upstream_eof(std::uint32_t attempt, TimePoint now, Workbench& bench) {
  if (!current(attempt) || !exchange_.takes_response()) return;
  TurnScope scope(*this, now, bench);
  const bool untouched = upstream_.untouched();
  const http::H1Upstream::Parsed parsed = upstream_.on_eof();
  if (parsed.event == http::H1Upstream::Event::end) {
    on_response_event(parsed, scope.turn);
  } else {
    exchange_.on_upstream_broken(UpstreamBreak::eof, untouched, parsed.refusal.why, scope.turn);
  }
}

void Relay::on_upstream_cut(std::uint32_t attempt, TimePoint now, Workbench& bench) {
  break_upstream(attempt, UpstreamBreak::eof, "the connection to the backend ended without the end of TLS", now, bench);
}

void Relay::on_upstream_reset(std::uint32_t attempt, TimePoint now, Workbench& bench, const char* why) {
  if (why == nullptr) why = "the backend reset the connection";
  break_upstream(attempt, UpstreamBreak::reset, why, now, bench);
}

void Relay::break_upstream(std::uint32_t attempt, UpstreamBreak how, const char* why, TimePoint now, Workbench& bench) {
  if (!current(attempt) || !exchange_.takes_response()) return;
  TurnScope scope(*this, now, bench);
  exchange_.on_upstream_broken(how, upstream_.untouched(), why, scope.turn);
}

void Relay::on_upstream_progress(std::size_t sent, std::size_t pending, TimePoint now, Workbench& bench) {
  const bool drained = upstream_pending_ && pending == 0;
  upstream_pending_ = pending > 0;
  if (pending == 0) {
    upstream_stalled_at_ = kNever;
  } else if (sent > 0 || upstream_stalled_at_ == kNever) {
    upstream_stalled_at_ = now + bench.policies->limits.write_timeout;
  }
  const bool eof_waits = downstream_eof_ && !exchange_.client_closed() && pending == 0;
  if (!drained && !eof_waits) return;
  if (!exchange_.takes_request_body() || connection_ != Connection::open) return;
  TurnScope scope(*this, now, bench);
  pump_downstream({}, scope.turn, bench);
}

void Relay::on_upstream_kernel_progress(TimePoint now, const Workbench& bench) {
  if (upstream_stalled_at_ != kNever) upstream_stalled_at_ = now + bench.policies->limits.write_timeout;
}

// ---- Between two exchanges, and behind the last ------------------------------------------------------------------

void Relay::after_exchange(TimePoint now, const Workbench& bench) {
  if (exchange_.phase() != Phase::done || connection_ != Connection::open) return;
  upstream_stalled_at_ = kNever;
  if (exchange_.ending() == Ending::aborted) {
    connection_ = Connection::aborted;
  } else if (exchange_.ending() == Ending::truncated && downstream_.only_reset_tells_truncation()) {
    connection_ = Connection::truncating;
    deadline_ = now + bench.policies->limits.write_timeout;
  } else if (exchange_.ending() == Ending::truncated) {
    connection_ = downstream_eof_ ? Connection::closed : Connection::parting;
    deadline_ = now + kTimeToRead;
  } else if (!downstream_.persistent()) {
    linger(now, bench.drain.has_value());
  }
}

void Relay::linger(TimePoint now, bool draining) {
  connection_ = downstream_eof_ ? Connection::closed : Connection::lingering;
  deadline_ = now + (draining ? kLingerTimeAtDrain : kLingerTime);
}

bool Relay::proceed(TimePoint now, Workbench& bench) {
  if (exchange_.phase() != Phase::done || connection_ != Connection::open) return false;
  TurnScope scope(*this, now, bench);
  exchange_.reset();
  downstream_.next_request();
  await_request(now, bench);
  pump_downstream({}, scope.turn, bench);
  if (downstream_eof_ && exchange_.phase() == Phase::idle) connection_ = Connection::closed;
  return true;
}

void Relay::on_drain(TimePoint now, Workbench& bench) {
  if (connection_ == Connection::lingering) deadline_ = std::min(deadline_, now + kLingerTimeAtDrain);
  if (connection_ != Connection::open) return;
  TurnScope scope(*this, now, bench);
  downstream_.refuse_persistence();
  if (exchange_.phase() == Phase::idle && !head_begun_) deadline_ = std::min(deadline_, now + kIdleTimeAtDrain);
  exchange_.on_drain(scope.turn);
}

void Relay::refuse_all(TimePoint now, const Workbench& bench) {
  refused_ = true;
  deadline_ = now + bench.policies->limits.head_timeout;
}

void Relay::on_memory_exhausted(TimePoint now, Workbench& bench) {
  if (connection_ == Connection::closed || connection_ == Connection::aborted) return;
  TurnScope scope(*this, now, bench);
  bench.lifecycle.on_counted(Counted::memory_refused, 1);
  exchange_.on_downstream_lost(Reason::limit, "limits.pooled_memory is used up", scope.turn);
  connection_ = Connection::aborted;
}

void Relay::on_forced(TimePoint now, Workbench& bench) {
  TurnScope scope(*this, now, bench);
  exchange_.on_downstream_lost(Reason::forced, "the time to end was up", scope.turn);
  if (leaves()) connection_ = Connection::closed;  // A reset would destroy what was sent.
  if (connection_ != Connection::closed) connection_ = Connection::aborted;
}

// ---- Time, and what is wished ------------------------------------------------------------------------------------

TimePoint Relay::next_deadline() const {
  return std::min({deadline_, stalled_at_, upstream_stalled_at_, exchange_.next_deadline()});
}

void Relay::on_deadline(TimePoint now, Workbench& bench) {
  TurnScope scope(*this, now, bench);
  if (is_due(stalled_at_, now)) {
    stalled_at_ = kNever;
    exchange_.on_downstream_lost(Reason::client_stalled, "", scope.turn);
    connection_ = Connection::aborted;
    return;
  }
  if (is_due(upstream_stalled_at_, now)) {
    upstream_stalled_at_ = kNever;
    exchange_.on_upstream_stalled(scope.turn);
  }
  if (exchange_.active()) exchange_.on_deadline(scope.turn);
  if (!is_due(deadline_, now)) return;
  deadline_ = kNever;
  if (connection_ == Connection::open && exchange_.active()) {
    on_body_silent(scope.turn, bench);
  } else if (connection_ == Connection::parting) {
    linger(now, bench.drain.has_value());
  } else if (connection_ == Connection::truncating) {
    connection_ = Connection::aborted;
  } else if (connection_ == Connection::open && head_begun_) {
    downstream_.refuse_persistence();
    exchange_.on_request_refused({408, "the head did not come in time"}, {}, peer(), bench.next_id++, scope.turn);
  } else if (opening_.awaits_proxy_header() && !downstream_.received().empty()) {
    refuse_proxy_header("the PROXY header did not come in time", scope.turn, bench);
  } else {
    if (connection_ == Connection::open) bench.lifecycle.on_counted(Counted::idle_closed, 1);
    connection_ = Connection::closed;
  }
}

/// Nothing more came of a request's body, and it is the client's doing.
void Relay::on_body_silent(Turn& turn, Workbench& bench) {
  // Behind the head of an early answer both may take the time that they like.
  if (exchange_.phase() != Phase::connecting && exchange_.phase() != Phase::awaiting) return;
  const bool asked = exchange_.takes_request_body() && !upstream_pending_;
  if (!asked) return expect_body(turn.now, bench);
  downstream_.refuse_persistence();
  exchange_.on_request_refused({408, "the request's body stopped coming"}, {}, peer(), bench.next_id++, turn);
}

Wishes Relay::wishes() const {
  Wishes wishes;
  wishes.upstream = exchange_.upstream_wish();
  wishes.upstream_policy = exchange_.upstream_policy();
  if (pinned_ && wishes.upstream.kind == UpstreamWish::Kind::release) {
    wishes.upstream.kind = connection_ == Connection::open ? UpstreamWish::Kind::hold : UpstreamWish::Kind::close;
  }
  // In the order of Connection.
  static constexpr std::array kManners{
      DownstreamManner::keep,  DownstreamManner::keep,  DownstreamManner::finish,   DownstreamManner::abort_after_flush,
      DownstreamManner::close, DownstreamManner::abort, DownstreamManner::hand_over};
  wishes.downstream = kManners[static_cast<std::size_t>(connection_)];
  // Behind the request of a stream nothing but the FIN matters: bytes that hide it are read until they are too many.
  const bool watched = exchange_.streams() && downstream_.request_complete();
  const bool room = connection_ == Connection::open && (watched || downstream_.received().size() < received_max_);
  wishes.read_downstream = !downstream_eof_ && (room || leaves());
  wishes.read_upstream = exchange_.takes_response() && !downstream_pending_;
  wishes.half_close_downstream = exchange_.wants_downstream_half_closed();
  wishes.half_close_upstream = exchange_.wants_upstream_half_closed();
  return wishes;
}

}  // namespace sidecar::exchange
