#include "http/body_decoder.hpp"

#include <algorithm>

namespace sidecar::http {

namespace {

constexpr Refusal kTooLong{431, "a trailer section that is too long"};

}  // namespace

std::string_view BodyDecoder::next_piece(std::string_view& input) {
  if (kind_ == FramingKind::chunked) return chunked_.next_piece(input);
  std::size_t size = input.size();
  if (kind_ != FramingKind::until_close) {  // Of no body nothing remains.
    size = static_cast<std::size_t>(std::min<std::uint64_t>(size, remaining_));
    remaining_ -= size;
  }
  const std::string_view piece = input.substr(0, size);
  input.remove_prefix(size);
  return piece;
}

BodyDecoder::Result BodyDecoder::next(std::string_view& input, const HeadLimits& limits, HeadScratch& scratch) {
  if (kind_ == FramingKind::chunked) return next_chunked(input, limits, scratch);
  Result result;
  result.data = next_piece(input);
  if (!result.data.empty()) {
    result.step = Step::data;
  } else if (kind_ != FramingKind::until_close && remaining_ == 0) {
    result.step = Step::end;
  }
  return result;
}

BodyDecoder::Result BodyDecoder::next_chunked(std::string_view& input, const HeadLimits& limits, HeadScratch& scratch) {
  Result result;
  const ChunkedDecoder::Result chunk = chunked_.next(input, strictness_);
  switch (chunk.step) {
    case ChunkedDecoder::Step::need_more:
      return result;
    case ChunkedDecoder::Step::data:
      result.step = Step::data;
      result.data = chunk.data;
      return result;
    case ChunkedDecoder::Step::error:
      result.step = Step::error;
      result.refusal = chunk.refusal;
      return result;
    case ChunkedDecoder::Step::trailers:
      break;
  }
  // Nothing behind the limit is looked at: so what is wrong does not depend on how much came at once.
  const HeadEnd end = search_.find(input.substr(0, limits.bytes));
  if (end.size == HeadEnd::kIncomplete) {
    if (end.bare_lf) {
      result.refusal = {400, "a trailer section with a bare LF"};
    } else if (input.size() >= limits.bytes) {
      result.refusal = kTooLong;
    }
    if (result.refusal) result.step = Step::error;
    return result;
  }
  result.step = Step::end;
  if (end.size > 2) {
    const bool lenient = strictness_ == ChunkStrictness::tolerant;
    const auto forbidden = lenient ? ForbiddenTrailers::dropped : ForbiddenTrailers::refused;
    result.refusal = parse_trailers(input.substr(0, end.size), forbidden, limits, scratch, result.trailers);
  } else if (end.bare_lf) {
    result.refusal = {400, "a trailer section that ends in a bare LF"};
  }
  if (result.refusal) result.step = Step::error;
  input.remove_prefix(end.size);
  return result;
}

}  // namespace sidecar::http
