#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "exchange/account.hpp"
#include "exchange/clock.hpp"
#include "exchange/event_stream.hpp"
#include "exchange/lifecycle.hpp"
#include "exchange/phase.hpp"
#include "exchange/policy.hpp"
#include "exchange/prepare.hpp"
#include "exchange/rescue.hpp"
#include "exchange/turn.hpp"
#include "exchange/wishes.hpp"
#include "http/framing.hpp"
#include "http/h1_upstream.hpp"
#include "http/message_sink.hpp"

namespace sidecar::exchange {

/// One request and its response, as messages (see phase.hpp for the theory of operation). It sequences; what HTTP or
/// an event stream demands is asked of http/ and sse/. It holds no socket, asks no clock and blocks on nothing.
class Exchange {
 public:
  // The client's side.
  void on_request_head(const http::RequestHead& head, const http::Framing& framing, const Peer& peer,
                       PolicySetPtr policies, std::uint64_t id, Turn& turn);
  void on_request_body(std::string_view bytes, Turn& turn);
  void on_request_end(http::Fields trailers, Turn& turn);
  /// What came is no request, or its body is broken. Also without a request before it (phase idle).
  /// A status of 503 means that there is too much of something here, not that the client is wrong. `head`: what was
  /// understood of it, if anything.
  void on_request_refused(http::Refusal refusal, const http::RequestHead& head, const Peer& peer, std::uint64_t id,
                          Turn& turn);
  /// FIN. `request_complete`: nothing of the request was missing.
  void on_downstream_eof(bool request_complete, Turn& turn);
  /// The client is gone, or was given up, for `reason`; `why` is static, or empty where the reason says it all.
  void on_downstream_lost(Reason reason, const char* why, Turn& turn);
  /// The kernel took `sent` bytes since the last call; `pending` wait for it.
  void on_downstream_progress(std::size_t sent, std::size_t pending, Turn& turn);

  // The upstream's side, of the attempt that wishes() names.
  void on_upstream_ready(bool pooled, Turn& turn);
  /// `why`: a few static words for the log.
  void on_upstream_failed(UpstreamFailure failure, const char* why, Turn& turn);
  void on_informational(const http::ResponseHead& head, Turn& turn);
  void on_response_head(const http::ResponseHead& head, const http::Framing& framing, Turn& turn);
  void on_response_body(std::string_view bytes, Turn& turn);
  /// The same for many pieces at once, where passes_all().
  void on_response_run(const http::ChunkRun& run, Turn& turn);
  /// `reusable`: the connection could carry another exchange.
  void on_response_end(http::Fields trailers, bool reusable, Turn& turn);
  /// The connection ended, or what came is no response. `untouched`: not one byte had come.
  void on_upstream_broken(UpstreamBreak how, bool untouched, const char* why, Turn& turn);

  /// Early or twice is a no-op.
  void on_deadline(Turn& turn);
  [[nodiscard]] TimePoint next_deadline() const;

  /// The backend took none of the request's bytes for too long.
  void on_upstream_stalled(Turn& turn);

  /// The process wants to end: a stream to which its client will come back is ended in time.
  void on_drain(Turn& turn);

  /// Behind `done`: ready for the next request.
  void reset();

  [[nodiscard]] Phase phase() const { return phase_; }
  [[nodiscard]] bool active() const { return phase_ != Phase::idle && phase_ != Phase::done; }
  [[nodiscard]] bool takes_request_body() const {
    return phase_ == Phase::awaiting || phase_ == Phase::responding || phase_ == Phase::streaming ||
           phase_ == Phase::explaining || phase_ == Phase::tunnel;
  }
  /// The client has the head of an event stream, and more may follow.
  [[nodiscard]] bool streams() const { return stream_ && active() && phase_ != Phase::closing; }
  /// What comes of the response's body goes on to the client as it is, however much it is.
  [[nodiscard]] bool passes_all() const {
    return phase_ == Phase::responding || (phase_ == Phase::streaming && event_stream_.passes_all());
  }
  [[nodiscard]] bool takes_response() const { return takes_request_body() && !response_ended_; }
  [[nodiscard]] Ending ending() const { return ending_; }
  [[nodiscard]] UpstreamWish upstream_wish() const { return wish_; }
  [[nodiscard]] bool wants_upstream_half_closed() const { return phase_ == Phase::tunnel && request_ended_; }
  [[nodiscard]] bool wants_downstream_half_closed() const { return phase_ == Phase::tunnel && response_ended_; }
  [[nodiscard]] http::H1Upstream::Request upstream_request() const { return {to_head_, request_chunked_}; }
  [[nodiscard]] const UpstreamPolicy* upstream_policy() const {
    return route_ == nullptr ? nullptr : &policies_->upstreams[route_->upstream];
  }
  /// What it keeps of its head.
  [[nodiscard]] std::size_t memory() const { return account_.memory(); }
  /// A FIN of the client has been told.
  [[nodiscard]] bool client_closed() const { return client_closed_; }

