#include "tests/net/harness/body.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace sidecar::nettest {
namespace {

constexpr std::size_t kSizeLineBytesMax = 18;
constexpr std::size_t kSizeDigitsMax = 16;

}  // namespace

BodyReader::BodyReader(RawConnection& connection, BodyFraming framing)
    : connection_(connection), framing_(framing), left_(framing.length) {
  if (framing_.framing == Framing::none || (framing_.framing == Framing::length && left_ == 0)) {
    end_ = BodyEnd::complete;
  }
}

bool BodyReader::fill(Clock::time_point deadline) {
  if (end_ != BodyEnd::open) return false;
  const auto left = std::max(Milliseconds{0}, std::chrono::ceil<Milliseconds>(deadline - Clock::now()));
  if (!connection_.readable_within(left)) return false;
  if (connection_.buffered().empty() && connection_.end() == End::open) (void)connection_.silent_for(0ms);
  if (!connection_.buffered().empty()) {
    raw_ += connection_.read_available(0ms);
    decode();
    return true;
  }
  if (connection_.end() == End::reset) {
    end_ = BodyEnd::reset;
  } else if (connection_.end() == End::cut) {
    end_ = BodyEnd::truncated;
  } else if (connection_.end() == End::eof) {
    end_ = framing_.framing == Framing::until_close ? BodyEnd::complete : BodyEnd::truncated;
  }
  return true;
}

void BodyReader::decode() {
  switch (framing_.framing) {
    case Framing::none:
      break;
    case Framing::until_close:
      decoded_ += std::exchange(raw_, {});
      break;
    case Framing::length:
      take_data();
      if (left_ == 0) finish();
      break;
    case Framing::chunked:
      while (end_ == BodyEnd::open && decode_chunked()) {
      }
      break;
  }
}

/// One step; false: more bytes are needed.
bool BodyReader::decode_chunked() {
  switch (state_) {
    case State::size:
      return take_size_line();
    case State::data:
      take_data();
      if (left_ > 0) return false;
      state_ = State::data_end;
      return true;
    case State::data_end:
      if (raw_.size() < 2) return false;
      if (!raw_.starts_with("\r\n")) throw Failure("no CRLF behind a chunk: " + raw_.substr(0, 20));
      raw_.erase(0, 2);
      state_ = State::size;
      return true;
    case State::trailers:
      return take_trailers();
  }
  return false;
}

bool BodyReader::take_size_line() {
  const std::size_t end = raw_.find("\r\n");
  if (end == std::string::npos) {
    if (raw_.size() > kSizeLineBytesMax) throw Failure("not a chunk size: " + raw_.substr(0, 40));
    return false;
  }
  const auto [stop, error] = std::from_chars(raw_.data(), raw_.data() + end, left_, 16);
  if (error != std::errc{} || stop != raw_.data() + end || end > kSizeDigitsMax) {
    throw Failure("not a chunk size: " + raw_.substr(0, end));
  }
  raw_.erase(0, end + 2);
  state_ = left_ == 0 ? State::trailers : State::data;
  if (left_ > 0) ++chunks_;
  return true;
}

bool BodyReader::take_trailers() {
  if (raw_.starts_with("\r\n")) {
    raw_.erase(0, 2);
    finish();
    return true;
  }
  const std::size_t end = raw_.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  trailers_ = parse_fields(std::string_view(raw_).substr(0, end + 2));
  raw_.erase(0, end + 4);
  finish();
  return true;
}

void BodyReader::take_data() {
  const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(left_, raw_.size()));
  decoded_.append(raw_, 0, taken);
  raw_.erase(0, taken);
  left_ -= taken;
}

void BodyReader::finish() {
  end_ = BodyEnd::complete;
  connection_.unread(std::exchange(raw_, {}));
}

std::string BodyReader::read_until(std::string_view needle, Milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (true) {
    const std::size_t at = decoded_.find(needle);
    if (at != std::string::npos) return read_exact(at + needle.size(), 0ms);
    if (!fill(deadline)) throw TimedOut("body without '" + std::string(needle) + "': " + decoded_);
  }
}

std::string BodyReader::read_exact(std::size_t count, Milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (decoded_.size() < count) {
    if (!fill(deadline)) throw TimedOut("body shorter than " + std::to_string(count) + " bytes: " + decoded_);
  }
  std::string bytes = decoded_.substr(0, count);
  decoded_.erase(0, count);
  return bytes;
}

std::string BodyReader::read_available(Milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (decoded_.empty() && end_ == BodyEnd::open) {
    if (!fill(deadline)) throw TimedOut("no body byte in time");
  }
  return std::exchange(decoded_, {});
}

std::string BodyReader::read_all(Milliseconds timeout) {
  if (wait_end(timeout) != BodyEnd::complete) {
    const auto shown = decoded_.size() > 400 ? decoded_.size() - 400 : 0;
    throw PeerGone("body without its end, " + std::to_string(decoded_.size()) + " bytes: " + decoded_.substr(shown));
  }
  return std::exchange(decoded_, {});
}

BodyEnd BodyReader::wait_end(Milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (end_ == BodyEnd::open && fill(deadline)) {
  }
  return end_;
}

bool BodyReader::silent_for(Milliseconds duration) {
  const auto deadline = Clock::now() + duration;
  while (decoded_.empty() && end_ == BodyEnd::open) {
    if (!fill(deadline)) return true;
  }
  return false;
}

Response read_response(RawConnection& connection, std::string_view method, Milliseconds timeout) {
  Response response;
  response.head = connection.read_head(timeout);
  const BodyFraming framing = framing_of_response(response.head, method);
  response.framing = framing.framing;
  BodyReader body(connection, framing);
  response.body = body.read_all(timeout);
  response.trailers = body.trailers();
  return response;
}

Request read_request(RawConnection& connection, Milliseconds timeout) {
  Request request;
  request.head = connection.read_head(timeout);
  const BodyFraming framing = framing_of_request(request.head);
  request.framing = framing.framing;
  BodyReader body(connection, framing);
  request.body = body.read_all(timeout);
  request.trailers = body.trailers();
  return request;
}

std::string chunk(std::string_view bytes) {
  char size[16];
  const auto [end, error] = std::to_chars(std::begin(size), std::end(size), bytes.size(), 16);
  (void)error;
  return std::string(size, end) + "\r\n" + std::string(bytes) + "\r\n";
}

std::string pattern(std::size_t size, std::uint64_t offset) {
  // 251 is prime: a shift by any power of two, or by a whole page, changes every byte.
  constexpr std::uint64_t kPeriod = 251;
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) {
    const std::uint64_t at = offset + i;
    bytes[i] = static_cast<char>(static_cast<unsigned char>((at + at / kPeriod) % kPeriod));
  }
  return bytes;
}

}  // namespace sidecar::nettest
