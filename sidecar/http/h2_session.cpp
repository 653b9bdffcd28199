#include <nghttp2/nghttp2.h>

#include <array>
#include <limits>
#include <new>
#include <string>
#include <vector>

#include "http/h2_connection.hpp"
#include "http/h2_response.hpp"

/// What H2Connection and nghttp2 say to each other. nghttp2 is called by a turn, calls back, and is not called from
/// there but for what it allows: submitting frames.
namespace sidecar::http {

namespace {

std::string_view text(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

nghttp2_nv to_nv(const Field& field) {
  // nghttp2 copies both; its interface is not const.
  const auto bytes = [](std::string_view view) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(view.data()));
  };
  return {bytes(field.name), bytes(field.value), field.name.size(), field.value.size(), NGHTTP2_NV_FLAG_NONE};
}

std::vector<nghttp2_nv> to_nva(const std::vector<Field>& fields) {
  std::vector<nghttp2_nv> nva;
  nva.reserve(fields.size());
  for (const Field& field : fields) nva.push_back(to_nv(field));
  return nva;
}

}  // namespace

/// Free functions for nghttp2, which may use what H2Connection keeps to itself.
struct H2Callbacks {
  static H2Connection& connection(void* user) { return *static_cast<H2Connection*>(user); }

  static int on_begin_headers(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* user) {
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    const bool wanted = connection(user).on_request_begun(frame->hd.stream_id);
    return wanted ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int on_header(nghttp2_session* /*session*/, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t /*flags*/,
                       void* user) {
    const bool wanted = connection(user).on_field(frame->hd.stream_id, text(name, name_size), text(value, value_size));
    return wanted ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int on_frame_recv(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* user) {
    const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame->hd.type == NGHTTP2_HEADERS) {
      connection(user).on_section_complete(frame->hd.stream_id, ends);
    } else if (frame->hd.type == NGHTTP2_DATA && ends) {
      connection(user).on_request_end(frame->hd.stream_id);
    } else if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
      connection(user).on_ping_answered();
    }
    return 0;
  }

  static int on_invalid_frame_recv(nghttp2_session* /*session*/, const nghttp2_frame* /*frame*/, int error,
                                   void* user) {
    if (error == NGHTTP2_ERR_REFUSED_STREAM) connection(user).on_refused_stream();
    return 0;
  }

  static int on_data_chunk_recv(nghttp2_session* /*session*/, std::uint8_t /*flags*/, std::int32_t id,
                                const std::uint8_t* data, std::size_t size, void* user) {
    connection(user).on_data(id, text(data, size));
    return 0;
  }

  static int on_stream_close(nghttp2_session* /*session*/, std::int32_t id, std::uint32_t error_code, void* user) {
    H2Connection& self = connection(user);
    if (H2Stream* stream = self.find(id)) self.on_closed(*stream, error_code);
    return 0;
  }

