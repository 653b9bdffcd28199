#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "http/head.hpp"

/// How the body ends (RFC 9112 §6).
namespace sidecar::http {

enum class FramingKind : std::uint8_t {
  none,         ///< No body.
  length,       ///< Content-Length.
  chunked,      ///< Transfer-Encoding: chunked.
  until_close,  ///< Responses only: the end of the connection is the end of the body.
};

struct Framing {
  FramingKind kind = FramingKind::none;
  std::uint64_t length = 0;  ///< For `length`.

  [[nodiscard]] BodySize body_size() const;
  bool operator==(const Framing&) const = default;
};

/// 1*DIGIT below 2^63 (RFC 9110 §8.6), nothing else: no sign, no space, no list.
[[nodiscard]] std::optional<std::uint64_t> parse_content_length(std::string_view value);

/// Strict: a single Content-Length, or a single `chunked`, or neither; both, or anything else, is refused.
[[nodiscard]] Refusal request_framing(const RequestHead& head, Framing& out);

/// Repeated equal lengths count once. Both fields, differing or junk lengths and codings other than `chunked` are
/// refused with 502 (RFC 9112 §6.3). `to_head`: the request was a HEAD.
[[nodiscard]] Refusal response_framing(const ResponseHead& head, bool to_head, Framing& out);

}  // namespace sidecar::http
