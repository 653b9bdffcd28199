#include "http/h1_upstream.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "http/body_encoder.hpp"
#include "http/fields.hpp"

namespace sidecar::http {

namespace {

/// `timeout=N` of a Keep-Alive field (RFC 2068 §19.7.1.1, as servers still send it).
std::optional<std::uint16_t> parse_keep_alive_timeout(std::string_view value) {
  ListWalker walker(value);
  while (const auto member = walker.next()) {
    if (member->size() <= 8 || !iequals(member->substr(0, 8), "timeout=")) continue;
    const std::string_view digits = member->substr(8);
    unsigned seconds = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
    if (error == std::errc{} && end == digits.data() + digits.size()) {
      return static_cast<std::uint16_t>(std::min(seconds, 0xfffeU));
    }
  }
  return std::nullopt;
}

}  // namespace

H1Upstream::Parsed H1Upstream::fail(const char* why) {
  state_ = State::broken;
  Parsed parsed;
  parsed.event = Event::error;
  parsed.refusal = {502, why};
  return parsed;
}

H1Upstream::Parsed H1Upstream::next(std::string_view& input, const HeadLimits& limits, HeadScratch& scratch) {
  if (!input.empty()) touched_ = true;
  if (state_ == State::head) return next_head(input, limits, scratch);
  if (state_ != State::body) return {};
  const BodyDecoder::Result result = body_.next(input, limits, scratch);
  Parsed parsed;
  switch (result.step) {
    case BodyDecoder::Step::need_more:
      break;
    case BodyDecoder::Step::data:
      parsed.event = Event::body;
      parsed.body = result.data;
      break;
    case BodyDecoder::Step::end:
      parsed.event = Event::end;
      parsed.trailers = result.trailers;
      state_ = State::ended;
      break;
    case BodyDecoder::Step::error:
      return fail(result.refusal.why);
  }
  return parsed;
}

H1Upstream::Parsed H1Upstream::next_head(std::string_view& input, const HeadLimits& limits, HeadScratch& scratch) {
  if (input.empty()) return {};
  static constexpr std::string_view kStart = "HTTP/1.";
  if (kStart.substr(0, input.size()) != input.substr(0, kStart.size())) return fail("the answer is not HTTP/1.x");
  const HeadEnd end = body_.head_search().find(input.substr(0, limits.bytes));
  if (end.size == HeadEnd::kIncomplete) {
    return input.size() < limits.bytes ? Parsed{} : fail("the answer's head is too long");
  }
  Parsed parsed;
  parsed.refusal = parse_response_head(input.substr(0, end.size), limits, scratch, parsed.head);
  if (!parsed.refusal) parsed.refusal = response_framing(parsed.head, request_.to_head, parsed.framing);
  if (parsed.refusal) return fail(parsed.refusal.why);
  input.remove_prefix(end.size);
  if (parsed.head.status < 200 && parsed.head.status != 101) {
    if (++informational_ > kInformationalMax) return fail("the backend sends interim answers without end");
    parsed.event = Event::informational;
    return parsed;
  }
  parsed.event = Event::head;
  note_persistence(parsed.head, parsed.framing);
  body_ = BodyDecoder(parsed.framing, ChunkStrictness::tolerant);
  state_ = State::body;
  return parsed;
}

void H1Upstream::note_persistence(const ResponseHead& head, const Framing& framing) {
  const bool close = lists(head.fields, "Connection", "close");
  const bool keep_alive = head.version == Version::http_1_1 || lists(head.fields, "Connection", "keep-alive");
  persistent_ = keep_alive && !close && framing.kind != FramingKind::until_close;
  for (const Field& field : head.fields) {
    if (!iequals(field.name, "Keep-Alive")) continue;
    keep_alive_timeout_s_ = parse_keep_alive_timeout(field.value).value_or(keep_alive_timeout_s_);
  }
}

H1Upstream::Parsed H1Upstream::on_eof() {
  if (state_ == State::body && body_.ends_at_close()) {
    state_ = State::ended;
    Parsed parsed;
    parsed.event = Event::end;
    return parsed;
  }
  return fail(untouched() ? "the backend closed the connection without an answer"
                          : "the backend closed the connection in the middle of its answer");
}

std::optional<std::chrono::seconds> H1Upstream::keep_alive_timeout() const {
  if (keep_alive_timeout_s_ == kNoTimeout) return std::nullopt;
  return std::chrono::seconds{keep_alive_timeout_s_};
}

void H1Upstream::start_tunnel() {
  body_ = BodyDecoder({FramingKind::until_close, 0}, ChunkStrictness::tolerant);
  state_ = State::body;
  persistent_ = false;
}

void H1Upstream::encode_head(const RequestHead& head, const Framing& framing, std::string_view upgrade, Arena& out) {
  const auto write_length = [&](std::string_view name) {
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), framing.length).ptr;
    out.append(name, ": ", std::string_view(digits.data(), end), "\r\n");
  };
  out.append(head.method, " ", head.target, " HTTP/1.1\r\n");
  bool length_written = framing.kind != FramingKind::length;
  for (const Field& field : head.fields) {
    if (!iequals(field.name, "Content-Length")) {
      out.append(field.name, ": ", field.value, "\r\n");
    } else if (!length_written) {
      write_length(field.name);  // In the place where it stood, with the value that was understood.
      length_written = true;
    }
  }
  if (!length_written) write_length("Content-Length");
  if (framing.kind == FramingKind::chunked) out.append("Transfer-Encoding: chunked\r\n");
  if (!upgrade.empty()) out.append("Connection: Upgrade\r\nUpgrade: ", upgrade, "\r\n");
  out.append("\r\n");
}

void H1Upstream::write_data(std::string_view bytes, Output& out) const {
  write_body(bytes, request_.chunked, out);
}

void H1Upstream::write_end(Fields trailers, Output& out) const {
  write_body_end(trailers, request_.chunked, out);
}

}  // namespace sidecar::http
