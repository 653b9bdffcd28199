#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "tests/exchange/dialogue.hpp"

namespace sidecar::test {

/// What an EventSource sends, over HTTP/1.0 so that no framing stands between the bytes of the answer.
inline constexpr std::string_view kBrowserGet =
    "GET /s HTTP/1.0\r\nHost: app.example\r\nAccept: text/event-stream\r\n\r\n";
inline constexpr std::string_view kStreamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
/// The head of a stream that the sidecar opens itself.
inline constexpr std::string_view kOwnHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache, no-transform\r\n"
    "X-Accel-Buffering: no\r\nConnection: close\r\n\r\n";

[[nodiscard]] inline exchange::PolicySet with(const std::function<void(exchange::EventStreamPolicy&)>& change) {
  exchange::PolicySet policies = one_upstream();
  change(policies.routes[0].event_stream);
  policies.routes[0].event_stream.opening.make_bytes({});
  return policies;
}

/// Of an answer its body, of anything else all.
[[nodiscard]] inline std::string body_of(const std::string& bytes) {
  return bytes.starts_with("HTTP/") ? bytes.substr(bytes.find("\r\n\r\n") + 4) : bytes;
}

}  // namespace sidecar::test