  static int on_frame_send(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_HEADERS) {
      const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
      connection(user).on_head_framed(frame->hd.stream_id, ends);
    } else if (frame->hd.type == NGHTTP2_GOAWAY) {
      connection(user).on_goaway_framed(frame->goaway.error_code);
    }
    return 0;
  }

  /// A head is longer than any that is sent (see make_options()).
  static int on_frame_not_send(nghttp2_session* session, const nghttp2_frame* frame, int error, void* /*user*/) {
    if (frame->hd.type != NGHTTP2_HEADERS || error != NGHTTP2_ERR_FRAME_SIZE_ERROR) return 0;
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_INTERNAL_ERROR);
    return 0;
  }

  /// How much goes into the next DATA frame; the bytes themselves are taken by send_data().
  static ssize_t read_data(nghttp2_session* /*session*/, std::int32_t id, std::uint8_t* /*buffer*/, std::size_t max,
                           std::uint32_t* flags, nghttp2_data_source* /*source*/, void* user) {
    H2Connection& self = connection(user);
    H2Stream* stream = self.find(id);
    if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    const std::size_t size = std::min(max, stream->unframed().size());
    const bool last = stream->is_last(size);
    if (size == 0 && !last) {
      stream->deferred_ = true;
      return NGHTTP2_ERR_DEFERRED;
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (last) *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (last && stream->trailers_ != nullptr) {
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      self.submit_trailers(*stream);
    }
    return static_cast<ssize_t>(size);
  }

  static int send_data(nghttp2_session* /*session*/, nghttp2_frame* frame, const std::uint8_t* header, std::size_t size,
                       nghttp2_data_source* /*source*/, void* user) {
    static constexpr std::size_t kFrameHeader = 9;
    H2Connection& self = connection(user);
    H2Stream* stream = self.find(frame->hd.stream_id);
    if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    self.out_->copy(text(header, kFrameHeader));
    self.out_->copy(stream->unframed().substr(0, size));
    self.on_data_framed(*stream, size, (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0);
    return self.out_->size() < self.out_max_ ? 0 : NGHTTP2_ERR_PAUSE;
  }
};

namespace {

struct CallbacksDeleter {
  void operator()(nghttp2_session_callbacks* callbacks) const { nghttp2_session_callbacks_del(callbacks); }
};
struct OptionDeleter {
  void operator()(nghttp2_option* option) const { nghttp2_option_del(option); }
};

std::unique_ptr<nghttp2_session_callbacks, CallbacksDeleter> make_callbacks() {
  nghttp2_session_callbacks* c = nullptr;
  if (nghttp2_session_callbacks_new(&c) != 0) throw std::bad_alloc();
  nghttp2_session_callbacks_set_on_begin_headers_callback(c, H2Callbacks::on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(c, H2Callbacks::on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(c, H2Callbacks::on_frame_recv);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(c, H2Callbacks::on_invalid_frame_recv);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, H2Callbacks::on_data_chunk_recv);
  nghttp2_session_callbacks_set_on_stream_close_callback(c, H2Callbacks::on_stream_close);
  nghttp2_session_callbacks_set_on_frame_send_callback(c, H2Callbacks::on_frame_send);
  nghttp2_session_callbacks_set_on_frame_not_send_callback(c, H2Callbacks::on_frame_not_send);
  nghttp2_session_callbacks_set_send_data_callback(c, H2Callbacks::send_data);
  return std::unique_ptr<nghttp2_session_callbacks, CallbacksDeleter>(c);
}

std::unique_ptr<nghttp2_option, OptionDeleter> make_options() {
  static constexpr std::size_t kEncoderTable = 1024;  ///< Bytes; answers of one server have little in common anyway.
  static constexpr std::size_t kAnswersMax = 256;     ///< Of SETTINGS and PING, to a client that does not read.
  static constexpr std::size_t kHeadMax = 1024 * 1024;
  static constexpr std::size_t kFrameHeader = 9;
  nghttp2_option* o = nullptr;
  if (nghttp2_option_new(&o) != 0) throw std::bad_alloc();
  nghttp2_option_set_no_auto_window_update(o, 1);
  nghttp2_option_set_no_closed_streams(o, 1);
  nghttp2_option_set_max_deflate_dynamic_table_size(o, kEncoderTable);
  nghttp2_option_set_max_outbound_ack(o, kAnswersMax);
  nghttp2_option_set_max_send_header_block_length(o, kHeadMax);
  // H2FrameWatch counts them; this counts each piece in which the header of one comes.
  nghttp2_option_set_max_continuations(o, (H2FrameWatch::kContinuationsMax + 1) * kFrameHeader);
  // It would look at a clock of its own, and let the streams of an offender go on.
  nghttp2_option_set_stream_reset_rate_limit(o, std::numeric_limits<std::uint64_t>::max(), 0);
  return std::unique_ptr<nghttp2_option, OptionDeleter>(o);
}

}  // namespace

void H2Connection::SessionDeleter::operator()(nghttp2_session* session) const {
  nghttp2_session_del(session);
}

void H2Connection::open_session() {
  static const auto callbacks = make_callbacks();
  static const auto options = make_options();
  nghttp2_session* session = nullptr;
  if (nghttp2_session_server_new2(&session, callbacks.get(), this, options.get()) != 0) throw std::bad_alloc();
  session_.reset(session);
}

void H2Connection::submit_settings() {
  const std::array<nghttp2_settings_entry, 4> entries{{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings_.concurrent_streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings_.stream_window},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, settings_.header_list},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  }};
  nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, entries.data(), entries.size());
  nghttp2_session_set_local_window_size(session_.get(), NGHTTP2_FLAG_NONE, 0,
                                        static_cast<std::int32_t>(settings_.connection_window));
}

H2Stream* H2Connection::find(std::int32_t id) const {
  return static_cast<H2Stream*>(nghttp2_session_get_stream_user_data(session_.get(), id));
}

bool H2Connection::submit_informational(H2Stream& stream, const ResponseHead& head) {
  std::string text;
  std::vector<Field> fields;
  to_h2_response(head, {}, false, text, fields);
  const std::vector<nghttp2_nv> nva = to_nva(fields);
  return nghttp2_submit_headers(session_.get(), NGHTTP2_FLAG_NONE, stream.id(), nullptr, nva.data(), nva.size(),
                                nullptr) == 0;
}

bool H2Connection::submit_head(H2Stream& stream, const ResponseHead& head, BodySize size, bool describes, bool ends) {
  std::string text;
  std::vector<Field> fields;
  to_h2_response(head, size, describes, text, fields);
  const std::vector<nghttp2_nv> nva = to_nva(fields);
  nghttp2_data_provider provider{};
  provider.read_callback = H2Callbacks::read_data;
  return nghttp2_submit_response(session_.get(), stream.id(), nva.data(), nva.size(), ends ? nullptr : &provider) == 0;
}

void H2Connection::submit_trailers(H2Stream& stream) {
  std::vector<nghttp2_nv> nva;
  for (const auto& [name, value] : *stream.trailers_) nva.push_back(to_nv({name, value}));
  if (nghttp2_submit_trailer(session_.get(), stream.id(), nva.data(), nva.size()) == 0) ++stream.heads_pending_;
  stream.trailers_.reset();
}

void H2Connection::submit_reset(H2Stream& stream, std::uint32_t error_code) {
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream.id(), error_code);
}

void H2Connection::resume(H2Stream& stream) {
  if (!stream.deferred_) return;
  stream.deferred_ = false;
  nghttp2_session_resume_data(session_.get(), stream.id());
}

void H2Connection::consume(H2Stream& stream, std::size_t size) {
  nghttp2_session_consume(session_.get(), stream.id(), size);
}

}  // namespace sidecar::http
