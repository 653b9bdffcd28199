#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "sse/lf_lines.hpp"
#include "sse/position.hpp"

namespace sidecar::sse {

/// Walks the bytes of an event stream (WHATWG HTML §9.2.5, §9.2.6) and knows what may be written behind the last one.
/// It looks and does not touch: nothing is copied, nothing is allocated, and the state is the same however the bytes
/// were split into reads.
///
/// A byte is enough to decide everything here although the stream is UTF-8: the bytes of multi-byte characters are
/// never ASCII, and a decoder that meets a broken sequence gives an ASCII byte back (WHATWG Encoding, UTF-8 decoder).
class Scanner {
 public:
  void scan(std::string_view bytes) noexcept { static_cast<void>(walk(bytes, false)); }

  /// One behind the other.
  void scan(std::span<const std::string_view> pieces) noexcept {
    for (const std::string_view piece : pieces) scan(piece);
  }

  /// Scans up to the next event boundary; returns how many bytes stand before it, all of them when there is none.
  [[nodiscard]] std::size_t scan_to_boundary(std::string_view bytes) noexcept { return walk(bytes, true); }

  [[nodiscard]] Position position() const noexcept;

  /// The stream's own ending: the one that its first line had. While that line's CR is the last byte it counts as `cr`;
  /// an LF behind it makes it `crlf`.
  [[nodiscard]] LineEnding line_ending() const noexcept { return line_ending_; }

  /// How the lines of an insertion must end if one is made now; never `unknown`. This is the stream's own ending where
  /// that is legal, and it is not always. The next byte may be an LF:
  /// - behind a CR it completes a CRLF. An insertion that ends in a lone CR takes it as its own second half; one that
  ///   ends in LF or CRLF would turn it into a blank line. So: `cr`, whatever the stream's own ending is.
  /// - behind an LF (or nothing, or a BOM) it is a blank line. An insertion that ends in a lone CR would swallow that
  ///   blank line. So: never `cr`, even if the stream began with lone CRs.
  [[nodiscard]] LineEnding insertion_ending() const noexcept;

  /// A client that read no further would lose an event: its block has data and no blank line.
  [[nodiscard]] bool event_unfinished() const noexcept { return blocks_.has_data; }

  /// How many events a conforming client has dispatched: blocks with a `data` field that a blank line ended.
  [[nodiscard]] std::uint64_t events() const noexcept { return blocks_.events; }

 private:
  enum class Phase : std::uint8_t {
    stream_start,  ///< No byte yet; a BOM may come.
    bom_1,         ///< EF was the first byte.
    bom_2,         ///< EF BB were the first bytes.
    line_start,    ///< Behind a line ending or a complete BOM.
    field_name,    ///< The line so far is a beginning of `data`, `matched_` bytes of it.
    rest_of_line,  ///< Nothing that the line still brings matters.
  };

  std::size_t walk(std::string_view bytes, bool to_boundary) noexcept;
  void scan_line_part(const char* begin, const char* end) noexcept;
  const char* scan_bom(const char* begin, const char* end) noexcept;
  void match_field_name(const char* begin, const char* end) noexcept;
  void end_line(char line_end) noexcept;
  bool completes_crlf(char first) noexcept;

  [[no_unique_address]] Blocks blocks_;  // There is room for what follows behind its last.
  Phase phase_ = Phase::stream_start;
  LineEnding line_ending_ = LineEnding::unknown;
  std::uint8_t matched_ = 0;      ///< Bytes of the field name `data` seen in this line.
  bool behind_cr_ = false;        ///< The last byte is a CR; an LF would belong to it.
  bool in_first_ending_ = false;  ///< That CR ended the stream's first line.
};

static_assert(sizeof(Scanner) <= 16, "every open stream holds a Scanner");

}  // namespace sidecar::sse
