#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "sse/position.hpp"

namespace sidecar::sse {

/// The bytes of one kind of insertion, made once per configuration in every shape that a stream can ask for, so that
/// sending one is a pointer to static bytes.
class Insertion {
 public:
  /// `: text` and a blank line at an event boundary, the bare comment line inside an unfinished event: a blank line
  /// there would dispatch the half that has arrived (WHATWG HTML §9.2.6). An empty `text` gives the bare `:`.
  /// `text` must not contain CR, LF or NUL (asserted; config/ refuses it before).
  [[nodiscard]] static Insertion comment(std::string_view text);

  /// What may be sent at `position` in a stream whose insertions must end their lines with `ending` (never unknown:
  /// see Scanner::insertion_ending). Empty: nothing is legal there. The view lives as long as this object stays where
  /// it is.
  [[nodiscard]] std::string_view at(Position position, LineEnding ending) const;

 private:
  static constexpr std::size_t kEndings = 3;
  std::array<std::string, kEndings> at_boundary_;
  std::array<std::string, kEndings> inside_event_;
};

/// Appends `retry: N` and a blank line: when a client is to come back (WHATWG HTML §9.2.6). Legal at an event boundary
/// only; for `ending` see Insertion::at().
void append_retry(std::chrono::milliseconds delay, LineEnding ending, std::string& out);

}  // namespace sidecar::sse
