#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "exchange/exchange.hpp"
#include "exchange/opening.hpp"
#include "exchange/workbench.hpp"
#include "http/downstream_codec.hpp"
#include "http/h1_upstream.hpp"

namespace sidecar::exchange {

/// What the shell is to do, as a state: asking twice changes nothing.
struct Wishes {
  UpstreamWish upstream;
  const UpstreamPolicy* upstream_policy = nullptr;  ///< Whose connection is wanted; lives as long as the exchange.
  DownstreamManner downstream = DownstreamManner::keep;
  bool read_downstream = true;
  bool read_upstream = false;
  bool half_close_downstream = false;  ///< FIN to the client behind what is pending; its own bytes still count.
  bool half_close_upstream = false;
};

/// One client connection (or one stream of an HTTP/2 connection), pure: bytes of both sides go in, bytes of both sides
/// and wishes come out. It joins the two codecs with the exchange that runs. After every call the shell writes the
/// workbench's outputs out and reports with on_downstream_progress() and on_upstream_progress(), which may produce
/// more.
class Relay {
 public:
  /// `peer` is printable; `codec` outlives it.
  Relay(http::DownstreamCodec& codec, std::string_view peer, bool tls, TimePoint now, const Workbench& bench);
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// The connection has to begin with a PROXY header, which may name another peer. Before its first byte.
  void expect_proxy_header(TimePoint now, const Workbench& bench);
  /// The connection may turn out to be HTTP/2's (RFC 9113 §3.3). Before its first byte.
  void expect_http2() { opening_.expect_http2(); }

  void on_downstream_bytes(std::string_view bytes, TimePoint now, Workbench& bench);
  void on_downstream_eof(TimePoint now, Workbench& bench);
  void on_downstream_reset(TimePoint now, Workbench& bench);
  void on_downstream_progress(std::size_t sent, std::size_t pending, TimePoint now, Workbench& bench);

  /// Bytes wait, the kernel took none of them, but the client's side took some that the kernel had.
  void on_downstream_kernel_progress(TimePoint now, const Workbench& bench);

  // Every call about the upstream carries the number of its attempt; what is not about the current one is ignored.
  void on_upstream_ready(std::uint32_t attempt, bool pooled, TimePoint now, Workbench& bench);
  /// `why`: a few static words for the log, where more is known than `failure` says.
  void on_upstream_failed(std::uint32_t attempt, UpstreamFailure failure, TimePoint now, Workbench& bench,
                          const char* why = nullptr);
  void on_upstream_bytes(std::uint32_t attempt, std::string_view bytes, TimePoint now, Workbench& bench);
  void on_upstream_eof(std::uint32_t attempt, TimePoint now, Workbench& bench);
  /// A FIN that anybody on the way may have sent: it completes nothing.
  void on_upstream_cut(std::uint32_t attempt, TimePoint now, Workbench& bench);
  void on_upstream_reset(std::uint32_t attempt, TimePoint now, Workbench& bench, const char* why = nullptr);
  void on_upstream_progress(std::size_t sent, std::size_t pending, TimePoint now, Workbench& bench);
  /// Like on_downstream_kernel_progress().
  void on_upstream_kernel_progress(TimePoint now, const Workbench& bench);

  /// Early or twice is a no-op.
  void on_deadline(TimePoint now, Workbench& bench);
  [[nodiscard]] TimePoint next_deadline() const;

  /// One connection too many: its requests are answered with 503. Before anything else.
  void refuse_all(TimePoint now, const Workbench& bench);
  /// The memory for slow peers is used up, and this connection needs more of it.
  void on_memory_exhausted(TimePoint now, Workbench& bench);

  /// The process wants to end (bench.drain says how): idle connections go soon, ordinary exchanges may finish, streams
  /// to which clients come back are ended.
  void on_drain(TimePoint now, Workbench& bench);
  /// Nothing may run any longer.
  void on_forced(TimePoint now, Workbench& bench);

