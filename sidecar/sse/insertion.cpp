#include "sse/insertion.hpp"

#include <cassert>

namespace sidecar::sse {
namespace {

/// In the order of LineEnding, without `unknown`.
constexpr std::array<std::string_view, 3> kLineEnds = {"\n", "\r\n", "\r"};

constexpr std::size_t index_of(LineEnding ending) {
  return static_cast<std::size_t>(ending) - 1;
}
static_assert(index_of(LineEnding::lf) == 0 && index_of(LineEnding::crlf) == 1 && index_of(LineEnding::cr) == 2);

}  // namespace

Insertion Insertion::comment(std::string_view text) {
  // A CR or LF in the text would end the comment and begin a line of its own; NUL breaks clients that hold the stream
  // in C strings.
  assert(text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);

  std::string line = ":";
  if (!text.empty()) line.append(" ").append(text);

  Insertion insertion;
  for (std::size_t i = 0; i < kEndings; ++i) {
    insertion.inside_event_[i] = line;
    insertion.inside_event_[i] += kLineEnds[i];
    insertion.at_boundary_[i] = insertion.inside_event_[i];
    insertion.at_boundary_[i] += kLineEnds[i];
  }
  return insertion;
}

std::string_view Insertion::at(Position position, LineEnding ending) const {
  assert(ending != LineEnding::unknown);
  if (ending == LineEnding::unknown) return {};
  switch (position) {
    case Position::boundary:
      return at_boundary_[index_of(ending)];
    case Position::inside_event:
      return inside_event_[index_of(ending)];
    case Position::mid_line:
      break;
  }
  return {};
}

void append_retry(std::chrono::milliseconds delay, LineEnding ending, std::string& out) {
  assert(ending != LineEnding::unknown);
  const std::string_view line_end = kLineEnds[index_of(ending)];
  out.append("retry: ").append(std::to_string(delay.count())).append(line_end).append(line_end);
}

}  // namespace sidecar::sse
