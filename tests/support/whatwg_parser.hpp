#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// An event-stream parser written down from WHATWG HTML §9.2.5 and §9.2.6 and nothing else: the oracle of the tests.
/// It takes the stream as a whole, decodes it, cuts it into lines and interprets them. It is slow, obvious, and shares
/// no code with sidecar/sse.
namespace sidecar::test {

struct WhatwgEvent {
  std::string type;
  std::string data;
  std::string last_event_id;

  bool operator==(const WhatwgEvent&) const = default;
};

struct WhatwgResult {
  std::vector<WhatwgEvent> events;
  std::string last_event_id;           ///< The event source's last event ID string when the stream ended.
  std::optional<std::uint64_t> retry;  ///< Reconnection time as last set; saturates.

  bool operator==(const WhatwgResult&) const = default;
};

[[nodiscard]] WhatwgResult parse_event_stream(std::string_view bytes);

/// UTF-8 decode (WHATWG Encoding §6): drops one BOM, puts U+FFFD for what is broken; the result is valid UTF-8.
[[nodiscard]] std::string utf8_decode(std::string_view bytes);

/// For messages of failing tests.
[[nodiscard]] std::string describe(const WhatwgResult& result);
[[nodiscard]] std::string escape_bytes(std::string_view bytes);

}  // namespace sidecar::test
