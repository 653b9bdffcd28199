#include "sse/scanner.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "sse/lf_lines.hpp"

namespace sidecar::sse {
namespace {

constexpr char kLf = '\n';
constexpr char kCr = '\r';
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// Finds the line ends of one run of bytes. The next LF and the next CR are remembered, so that not every line searches
/// the whole rest for what the stream does not use: each byte is looked at twice at most.
class LineEnds {
 public:
  explicit LineEnds(const char* end) : end_(end) {}

  /// The first CR or LF in [begin, end), or end.
  const char* next(const char* begin) noexcept {
    if (lf_ == nullptr || lf_ < begin) lf_ = find(kLf, begin);
    if (cr_ == nullptr || cr_ < begin) cr_ = find(kCr, begin);
    return std::min(lf_, cr_);
  }

 private:
  const char* find(char wanted, const char* begin) const noexcept {
    const auto* found = static_cast<const char*>(std::memchr(begin, wanted, static_cast<std::size_t>(end_ - begin)));
    return found == nullptr ? end_ : found;
  }

  const char* end_;
  const char* lf_ = nullptr;
  const char* cr_ = nullptr;
};

}  // namespace

std::size_t Scanner::walk(std::string_view bytes, bool to_boundary) noexcept {
  if (bytes.empty()) return 0;
  const char* next = bytes.data();
  const char* const end = next + bytes.size();
  if (behind_cr_ && completes_crlf(*next)) ++next;

  LineEnds line_ends(end);
  while (next != end) {
    const bool plain = phase_ == Phase::line_start && line_ending_ == LineEnding::lf && !behind_cr_;
    if (plain && !to_boundary) {
      next = walk_lf_lines(next, end, blocks_);
      if (next == end) break;
    }
    const char* const line_end = line_ends.next(next);
    scan_line_part(next, line_end);
    if (line_end == end) break;
    end_line(*line_end);
    next = line_end + 1;
    const bool stops = to_boundary && !blocks_.open;
    // A byte that is left to be scanned later decides nothing now.
    const bool looks = behind_cr_ && next != end && (!stops || *next == kLf);
    if (looks && completes_crlf(*next)) ++next;
    if (stops) return static_cast<std::size_t>(next - bytes.data());
  }
  return bytes.size();
}

Position Scanner::position() const noexcept {
  switch (phase_) {
    case Phase::stream_start:
      return Position::boundary;
    case Phase::line_start:
      return blocks_.open ? Position::inside_event : Position::boundary;
    case Phase::bom_1:
    case Phase::bom_2:
    case Phase::field_name:
    case Phase::rest_of_line:
      break;
  }
  return Position::mid_line;
}

LineEnding Scanner::insertion_ending() const noexcept {
  if (behind_cr_) return LineEnding::cr;
  return line_ending_ == LineEnding::crlf ? LineEnding::crlf : LineEnding::lf;
}

/// Called with the byte behind a CR. The CR has ended its line already; an LF only completes it and is no line of its
/// own.
bool Scanner::completes_crlf(char first) noexcept {
  const bool completes = first == kLf;
  if (completes && in_first_ending_) line_ending_ = LineEnding::crlf;
  behind_cr_ = false;
  in_first_ending_ = false;
  return completes;
}

void Scanner::scan_line_part(const char* begin, const char* end) noexcept {
  if (phase_ <= Phase::bom_2) begin = scan_bom(begin, end);
  if (begin == end || phase_ == Phase::rest_of_line) return;
  if (phase_ == Phase::line_start) {
    phase_ = Phase::field_name;
    matched_ = 0;
  }
  match_field_name(begin, end);
}

/// Only a whole BOM at the very start is one (WHATWG Encoding, UTF-8 decode); a beginning of it that goes on
/// differently, or ends with the line, is the content of the first line.
const char* Scanner::scan_bom(const char* begin, const char* end) noexcept {
  while (begin != end && phase_ <= Phase::bom_2) {
    const auto seen = static_cast<std::size_t>(phase_);
    if (*begin != kByteOrderMark[seen]) {
      phase_ = seen == 0 ? Phase::line_start : Phase::rest_of_line;
      return begin;
    }
    ++begin;
    phase_ = static_cast<Phase>(seen + 1);  // stream_start → bom_1 → bom_2 → line_start
  }
  return begin;
}

/// The field name must be exactly `data` (§9.2.6): no space before or behind it, and no colon is needed when the line
/// ends there.
void Scanner::match_field_name(const char* begin, const char* end) noexcept {
  if (matched_ == 0 && end - begin >= std::ptrdiff_t{kDataField.size()}) {
    blocks_.has_data |= std::memcmp(begin, kDataField.data(), kDataField.size()) == 0;
    phase_ = Phase::rest_of_line;
    return;
  }
  for (; begin != end; ++begin) {
    if (*begin != kDataField[matched_]) {
      phase_ = Phase::rest_of_line;
      return;
    }
    if (++matched_ == kDataField.size()) {
      blocks_.has_data = true;
      phase_ = Phase::rest_of_line;
      return;
    }
  }
}

void Scanner::end_line(char line_end) noexcept {
  const bool blank = phase_ == Phase::line_start || phase_ == Phase::stream_start;
  if (blank) {
    blocks_.end_block();
  } else {
    blocks_.open = true;
    if (phase_ == Phase::field_name && matched_ == kData.size()) blocks_.has_data = true;
  }
  phase_ = Phase::line_start;
  behind_cr_ = line_end == kCr;
  if (line_ending_ == LineEnding::unknown) {
    line_ending_ = behind_cr_ ? LineEnding::cr : LineEnding::lf;
    in_first_ending_ = behind_cr_;
  }
}

}  // namespace sidecar::sse
