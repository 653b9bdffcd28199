#include "tests/sim/wire_reader.hpp"

#include <algorithm>
#include <cctype>
#include <stdexcept>

namespace sidecar::test {

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

bool number(const std::string& text, int base, std::size_t& out) {
  const char* digits = base == 16 ? "0123456789abcdefABCDEF" : "0123456789";
  if (text.empty() || text.size() > 18 || text.find_first_not_of(digits) != std::string::npos) return false;
  out = std::stoull(text, nullptr, base);
  return true;
}

}  // namespace

std::optional<std::string> WireMessage::field(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (lower(key) == lower(name)) return value;
  }
  return std::nullopt;
}

bool WireReader::fail(const std::string& why) {
  error_ = why;
  return false;
}

void WireReader::feed(std::string_view bytes) {
  buffer_ += bytes;
  while (error_.empty() && step()) {
  }
}

void WireReader::finish() {
  if (state_ != State::until_close) return;
  messages_.back().complete = true;
  state_ = State::head;
}

bool WireReader::step() {
  std::string line;
  switch (state_) {
    case State::head:
      return read_head();
    case State::until_close:
    case State::length:
    case State::chunk: {
      const std::size_t size = state_ == State::until_close ? buffer_.size() : std::min(buffer_.size(), remaining_);
      messages_.back().body.append(buffer_, 0, size);
      buffer_.erase(0, size);
      if (state_ == State::until_close) return false;
      remaining_ -= size;
      if (remaining_ > 0) return false;
      state_ == State::length ? end_message() : void(state_ = State::chunk_end);
      return true;
    }
    case State::chunk_end:
      if (buffer_.size() < 2) return false;
      if (!buffer_.starts_with("\r\n")) return fail("a chunk does not end in CRLF");
      buffer_.erase(0, 2);
      state_ = State::chunk_line;
      return true;
    case State::chunk_line:
      if (!take_line(line)) return false;
      if (!number(line, 16, remaining_)) return fail("no chunk size: " + line);
      state_ = remaining_ == 0 ? State::trailers : State::chunk;
      return true;
    case State::trailers:
      if (!take_line(line)) return false;
      line.empty() ? end_message() : add_field(line);
      return error_.empty();
  }
  return false;
}

bool WireReader::take_line(std::string& line) {
  const std::size_t end = buffer_.find('\n');
  if (end == std::string::npos) return false;
  if (end == 0 || buffer_[end - 1] != '\r') return fail("a line without CR");
  line = buffer_.substr(0, end - 1);
  buffer_.erase(0, end + 1);
  return true;
}

void WireReader::add_field(const std::string& line) {
  const std::size_t colon = line.find(": ");
  if (colon == std::string::npos || colon == 0 || line.find_first_of(" \t") < colon) {
    fail("no field: " + line);
    return;
  }
  const std::string name = line.substr(0, colon);
  for (const char* single : {"content-length", "transfer-encoding", "connection"}) {
    if (lower(name) == single && messages_.back().field(name)) fail("twice: " + name);
  }
  messages_.back().fields.emplace_back(name, line.substr(colon + 2));
}

bool WireReader::read_head() {
  const std::size_t end = buffer_.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  WireMessage message;
  if (!take_line(message.start)) return false;
  std::string method;
  if (kind_ == Kind::responses) {
    const std::string& line = message.start;
    std::size_t status = 0;
    const bool good =
        line.starts_with("HTTP/1.1 ") && line.size() >= 13 && line[12] == ' ' && number(line.substr(9, 3), 10, status);
    if (!good) return fail("no status line: " + line);
    message.status = static_cast<int>(status);
    method = methods_.empty() ? "GET" : methods_.front();
  } else {
    if (!message.start.ends_with(" HTTP/1.1")) return fail("no request line: " + message.start);
  }
  messages_.push_back(message);
  std::string line;
  while (take_line(line) && !line.empty()) add_field(line);
  if (!error_.empty()) return false;
  begin_body(method);
  return error_.empty();
}

void WireReader::begin_body(const std::string& method) {
  WireMessage& message = messages_.back();
  const auto length = message.field("Content-Length");
  const auto coding = message.field("Transfer-Encoding");
  const bool response = kind_ == Kind::responses;
  if (response && message.status < 200 && message.status != 101) {
    ++informational_;
    messages_.pop_back();
    return;
  }
  if (length && coding) fail("both framings");
  if (coding && *coding != "chunked") fail("coding " + *coding);
  const bool bodiless = response && (method == "HEAD" || message.status == 204 || message.status == 304);
  message.tunnel = response && message.status == 101;
  if (bodiless && coding) fail("a coding without a body");
  if (bodiless || (!response && !length && !coding)) {
    end_message();
  } else if (coding) {
    state_ = State::chunk_line;
  } else if (length) {
    if (!number(*length, 10, remaining_)) fail("length " + *length);
    state_ = State::length;
  } else {
    message.until_close = true;
    state_ = State::until_close;
  }
}

void WireReader::end_message() {
  messages_.back().complete = true;
  state_ = State::head;
  if (!methods_.empty()) methods_.pop_front();
}

}  // namespace sidecar::test
