#include "http/h2_connection.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>

namespace sidecar::http {

namespace {

/// A client may cancel what it asked for, but not as a habit before it was answered (CVE-2023-44487), nor make us reset
/// streams (CVE-2025-8671). Each stream that is answered pays for one that is not; nobody can save up for a flood. This
/// also bounds the frames that wait for a client which reads nothing.
constexpr std::int32_t kPatienceMax = 1000;
/// More than so many times the announced size, and a head is not even decoded to its end.
constexpr std::size_t kHopelessHead = 4;

/// Measured with nghttp2 1.52 (tests/http/h2_memory_test.cpp): a session with its frame buffer and both tables, and a
/// stream with the frame that carries its data.
constexpr std::size_t kSessionBytes = 24 * 1024;
constexpr std::size_t kStreamBytes = 512;

}  // namespace

H2Connection::H2Connection(const Settings& settings) : settings_(settings) {
  open_session();
  submit_settings();
}

H2Connection::~H2Connection() = default;

// ---- What comes --------------------------------------------------------------------------------------------------

void H2Connection::receive(std::string_view bytes) {
  if (over()) return;
  if (const char* too_much = watch_.look(bytes)) return break_off(NGHTTP2_ENHANCE_YOUR_CALM, too_much);
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  const auto used = nghttp2_session_mem_recv(session_.get(), data, bytes.size());
  if (used < 0) return fail(static_cast<int>(used));
  if (patience_ < 0) break_off(NGHTTP2_ENHANCE_YOUR_CALM, "too many streams were reset unanswered");
}

void H2Connection::fail(int nghttp2_error) {
  switch (nghttp2_error) {
    case NGHTTP2_ERR_BAD_CLIENT_MAGIC:
      broken_ = "the connection does not begin like HTTP/2";
      return on_connection_lost();
    case NGHTTP2_ERR_FLOODED:
      return break_off(NGHTTP2_ENHANCE_YOUR_CALM, "too many SETTINGS or PING frames wait for an answer");
    case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS:
      return break_off(NGHTTP2_ENHANCE_YOUR_CALM, "too many CONTINUATION frames in one field section");
    default:
      broken_ = nghttp2_strerror(nghttp2_error);
      return on_connection_lost();
  }
}

/// GOAWAY, and nothing behind it. Streams are lost when it is in a frame.
void H2Connection::break_off(std::uint32_t error_code, const char* why) {
  if (broken_ == nullptr) broken_ = why;
  if (nghttp2_session_terminate_session(session_.get(), error_code) != 0) on_connection_lost();
}

void H2Connection::on_connection_lost() {
  dead_ = true;
  lose_all();
}

void H2Connection::lose_all() {
  for (auto it = streams_.begin(); it != streams_.end();) {
    H2Stream& stream = *it++;
    if (!stream.closed_) on_closed(stream, NGHTTP2_INTERNAL_ERROR);
  }
}

bool H2Connection::on_request_begun(std::int32_t id) {
  if (settings_.mode == Mode::refuse) {
    ++refused_;
    --patience_;
    nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, NGHTTP2_HTTP_1_1_REQUIRED);
    return false;
  }
  H2Stream& stream = streams_.emplace_back(*this, id);
  stream.self_ = std::prev(streams_.end());
  nghttp2_session_set_stream_user_data(session_.get(), id, &stream);
  // Whatever the client thinks of it, streams take turns: an event must not wait for a download (RFC 9218 §10).
  const nghttp2_extpri fair{NGHTTP2_EXTPRI_DEFAULT_URGENCY, 1};
  nghttp2_session_change_extpri_stream_priority(session_.get(), id, &fair, 1);
  return true;
}

bool H2Connection::on_field(std::int32_t id, std::string_view name, std::string_view value) {
  H2Stream* stream = find(id);
  if (stream == nullptr) return true;
  if (stream->on_field(name, value, settings_.header_list) <= kHopelessHead * settings_.header_list) return true;
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, NGHTTP2_ENHANCE_YOUR_CALM);
  return false;
}

void H2Connection::on_section_complete(std::int32_t id, bool ends) {
  H2Stream* stream = find(id);
  if (stream == nullptr) return;
  stream->head_complete_ = true;
  stream->request_ended_ = ends;
  tell(*stream);
}

void H2Connection::on_data(std::int32_t id, std::string_view bytes) {
  H2Stream* stream = find(id);
  if (stream == nullptr) {
    nghttp2_session_consume(session_.get(), id, bytes.size());
    return;
  }
  if (stream->on_data(bytes)) tell(*stream);
}

void H2Connection::on_request_end(std::int32_t id) {
  H2Stream* stream = find(id);
  if (stream == nullptr) return;
  stream->request_ended_ = true;
  tell(*stream);
}