  /// To be called when the wishes have been obeyed: a finished exchange makes room for the next request. True when it
  /// did, and then there may be new output and new wishes.
  bool proceed(TimePoint now, Workbench& bench);

  /// At the end of every turn, when its outputs have been written and cleared.
  void tidy() {
    downstream_.received().tidy();
    upstream_.received().tidy();
  }

  [[nodiscard]] Wishes wishes() const;
  /// `Keep-Alive: timeout=` of the backend, for a connection that is released.
  [[nodiscard]] std::optional<std::chrono::seconds> upstream_keep_alive() const {
    return upstream_.keep_alive_timeout();
  }
  [[nodiscard]] Phase phase() const { return exchange_.phase(); }
  /// Who the client is, as far as is known by now. The view lives as long as nothing is told to the relay.
  [[nodiscard]] Peer peer() const { return {{peer_.data(), peer_.size()}, tls_}; }
  /// Bytes of the client that wait for their turn.
  [[nodiscard]] std::size_t waiting() const { return downstream_.received().size(); }
  /// What heads cost that are kept, and bytes that came and wait for their turn.
  [[nodiscard]] std::size_t memory() const {
    return downstream_.received().memory() + upstream_.received().memory() + exchange_.memory();
  }

 private:
  /// The client's connection as a whole.
  enum class Connection : std::uint8_t {
    open,
    parting,     ///< The last response is cut, and its reader has a moment before that shows.
    lingering,   ///< The last response is out; what still comes is thrown away.
    truncating,  ///< A reset follows when everything is delivered.
    closed,
    aborted,
    handed_over,
  };

  class TurnScope;
  friend class TurnScope;

  /// The last response is out; what still comes is thrown away.
  [[nodiscard]] bool leaves() const {
    return connection_ == Connection::parting || connection_ == Connection::lingering;
  }

  bool open_connection(std::string_view& input, Turn& turn, Workbench& bench);
  void refuse_proxy_header(const char* why, Turn& turn, Workbench& bench);
  void pump_downstream(std::string_view bytes, Turn& turn, Workbench& bench);
  bool on_request_event(const http::DownstreamCodec::Parsed& parsed, Turn& turn, Workbench& bench);
  void pump_upstream(std::string_view bytes, Turn& turn, Workbench& bench);
  void on_response_event(const http::H1Upstream::Parsed& parsed, Turn& turn);
  void break_upstream(std::uint32_t attempt, UpstreamBreak how, const char* why, TimePoint now, Workbench& bench);
  void tell_eof(Turn& turn, const Workbench& bench);
  void after_exchange(TimePoint now, const Workbench& bench);
  void linger(TimePoint now, bool draining);
  void await_request(TimePoint now, const Workbench& bench);
  void expect_body(TimePoint now, const Workbench& bench);
  void on_body_silent(Turn& turn, Workbench& bench);
  [[nodiscard]] bool current(std::uint32_t attempt) const;
  [[nodiscard]] http::HeadLimits head_limits(const Workbench& bench) const;

  http::DownstreamCodec& downstream_;
  http::H1Upstream upstream_;
  Exchange exchange_;
  PeerText peer_;
  TimePoint deadline_ = kNever;             ///< For a request (idle, head, silent body), or for the end of lingering.
  TimePoint stalled_at_ = kNever;           ///< The client took nothing until here: it is given up.
  TimePoint upstream_stalled_at_ = kNever;  ///< The same for the backend.
  std::uint32_t received_max_ = 0;
  Connection connection_ = Connection::open;
  Opening opening_;
  bool downstream_pending_ : 1 = false;  ///< Bytes wait for the client.
  bool upstream_pending_ : 1 = false;    ///< Bytes wait for the backend.
  bool downstream_eof_ : 1 = false;
  bool head_begun_ : 1 = false;  ///< Some bytes of the next head are here.
  bool tls_ : 1 = false;
  bool refused_ : 1 = false;  ///< One connection too many.
  bool pinned_ : 1 = false;   ///< What authenticates itself is the connection: no other client may get the backend's.
};

}  // namespace sidecar::exchange
