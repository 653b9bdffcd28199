#include "http/h1_downstream.hpp"

#include <array>
#include <charconv>

#include "http/body_encoder.hpp"
#include "http/fields.hpp"
#include "http/request_check.hpp"

namespace sidecar::http {

namespace {

void write_status_line(int status, std::string_view reason, Output& out) {
  std::array<char, 4> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), status).ptr;
  out.copy("HTTP/1.1 ", std::string_view(digits.data(), end), " ", reason, "\r\n");
}

void write_length(std::string_view name, std::uint64_t length, Output& out) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), length).ptr;
  out.copy(name, ": ", std::string_view(digits.data(), end), "\r\n");
}

bool is_length(const Field& field) {
  return iequals(field.name, "Content-Length");
}

/// Content-Length in its place, with the value that frames the body; without a body as it came, where `describes`: it
/// then says what a GET would get.
void write_head_fields(Fields fields, FramingKind framing, std::uint64_t length, bool describes, Output& out) {
  bool written = false;
  for (const Field& field : fields) {
    if (!is_length(field)) {
      write_fields({&field, 1}, out);
    } else if (framing == FramingKind::length) {
      write_length(field.name, length, out);
      written = true;
    } else if (framing == FramingKind::none && describes) {
      const std::string_view value = ListWalker(field.value).next().value_or("");
      const Field described{field.name, value};
      write_fields({&described, 1}, out);
    }
  }
  if (framing == FramingKind::length && !written) write_length("Content-Length", length, out);
}

/// What ends up on the wrong port most often, by its first bytes behind empty lines; nullptr: something else.
const char* wrong_protocol(std::string_view input) {
  static constexpr std::string_view kProxyV2("\0\r\nQUIT\n", 8);
  if (input.starts_with('\x16')) return "this is TLS, and the listener speaks plain HTTP";
  const bool proxy =
      input.starts_with("PROXY TCP") || input.starts_with("PROXY UNKNOWN") || input.starts_with(kProxyV2);
  return proxy ? "a PROXY header, and the listener expects none (proxy_protocol: true makes it)" : nullptr;
}

H1Downstream::Parsed error(Refusal refusal) {
  H1Downstream::Parsed parsed;
  parsed.event = H1Downstream::Event::error;
  parsed.refusal = refusal;
  return parsed;
}

}  // namespace

H1Downstream::Parsed H1Downstream::next(std::string_view& input, const HeadLimits& limits, HeadScratch& scratch) {
  switch (state_) {
    case State::head:
      return next_head(input, limits, scratch);
    case State::body:
      return next_body(input, limits, scratch);
    case State::ended:
    case State::broken:
      break;
  }
  return {};
}

H1Downstream::Parsed H1Downstream::next_head(std::string_view& input, const HeadLimits& limits, HeadScratch& scratch) {
  while (input.starts_with("\r\n")) input.remove_prefix(2);  // RFC 9112 §2.2: some clients send one behind a body.
  if (input.empty() || input == "\r") return {};
  const char* const wrong = wrong_protocol(input);
  const HeadEnd end = body_.head_search().find(input.substr(0, limits.bytes));
  Parsed parsed;
  if (wrong != nullptr) {
    parsed = error({400, wrong});
  } else if (end.bare_lf) {
    parsed = error({400, "a line of the head ends in a bare LF"});
  } else if (end.size == HeadEnd::kIncomplete) {
    if (input.size() < limits.bytes) return {};
    const bool line_too_long = input.substr(0, limits.bytes).find('\n') == std::string_view::npos;
    parsed = error(line_too_long ? Refusal{414, "the request line is too long"} : Refusal{431, "the head is too long"});
  } else {
    parsed.event = Event::head;
    parsed.refusal = parse_request_head(input.substr(0, end.size), limits, scratch, parsed.head);
    to_head_ = parsed.head.method == "HEAD";  // Its refusal has no body either.
    if (!parsed.refusal) parsed.refusal = check_request(parsed.head);
    if (!parsed.refusal) parsed.refusal = request_framing(parsed.head, parsed.framing);
    input.remove_prefix(end.size);
    if (parsed.refusal) parsed.event = Event::error;
  }
  if (parsed.event == Event::error) {
    state_ = State::broken;
    may_persist_ = false;
    return parsed;
  }
  begin(parsed.head, parsed.framing);
  return parsed;
}

