#pragma once

#include <string_view>

#include "http/head.hpp"

/// What fields mean for a proxy, by their names.
namespace sidecar::http {

/// Equal for a backend that reads fields as variables (CGI, WSGI, PHP): regardless of case, with `_` like `-`.
[[nodiscard]] bool is_same_variable(std::string_view a, std::string_view b);

/// Of one connection, whatever Connection says (RFC 9110 §7.6.1).
[[nodiscard]] bool is_hop_by_hop(std::string_view name);

/// Says who the client is: X-Forwarded-*, Forwarded, X-Real-IP.
[[nodiscard]] bool is_forwarding(std::string_view name);

/// Naming it in Connection does not remove it: without it the message would be another one, or the client's.
[[nodiscard]] bool must_stay(std::string_view name);

/// `Content_Length` and the like: another spelling of a field that frames or routes a message or says who the client
/// is. We would pass it on unread, and a backend that reads variables would take it for the real one.
[[nodiscard]] bool is_disguised(std::string_view name);

/// No field for a trailer section (RFC 9110 §6.5.1): framing, routing, trust, and how the body is to be read.
[[nodiscard]] bool is_forbidden_trailer(std::string_view name);

/// NTLM or Negotiate among the credentials or challenges of a head: such a handshake is one of the connection, not of
/// the request (RFC 4559 §5), so the connection belongs to that client from then on.
[[nodiscard]] bool authenticates_connection(Fields fields);

}  // namespace sidecar::http
