#pragma once

#include <string_view>

/// What the fields Content-Type and Accept say about event streams (RFC 9110 §8.3, §12.5.1). The values are those of
/// one message, equal fields joined by commas; absent is empty.
namespace sidecar::sse {

/// Type and subtype are text/event-stream; case and parameters do not matter.
[[nodiscard]] bool is_event_stream(std::string_view content_type);

/// The charset is absent, empty, or a label of UTF-8 (`utf-8`, `utf8`), so that ASCII bytes may be inserted. Blink
/// refuses `utf8` and takes the stream from `utf-8` only; but other clients read it, the bytes are UTF-8 either way,
/// and a stream that its client refuses is not harmed by a heartbeat.
[[nodiscard]] bool charset_is_utf8(std::string_view content_type);

/// The client names text/event-stream with a weight above 0. A wildcard does not name it.
[[nodiscard]] bool accepts_event_stream(std::string_view accept);

}  // namespace sidecar::sse
