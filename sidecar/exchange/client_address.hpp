#pragma once

#include <optional>
#include <string_view>

#include "exchange/policy.hpp"
#include "http/head.hpp"

namespace sidecar::exchange {

/// A literal IPv4 or IPv6 address as 16 bytes (IPv4 as ::ffff:a.b.c.d); brackets and a port are accepted.
[[nodiscard]] std::optional<std::array<std::uint8_t, 16>> parse_ip(std::string_view text);

[[nodiscard]] bool contains(const Network& network, const std::array<std::uint8_t, 16>& address);

/// A printable client without its port and brackets: `192.0.2.7`, `2001:db8::1`, `unix`.
[[nodiscard]] std::string_view without_port(std::string_view client);

/// Who the client is: the peer, or, when the peer is trusted, the last address in the configured header that is not
/// trusted itself. The view lends from `peer` or from the field. A unix-socket peer counts as trusted.
[[nodiscard]] std::string_view client_of(const ClientAddressPolicy& policy, std::string_view peer, http::Fields fields);

}  // namespace sidecar::exchange
