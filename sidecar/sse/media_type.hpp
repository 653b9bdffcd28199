#pragma once

#include <string_view>

/// What the fields Content-Type and Accept say about event streams (RFC 9110 §8.3, §12.5.1). The values are those of
/// one message, equal fields joined by commas; absent is empty.
namespace sidecar::sse {

/// Type and subtype are text/event-stream; case and parameters do not matter.
[[nodiscard]] bool is_event_stream(std::string_view content_type) noexcept;

/// The charset is absent, empty, or a label of UTF-8 (`utf-8`, `utf8`), so that ASCII bytes may be inserted. Blink
/// refuses `utf8` and takes the stream from `utf-8` only; but other clients read it, the bytes are UTF-8 either way,
/// and a stream that its client refuses is not harmed by a heartbeat.
[[nodiscard]] bool charset_is_utf8(std::string_view content_type) noexcept;

/// The client names text/event-stream with a weight above 0. A wildcard does not name it.
[[nodiscard]] bool accepts_event_stream(std::string_view accept) noexcept;

/// Whether a body written by the sidecar itself (an error) should be JSON: the client names application/json or a
/// +json type, text/html does not weigh as much, and text/plain does not weigh more (axios sends
/// `application/json, text/plain, */*` and means JSON). A wildcard alone is no wish for JSON.
[[nodiscard]] bool accepts_json_over_html_or_text(std::string_view accept) noexcept;

}  // namespace sidecar::sse
