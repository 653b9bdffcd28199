#include <algorithm>
#include <vector>

#include "exchange/cors.hpp"
#include "exchange/exchange.hpp"
#include "http/fields.hpp"
#include "http/rewrite.hpp"

// The life of an exchange without a backend: streams that open before it answers, that wait for it while it is away,
// and that tell what was wrong with it.
namespace sidecar::exchange {

namespace {

/// How long the body of an answer is read that will be told as an event.
constexpr std::chrono::seconds kTimeToExplain{5};

/// Of an answer whose status and body are told as an event: who may read it, and what the browser keeps.
bool is_carried_over(std::string_view name) {
  static constexpr std::string_view kCors = "Access-Control-";
  return http::iequals(name.substr(0, kCors.size()), kCors) || http::iequals(name, "Vary") ||
         http::iequals(name, "Set-Cookie");
}

}  // namespace

void Exchange::open_early(Turn& turn) {
  rescue_->forget_opening();
  if (client_closed_) return;  // Whether anybody reads is decided by what the backend says.
  if (!admit_stream(turn)) return;
  turn.lifecycle.on_counted(Counted::stream_opened_early, 1);
  commit_head({}, turn);
}

/// The head of an event stream of our own. `theirs`: fields of the answer that it stands for.
void Exchange::commit_head(http::Fields theirs, Turn& turn) {
  std::vector<http::Field> fields = {{"Content-Type", "text/event-stream"}};
  std::copy_if(theirs.begin(), theirs.end(), std::back_inserter(fields),
               [](const http::Field& field) { return is_carried_over(field.name); });
  http::ResponseHead own;
  own.status = 200;
  own.reason = "OK";
  own.fields = fields;
  http::ResponseChanges changes;
  changes.event_stream = true;
  changes.route = &route_->response_headers;
  http::ResponseHead out;
  http::rewrite_response(own, changes, turn.scratch, out);
  add_cors(route_->cors, cors_origin(), turn.scratch, out);
  turn.downstream.head(out, {http::BodySize::Kind::unknown, 0});
  account_.answered(own.status, turn.now);
  open_stream(sse::StreamKind::insertable, false, turn);
}

/// True when the backend, which is away, will be asked again. The client waits; its stream is opened when what could
/// be wrong in the end would be told in a stream anyhow, or when it has waited for as long as it may be silent.
bool Exchange::retry_later(Turn& turn) {
  // Who has no head yet is not held while the process ends; a stream that is open has its planned end.
  if (rescue_ == nullptr || client_closed_ || (turn.drain != nullptr && !stream_)) return false;
  const EventStreamPolicy& policy = route_->event_stream;
  const auto wait = rescue_->next_wait(policy, turn.now, turn.random);
  if (!wait) return false;
  turn.lifecycle.on_counted(Counted::upstream_awaited, 1);
  enter(Phase::pausing);
  wish_.kind = UpstreamWish::Kind::abort;
  deadline_ = turn.now + *wait;
  if (stream_) return true;
  if (rescue_->covers(502, policy)) {
    open_early(turn);
  } else if (policy.heartbeat.interval) {
    rescue_->open_by(turn.now + *policy.heartbeat.interval);
  }
  return true;
}

/// True when the answer is not just passed on with its head.
bool Exchange::on_rescued_head(const http::ResponseHead& head, const http::Framing& framing, Turn& turn) {
  const bool away = head.status >= 502 && head.status <= 504;
  if (away && retry_later(turn)) return true;
  rescue_->forget_opening();
  if (!stream_) {
    if (client_closed_ || !rescue_->covers(head.status, route_->event_stream)) return false;
    if (enter_gate(turn) != StreamGate::Verdict::admitted) return false;
    commit_head(head.fields, turn);
  } else if (stream_kind(head, framing, to_head_, false, turn.own_body) == sse::StreamKind::insertable) {
    enter(Phase::streaming);
    deadline_ = kNever;
    account_.drop_head();
    event_stream_.attach(framing.kind != http::FramingKind::until_close, turn.now);
    return true;
  }
  account_.detail = "an answer that is no event stream";
  rescue_->note_answer(head);
  account_.drop_head();
  enter(Phase::explaining);
  deadline_ = turn.now + kTimeToExplain;
  return true;
}

/// Of a stream that is open. Where no backend is asked, none is silent.
void Exchange::on_idle(Turn& turn) {
  const bool asked = phase_ != Phase::holding && phase_ != Phase::explaining && phase_ != Phase::pausing;
  if (!asked) return event_stream_.forgive_silence(turn.now);
  account_.detail = "the backend was silent for too long (idle_timeout)";
  if (phase_ == Phase::streaming) return break_off(Reason::upstream_idle, ClosedBy::sidecar, turn);
  fail(504, account_.detail, Reason::upstream_idle, ClosedBy::sidecar, turn);
}

/// No answer came. Where the client's stream is open, or such an answer is told as an event, it is told; elsewhere it
/// is answered.
void Exchange::fail(int status, std::string_view why, Reason reason, ClosedBy by, Turn& turn) {
  if (!stream_) {
    const bool told = rescue_ != nullptr && !client_closed_ && rescue_->covers(status, route_->event_stream) &&
                      enter_gate(turn) == StreamGate::Verdict::admitted;
    if (!told) return answer(status, why, reason, by, turn);
    commit_head({}, turn);
  }
  rescue_->note_failure(status, why);
  tell_error(reason, by, turn);
}

/// The reader of anything but a GET would take a clean end for success, whatever was told before it (law 5).
void Exchange::tell_error(Reason reason, ClosedBy by, Turn& turn) {
  const EventStreamPolicy& policy = route_->event_stream;
  if (!policy.error_event.configured()) return break_off(reason, by, turn);
  const bool comes_back = account_.method() == "GET";
  turn.own_body.clear();
  rescue_->append_event(policy, comes_back && policy.heartbeat.form != HeartbeatForm::off, turn.own_body);
  account_.bytes_out += event_stream_.insert(turn.own_body, turn);
  turn.lifecycle.on_counted(Counted::error_event_sent, 1);
  if (comes_back && policy.error_event.then == AfterError::hold && turn.drain == nullptr) {
    enter(Phase::holding);
    deadline_ = kNever;
    rescue_.reset();  // With the body that was told: clients are held for hours.
    account_.drop_head();
    wish_.kind = UpstreamWish::Kind::abort;
    return;
  }
  if (comes_back) turn.downstream.end({});
  close(reason, by, comes_back ? Ending::clean : Ending::truncated, turn);
}

}  // namespace sidecar::exchange
