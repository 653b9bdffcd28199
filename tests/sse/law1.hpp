#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The first two laws of the event stream as one check, for the property test and the fuzz target. It plays a backend
/// that writes a stream in pieces and a sidecar that inserts whenever the backend pauses, and judges what a client got.
///
///   1. The output less the insertions is the input, byte for byte (less a BOM behind an early insertion), and the
///      oracle reads the same events, last event ID and reconnection time from both.
///   2. Nothing is inserted inside a line or a BOM, an insertion behind a CR leaves a following LF its meaning, a blank
///      line is inserted at an event boundary only, and the stream's own line ending is used where that is legal.
namespace sidecar::test {

/// A piece of the stream arrives, then the backend pauses `pauses` times as long as the heartbeat interval.
struct Step {
  std::size_t bytes = 0;
  std::size_t pauses = 0;
};

/// What the sidecar inserts.
enum class Law1Form : std::uint8_t { comment, comment_line, event, bytes };
inline constexpr std::size_t kLaw1Forms = 4;

struct Law1Case {
  std::string stream;
  std::vector<Step> steps;  ///< What they leave over arrives at the end in one piece.
  Law1Form form = Law1Form::comment;
};

/// What happened, over many cases, so that a test can demand that it was not all nothing.
struct Law1Counts {
  std::array<std::uint64_t, 3> at_boundary{};   ///< By line ending: LF, CRLF, CR.
  std::array<std::uint64_t, 3> inside_event{};  ///< The same.
  std::uint64_t refused = 0;                    ///< Mid-line.
  std::uint64_t between_cr_and_lf = 0;          ///< Insertions behind a CR whose LF came next.
  std::uint64_t before_first_byte = 0;
  std::uint64_t boms_dropped = 0;
  std::uint64_t boms_kept = 0;
  std::uint64_t events = 0;
  std::uint64_t completed = 0;                      ///< Last events without a blank line.
  std::array<std::uint64_t, kLaw1Forms> of_form{};  ///< Insertions at a boundary, by form.
  std::uint64_t bytes_refused = 0;                  ///< Inside an event, where bytes have no place.
};

/// Empty when the laws hold, otherwise what was broken.
[[nodiscard]] std::string check_law1(const Law1Case& test_case, Law1Counts& counts);

/// First byte: low six bits the number of steps, high two bits the form; one byte for each step, low five bits its
/// bytes, high three bits (halved) its pauses; the rest is the stream. The steps are repeated while the stream lasts.
[[nodiscard]] Law1Case law1_case_from_bytes(std::string_view bytes);

/// Random pieces and pauses for a stream, from the same seed the same.
[[nodiscard]] std::vector<Step> random_steps(std::size_t stream_bytes, std::uint64_t seed);

}  // namespace sidecar::test
