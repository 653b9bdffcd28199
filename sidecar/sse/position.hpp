#pragma once

#include <cstdint>

namespace sidecar::sse {

/// How the lines of an event stream end (WHATWG HTML §9.2.5: CRLF, LF or CR).
enum class LineEnding : std::uint8_t {
  unknown,  ///< No line has ended yet.
  lf,
  crlf,
  cr,
};

/// Where in an event stream the last byte stands: what may be written behind it.
enum class Position : std::uint8_t {
  boundary,      ///< Before the first byte, behind a complete BOM, or behind a blank line.
  inside_event,  ///< At the start of a line inside an unfinished event (a comment line counts as one).
  mid_line,      ///< Inside a line or inside a BOM: nothing may be written.
};

}  // namespace sidecar::sse
