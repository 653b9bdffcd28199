#pragma once

#include <cstdint>
#include <string_view>

namespace sidecar::sse {

/// What a response is to the sidecar.
enum class StreamKind : std::uint8_t {
  none,        ///< No event stream, or none with a body of events: it passes like any other response.
  opaque,      ///< An event stream in whose bytes nothing can be inserted: it passes untouched and is counted.
  insertable,  ///< An event stream that is kept alive.
};

/// What a response head says that matters here; the views live for the call.
struct ResponseFacts {
  bool head_request = false;  ///< The request's method was HEAD.
  int status = 200;
  std::string_view content_type;      ///< Empty when absent.
  std::string_view content_encoding;  ///< The combined list, empty when absent.
  bool has_digest = false;  ///< A digest of the body is promised (RFC 9530, or the older Digest, Content-MD5).
};

[[nodiscard]] StreamKind classify(const ResponseFacts& facts);

}  // namespace sidecar::sse
