#pragma once

#include <cstdint>
#include <string_view>

#include "http/chunked.hpp"
#include "http/framing.hpp"
#include "http/head_parser.hpp"

namespace sidecar::http {

/// One message's body across any split, whatever its framing (RFC 9112 §6, §7).
class BodyDecoder {
 public:
  enum class Step : std::uint8_t {
    need_more,
    data,  ///< `data` is a piece of the body.
    end,   ///< The body is complete; `trailers` are what followed it.
    error,
  };

  struct Result {
    Step step = Step::need_more;
    std::string_view data;
    Fields trailers;
    Refusal refusal;
  };

  BodyDecoder() = default;
  BodyDecoder(const Framing& framing, ChunkStrictness strictness)
      : remaining_(framing.kind == FramingKind::length ? framing.length : 0),
        kind_(framing.kind),
        strictness_(strictness) {}

  /// Consumes from the front of `input`. Unused bytes must come again, joined with what follows them.
  [[nodiscard]] Result next(std::string_view& input, const HeadLimits& limits, HeadScratch& scratch);

  /// The same where what comes next is a piece of the body and nothing can be wrong with it, which is most of what
  /// comes. Empty: ask next().
  [[nodiscard]] std::string_view next_piece(std::string_view& input);

  /// The same for whole chunks, many at once. False: there are none, ask next_piece().
  [[nodiscard]] bool next_run(std::string_view& input, ChunkRun& run) {
    if (kind_ != FramingKind::chunked) return false;
    chunked_.next_run(input, run);
    return !run.empty();
  }

  /// For the heads between the bodies as well as for trailers: never both at once.
  [[nodiscard]] HeadSearch& head_search() { return search_; }
  /// The connection's end is the body's end.
  [[nodiscard]] bool ends_at_close() const { return kind_ == FramingKind::until_close; }

 private:
  [[nodiscard]] Result next_chunked(std::string_view& input, const HeadLimits& limits, HeadScratch& scratch);

  // The small ones fit in behind the last of the chunked decoder.
  std::uint64_t remaining_ = 0;
  [[no_unique_address]] ChunkedDecoder chunked_;
  FramingKind kind_ : 4 = FramingKind::none;
  ChunkStrictness strictness_ : 4 = ChunkStrictness::strict;
  HeadSearch search_;
};

static_assert(sizeof(BodyDecoder) <= 24, "every open stream holds two");

}  // namespace sidecar::http
