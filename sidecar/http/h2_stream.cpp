#include "http/h2_stream.hpp"

#include <utility>

#include "http/h2_connection.hpp"
#include "http/h2_request.hpp"
#include "http/h2_response.hpp"

namespace sidecar::http {

namespace {

// RFC 9113 §7.
constexpr std::uint32_t kNoError = 0x0;
constexpr std::uint32_t kInternalError = 0x2;
constexpr std::uint32_t kCancel = 0x8;

}  // namespace

// ---- The request -------------------------------------------------------------------------------------------------

H2Stream::Parsed H2Stream::next(std::string_view& input, const HeadLimits& limits, HeadScratch& scratch) {
  Parsed parsed;
  switch (state_) {
    case State::head:
      if (!head_complete_) break;
      parsed = next_head(limits, scratch);
      if (state_ == State::broken) discard(input);
      break;
    case State::body:
      if (!input.empty()) {
        parsed.event = Event::body;
        parsed.body = input;
        discard(input);
      } else if (request_ended_) {
        parsed = next_end(limits, scratch);
      }
      break;
    case State::ended:
    case State::broken:
      discard(input);
      break;
  }
  return parsed;
}

H2Stream::Parsed H2Stream::next_head(const HeadLimits& limits, HeadScratch& scratch) {
  Parsed parsed;
  to_head_ = head_->of_head_request();  // Its refusal has no body either.
  body_is_empty_ = request_ended_ && received().empty() && request_trailers_ == nullptr;
  parsed.refusal = to_request_head(*head_, body_is_empty_, limits, scratch, parsed.head, parsed.framing);
  head_.reset();
  parsed.event = parsed.refusal ? Event::error : Event::head;
  state_ = parsed.refusal ? State::broken : State::body;
  return parsed;
}

H2Stream::Parsed H2Stream::next_end(const HeadLimits& limits, HeadScratch& scratch) {
  Parsed parsed;
  if (request_trailers_ != nullptr) {
    parsed.refusal = to_request_trailers(*request_trailers_, limits, scratch, parsed.trailers);
    request_trailers_.reset();
  }
  parsed.event = parsed.refusal ? Event::error : Event::end;
  state_ = parsed.refusal ? State::broken : State::ended;
  return parsed;
}

/// Used up, or of no use: the client may send as much again.
void H2Stream::discard(std::string_view& input) {
  if (!input.empty()) connection_.consume(*this, input.size());
  input = {};
}

std::size_t H2Stream::on_field(std::string_view name, std::string_view value, std::size_t list_size_max) {
  std::unique_ptr<H2FieldList>& section = head_complete_ ? request_trailers_ : head_;
  if (section == nullptr) section = std::make_unique<H2FieldList>();
  section->add(name, value, list_size_max);
  return section->size();
}

bool H2Stream::on_data(std::string_view bytes) {
  const bool wanted = state_ != State::broken && !finished_ && !reset_;
  if (wanted) {
    received().keep(received().join(bytes));
  } else {
    discard(bytes);
  }
  return wanted;
}

// ---- The response ------------------------------------------------------------------------------------------------

void H2Stream::write_informational(const ResponseHead& head, Output& /*out*/) {
  if (!takes_response() || head_written_) return;
  if (connection_.submit_informational(*this, head)) ++heads_pending_;
}

void H2Stream::write_head(const ResponseHead& head, BodySize size, Output& /*out*/) {
  if (!takes_response() || head_written_) return;
  head_written_ = true;
  const bool none = size.kind == BodySize::Kind::none || to_head_;
  bodiless_ = none || (size.kind == BodySize::Kind::length && size.length == 0);
  const bool describes = none && (to_head_ || head.status == 304);
  if (connection_.submit_head(*this, head, none ? BodySize{} : size, describes, bodiless_)) ++heads_pending_;
}

void H2Stream::write_switching(const ResponseHead& /*head*/, Output& /*out*/) {}

void H2Stream::write_data(std::string_view bytes, Output& /*out*/) {
  if (!takes_response() || !head_written_ || bodiless_ || response_ended_ || bytes.empty()) return;
  response_.append(bytes);
  connection_.resume(*this);
}

void H2Stream::write_end(Fields trailers, Output& /*out*/) {
  if (!takes_response() || !head_written_ || response_ended_) return;
  response_ended_ = true;
  if (bodiless_) return;
  keep_trailers(trailers);
  connection_.resume(*this);
}

void H2Stream::keep_trailers(Fields trailers) {
  std::string text;
  std::vector<Field> fields;
  to_h2_trailers(trailers, text, fields);
  if (fields.empty()) return;
  trailers_ = std::make_unique<Trailers>();
  for (const Field& field : fields) trailers_->emplace_back(field.name, field.value);
}

std::size_t H2Stream::pending() const {
  if (!takes_response()) return 0;
  const bool end_pending = response_ended_ && !end_framed_;
  return unframed().size() + heads_pending_ + (end_pending ? 1 : 0);
}

std::size_t H2Stream::take_sent() {
  return std::exchange(sent_, 0);
}

void H2Stream::finish() {
  finished_ = true;
  std::string_view waiting = received().join({});
  discard(waiting);
  received().keep(waiting);
  settle_end();
}

void H2Stream::abort() {
  reset(kCancel);
}

/// What follows once everything is framed that can be.
void H2Stream::settle_end() {
  if (!finished_ || !takes_response() || pending() > 0) return;
  if (!response_ended_) {
    reset(kInternalError);
  } else if (!request_ended_) {
    reset(kNoError);
  }
}

void H2Stream::reset(std::uint32_t error_code) {
  if (!takes_response()) return;
  connection_.submit_reset(*this, error_code);
  reset_ = true;
  drop_response();
}

void H2Stream::drop_response() {
  std::string().swap(response_);
  framed_ = 0;
  trailers_.reset();
}

void H2Stream::on_head_framed(bool ends) {
  if (heads_pending_ > 0) --heads_pending_;
  sent_ += ends ? 2 : 1;
  if (ends) end_framed_ = true;
  settle_end();
}

void H2Stream::on_data_framed(std::size_t size, bool ends) {
  framed_ += size;
  sent_ += size + (ends ? 1 : 0);
  if (framed_ == response_.size()) {
    // A small buffer stays, so that an event costs no allocation; a quiet stream holds no other.
    static constexpr std::size_t kKept = 256;
    response_.clear();
    if (response_.capacity() > kKept) std::string().swap(response_);
    framed_ = 0;
  } else if (framed_ > response_.size() / 2) {
    response_.erase(0, framed_);
    framed_ = 0;
  }
  if (ends) end_framed_ = true;
  settle_end();
}

void H2Stream::on_closed(std::uint32_t error_code) {
  closed_ = true;
  error_code_ = error_code;
  lost_ = !reset_ && !end_framed_;
  drop_response();
}

std::size_t H2Stream::memory() const {
  std::size_t bytes = response_.capacity();
  if (head_ != nullptr) bytes += sizeof(H2FieldList) + head_->memory();
  if (request_trailers_ != nullptr) bytes += sizeof(H2FieldList) + request_trailers_->memory();
  if (trailers_ != nullptr) {
    for (const auto& [name, value] : *trailers_) bytes += 2 * sizeof(std::string) + name.size() + value.size();
  }
  return bytes;
}

}  // namespace sidecar::http
