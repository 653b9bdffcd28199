#include "config/addresses.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "config/units.hpp"
#include "config/words.hpp"

namespace sidecar::config {
namespace {

constexpr std::size_t kHostBytesMax = 253;  // RFC 1035 §2.3.4
constexpr std::uint16_t kHttpsPort = 443;
constexpr std::string_view kUrlForms = "write http://host:port, https://host:port or unix:/path";
constexpr std::size_t kUnixPathBytesMax = sizeof(sockaddr_un::sun_path) - 1;
constexpr std::array<std::uint8_t, 12> kIpv4Mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::uint8_t kIpv4MappedBits = 96;

bool is_ipv6(std::string_view text) {
  const std::string address(text.substr(0, text.find('%')));  // a zone (fe80::1%eth0) is the resolver's to judge
  const bool zone_is_empty = text.ends_with('%');
  in6_addr parsed{};
  return !zone_is_empty && !has_control(text) && inet_pton(AF_INET6, address.c_str(), &parsed) == 1;
}

bool is_ipv4(std::string_view text) {
  in_addr parsed{};
  return inet_pton(AF_INET, std::string(text).c_str(), &parsed) == 1;
}

/// A name (underscores too: compose services have them) or an IPv4 address.
bool is_name_or_ipv4(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_';
  };
  if (text.empty() || text.size() > kHostBytesMax || !std::all_of(text.begin(), text.end(), allowed)) return false;
  if (text.front() == '.' || text.find("..") != std::string_view::npos) return false;
  if (text.find_first_not_of("0123456789.") == std::string_view::npos) return is_ipv4(text);  // 10.0.0.300 is no name
  return true;
}

struct Authority {
  std::string host;
  std::optional<std::string_view> port;  ///< Digits are not checked yet.
};

Parsed<Authority> split_authority(std::string_view text) {
  using Result = Parsed<Authority>;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    const std::string_view host = text.substr(1, close == std::string_view::npos ? close : close - 1);
    if (close == std::string_view::npos || !is_ipv6(host)) return Result::refused("no IPv6 address in brackets");
    const std::string_view rest = text.substr(close + 1);
    if (rest.empty()) return Authority{std::string(host), std::nullopt};
    if (rest.front() != ':') return Result::refused("only a port may follow the brackets");
    return Authority{std::string(host), rest.substr(1)};
  }
  if (std::count(text.begin(), text.end(), ':') > 1)
    return Result::refused("an IPv6 address needs brackets, e.g. [::1]:8080");
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return Authority{std::string(text), std::nullopt};
  return Authority{std::string(text.substr(0, colon)), text.substr(colon + 1)};
}

Parsed<std::uint16_t> parse_port(std::string_view text, std::size_t least) {
  const auto number = parse_digits(text);
  if (number && *number >= least && *number <= 65535) return static_cast<std::uint16_t>(*number);
  return Parsed<std::uint16_t>::refused(in_quotes(text) + " is not a port");
}

/// The path behind `unix:`, or why it cannot be one.
Parsed<std::string> parse_unix_path(std::string_view path) {
  using Result = Parsed<std::string>;
  if (!path.starts_with('/') || path.size() < 2)
    return Result::refused("a unix socket needs an absolute path, e.g. unix:/run/app.sock");
  if (path.size() > kUnixPathBytesMax) return Result::refused("the path of a unix socket has at most 107 bytes");
  if (has_control(path) || !is_utf8(path)) return Result::refused("the path of a unix socket must be printable");
  return std::string(path);
}

template <class T>
Parsed<T> not_an_address(std::string_view text, std::string_view kind, std::string_view why) {
  return Parsed<T>::refused(in_quotes(text) + " is not " + std::string(kind) + ": " + std::string(why));
}

Parsed<ListenAddress> listen_refused(std::string_view text, std::string_view why) {
  return not_an_address<ListenAddress>(text, "an address to listen on", why);
}

Parsed<exchange::UpstreamAddress> url_refused(std::string_view text, std::string_view why) {
  return not_an_address<exchange::UpstreamAddress>(text, "the URL of an upstream", why);
}

Parsed<exchange::UpstreamAddress> parse_http_authority(std::string_view text, std::string_view authority, bool tls) {
  if (authority.find('@') != std::string_view::npos) return url_refused(text, "a user or password is not supported");
  const std::size_t end = authority.find_first_of("/?#");
  if (end != std::string_view::npos) {
    const std::string_view without = text.substr(0, text.size() - authority.size() + end);
    const bool would_do = parse_http_authority(without, authority.substr(0, end), tls).value.has_value();
    return url_refused(text, "nothing may follow the host and port" +
                                 (would_do ? " (write " + std::string(without) + ")" : std::string()));
  }
  Parsed<Authority> split = split_authority(authority);
  if (!split.value) return url_refused(text, split.why);
  exchange::UpstreamAddress address;
  address.tls = tls;
  if (tls) address.port = kHttpsPort;
  address.host = std::move(split.value->host);
  if (address.host.find(':') == std::string::npos && !is_name_or_ipv4(address.host)) {
    return url_refused(text, address.host.empty() ? "the host is missing" : in_quotes(address.host) + " is not a host");
  }
  if (split.value->port) {
    Parsed<std::uint16_t> port = parse_port(*split.value->port, 1);
    if (!port.value) return url_refused(text, port.why);
    address.port = *port.value;
  }
  return address;
}

}  // namespace