void H1Downstream::begin(const RequestHead& head, const Framing& framing) {
  state_ = State::body;
  body_ = BodyDecoder(framing, ChunkStrictness::strict);
  body_is_empty_ = framing.kind == FramingKind::none || (framing.kind == FramingKind::length && framing.length == 0);
  version_ = head.version;
  response_framing_ = FramingKind::none;
  persistent_ = false;
  const bool close = lists(head.fields, "Connection", "close");
  const bool keep_alive = version_ == Version::http_1_1 || lists(head.fields, "Connection", "keep-alive");
  may_persist_ = may_persist_ && keep_alive && !close;
}

H1Downstream::Parsed H1Downstream::next_body(std::string_view& input, const HeadLimits& limits, HeadScratch& scratch) {
  Parsed parsed;
  const BodyDecoder::Result result = body_.next(input, limits, scratch);
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
      parsed = error(result.refusal);
      state_ = State::broken;
      may_persist_ = false;
      break;
  }
  return parsed;
}

void H1Downstream::next_request() {
  state_ = State::head;
  version_ = Version::http_1_1;
  to_head_ = false;
  body_is_empty_ = false;
}

void H1Downstream::start_tunnel() {
  body_ = BodyDecoder({FramingKind::until_close, 0}, ChunkStrictness::strict);
  state_ = State::body;
  body_is_empty_ = false;
}

void H1Downstream::write_informational(const ResponseHead& head, Output& out) {
  if (version_ == Version::http_1_0) return;  // RFC 9110 §15.2.
  write_status_line(head.status, head.reason, out);
  write_head_fields(head.fields, FramingKind::none, 0, false, out);
  out.copy("\r\n");
}

void H1Downstream::write_head(const ResponseHead& head, BodySize size, Output& out) {
  if (size.kind == BodySize::Kind::none || to_head_) {
    response_framing_ = FramingKind::none;
  } else if (size.kind == BodySize::Kind::length) {
    response_framing_ = FramingKind::length;
  } else {
    response_framing_ = version_ == Version::http_1_1 ? FramingKind::chunked : FramingKind::until_close;
  }
  persistent_ = may_persist_ && request_complete() && response_framing_ != FramingKind::until_close;
  write_status_line(head.status, head.reason, out);
  write_head_fields(head.fields, response_framing_, size.length, to_head_ || head.status == 304, out);
  if (response_framing_ == FramingKind::chunked) out.copy("Transfer-Encoding: chunked\r\n");
  const bool upgrade = find(head.fields, "Upgrade") != nullptr;  // A 426's (RFC 9110 §7.8).
  const std::string_view option = !persistent_ ? "close" : version_ == Version::http_1_0 ? "keep-alive" : "";
  if (upgrade || !option.empty()) {
    out.copy("Connection: ", option, upgrade ? option.empty() ? "Upgrade" : ", Upgrade" : "", "\r\n");
  }
  out.copy("\r\n");
}

void H1Downstream::write_switching(const ResponseHead& head, Output& out) {
  response_framing_ = FramingKind::until_close;
  persistent_ = false;
  write_status_line(head.status, head.reason, out);
  write_head_fields(head.fields, FramingKind::none, 0, false, out);
  out.copy("Connection: Upgrade\r\n\r\n");
}

void H1Downstream::write_data(std::string_view bytes, Output& out) {
  if (response_framing_ != FramingKind::none) write_body(bytes, response_framing_ == FramingKind::chunked, out);
}

void H1Downstream::write_chunks(const ChunkRun& run, Output& out) {
  if (response_framing_ == FramingKind::chunked) return out.lend(run.framed());
  DownstreamCodec::write_chunks(run, out);
}

void H1Downstream::write_end(Fields trailers, Output& out) {
  write_body_end(trailers, response_framing_ == FramingKind::chunked, out);
}

}  // namespace sidecar::http
