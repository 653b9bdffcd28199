#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "http/rewrite.hpp"
#include "sse/insertion.hpp"

/// What an Exchange does for a route, as plain data. config/ fills these structs and nothing here knows YAML. A
/// PolicySet is immutable once built and shared: a running exchange keeps the set that it started with.
namespace sidecar::exchange {

using Milliseconds = std::chrono::milliseconds;

/// When Accept-Encoding is taken out of a request, so that no event stream comes back compressed.
enum class StripAcceptEncoding : std::uint8_t {
  automatic,  ///< When Accept names text/event-stream.
  always,     ///< On every request of the route (LLM SDKs ask for JSON and get a stream).
  never,
};

enum class HeartbeatForm : std::uint8_t {
  comment,       ///< `: text` and a blank line.
  comment_line,  ///< `: text` alone.
  event,         ///< An event that pages see.
  bytes,         ///< Whatever the operator says.
  off,           ///< Nothing, and no retry either.
};

struct HeartbeatPolicy {
  std::optional<Milliseconds> interval = Milliseconds{15'000};  ///< Silence towards the client; nullopt: off.
  Milliseconds jitter{0};                                       ///< At random, at most so much earlier.
  HeartbeatForm form = HeartbeatForm::comment;
  std::string text = "heartbeat";
  std::string event = "heartbeat";
  std::string data = "{}";
  std::string bytes;
  std::size_t padding = 0;
  sse::Insertion insertion = sse::Insertion::comment("heartbeat");  ///< Made of the above: see make_insertion().

  void make_insertion();
  [[nodiscard]] bool sends() const { return interval.has_value() && form != HeartbeatForm::off; }
  /// Whether a blank line closes what we send and is no event. Not for clients that take one for an empty event.
  [[nodiscard]] bool closes_blocks() const { return form != HeartbeatForm::comment_line; }
};

/// What is sent right behind the response head. What is empty is left out.
struct OpeningPolicy {
  std::string comment;
  std::string event;
  std::string data;  ///< `{}` where there is an event and nothing is said.
  std::optional<Milliseconds> retry;
  std::string bytes;          ///< Made of the above: see make_bytes().
  std::string without_retry;  ///< The same for clients that do not come back by themselves.