Parsed<ListenAddress> parse_listen_address(std::string_view text) {
  ListenAddress address;
  address.text = std::string(text);
  if (text.starts_with("unix:")) {
    Parsed<std::string> path = parse_unix_path(text.substr(5));
    if (!path.value) return listen_refused(text, path.why);
    address.port = 0;
    address.unix_path = std::move(*path.value);
    return address;
  }
  if (text.find('/') != std::string_view::npos)
    return listen_refused(text, "write host:port, :port, [v6]:port or unix:/path");
  if (parse_digits(text)) return listen_refused(text, "a port alone is written :" + std::string(text));
  Parsed<Authority> split = split_authority(text);
  if (!split.value) return listen_refused(text, split.why);
  address.host = std::move(split.value->host);
  if (address.host == "*") return listen_refused(text, "all addresses are written :PORT");
  if (!address.host.empty() && address.host.find(':') == std::string::npos && !is_name_or_ipv4(address.host)) {
    return listen_refused(text, in_quotes(address.host) + " is not a host");
  }
  if (!split.value->port) return listen_refused(text, "the port is missing, e.g. 0.0.0.0:8080");
  Parsed<std::uint16_t> port = parse_port(*split.value->port, 0);
  if (!port.value) return listen_refused(text, port.why);
  address.port = *port.value;
  return address;
}

Parsed<exchange::UpstreamAddress> parse_upstream_url(std::string_view text) {
  if (text.starts_with("unix:")) {
    Parsed<std::string> path = parse_unix_path(text.substr(5));
    if (!path.value) return url_refused(text, path.why);
    exchange::UpstreamAddress address;
    address.unix_path = std::move(*path.value);
    return address;
  }
  const std::size_t colon = text.find("://");
  const std::string scheme = lower_case(text.substr(0, colon));
  if (colon == std::string_view::npos) return url_refused(text, kUrlForms);
  if (scheme != "http" && scheme != "https") return url_refused(text, kUrlForms);
  return parse_http_authority(text, text.substr(colon + 3), scheme == "https");
}

Parsed<std::string> parse_server_name(std::string_view text) {
  const bool zoned = text.find('%') != std::string_view::npos;
  if (is_name_or_ipv4(text) || (is_ipv6(text) && !zoned)) return lower_case(text);
  return Parsed<std::string>::refused(in_quotes(text) + " is neither a host name nor an address without port");
}

Parsed<exchange::Network> parse_network(std::string_view text) {
  const auto refused = [&](std::string_view why) { return not_an_address<exchange::Network>(text, "a network", why); };
  const std::size_t slash = text.find('/');
  const std::string address(text.substr(0, slash));
  exchange::Network network;
  std::uint8_t bits = 128;
  std::uint8_t offset = 0;
  if (is_ipv4(address)) {
    std::copy(kIpv4Mapped.begin(), kIpv4Mapped.end(), network.address.begin());
    inet_pton(AF_INET, address.c_str(), network.address.data() + kIpv4Mapped.size());
    bits = 32;
    offset = kIpv4MappedBits;
  } else if (inet_pton(AF_INET6, address.c_str(), network.address.data()) != 1) {
    return refused("write 172.16.0.0/12 or 2001:db8::/32");
  }
  if (has_control(text)) return refused("write 172.16.0.0/12 or 2001:db8::/32");
  if (slash != std::string_view::npos) {
    const auto prefix = parse_digits(text.substr(slash + 1));
    if (!prefix || *prefix > bits) return refused("the prefix has 0 to " + std::to_string(bits) + " bits");
    bits = static_cast<std::uint8_t>(*prefix);
  }
  network.prefix_bits = static_cast<std::uint8_t>(offset + bits);
  exchange::Network masked = network;
  for (std::size_t bit = network.prefix_bits; bit < 128; ++bit) {
    masked.address[bit / 8] = static_cast<std::uint8_t>(masked.address[bit / 8] & ~(0x80 >> (bit % 8)));
  }
  if (masked != network) return refused("bits are set behind the prefix (write " + format_network(masked) + ")");
  return network;
}

std::string format_network(const exchange::Network& network) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool ipv4 = network.prefix_bits >= kIpv4MappedBits &&
                    std::equal(kIpv4Mapped.begin(), kIpv4Mapped.end(), network.address.begin());
  const auto* const bytes = network.address.data();
  if (ipv4) {
    inet_ntop(AF_INET, bytes + kIpv4Mapped.size(), text.data(), text.size());
  } else {
    inet_ntop(AF_INET6, bytes, text.data(), text.size());
  }
  return std::string(text.data()) + "/" + std::to_string(network.prefix_bits - (ipv4 ? kIpv4MappedBits : 0));
}

Parsed<std::string> parse_match_host(std::string_view text) {
  using Result = Parsed<std::string>;
  const bool bracketed = text.starts_with('[') && text.ends_with(']') && is_ipv6(text.substr(1, text.size() - 2));
  if (bracketed || is_name_or_ipv4(text)) return lower_case(text);
  if (is_ipv6(text)) return Result::refused(in_quotes(text) + " is not a host: an IPv6 address needs brackets");
  const std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos && parse_digits(text.substr(colon + 1))) {
    return Result::refused(in_quotes(text) + " is not a host: it is matched without the port");
  }
  return Result::refused(in_quotes(text) + " is not a host");
}

}  // namespace sidecar::config
