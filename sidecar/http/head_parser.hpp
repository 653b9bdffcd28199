#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/head.hpp"

/// Heads over llhttp. llhttp splits the lines; what it lets pass too easily (requests) or refuses too readily
/// (responses) is decided here. Framing is not: see framing.hpp.
namespace sidecar::http {

struct HeadLimits {
  std::size_t bytes = 32 * 1024;
  std::size_t fields = 128;
};

/// Where a head ends.
struct HeadEnd {
  static constexpr std::size_t kIncomplete = static_cast<std::size_t>(-1);
  std::size_t size = kIncomplete;  ///< Bytes of the head, its blank line included.
  bool bare_lf = false;            ///< A line ended in LF without CR before it.
};

/// Finds where a head ends that may come in pieces: each is looked at once.
class HeadSearch {
 public:
  /// `bytes` starts with the first byte of the start line (empty lines before a request are skipped by the codec).
  /// While the head is incomplete the next call must bring the same bytes and more; behind its end the next head
  /// begins.
  [[nodiscard]] HeadEnd find(std::string_view bytes);

 private:
  std::uint32_t line_ = 0;  ///< Where the line begins whose end has not come.
};

/// Strict (RFC 9112 §2.2, §3, §5). `head` is one whole head with its blank line; `out` lends views into it and into
/// `scratch.parsed`.
[[nodiscard]] Refusal parse_request_head(std::string_view head, const HeadLimits& limits, HeadScratch& scratch,
                                         RequestHead& out);

/// Tolerant where it is unambiguous: bare LF, obs-fold and a space before the colon are normalised into
/// `scratch.normalised` first (RFC 9112 §2.2, §5.1, §5.2). Every refusal has status 502.
[[nodiscard]] Refusal parse_response_head(std::string_view head, const HeadLimits& limits, HeadScratch& scratch,
                                          ResponseHead& out);

/// What becomes of trailer fields that have no business there (is_forbidden_trailer): a request with one is refused, a
/// response loses it.
enum class ForbiddenTrailers : std::uint8_t { refused, dropped };

/// A trailer section with its blank line (RFC 9112 §7.1.2).
[[nodiscard]] Refusal parse_trailers(std::string_view section, ForbiddenTrailers forbidden, const HeadLimits& limits,
                                     HeadScratch& scratch, Fields& out);

}  // namespace sidecar::http
