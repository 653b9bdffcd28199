#include "http/proxy_protocol.hpp"

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace sidecar::http {

namespace {

using namespace std::string_view_literals;

constexpr std::string_view kTcp4 = "PROXY TCP4 ";
constexpr std::string_view kTcp6 = "PROXY TCP6 ";
constexpr std::string_view kUnknown = "PROXY UNKNOWN";
constexpr std::string_view kSignature = "\r\n\r\n\0\r\nQUIT\n"sv;

constexpr std::size_t kLineBytesMax = 107;  // With its CRLF (§2.1).
constexpr std::size_t kFixedBytes = 16;     // Of version 2, in front of the addresses.

ProxyHeader need_more() {
  return {};
}

ProxyHeader done(std::size_t size, std::string source = {}) {
  return {ProxyHeader::Status::done, size, std::move(source), ""};
}

ProxyHeader error(const char* why) {
  return {ProxyHeader::Status::error, 0, {}, why};
}

// ---- Addresses ---------------------------------------------------------------------------------------------------

/// `address` is an in_addr or an in6_addr as it is on the wire. Spelled like the peer of a socket: an IPv4 address that
/// is mapped into IPv6 is shown as what it is.
std::string printable(int family, std::string_view address, std::uint16_t port) {
  static constexpr std::string_view kMapped = "\0\0\0\0\0\0\0\0\0\0\xff\xff"sv;
  if (family == AF_INET6 && address.starts_with(kMapped)) {
    family = AF_INET;
    address.remove_prefix(kMapped.size());
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(family, address.data(), text.data(), text.size());
  const std::string host = family == AF_INET6 ? "[" + std::string(text.data()) + "]" : std::string(text.data());
  return host + ":" + std::to_string(port);
}

/// Four decimal numbers without leading zeros, or groups of hexadecimal digits with at most one "::" (also with an IPv4
/// address in their end, which dual-stack proxies write). Whoever calls has looked at the characters.
std::optional<std::string> parse_address(int family, std::string_view text) {
  std::string bytes(family == AF_INET ? sizeof(in_addr) : sizeof(in6_addr), '\0');
  if (::inet_pton(family, std::string(text).c_str(), bytes.data()) != 1) return std::nullopt;
  return bytes;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  const bool leading_zero = text.size() > 1 && text.front() == '0';
  std::uint16_t port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (leading_zero || failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return port;
}

// ---- Version 1: a line -------------------------------------------------------------------------------------------

struct Line {
  ProxyHeader::Status status = ProxyHeader::Status::need_more;
  std::string_view rest;  ///< done: what stands between `start` and CRLF.
};

/// The rest of the line behind the word that starts it. `allowed`: its characters; empty: all.
Line read_line(std::string_view bytes, std::string_view start, std::string_view allowed) {
  static constexpr Line kWrong{ProxyHeader::Status::error, {}};
  const std::string_view line = bytes.substr(0, kLineBytesMax).substr(start.size());
  const auto end = allowed.empty() ? line.find_first_of("\r\n") : line.find_first_not_of(allowed);
  const bool cut = bytes.size() < kLineBytesMax;
  if (end == std::string_view::npos) return cut ? Line{} : kWrong;
  const std::string_view ending = line.substr(end, 2);
  if (ending == "\r\n") return {ProxyHeader::Status::done, line.substr(0, end)};
  return cut && ending == "\r" ? Line{} : kWrong;
}

/// The addresses and ports of both ends, one space between each two.
std::optional<std::string> parse_ends(int family, std::string_view text) {
  std::array<std::string_view, 4> words;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const auto space = text.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    words[i] = text.substr(0, space);
    text.remove_prefix(space + 1);
  }
  words.back() = text;
  const auto source = parse_address(family, words[0]);
  const auto source_port = parse_port(words[2]);
  if (!source || !parse_address(family, words[1]) || !source_port || !parse_port(words[3])) return std::nullopt;
  return printable(family, *source, *source_port);
}

ProxyHeader read_tcp(int family, std::string_view bytes, std::string_view start) {
  const Line line = read_line(bytes, start, "0123456789abcdefABCDEF:. ");
  if (line.status == ProxyHeader::Status::need_more) return need_more();
  std::optional<std::string> source;
  if (line.status == ProxyHeader::Status::done) source = parse_ends(family, line.rest);
  if (!source) return error("the line of the PROXY header is malformed");
  return done(start.size() + line.rest.size() + 2, std::move(*source));
}

/// What stands behind the word is ignored, whatever it is (§2.1).
ProxyHeader read_unknown(std::string_view bytes) {
  if (bytes.size() == kUnknown.size()) return need_more();
  const char next = bytes[kUnknown.size()];
  const bool word_ends = next == ' ' || next == '\r';
  const Line line = read_line(bytes, kUnknown, {});
  if (!word_ends || line.status == ProxyHeader::Status::error) {
    return error("the line of the PROXY header is malformed");
  }
  return line.status == ProxyHeader::Status::done ? done(kUnknown.size() + line.rest.size() + 2) : need_more();
}

// ---- Version 2: binary -------------------------------------------------------------------------------------------

enum class Command : std::uint8_t { local, proxy };

/// Family and transport, as one byte of the header says them. Datagrams carry no HTTP/1; what is not here is refused.
enum class Transport : std::uint8_t {
  unspecified = 0x00,
  tcp_over_ipv4 = 0x11,
  tcp_over_ipv6 = 0x21,
  unix_stream = 0x31,
};

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

std::uint16_t number_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

/// How many bytes of addresses and ports there are; nothing for a transport that is not known.
std::optional<std::size_t> addresses_size(std::uint8_t transport) {
  switch (Transport{transport}) {
    case Transport::unspecified:
      return 0;
    case Transport::tcp_over_ipv4:
      return 12;
    case Transport::tcp_over_ipv6:
      return 36;
    case Transport::unix_stream:
      return 216;
  }
  return std::nullopt;
}

/// CRC32c (RFC 4960 Appendix B) of `header` with four zeros in the place of the sum itself. Bit by bit: few headers
/// have a sum, and all are short.
std::uint32_t crc32c(std::string_view header, std::size_t sum_at) {
  static constexpr std::uint32_t kReversedPolynomial = 0x82f63b78;
  std::uint32_t crc = 0xffffffff;
  for (std::size_t at = 0; at < header.size(); ++at) {
    crc ^= at >= sum_at && at < sum_at + 4 ? 0U : byte_at(header, at);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? kReversedPolynomial : 0U);
  }
  return ~crc;
}

/// Walks the extensions from `at` to the end of the header. Only the sum says something to us (§2.2.3). Null: all is
/// well.
const char* check_extensions(std::string_view header, std::size_t at) {
  static constexpr std::uint8_t kCrc32c = 0x03;
  static constexpr std::size_t kTypeAndLength = 3;
  while (at < header.size()) {
    if (header.size() - at < kTypeAndLength) return "an extension of the PROXY header is cut off";
    const std::uint8_t type = byte_at(header, at);
    const std::size_t size = number_at(header, at + 1);
    at += kTypeAndLength;
    if (header.size() - at < size) return "an extension of the PROXY header is cut off";
    if (type == kCrc32c) {
      if (size != 4) return "the checksum of the PROXY header is wrong";
      const std::uint32_t sum = std::uint32_t{number_at(header, at)} << 16 | number_at(header, at + 2);
      if (sum != crc32c(header, at)) return "the checksum of the PROXY header is wrong";
    }
    at += size;
  }
  return nullptr;
}

ProxyHeader read_proxied(std::string_view header, Transport transport, std::size_t addresses) {
  if (transport == Transport::unspecified) return done(header.size());  // Whatever follows it is ignored.
  if (const char* why = check_extensions(header, kFixedBytes + addresses); why != nullptr) return error(why);
  if (transport == Transport::unix_stream) return done(header.size());
  const bool v4 = transport == Transport::tcp_over_ipv4;
  const std::size_t size = v4 ? sizeof(in_addr) : sizeof(in6_addr);
  const std::string_view source = header.substr(kFixedBytes, size);
  const std::uint16_t port = number_at(header, kFixedBytes + 2 * size);
  return done(header.size(), printable(v4 ? AF_INET : AF_INET6, source, port));
}

ProxyHeader read_binary(std::string_view bytes) {
  static constexpr std::size_t kVersionAt = kSignature.size();
  static constexpr std::size_t kTransportAt = kVersionAt + 1;
  static constexpr std::size_t kLengthAt = kTransportAt + 1;
  if (bytes.size() <= kVersionAt) return need_more();
  if (byte_at(bytes, kVersionAt) >> 4 != 2) return error("the PROXY header has an unknown version");
  const unsigned command = byte_at(bytes, kVersionAt) & 0xFU;
  if (command > static_cast<unsigned>(Command::proxy)) return error("the PROXY header has an unknown command");
  if (bytes.size() <= kTransportAt) return need_more();
  const bool local = Command{static_cast<std::uint8_t>(command)} == Command::local;
  // A connection of the proxy's own says nothing about a client, and nothing in its block is looked at.
  const auto addresses = local ? std::optional<std::size_t>(0) : addresses_size(byte_at(bytes, kTransportAt));
  if (!addresses) return error("the PROXY header has an unknown or unsuitable transport");
  if (bytes.size() < kFixedBytes) return need_more();
  const std::size_t size = kFixedBytes + number_at(bytes, kLengthAt);
  if (size > kProxyHeaderBytesMax) return error("the PROXY header is too long");
  if (size < kFixedBytes + *addresses) return error("the PROXY header is too short for its addresses");
  if (bytes.size() < size) return need_more();
  if (local) return done(size);
  return read_proxied(bytes.substr(0, size), Transport{byte_at(bytes, kTransportAt)}, *addresses);
}

}  // namespace

ProxyHeader read_proxy_header(std::string_view bytes) {
  if (bytes.starts_with(kTcp4)) return read_tcp(AF_INET, bytes, kTcp4);
  if (bytes.starts_with(kTcp6)) return read_tcp(AF_INET6, bytes, kTcp6);
  if (bytes.starts_with(kUnknown)) return read_unknown(bytes);
  if (bytes.starts_with(kSignature)) return read_binary(bytes);
  for (const std::string_view start : {kTcp4, kTcp6, kUnknown, kSignature}) {
    if (start.starts_with(bytes)) return need_more();
  }
  return error("the connection does not begin with a PROXY header");
}

}  // namespace sidecar::http