void H2Connection::on_closed(H2Stream& stream, std::uint32_t error_code) {
  const bool ours = stream.reset_;
  stream.on_closed(error_code);
  if (!ours && !stream.answered_) --patience_;
  if (!stream.shown_) {
    release(stream);
  } else if (stream.lost()) {
    tell(stream);
  }
}

void H2Connection::tell(H2Stream& stream) {
  if (!stream.news_.is_linked()) news_.push_back(stream);
}

H2Stream* H2Connection::next_news() {
  if (news_.empty()) return nullptr;
  H2Stream& stream = news_.front();
  news_.pop_front();
  stream.shown_ = true;
  return &stream;
}

// ---- What goes ---------------------------------------------------------------------------------------------------

void H2Connection::produce(Output& out, std::size_t max) {
  if (dead_) return;
  out_ = &out;
  out_max_ = std::max(out.size() + max, max);
  while (out.size() < out_max_) {
    const std::uint8_t* frame = nullptr;
    const auto size = nghttp2_session_mem_send(session_.get(), &frame);
    if (size < 0) {
      fail(static_cast<int>(size));
      break;
    }
    if (size == 0) break;
    out.copy(std::string_view(reinterpret_cast<const char*>(frame), static_cast<std::size_t>(size)));
  }
  out_ = nullptr;
}

bool H2Connection::has_output() const {
  return !dead_ && nghttp2_session_want_write(session_.get()) != 0;
}

bool H2Connection::over() const {
  return dead_ || (nghttp2_session_want_read(session_.get()) == 0 && nghttp2_session_want_write(session_.get()) == 0);
}

void H2Connection::on_head_framed(std::int32_t id, bool ends) {
  watch_.on_response_frame();
  H2Stream* stream = find(id);
  if (stream == nullptr) return;
  // The only one that waits is the last one that was written.
  if (stream->head_written_ && stream->heads_pending_ == 1 && !stream->answered_) {
    stream->answered_ = true;
    patience_ = std::min(patience_ + 1, kPatienceMax);
  }
  stream->on_head_framed(ends);
  if (!stream->progress_.is_linked()) progress_.push_back(*stream);
}

void H2Connection::on_data_framed(H2Stream& stream, std::size_t size, bool ends) {
  watch_.on_response_frame();
  stream.on_data_framed(size, ends);
  if (!stream.progress_.is_linked()) progress_.push_back(stream);
}

H2Stream* H2Connection::next_progress() {
  if (progress_.empty()) return nullptr;
  H2Stream& stream = progress_.front();
  progress_.pop_front();
  return &stream;
}

void H2Connection::go_away() {
  if (dead_ || broken_ != nullptr || leaving_ == Leaving::last_stream_named) return;
  if (settings_.mode == Mode::refuse) {
    leaving_ = Leaving::last_stream_named;
    nghttp2_session_terminate_session(session_.get(), NGHTTP2_NO_ERROR);
  } else if (leaving_ == Leaving::no) {
    leaving_ = Leaving::announced;
    nghttp2_submit_shutdown_notice(session_.get());
    nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, nullptr);
  } else {
    submit_goaway();
  }
}

void H2Connection::on_ping_answered() {
  if (leaving_ == Leaving::announced) submit_goaway();
}

void H2Connection::submit_goaway() {
  leaving_ = Leaving::last_stream_named;
  const std::int32_t last = nghttp2_session_get_last_proc_stream_id(session_.get());
  nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, nullptr, 0);
}

/// With an error behind it there is nothing more.
void H2Connection::on_goaway_framed(std::uint32_t error_code) {
  if (error_code == NGHTTP2_NO_ERROR) return;
  if (broken_ == nullptr) broken_ = nghttp2_http2_strerror(error_code);
  lose_all();
}

void H2Connection::release(H2Stream& stream) {
  if (!stream.received().empty()) nghttp2_session_consume(session_.get(), stream.id(), stream.received().size());
  if (!stream.closed_) {
    nghttp2_session_set_stream_user_data(session_.get(), stream.id(), nullptr);
    const bool done = stream.end_framed_;
    if (!stream.reset_) {
      nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream.id(),
                                done ? NGHTTP2_NO_ERROR : NGHTTP2_INTERNAL_ERROR);
    }
  }
  streams_.erase(stream.self_);
}

std::size_t H2Connection::memory() const {
  std::size_t bytes = kSessionBytes;
  for (const H2Stream& stream : streams_) bytes += sizeof(H2Stream) + kStreamBytes + stream.memory();
  return bytes;
}

}  // namespace sidecar::http
