#include "tests/net/harness/http2.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace sidecar::nettest {

namespace {

std::string_view text(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

nghttp2_nv field(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view view) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(view.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

}  // namespace

struct Http2Client::Callbacks {
  static Http2Client& client(void* user) { return *static_cast<Http2Client*>(user); }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
    Answer& answer = client(user).streams_[frame->hd.stream_id].answer;
    answer.fields.emplace_back(text(name, name_size), text(value, value_size));
    if (text(name, name_size) == ":status") answer.status = std::stoi(answer.fields.back().second);
    return 0;
  }

  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t size,
                     void* user) {
    client(user).streams_[id].answer.body += text(data, size);
    return 0;
  }

  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_GOAWAY) client(user).goaway_ = frame->goaway.error_code;
    return 0;
  }

  static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t code, void* user) {
    Answer& answer = client(user).streams_[id].answer;
    answer.over = true;
    answer.error = code;
    return 0;
  }

  static ssize_t read_upload(nghttp2_session*, std::int32_t id, std::uint8_t* buffer, std::size_t max,
                             std::uint32_t* flags, nghttp2_data_source*, void* user) {
    Stream& stream = client(user).streams_[id];
    const std::size_t part = std::min(max, stream.upload.size() - stream.uploaded);
    std::memcpy(buffer, stream.upload.data() + stream.uploaded, part);
    stream.uploaded += part;
    if (stream.uploaded == stream.upload.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(part);
  }
};

void Http2Client::Free::operator()(nghttp2_session* session) const {
  nghttp2_session_del(session);
}

Http2Client::Http2Client(RawConnection connection, std::uint32_t window) : connection_(std::move(connection)) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::on_close);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::on_frame);
  nghttp2_session* session = nullptr;
  nghttp2_session_client_new(&session, callbacks, this);
  nghttp2_session_callbacks_del(callbacks);
  session_.reset(session);
  const nghttp2_settings_entry entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window};
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, &entry, 1);
  flush();
}

Http2Client::~Http2Client() = default;

std::int32_t Http2Client::request(std::string_view method, std::string_view target, std::string_view body) {
  const std::array<nghttp2_nv, 4> fields{field(":method", method), field(":scheme", "https"),
                                         field(":authority", "app.test"), field(":path", target)};
  nghttp2_data_provider provider{};
  provider.read_callback = Callbacks::read_upload;
  const std::int32_t stream = nghttp2_submit_request(session_.get(), nullptr, fields.data(), fields.size(),
                                                     body.empty() ? nullptr : &provider, nullptr);
  if (stream < 0) throw Failure(std::string("nghttp2: ") + nghttp2_strerror(stream));
  streams_[stream].upload = body;
  flush();
  return stream;
}

void Http2Client::cancel(std::int32_t stream) {
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
  flush();
}

const Http2Client::Answer& Http2Client::until(std::int32_t stream, const std::function<bool(const Answer&)>& done,
                                              Milliseconds timeout) {
  const auto start = Clock::now();
  while (!done(answer(stream))) {
    if (answer(stream).over) throw Failure("stream " + std::to_string(stream) + " is over");
    if (!read(timeout - since(start))) throw PeerGone("the connection has ended");
  }
  return answer(stream);
}

void Http2Client::flush() {
  const std::uint8_t* frames = nullptr;
  for (ssize_t size = 1; size > 0;) {
    size = nghttp2_session_mem_send(session_.get(), &frames);
    if (size > 0) connection_.send(text(frames, static_cast<std::size_t>(size)));
  }
}

void Http2Client::wait_end(Milliseconds timeout) {
  const auto start = Clock::now();
  while (read(timeout - since(start))) {
  }
}

std::uint32_t Http2Client::remote_setting(int id) const {
  return nghttp2_session_get_remote_settings(session_.get(), static_cast<nghttp2_settings_id>(id));
}

bool Http2Client::read(Milliseconds timeout) {
  const std::string bytes = connection_.read_available(timeout);
  if (bytes.empty()) return false;
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  const auto used = nghttp2_session_mem_recv(session_.get(), data, bytes.size());
  if (used < 0) throw Failure(std::string("nghttp2: ") + nghttp2_strerror(static_cast<int>(used)));
  flush();
  return true;
}

}  // namespace sidecar::nettest
