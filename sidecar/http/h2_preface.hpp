#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace sidecar::http {

/// What every client of HTTP/2 sends first (RFC 9113 §3.4).
inline constexpr std::string_view kH2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum class H2Sniff : std::uint8_t {
  no,         ///< Something else, most likely HTTP/1.
  need_more,  ///< All bytes so far are the preface's, and some of them are missing.
  yes,        ///< The preface is there, at the front.
};

/// Does the connection that begins with `first_bytes` speak HTTP/2? Bytes are held back only while each of them is the
/// preface's: POST is told from it by its second byte, PROPFIND by its third, PRINT by its fourth. No HTTP/1 codec
/// could have done anything with so few, so nothing is delayed by waiting; but a head that stops coming must still time
/// out.
[[nodiscard]] constexpr H2Sniff sniff_h2(std::string_view first_bytes) {
  const std::size_t size = std::min(first_bytes.size(), kH2Preface.size());
  if (first_bytes.substr(0, size) != kH2Preface.substr(0, size)) return H2Sniff::no;
  return size == kH2Preface.size() ? H2Sniff::yes : H2Sniff::need_more;
}

}  // namespace sidecar::http
