#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "http/head.hpp"

namespace sidecar::http {

/// How strictly chunk lines are read: requests exactly (RFC 9112 §7.1), responses with white space behind the size,
/// which some servers pad with.
enum class ChunkStrictness : std::uint8_t { strict, tolerant };

/// Whole chunks in the usual form that lie behind one another: what a burst is made of.
class ChunkRun {
 public:
  /// As they came, with their lines: a body that is chunked as well may go on with these bytes.
  [[nodiscard]] std::string_view framed() const { return framed_; }
  /// What is in them. None of them is empty; there may be none.
  [[nodiscard]] std::span<const std::string_view> pieces() const { return std::span(pieces_).first(count_); }
  /// Of all pieces.
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return count_ == 0; }

  /// Takes off the front of `input`, where a chunk line begins, what there is of such chunks and what fits in.
  void take(std::string_view& input);

 private:
  static constexpr std::size_t kPieces = 64;

  std::string_view framed_;
  std::array<std::string_view, kPieces> pieces_;
  std::size_t count_ = 0;
  std::size_t size_ = 0;
};

/// Walks the chunked coding (RFC 9112 §7.1) across any split. Copies nothing and holds no bytes.
class ChunkedDecoder {
 public:
  enum class Step : std::uint8_t {
    need_more,  ///< `input` is used up.
    data,       ///< `data` is a piece of the body.
    trailers,   ///< The last chunk's line has passed; the trailer section begins at `input`.
    error,
  };

  struct Result {
    Step step = Step::need_more;
    std::string_view data;
    Refusal refusal;  ///< For `error`.
  };

  /// Consumes from the front of `input` up to the next thing worth telling.
  [[nodiscard]] Result next(std::string_view& input, ChunkStrictness strictness);

  /// The same where what comes next is a piece of the body in the usual form, which is most of it. Empty: ask next().
  [[nodiscard]] std::string_view next_piece(std::string_view& input);

  /// The same for chunks that have come whole, many at once. None: ask next_piece().
  void next_run(std::string_view& input, ChunkRun& run);

 private:
  enum class State : std::uint8_t { size, padding, extension, size_lf, data, data_cr, data_lf, done };

  [[nodiscard]] Refusal on_size_char(char c, ChunkStrictness strictness);
  [[nodiscard]] Refusal on_line_char(char c, ChunkStrictness strictness);
  void skip_chunk_end(std::string_view& input);

  std::uint64_t remaining_ = 0;
  std::uint16_t line_bytes_ = 0;  ///< Of the chunk line so far: bounds sizes with leading zeros and extensions.
  State state_ = State::size;
};

/// `hex CRLF`, written at `out` (at least kChunkLineMax bytes); returns its size.
inline constexpr std::size_t kChunkLineMax = 18;
[[nodiscard]] std::size_t write_chunk_line(std::uint64_t size, char* out);

}  // namespace sidecar::http
