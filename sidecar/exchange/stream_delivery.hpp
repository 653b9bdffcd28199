#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "exchange/clock.hpp"
#include "exchange/drain_plan.hpp"
#include "exchange/policy.hpp"
#include "exchange/stream_source.hpp"
#include "http/message_sink.hpp"
#include "sse/bom_filter.hpp"

namespace sidecar::exchange {

/// The client's half of an event stream: its silence, and what is put into it. Silence is measured from the last byte
/// that the kernel took, and a client with unsent bytes is not idle (laws 2 to 4).
class StreamDelivery {
 public:
  StreamDelivery() = default;
  /// The head goes out at `now`.
  StreamDelivery(const HeartbeatPolicy& policy, TimePoint now, Random& random) : last_sent_(now) {
    postpone(policy, now, random);
  }

  /// Passes the backend's bytes on; returns how many (less than `bytes` only by a BOM).
  std::size_t pass(std::string_view bytes, http::ResponseSink& sink);
  /// From here on pass() passes all as it is.
  [[nodiscard]] bool passes_all() const { return bom_.open(); }
  /// The backend ended, however: what was held back goes out.
  std::size_t pass_end(http::ResponseSink& sink);

  /// Puts bytes of ours in; returns how many. The caller knows that they are legal here.
  std::size_t insert(std::string_view bytes, http::ResponseSink& sink);

  /// The kernel took `sent` bytes and `pending` wait.
  void on_progress(const HeartbeatPolicy& policy, std::size_t sent, std::size_t pending, TimePoint now, Random& random);

  enum class Outcome : std::uint8_t {
    early,     ///< Nothing is due: a no-op.
    sent,      ///< A heartbeat went to the sink.
    blocked,   ///< The client has unsent bytes.
    mid_line,  ///< Nothing is legal at this place.
    opaque,    ///< Nothing is legal in this stream.
  };
  struct Beat {
    Outcome outcome = Outcome::early;
    std::size_t bytes = 0;
    std::chrono::milliseconds idle{0};  ///< The silence that it ended.
  };

  [[nodiscard]] Beat on_deadline(const HeartbeatPolicy& policy, const StreamSource& source, TimePoint now,
                                 Random& random, http::ResponseSink& sink);

  /// kNever when heartbeats are off.
  [[nodiscard]] TimePoint deadline() const { return due_; }
  /// The client has unsent bytes.
  [[nodiscard]] bool blocked() const { return blocked_; }
  [[nodiscard]] std::uint32_t heartbeats() const { return heartbeats_; }

 private:
  void postpone(const HeartbeatPolicy& policy, TimePoint now, Random& random);

  TimePoint last_sent_;
  TimePoint due_ = kNever;
  std::uint32_t heartbeats_ = 0;
  bool blocked_ = false;
  sse::BomFilter bom_;
};

}  // namespace sidecar::exchange