  void make_bytes(const HeartbeatPolicy& heartbeat);
};

/// A planned end, before somebody else's limit of the whole duration.
struct MaxAgePolicy {
  std::optional<Milliseconds> after;  ///< From the response head; nullopt: off.
  Milliseconds retry_min{1'000};
  Milliseconds retry_max{5'000};  ///< When clients are told to come back: at random between the two.
  std::vector<std::string> methods{"GET"};
};

/// When the head of an event stream is committed although the backend has not answered.
struct EarlyOpenPolicy {
  std::optional<Milliseconds> after;  ///< Since the request was complete; nullopt: off.
  bool always = false;                ///< Not only for requests that can mean nothing but an event stream.
};

/// One status, or all of a class.
struct StatusRange {
  std::uint16_t least = 0;
  std::uint16_t most = 0;

  bool operator==(const StatusRange&) const = default;
};

enum class AfterError : std::uint8_t {
  close,  ///< The stream ends; an EventSource comes back.
  hold,   ///< It is kept alive; a backend that said no is left in peace.
};

/// What is wrong, told as an event in a stream.
struct ErrorEventPolicy {
  std::string event;                  ///< Empty: off.
  std::vector<StatusRange> statuses;  ///< Those that are told to a client whose stream has not begun.
  AfterError then = AfterError::close;
  Milliseconds retry{10'000};

  [[nodiscard]] bool configured() const { return !event.empty(); }
  [[nodiscard]] bool covers(int status) const;
};

/// A backend that is away is asked again.
struct UnavailablePolicy {
  std::optional<Milliseconds> hold;  ///< For so long; nullopt: off.
};

struct EventStreamPolicy {
  HeartbeatPolicy heartbeat;
  OpeningPolicy opening;
  EarlyOpenPolicy early_open;
  ErrorEventPolicy error_event;
  UnavailablePolicy unavailable;
  std::string end_event;             ///< The name of the event that tells of an abnormal end; empty: none.
  bool complete_last_event = false;  ///< Where the framing proves that nothing is missing.
  MaxAgePolicy max_age;
  std::optional<Milliseconds> idle_timeout;  ///< Silence of the backend; nullopt: as long as it likes.
  StripAcceptEncoding strip_accept_encoding = StripAcceptEncoding::automatic;
};

using http::FieldChanges;
using http::XForwarded;

enum class LogPath : std::uint8_t {
  full,     ///< The request's own path (query values redacted).
  pattern,  ///< The route's pattern: for tokens that live in the path.
};

/// `match` of a route. Empty members match everything.
struct RouteMatch {
  std::string host;          ///< Lower case, without port.
  std::string path = "/**";  ///< `*` one whole segment, `**` any number, otherwise exact; raw bytes before `?`.
  std::vector<std::string> methods;
  std::vector<std::pair<std::string, std::string>> headers;  ///< Name, exact value.

  bool operator==(const RouteMatch&) const = default;
};

/// Which pages of other origins may read the answers of a route whose backend does not say so itself.
struct CorsPolicy {
  std::vector<std::string> origins;  ///< `https://app.example`, or `*` for all; empty: off.
  bool credentials = false;
  std::vector<std::string> headers;  ///< Of requests, beyond those that any page may send.
  Milliseconds max_age{600'000};     ///< For how long a browser may remember a preflight.

  [[nodiscard]] bool configured() const { return !origins.empty(); }
};

struct RoutePolicy {
  std::string name;
  RouteMatch match;
  std::size_t upstream = 0;  ///< Index into PolicySet::upstreams.
  EventStreamPolicy event_stream;
  FieldChanges request_headers;
  FieldChanges response_headers;
  CorsPolicy cors;
  LogPath log_path = LogPath::full;
};

enum class UnsafeMethods : std::uint8_t {
  fresh,  ///< Methods that must not be repeated start on a fresh connection.
  reuse,  ///< They may take a pooled one: the operator knows that the backend never closes first.
};

struct KeepalivePolicy {
  std::size_t max_idle = 64;  ///< Idle connections kept, per worker.
  Milliseconds idle_timeout{4'000};
  UnsafeMethods unsafe_methods = UnsafeMethods::fresh;

  bool operator==(const KeepalivePolicy&) const = default;
};

/// Where an upstream listens.
struct UpstreamAddress {
  std::string host;  ///< Name or literal address without brackets; empty for a unix socket.
  std::uint16_t port = 80;
  std::string unix_path;  ///< Empty for TCP.
  bool tls = false;       ///< https.

  bool operator==(const UpstreamAddress&) const = default;
};

/// How an https upstream is recognised, and how we are by it. Paths name PEM files.
struct UpstreamTls {
  std::string ca;           ///< Whom to believe; empty: the certificate authorities of the system.
  std::string server_name;  ///< In its certificate and in SNI; empty: the host of the URL.
  bool verify = true;       ///< false: anybody may be the upstream.
  std::string certificate;  ///< Ours; empty: none.
  std::string key;

  bool operator==(const UpstreamTls&) const = default;
};

struct UpstreamPolicy {
  std::string name;
  std::string url;  ///< As configured, for print-config.
  UpstreamAddress address;
  UpstreamTls tls;
  Milliseconds connect_timeout{5'000};
  std::optional<Milliseconds> response_timeout;  ///< To the response head; nullopt: as long as the client waits.
  KeepalivePolicy keepalive;
  Milliseconds dns_ttl{5'000};

  bool operator==(const UpstreamPolicy&) const = default;
};

/// Of a client's HTTP/2 connection.
struct Http2Limits {
  std::size_t concurrent_streams = 128;
  std::size_t header_list = 32 * 1024;  ///< Bytes of a request head, as RFC 9113 §6.5.2 counts them.

  bool operator==(const Http2Limits&) const = default;
};

struct Limits {
  std::size_t connections = 10'000;               ///< Of clients, in the whole process.
  std::optional<std::size_t> streams;             ///< Open event streams, in the whole process; nullopt: no limit.
  std::optional<std::size_t> streams_per_client;  ///< The same for one client address.
  std::size_t head_bytes = 32 * 1024;
  std::size_t head_fields = 128;
  Milliseconds head_timeout{10'000};
  std::optional<Milliseconds> body_timeout = Milliseconds{60'000};  ///< Silence in the middle of a request's body.
  Milliseconds idle_timeout{75'000};  ///< Of a client's keep-alive connection: longer than nginx's 60 s.
  std::size_t pending_bytes = 256 * 1024;
  std::size_t pooled_memory = 256 * 1024 * 1024;  ///< What all slow peers together may make us hold.
  Milliseconds write_timeout{30'000};
  Http2Limits http2;

  bool operator==(const Limits&) const = default;
};

/// How the process ends.
struct DrainPolicy {
  Milliseconds delay{0};      ///< Not ready any more, but still listening.
  Milliseconds grace{8'000};  ///< From there to the end; below the 10 s of `docker stop`.
  Milliseconds retry_min{1'000};
  Milliseconds retry_max{5'000};  ///< When clients whose stream ends are told to come back: at random between the two.

  bool operator==(const DrainPolicy&) const = default;
};

/// One IP network, for client_address.trusted.
struct Network {
  std::array<std::uint8_t, 16> address{};  ///< IPv4 as ::ffff:a.b.c.d.
  std::uint8_t prefix_bits = 128;          ///< Of the 128.

  bool operator==(const Network&) const = default;
};

/// Who a client is, for logs and limits.
struct ClientAddressPolicy {
  std::string header;  ///< Empty: the peer's own address.
  std::vector<Network> trusted;
};

struct PolicySet {
  std::vector<RoutePolicy> routes;  ///< In order, first match wins.
  std::vector<UpstreamPolicy> upstreams;
  Limits limits;
  XForwarded x_forwarded = XForwarded::keep;
  ClientAddressPolicy client_address;
};

using PolicySetPtr = std::shared_ptr<const PolicySet>;

}  // namespace sidecar::exchange
