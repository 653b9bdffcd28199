#include "exchange/client_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "http/fields.hpp"

namespace sidecar::exchange {

namespace {

bool is_port(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return text.size() >= 2 && text.size() <= 6 && text[0] == ':' && std::all_of(text.begin() + 1, text.end(), is_digit);
}

/// Without brackets and port: `[::1]:80`, `[::1]`, `192.0.2.1:80` and bare addresses. Empty for anything behind them.
std::string_view bare_address(std::string_view text) {
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return {};
    const std::string_view rest = text.substr(end + 1);
    return rest.empty() || is_port(rest) ? text.substr(1, end - 1) : std::string_view{};
  }
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || text.find(':', colon + 1) != std::string_view::npos) return text;
  return is_port(text.substr(colon)) ? text.substr(0, colon) : std::string_view{};
}

bool is_trusted(const ClientAddressPolicy& policy, std::string_view address) {
  const auto parsed = parse_ip(address);
  return parsed && std::any_of(policy.trusted.begin(), policy.trusted.end(),
                               [&](const Network& network) { return contains(network, *parsed); });
}

}  // namespace

std::optional<std::array<std::uint8_t, 16>> parse_ip(std::string_view text) {
  const std::string bare(bare_address(text));
  std::array<std::uint8_t, 16> address{};
  if (inet_pton(AF_INET6, bare.c_str(), address.data()) == 1) return address;
  in_addr v4{};
  if (inet_pton(AF_INET, bare.c_str(), &v4) != 1) return std::nullopt;
  address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  std::memcpy(address.data() + 12, &v4, sizeof v4);
  return address;
}

std::string_view without_port(std::string_view client) {
  const std::string_view bare = bare_address(client);
  return bare.empty() ? client : bare;
}

bool contains(const Network& network, const std::array<std::uint8_t, 16>& address) {
  for (std::size_t bit = 0; bit < network.prefix_bits && bit < 128; bit += 8) {
    const unsigned kept = std::min<unsigned>(8, network.prefix_bits - static_cast<unsigned>(bit));
    const auto mask = static_cast<std::uint8_t>(0xffU << (8 - kept));
    if (((network.address[bit / 8] ^ address[bit / 8]) & mask) != 0) return false;
  }
  return true;
}

std::string_view client_of(const ClientAddressPolicy& policy, std::string_view peer, http::Fields fields) {
  if (policy.header.empty()) return peer;
  const bool local = peer == "unix";
  if (!local && !is_trusted(policy, peer)) return peer;
  std::string_view client = peer;
  // The list grows to the right, one trusted hop at a time (RFC 7239 §5.2 has the same order).
  for (auto field = fields.rbegin(); field != fields.rend(); ++field) {
    if (!http::iequals(field->name, policy.header)) continue;
    std::string_view rest = field->value;
    while (!rest.empty()) {
      const auto comma = rest.rfind(',');
      const std::string_view hop = http::trim(comma == std::string_view::npos ? rest : rest.substr(comma + 1));
      rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(0, comma);
      if (!parse_ip(hop)) return client;
      client = hop;
      if (!is_trusted(policy, hop)) return client;
    }
  }
  return client;
}

}  // namespace sidecar::exchange
