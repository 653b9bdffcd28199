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

std::string comment_text(std::string_view text, std::size_t padding) {
  // A CR or LF in the text would end the comment and begin a line of its own; NUL breaks clients that hold the stream
  // in C strings.
  assert(is_line_text(text));
  std::string line = ":";
  if (!text.empty()) line.append(" ").append(text);
  return line.append(padding, ' ');
}

}  // namespace

Insertion::Shapes Insertion::shapes_of(std::string_view text) {
  Shapes shapes;
  for (std::size_t i = 0; i < kEndings; ++i) append_lines(text, static_cast<LineEnding>(i + 1), shapes[i]);
  return shapes;
}

Insertion Insertion::comment(std::string_view text, std::size_t padding) {
  const std::string line = comment_text(text, padding) + "\n";
  Insertion insertion;
  insertion.inside_event_ = shapes_of(line);
  insertion.at_boundary_ = shapes_of(line + "\n");
  return insertion;
}

Insertion Insertion::comment_line(std::string_view text, std::size_t padding) {
  Insertion insertion;
  insertion.inside_event_ = insertion.at_boundary_ = shapes_of(comment_text(text, padding) + "\n");
  return insertion;
}

Insertion Insertion::event(std::string_view name, std::string_view data, std::string_view text, std::size_t padding) {
  assert(is_line_text(name) && is_line_text(data));
  std::string block = padding > 0 ? comment_text({}, padding) + "\n" : std::string();
  block.append("event: ").append(name).append("\ndata: ").append(data).append("\n\n");
  Insertion insertion;
  insertion.at_boundary_ = shapes_of(block);
  insertion.inside_event_ = shapes_of(comment_text(text, padding) + "\n");
  return insertion;
}

Insertion Insertion::bytes(std::string_view bytes) {
  assert(may_be_inserted(bytes));
  std::string lines(bytes);
  std::erase(lines, '\r');
  Insertion insertion;
  insertion.at_boundary_ = shapes_of(lines);
  return insertion;
}

bool may_be_inserted(std::string_view bytes) {
  if (!bytes.ends_with('\n') || bytes.find('\0') != std::string_view::npos) return false;
  Scanner scanner;
  scanner.scan(bytes);
  bool comments = true;
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    std::string_view line = bytes.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find('\r') != std::string_view::npos) return false;
    comments = comments && line.starts_with(':');
    bytes.remove_prefix(end + 1);
  }
  return comments || scanner.position() == Position::boundary;
}

bool is_line_text(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

void append_lines(std::string_view text, LineEnding ending, std::string& out) {
  assert(ending != LineEnding::unknown);
  for (const char c : text) {
    if (c == '\n') {
      out.append(kLineEnds[index_of(ending)]);
    } else {
      out.push_back(c);
    }
  }
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

std::string_view missing_end(const Scanner& scanner) {
  static constexpr std::array<std::string_view, 3> kTwoLineEnds = {"\n\n", "\r\n\r\n", "\r\r"};
  if (!scanner.event_unfinished()) return {};
  if (scanner.position() != Position::mid_line) return kLineEnds[index_of(scanner.insertion_ending())];
  // No byte of a line end stands before it, and none follows: here the stream's own ending is always right.
  const LineEnding own = scanner.line_ending();
  return kTwoLineEnds[index_of(own == LineEnding::unknown ? LineEnding::lf : own)];
}

void append_retry(std::chrono::milliseconds delay, bool closed, LineEnding ending, std::string& out) {
  append_lines("retry: " + std::to_string(delay.count()) + (closed ? "\n\n" : "\n"), ending, out);
}

}  // namespace sidecar::sse
