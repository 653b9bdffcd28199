#include "tests/http/h2_dialogue.hpp"

#include <stdexcept>

#include "tests/http/reading.hpp"

namespace sidecar::test {

using http::DownstreamCodec;
using http::H2Stream;

H2Dialogue::H2Dialogue(const http::H2Connection::Settings& settings, bool greet) : connection(settings) {
  if (!greet) return;
  client(h2::hello() + h2::settings_ack());
  static_cast<void>(to_client());
}

void H2Dialogue::client(std::string_view bytes) {
  connection.receive(bytes);
  look();
}

void H2Dialogue::client_bytewise(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) client(bytes.substr(i, 1));
}

void H2Dialogue::look() {
  while (H2Stream* stream = connection.next_news()) {
    streams_[stream->id()] = stream;
    look(*stream);
  }
}

void H2Dialogue::take_bodies() {
  bodies_left_ = false;
  for (const auto& [id, stream] : streams_) look(*stream);
}

void H2Dialogue::look(H2Stream& stream) {
  if (stream.lost()) {
    body_of_ = 0;
    seen_ += std::to_string(stream.id()) + " lost " + h2::code_name(stream.error_code()) + "\n";
    return;
  }
  std::string_view input = stream.received().join({});
  while (!bodies_left_ || stream.at_head()) {
    if (!tell(stream, stream.next(input, limits, scratch_))) break;
  }
  stream.received().keep(input);
  stream.received().tidy();
}

/// Pieces of one body are one line, however they were cut.
bool H2Dialogue::tell(H2Stream& stream, const DownstreamCodec::Parsed& parsed) {
  if (parsed.event == DownstreamCodec::Event::need_more) return false;
  const bool more = parsed.event == DownstreamCodec::Event::body && body_of_ == stream.id();
  body_of_ = parsed.event == DownstreamCodec::Event::body ? stream.id() : 0;
  if (more) {
    seen_.insert(seen_.size() - 2, printable(parsed.body));
    return true;
  }
  seen_ += std::to_string(stream.id()) + " ";
  switch (parsed.event) {
    case DownstreamCodec::Event::need_more:
      break;
    case DownstreamCodec::Event::head:
      seen_ += std::string(parsed.head.method) + " " + printable(parsed.head.target) +
               to_text(copy_of(parsed.head.fields)) + " " + to_text(parsed.framing);
      break;
    case DownstreamCodec::Event::body:
      seen_ += "'" + printable(parsed.body) + "'";
      break;
    case DownstreamCodec::Event::end:
      seen_ += "end" + to_text(copy_of(parsed.trailers));
      break;
    case DownstreamCodec::Event::error:
      seen_ += "refused " + std::to_string(parsed.refusal.status) + " (" + parsed.refusal.why + ")";
      break;
  }
  seen_ += "\n";
  return parsed.event != DownstreamCodec::Event::error;
}

std::string H2Dialogue::bytes_to_client(std::size_t room) {
  http::Output out;
  connection.produce(out, room);
  look();
  return out.joined();
}

std::string H2Dialogue::to_client(std::size_t room) {
  return reader.read(bytes_to_client(room));
}

void H2Dialogue::head(std::int32_t id, int status, http::BodySize size, const h2::List& fields) {
  const std::vector<http::Field> views = views_of(fields);
  http::ResponseHead head;
  head.status = status;
  head.reason = "X";
  head.fields = views;
  stream(id).write_head(head, size, out_);
}

void H2Dialogue::informational(std::int32_t id, int status, const h2::List& fields) {
  const std::vector<http::Field> views = views_of(fields);
  http::ResponseHead head;
  head.status = status;
  head.fields = views;
  stream(id).write_informational(head, out_);
}

void H2Dialogue::body(std::int32_t id, std::string_view bytes) {
  stream(id).write_data(bytes, out_);
  if (!out_.empty()) throw std::logic_error("an HTTP/2 stream wrote past its connection");
}

void H2Dialogue::end(std::int32_t id, const h2::List& trailers) {
  stream(id).write_end(views_of(trailers), out_);
}

void H2Dialogue::answer(std::int32_t id, std::string_view bytes) {
  head(id, 200, {http::BodySize::Kind::length, bytes.size()});
  body(id, bytes);
  end(id);
  finish(id);
}

void H2Dialogue::release(std::int32_t id) {
  connection.release(stream(id));
  streams_.erase(id);
}

}  // namespace sidecar::test
