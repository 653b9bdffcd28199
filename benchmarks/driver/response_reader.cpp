#include "benchmarks/driver/response_reader.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

namespace sidecar::bench {

namespace {

constexpr std::size_t kHeadBytes = 64 * 1024;

std::string to_lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

/// `head` is in lower case.
std::optional<std::string_view> field(std::string_view head, std::string_view name) {
  const std::string wanted = "\r\n" + std::string(name) + ":";
  const std::size_t at = head.find(wanted);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view value = head.substr(at + wanted.size());
  value = value.substr(0, value.find("\r\n"));
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  return value;
}

std::optional<std::uint64_t> to_number(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

}  // namespace

/// True when `line_` is complete; its CRLF is in it.
bool ResponseReader::take_line(std::string_view& bytes) {
  const std::size_t end = bytes.find('\n');
  const std::size_t size = end == std::string_view::npos ? bytes.size() : end + 1;
  line_.append(bytes.substr(0, size));
  bytes.remove_prefix(size);
  return end != std::string_view::npos;
}

bool ResponseReader::take_head(std::string_view& bytes, ResponseSink& sink) {
  while (!bytes.empty()) {
    if (!take_line(bytes)) return line_.size() < kHeadBytes;
    if (line_.ends_with("\r\n\r\n")) break;
  }
  if (!line_.ends_with("\r\n\r\n")) return line_.size() < kHeadBytes;
  const std::string head = to_lower(line_);
  line_.clear();
  line_.shrink_to_fit();
  const auto status = head.starts_with("http/1.") && head.size() > 12 ? to_number(head.substr(9, 3), 10) : std::nullopt;
  if (!status) return false;
  const auto length = field(head, "content-length");
  if (field(head, "transfer-encoding") == "chunked") {
    state_ = State::chunk_size;
  } else if (length) {
    const auto size = to_number(*length, 10);
    if (!size) return false;
    left_ = *size;
    state_ = State::counted;
  } else {
    state_ = State::until_close;
  }
  sink.on_head(static_cast<int>(*status));
  if (state_ == State::counted && left_ == 0) end(sink);
  return true;
}

bool ResponseReader::take_chunk_size(std::string_view& bytes) {
  if (!take_line(bytes)) return line_.size() < 100;
  const auto size = to_number(line_, 16);
  line_.clear();
  if (!size) return false;
  left_ = *size;
  state_ = left_ == 0 ? State::trailers : State::chunk_data;
  return true;
}

void ResponseReader::take_data(std::string_view& bytes, ResponseSink& sink) {
  const std::size_t size = state_ == State::until_close
                               ? bytes.size()
                               : static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
  const std::string_view data = bytes.substr(0, size);
  bytes.remove_prefix(size);
  if (state_ != State::until_close) left_ -= size;
  sink.on_body(data);
  if (state_ == State::counted && left_ == 0) end(sink);
  if (state_ == State::chunk_data && left_ == 0) state_ = State::chunk_end;
}

void ResponseReader::end(ResponseSink& sink) {
  state_ = State::head;
  sink.on_response_end();
}

bool ResponseReader::feed(std::string_view bytes, ResponseSink& sink) {
  while (!bytes.empty()) {
    switch (state_) {
      case State::head:
        if (!take_head(bytes, sink)) return false;
        break;
      case State::chunk_size:
        if (!take_chunk_size(bytes)) return false;
        break;
      case State::chunk_end:
      case State::trailers: {
        if (!take_line(bytes)) break;
        const bool blank = line_ == "\r\n";
        line_.clear();
        if (state_ == State::chunk_end) {
          if (!blank) return false;
          state_ = State::chunk_size;
        } else if (blank) {
          end(sink);
        }
        break;
      }
      default:
        take_data(bytes, sink);
    }
  }
  return true;
}

bool ResponseReader::finish(ResponseSink& sink) {
  const bool whole = state_ == State::until_close || (state_ == State::head && line_.empty());
  if (state_ == State::until_close) end(sink);
  return whole;
}

}  // namespace sidecar::bench
