#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace sidecar::sse {

inline constexpr std::string_view kData = "data";
inline constexpr std::string_view kDataField = "data:";

/// What the lines of a stream have come to (WHATWG HTML §9.2.6).
struct Blocks {
  std::uint64_t events = 0;  ///< Blocks with data that a blank line ended.
  bool open = false;         ///< A line that is not blank stands behind the last blank line.
  bool has_data = false;     ///< The data buffer of this block is not empty.

  /// A whole line without its end.
  void end_line(std::string_view line) noexcept {
    if (line.empty()) return end_block();
    open = true;
    has_data |= line.size() >= kDataField.size() ? std::memcmp(line.data(), kDataField.data(), kDataField.size()) == 0
                                                 : line == kData;
  }

  void end_block() noexcept {
    events += has_data ? 1 : 0;
    has_data = false;
    open = false;
  }
};

/// Walks what most streams are made of: lines that are there as a whole and end in LF, from the beginning of one at
/// `next`. Returns where the first line begins that it leaves to others: there is no more of it, or a CR is near.
using WalkLfLines = const char* (*)(const char* next, const char* end, Blocks& blocks) noexcept;

/// The fastest one that this processor can run; one that leaves all to others, where there is none.
extern const WalkLfLines walk_lf_lines;

/// Each that this processor can run, the fastest first.
std::span<const WalkLfLines> all_lf_line_walks() noexcept;

}  // namespace sidecar::sse
