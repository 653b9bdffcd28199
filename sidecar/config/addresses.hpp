#pragma once

#include <string>
#include <string_view>

#include "config/config.hpp"
#include "config/parsed.hpp"

/// Addresses as people write them. Nothing is resolved here.
namespace sidecar::config {

/// `host:port`, `:port`, `[v6]:port`, `unix:/path`. Port 0 is any free port.
[[nodiscard]] Parsed<ListenAddress> parse_listen_address(std::string_view text);

/// `http://host[:port]`, `https://host[:port]`, `unix:/path`; nothing may follow the authority.
[[nodiscard]] Parsed<exchange::UpstreamAddress> parse_upstream_url(std::string_view text);

/// The name in a certificate: a host's, or an address without brackets. Lower-cased.
[[nodiscard]] Parsed<std::string> parse_server_name(std::string_view text);

/// `172.16.0.0/12`, `2001:db8::/32`, or one address.
[[nodiscard]] Parsed<exchange::Network> parse_network(std::string_view text);
[[nodiscard]] std::string format_network(const exchange::Network& network);

/// A `Host` to match, without port; lower-cased. Letters, digits, `.`, `-`, `_`, or an IPv6 literal in brackets.
[[nodiscard]] Parsed<std::string> parse_match_host(std::string_view text);

}  // namespace sidecar::config
