#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

/// What is said about the life of an exchange. The pure shore fills these records; observe/ writes them down.
namespace sidecar::exchange {

/// Why an exchange ended. One per exchange, decided once.
enum class Reason : std::uint8_t {
  complete,
  client_gone,         ///< FIN or reset of the client.
  client_stalled,      ///< It took no byte for write_timeout.
  upstream_reset,      ///< Connection reset or failed mid-message.
  upstream_truncated,  ///< The end came before the framing said so.
  upstream_idle,
  upstream_unreachable,  ///< No connection: refused, unresolved, timed out.
  upstream_error,        ///< A status.
  upstream_timeout,      ///< No response head in time.
  max_age,
  drain,
  forced,
  limit,
  protocol_error,  ///< Either side broke HTTP.
};

enum class ClosedBy : std::uint8_t { client, upstream, sidecar };

[[nodiscard]] std::string_view to_string(Reason reason);
[[nodiscard]] std::string_view to_string(ClosedBy closed_by);

enum class LifecycleEvent : std::uint8_t {
  request,             ///< An ordinary exchange ended.
  stream_open,         ///< The response head of an event stream went to the client.
  stream_first_event,  ///< The first complete event passed.
  heartbeat,           ///< One was sent.
  stream_close,        ///< The end, whatever the cause.
  downgrade,           ///< An HTTP/2 client was moved to HTTP/1.1.
};

[[nodiscard]] std::string_view to_string(LifecycleEvent event);

/// One record. All views are lent for the call that delivers the record. A member that an event does not have is
/// left at its default; observe/ prints, per event, exactly the keys that the lifecycle log documents.
struct LifecycleRecord {
  LifecycleEvent event = LifecycleEvent::request;
  std::uint64_t id = 0;
  std::string_view route;   ///< Empty: no route matched.
  std::string_view client;  ///< Printable address, e.g. "192.0.2.7:51412", "[2001:db8::1]:80" or "unix".
  std::string_view method;
  std::string_view target;    ///< As received, with its query; observe/ redacts it. A route may put its pattern here.
  int status = 0;             ///< 0: no head went to the client.
  std::string_view upstream;  ///< Configured name.

  std::chrono::milliseconds duration{0};
  std::optional<std::chrono::milliseconds> ttfb;      ///< stream_open: request head to response head.
  std::optional<std::chrono::milliseconds> after;     ///< stream_first_event: response head to first event.
  std::optional<std::chrono::milliseconds> idle;      ///< heartbeat: the silence that it ended.
  std::optional<std::chrono::milliseconds> max_idle;  ///< stream_close.
  std::uint64_t bytes_in = 0;                         ///< Body bytes from the client.
  std::uint64_t bytes_out = 0;                        ///< Body bytes towards the client, without framing.
  std::uint64_t events = 0;
  std::uint64_t heartbeats = 0;
  std::optional<Reason> reason;  ///< Of the end; also of a request that did not complete.
  std::optional<ClosedBy> closed_by;
  std::string_view detail;  ///< `how` of a downgrade; for failures a few words such as "connection refused".
};

/// An HTTP/2 client was moved to HTTP/1.1.
[[nodiscard]] inline LifecycleRecord downgrade_by(std::string_view how) {
  LifecycleRecord record;
  record.event = LifecycleEvent::downgrade;
  record.detail = how;
  return record;
}

/// Counted per worker from the start, without a record of its own.
enum class Counted : std::uint8_t {
  heartbeat_deferred_mid_line,  ///< Silence in the middle of a line: nothing may be sent there.
  heartbeat_deferred_blocked,   ///< The client has unsent bytes.
  heartbeat_deferred_opaque,    ///< Encoded, foreign charset or digest: nothing may be inserted.
  stream_opaque,                ///< An event stream with a coding, a foreign charset or a digest passed untouched.
  upstream_connect_error,
  request_retried,            ///< Repeated on a fresh connection because the pooled one was dead.
  request_rejected,           ///< Malformed, or its head or body did not come in time.
  connection_refused,         ///< limits.connections.
  stream_refused,             ///< limits.streams.
  stream_refused_for_client,  ///< limits.streams_per_client.
  memory_refused,             ///< limits.pooled_memory.
  idle_closed,                ///< limits.idle_timeout.
  tls_refused,                ///< A TLS handshake failed, or did not come in time.
  proxy_header_refused,       ///< A connection began with something else, or its PROXY header did not come in time.
  stream_opened_early,        ///< Its head went out before the backend's.
  upstream_awaited,           ///< The backend was away and is asked again: one for each wait.
  error_event_sent,
  end_event_sent,
  count_,
};

/// Where records go. Implementations must not block and must not keep the views.
class LifecycleSink {
 public:
  virtual ~LifecycleSink() = default;
  virtual void on_record(const LifecycleRecord& record) = 0;
  virtual void on_counted(Counted what, std::uint64_t times) = 0;

 protected:
  LifecycleSink() = default;
  LifecycleSink(const LifecycleSink&) = default;
  LifecycleSink& operator=(const LifecycleSink&) = default;
};

}  // namespace sidecar::exchange