 private:
  void enter(Phase phase);
  void connect(UpstreamWish::Kind kind, TimePoint now);
  /// From here on the backend has all that it needs to answer.
  void await_head(TimePoint now);
  void answer(int status, std::string_view reason_class, Reason reason, ClosedBy by, Turn& turn);
  void close(Reason reason, ClosedBy by, Ending ending, Turn& turn);
  void settle(Turn& turn);
  StreamGate::Verdict enter_gate(Turn& turn);
  bool admit_stream(Turn& turn);
  void open_stream(sse::StreamKind kind, bool complete_at_end, Turn& turn);
  void note_first_event(Turn& turn);
  void plan_end(const DrainPlan& plan, Turn& turn);
  void end_as_planned(Turn& turn);
  void break_off(Reason reason, ClosedBy by, Turn& turn);
  void note_tunnel_idle(TimePoint now);
  bool answer_preflight(const http::RequestHead& head, Turn& turn);
  [[nodiscard]] std::string_view cors_origin() const {
    return rescue_ == nullptr ? std::string_view() : std::string_view(rescue_->origin());
  }
  void on_time_up(Turn& turn);

  // Where the route opts in (exchange_rescue.cpp).
  void open_early(Turn& turn);
  void commit_head(http::Fields theirs, Turn& turn);
  bool retry_later(Turn& turn);
  bool on_rescued_head(const http::ResponseHead& head, const http::Framing& framing, Turn& turn);
  void fail(int status, std::string_view why, Reason reason, ClosedBy by, Turn& turn);
  void tell_error(Reason reason, ClosedBy by, Turn& turn);
  void on_idle(Turn& turn);

  void beat(Turn& turn);
  void on_switching(const http::ResponseHead& head, Turn& turn);
  void record(LifecycleEvent event, const LifecycleRecord& record, Turn& turn) const;
  void record_end(Turn& turn);

  PolicySetPtr policies_;
  const RoutePolicy* route_ = nullptr;
  [[no_unique_address]] Account account_;  // There is room for the next four behind its last.
  Phase phase_ = Phase::idle;
  Reason reason_ = Reason::complete;
  ClosedBy closed_by_ = ClosedBy::sidecar;
  Ending ending_ = Ending::clean;
  std::unique_ptr<Rescue> rescue_;
  TimePoint deadline_ = kNever;  ///< Of the phase: to connect, to the response head, …
  EventStream event_stream_;
  [[no_unique_address]] UpstreamWish wish_;  // There is room for the flags behind its last.
  bool stream_ : 1 = false;                  ///< It is an event stream, and counts as one.
  bool to_head_ : 1 = false;
  bool request_chunked_ : 1 = false;
  bool request_ended_ : 1 = false;
  bool response_ended_ : 1 = false;
  bool upgrade_offered_ : 1 = false;
  bool wants_json_ : 1 = false;
  bool wants_stream_ : 1 = false;  ///< Nobody reads an answer in full who asks for an event stream and has closed.
  bool client_closed_ : 1 = false;
  bool pooled_ : 1 = false;      ///< This attempt runs on a connection that had been idle.
  bool repeatable_ : 1 = false;  ///< It may be sent once more.
};

}  // namespace sidecar::exchange
