#pragma once

#include <string_view>

/// What a client says that it wants (RFC 9110 §12.5.1). The values are those of one request, equal fields joined by
/// commas; absent is empty.
namespace sidecar::http {

/// The client names `media_type` with a weight above 0. A wildcard does not name it.
[[nodiscard]] bool accepts(std::string_view accept, std::string_view media_type);

/// Whether a body of our own (an error) should be JSON: the client names application/json or a +json type, text/html
/// does not weigh as much, and text/plain does not weigh more (axios sends `application/json, text/plain, */*` and
/// means JSON). A wildcard alone is no wish for JSON.
[[nodiscard]] bool accepts_json_over_html_or_text(std::string_view accept);

}  // namespace sidecar::http
