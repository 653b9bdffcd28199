#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "exchange/clock.hpp"
#include "exchange/drain_plan.hpp"
#include "exchange/policy.hpp"
#include "exchange/prepare.hpp"
#include "http/framing.hpp"
#include "http/head.hpp"

namespace sidecar::exchange {

/// What an exchange needs to know where its route opts in to more than passing on: when a stream is opened before the
/// backend's head, when a backend that is away is asked again, and what was wrong, so that it can be told as an event.
/// Most exchanges have none.
class Rescue {
 public:
  /// nullptr when the route asks for nothing that concerns this request.
  [[nodiscard]] static std::unique_ptr<Rescue> for_request(const http::RequestHead& head, const http::Framing& framing,
                                                           const PreparedRequest& prepared, const RoutePolicy& route,
                                                           TimePoint now);

  /// Nothing of the request is missing: from here on the backend is slow.
  void on_request_complete(const EventStreamPolicy& policy, TimePoint now);

  /// When the stream's head is to go out although the backend's has not come.
  [[nodiscard]] TimePoint open_at() const { return open_at_; }
  void open_by(TimePoint at) { open_at_ = std::min(open_at_, at); }
  void forget_opening() { open_at_ = kNever; }

  /// Whether an answer of that status is told as an event to a client whose stream has not begun.
  [[nodiscard]] bool covers(int status, const EventStreamPolicy& policy) const {
    return means_stream_ && policy.error_event.covers(status);
  }

  /// The backend is away, and may be asked again after this wait; nullopt: no more.
  [[nodiscard]] std::optional<Milliseconds> next_wait(const EventStreamPolicy& policy, TimePoint now, Random& random);

  /// The origin of a page that may read the answer, as allowed_origin() says it; empty: none.
  [[nodiscard]] const std::string& origin() const { return origin_; }

  /// What the client cannot be sent as it is.
  void note_answer(const http::ResponseHead& head);
  void note_failure(int status, std::string_view reason);
  /// Bytes of that answer's body. True when no more is wanted.
  bool collect(std::string_view bytes);
  /// Appends it as one event, `retry` included for clients that come back.
  void append_event(const EventStreamPolicy& policy, bool comes_back, std::string& out) const;

 private:
  [[nodiscard]] std::optional<std::string_view> told_body() const;

  TimePoint open_at_ = kNever;
  TimePoint away_since_ = kNever;
  std::string origin_;
  std::string reason_;
  std::string content_type_;
  std::string body_;
  int status_ = 0;
  std::uint8_t retries_ = 0;
  bool means_stream_ = false;  ///< The request can mean nothing but an event stream.
  bool opens_early_ = false;
  bool repeatable_ = false;
  bool has_body_ = false;  ///< Of the answer, and it is readable.
};

/// A GET that accepts text/event-stream and not application/json.
[[nodiscard]] bool asks_for_event_stream(const http::RequestHead& head);

/// A request that can mean nothing but an event stream whose head may be ours: it asks for one, and is of no foreign
/// page.
[[nodiscard]] bool means_event_stream(const http::RequestHead& head, const RoutePolicy& route);

}  // namespace sidecar::exchange
