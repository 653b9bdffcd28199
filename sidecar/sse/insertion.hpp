#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "sse/position.hpp"
#include "sse/scanner.hpp"

namespace sidecar::sse {

/// The bytes of one kind of insertion, made once per configuration in every shape that a stream can ask for, so that
/// sending one is a pointer to static bytes.
class Insertion {
 public:
  // Texts must not contain CR, LF or NUL (asserted; config/ refuses them before). `padding` is how many spaces go
  // along, for middle boxes that hold bytes back until there are enough of them.

  /// `: text` and a blank line at an event boundary, the bare comment line inside an unfinished event: a blank line
  /// there would dispatch the half that has arrived (WHATWG HTML §9.2.6). An empty `text` gives the bare `:`.
  [[nodiscard]] static Insertion comment(std::string_view text, std::size_t padding = 0);

  /// The comment line alone everywhere, for clients that take a blank line for an empty event.
  [[nodiscard]] static Insertion comment_line(std::string_view text, std::size_t padding = 0);

  /// An event that clients dispatch, `name` with `data`, at an event boundary; inside an unfinished event the comment
  /// line of `text`.
  [[nodiscard]] static Insertion event(std::string_view name, std::string_view data, std::string_view text,
                                       std::size_t padding = 0);

  /// Bytes of the operator's, at an event boundary only. Their line ends (LF or CRLF) become the stream's own; see
  /// may_be_inserted().
  [[nodiscard]] static Insertion bytes(std::string_view bytes);

  /// Never anything.
  [[nodiscard]] static Insertion nothing() { return {}; }

  /// What may be sent at `position` in a stream whose insertions must end their lines with `ending` (never unknown:
  /// see Scanner::insertion_ending). Empty: nothing is legal there. The view lives as long as this object stays where
  /// it is.
  [[nodiscard]] std::string_view at(Position position, LineEnding ending) const;

 private:
  static constexpr std::size_t kEndings = 3;
  using Shapes = std::array<std::string, kEndings>;
  [[nodiscard]] static Shapes shapes_of(std::string_view text);

  Shapes at_boundary_;
  Shapes inside_event_;
};

/// Whether `bytes` leave the stream as they found it when they are put at an event boundary: whole lines that are
/// nothing but comments, or that end at a boundary again. No NUL, no lone CR.
[[nodiscard]] bool may_be_inserted(std::string_view bytes);

/// What an event's name, its data or a comment's text may consist of: no CR, LF or NUL.
[[nodiscard]] bool is_line_text(std::string_view text);

/// Appends `text` to `out`, each of its line ends (LF) as `ending` (never unknown).
void append_lines(std::string_view text, LineEnding ending, std::string& out);

/// What is missing at the very end of a stream for its last event to be dispatched: a blank line, and the end of the
/// line that it stands in. Static bytes; empty when no event is unfinished.
[[nodiscard]] std::string_view missing_end(const Scanner& scanner);

/// Appends `retry: N`: when a client is to come back (WHATWG HTML §9.2.6), which it learns from the line alone.
/// `closed`: and a blank line, for readers that take whole blocks. Legal at an event boundary only; for `ending` see
/// Insertion::at().
void append_retry(std::chrono::milliseconds delay, bool closed, LineEnding ending, std::string& out);

}  // namespace sidecar::sse
