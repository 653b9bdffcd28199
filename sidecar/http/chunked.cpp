#include "http/chunked.hpp"

#include <algorithm>
#include <charconv>

namespace sidecar::http {

namespace {

constexpr std::uint16_t kLineBytesMax = 1024;
constexpr std::uint64_t kSizeMax = 0x07ff'ffff'ffff'ffff;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && byte != '\t') || byte == 0x7f;
}

}  // namespace

Refusal ChunkedDecoder::on_size_char(char c, ChunkStrictness strictness) {
  const int digit = hex_value(c);
  if (digit >= 0) {
    if (remaining_ > (kSizeMax >> 4)) return {413, "a chunk larger than any body"};
    remaining_ = remaining_ * 16 + static_cast<std::uint64_t>(digit);
    return {};
  }
  if (line_bytes_ == 1) return {400, "a chunk line that does not begin with a size"};
  if (c == '\r') {
    state_ = State::size_lf;
  } else if (c == ';') {
    state_ = State::extension;
  } else if ((c == ' ' || c == '\t') && strictness == ChunkStrictness::tolerant) {
    state_ = State::padding;
  } else {
    return {400, "a chunk size with a character that is no hex digit"};
  }
  return {};
}

Refusal ChunkedDecoder::on_line_char(char c, ChunkStrictness strictness) {
  if (++line_bytes_ > kLineBytesMax) return {413, "a chunk line that is too long"};
  switch (state_) {
    case State::size:
      return on_size_char(c, strictness);
    case State::padding:
      if (c == '\r')
        state_ = State::size_lf;
      else if (c == ';')
        state_ = State::extension;
      else if (c != ' ' && c != '\t')
        return {400, "junk behind a chunk size"};
      return {};
    case State::extension:
      if (c == '\r')
        state_ = State::size_lf;
      else if (is_control(c))
        return {400, "a control character in a chunk extension"};
      return {};
    default:
      break;
  }
  if (c != '\n') return {400, "a chunk line that does not end in CRLF"};
  line_bytes_ = 0;
  state_ = remaining_ == 0 ? State::done : State::data;
  return {};
}

ChunkedDecoder::Result ChunkedDecoder::next(std::string_view& input, ChunkStrictness strictness) {
  for (;;) {
    if (state_ == State::done) return {Step::trailers, {}, {}};
    if (input.empty()) return {};
    if (state_ == State::data) {
      const std::string_view data =
          input.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, input.size())));
      input.remove_prefix(data.size());
      remaining_ -= data.size();
      if (remaining_ == 0) state_ = State::data_cr;
      return {Step::data, data, {}};
    }
    const char c = input.front();
    input.remove_prefix(1);
    Refusal refusal;
    if (state_ == State::data_cr) {
      if (c != '\r') refusal = {400, "a chunk longer than its size"};
      state_ = State::data_lf;
    } else if (state_ == State::data_lf) {
      if (c != '\n') refusal = {400, "a chunk that does not end in CRLF"};
      state_ = State::size;
    } else {
      refusal = on_line_char(c, strictness);
    }
    if (refusal) return {Step::error, {}, refusal};
  }
}

std::size_t write_chunk_line(std::uint64_t size, char* out) {
  const auto end = std::to_chars(out, out + kChunkLineMax - 2, size, 16).ptr;
  end[0] = '\r';
  end[1] = '\n';
  return static_cast<std::size_t>(end - out) + 2;
}

}  // namespace sidecar::http
