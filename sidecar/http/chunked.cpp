#include "http/chunked.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace sidecar::http {

namespace {

constexpr std::uint16_t kLineBytesMax = 1024;
constexpr std::uint64_t kSizeMax = 0x07ff'ffff'ffff'ffff;

constexpr auto kHexValues = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::int8_t i = 0; i < 10; ++i) values.at(static_cast<std::size_t>('0' + i)) = i;
  for (std::int8_t i = 10; i < 16; ++i) {
    values.at(static_cast<std::size_t>('a' + i - 10)) = i;
    values.at(static_cast<std::size_t>('A' + i - 10)) = i;
  }
  return values;
}();

int hex_value(char c) {
  return kHexValues[static_cast<unsigned char>(c)];
}

bool has_crlf(std::string_view input, std::size_t at) {
  return input.size() >= at + 2 && input[at] == '\r' && input[at + 1] == '\n';
}

/// How long the usual chunk line at the front of `input` is: a few digits and CRLF, all there. 0: it is another one, or
/// has not come whole.
std::size_t plain_line(std::string_view input, std::uint64_t& size) {
  static constexpr std::size_t kDigitsMax = 8;
  const std::size_t digits_max = std::min(input.size(), kDigitsMax);
  std::uint64_t value = 0;
  std::size_t digits = 0;
  for (; digits < digits_max; ++digits) {
    const int digit = hex_value(input[digits]);
    if (digit < 0) break;
    value = value * 16 + static_cast<std::uint64_t>(digit);
  }
  if (digits == 0 || !has_crlf(input, digits)) return 0;
  size = value;
  return digits + 2;
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

void ChunkRun::take(std::string_view& input) {
  std::string_view rest = input;
  std::size_t count = 0;
  std::size_t bytes = 0;
  for (; count < kPieces; ++count) {
    std::uint64_t size = 0;
    const std::size_t line = plain_line(rest, size);
    if (line == 0 || size == 0 || !has_crlf(rest, line + size)) break;
    pieces_[count] = {rest.data() + line, size};
    bytes += size;
    rest.remove_prefix(line + size + 2);
  }
  framed_ = input.substr(0, input.size() - rest.size());
  count_ = count;
  size_ = bytes;
  input = rest;
}

/// The CRLF behind a chunk, where it is there as a whole.
void ChunkedDecoder::skip_chunk_end(std::string_view& input) {
  if (state_ != State::data_cr || !has_crlf(input, 0)) return;
  input.remove_prefix(2);
  state_ = State::size;
}

void ChunkedDecoder::next_run(std::string_view& input, ChunkRun& run) {
  skip_chunk_end(input);
  std::string_view nothing;
  run.take(state_ == State::size && line_bytes_ == 0 ? input : nothing);
}

std::string_view ChunkedDecoder::next_piece(std::string_view& input) {
  skip_chunk_end(input);
  if (state_ == State::size && line_bytes_ == 0) {
    const std::size_t line = plain_line(input, remaining_);
    if (line == 0) return {};
    input.remove_prefix(line);
    state_ = remaining_ == 0 ? State::done : State::data;
  }
  if (state_ != State::data) return {};
  const std::string_view data =
      input.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, input.size())));
  input.remove_prefix(data.size());
  remaining_ -= data.size();
  if (remaining_ == 0) state_ = State::data_cr;
  return data;
}

ChunkedDecoder::Result ChunkedDecoder::next(std::string_view& input, ChunkStrictness strictness) {
  for (;;) {
    if (const std::string_view data = next_piece(input); !data.empty()) return {Step::data, data, {}};
    if (state_ == State::done) return {Step::trailers, {}, {}};
    if (input.empty()) return {};
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
  static constexpr std::string_view kHex = "0123456789abcdef";
  const auto digits = (static_cast<std::size_t>(std::bit_width(size | 1U)) + 3) / 4;
  for (std::size_t at = digits; at > 0; size /= 16) out[--at] = kHex[size % 16];
  out[digits] = '\r';
  out[digits + 1] = '\n';
  return digits + 2;
}

}  // namespace sidecar::http
