#include "tests/http/h2_laws.hpp"

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <string>

#include "http/h2_connection.hpp"
#include "tests/http/h2_frames.hpp"
#include "tests/support/random_stream.hpp"

// The laws of h2_laws.hpp for frames put together at random, mostly sensible, some of them broken; and a real client
// that gets back what it sent, through any windows and any cuts.
namespace sidecar::test {
namespace {

h2::List random_request(Random& random) {
  static const h2::List kMore[] = {{},
                                   {{"accept", "text/event-stream"}},
                                   {{"cookie", "a=1"}, {"cookie", "b=2"}},
                                   {{"content-length", "5"}},
                                   {{"te", "trailers"}},
                                   {{"host", "h"}},
                                   {{"host", "other"}},
                                   {{"connection", "close"}},
                                   {{"x", "a\r\nb"}},
                                   {{"x", std::string(3'000, 'a')}},
                                   {{"x", std::string(5'000, 'a')}},
                                   {{"expect", "100-continue"}}};
  static constexpr const char* kMethods[] = {"GET", "GET", "POST", "HEAD", "CONNECT", "BR EW"};
  static constexpr const char* kPaths[] = {"/", "/events", "/", "/a?b", "*", "x"};
  return h2::request(kMethods[random.below(6)], kPaths[random.below(6)], kMore[random.below(std::size(kMore))]);
}

std::string random_frame(Random& random, std::uint32_t& next) {
  const std::uint32_t old = next < 3 ? 1 : static_cast<std::uint32_t>(1 + 2 * random.below(next / 2));
  switch (random.below(13)) {
    case 0:
    case 1:
    case 2:
    case 3: {
      const std::uint32_t id = next;
      next += 2;
      const std::uint8_t end = random.one_in(2) ? h2::kEndStream : 0;
      if (!random.one_in(4)) return h2::headers(id, random_request(random), h2::kEndHeaders | end);
      return h2::frame(h2::kHeaders, end, id, h2::hpack(random_request(random))) +
             h2::frame(h2::kContinuation, h2::kEndHeaders, id, h2::hpack({{"y", "z"}}));
    }
    case 4:
    case 5:
    case 6:
      return h2::data(old, std::string(random.below(900), 'd'), random.one_in(3));
    case 7:
      return h2::data(old, "12345", true);
    case 8:
      return h2::reset(old);
    case 9:
      return h2::window_update(random.one_in(2) ? 0 : old, static_cast<std::uint32_t>(1 + random.below(5'000)));
    case 10:
      return h2::settings({{4, static_cast<std::uint32_t>(random.below(70'000))}}) + h2::ping();
    case 11:
      return h2::headers(old, {{"x-sum", "1"}});
    default:
      return random.one_in(4) ? h2::settings_ack() : h2::frame(h2::kPriorityFrame, 0, old, h2::u32(0) + "x");
  }
}

TEST(H2Laws, HoldForRandomFrames) {
  for (std::uint64_t seed = 0; seed < 3'000; ++seed) {
    Random random(seed);
    std::string bytes;
    for (std::size_t i = 0; i < kH2Choices; ++i) bytes += static_cast<char>(random.below(256));
    if (!random.one_in(8)) bytes[0] = static_cast<char>(bytes[0] & ~1);
    bytes += h2::settings_ack();
    std::uint32_t next = 1;
    for (std::size_t frames = random.below(60); frames > 0; --frames) bytes += random_frame(random, next);
    if (random.one_in(3)) bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
    ASSERT_EQ(check_h2_client(bytes), "") << "seed " << seed;
  }
}

/// A client as nghttp2 makes it: each of its requests is a POST, and each answer is to be the body of its request.
class Client {
 public:
  explicit Client(Random& random) : random_(random) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks,
        [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t size, void* user) {
          static_cast<Client*>(user)->got[id].append(reinterpret_cast<const char*>(data), size);
          return 0;
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        callbacks, [](nghttp2_session*, std::int32_t id, std::uint32_t code, void* user) {
          static_cast<Client*>(user)->closed[id] = code;
          return 0;
        });
    nghttp2_session_client_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry window{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
                                        static_cast<std::uint32_t>(1 + random_.below(100'000))};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &window, 1);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { nghttp2_session_del(session_); }

  void post(std::size_t size) {
    std::array<nghttp2_nv, 4> fields{};
    static constexpr const char* kFields[][2] = {
        {":method", "POST"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/"}};
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const auto bytes = [](const char* text) {
        return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text));
      };
      fields[i] = {bytes(kFields[i][0]), bytes(kFields[i][1]), std::strlen(kFields[i][0]), std::strlen(kFields[i][1]),
                   NGHTTP2_NV_FLAG_NONE};
    }
    std::string body(size, '\0');
    for (char& c : body) c = static_cast<char>(random_.next());
    nghttp2_data_provider provider{};
    provider.read_callback = [](nghttp2_session*, std::int32_t id, std::uint8_t* buffer, std::size_t max,
                                std::uint32_t* flags, nghttp2_data_source*, void* user) -> ssize_t {
      auto& self = *static_cast<Client*>(user);
      const std::string& whole = self.sent[id];
      std::size_t& at = self.at_[id];
      const std::size_t part = std::min(max, whole.size() - at);
      std::memcpy(buffer, whole.data() + at, part);
      at += part;
      if (at == whole.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
      return static_cast<ssize_t>(part);
    };
    const std::int32_t id = nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(), &provider, nullptr);
    sent[id] = std::move(body);
  }

  std::string take() {
    const std::uint8_t* data = nullptr;
    const auto size = nghttp2_session_mem_send(session_, &data);
    return size <= 0 ? std::string() : std::string(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
  }
  [[nodiscard]] bool give(std::string_view bytes) {
    const auto used =
        nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    return used == static_cast<ssize_t>(bytes.size());
  }

  std::map<std::int32_t, std::string> sent;
  std::map<std::int32_t, std::string> got;
  std::map<std::int32_t, std::uint32_t> closed;

 private:
  Random& random_;
  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, std::size_t> at_;
};

/// Answers each request with its own body while that is still coming.
class Echo {
 public:
  explicit Echo(Random& random) : random_(random), connection(settings(random)) {}

  void turn() {
    while (http::H2Stream* stream = connection.next_news()) {
      std::string_view input = stream->received().join({});
      for (bool more = true; more;) more = answer(*stream, stream->next(input, {}, scratch_));
      stream->received().keep(input);
      stream->received().tidy();
    }
    connection.produce(out, 1 + random_.below(30'000));
    while (http::H2Stream* stream = connection.next_progress()) {
      if (stream->request_complete() && stream->pending() == 0) connection.release(*stream);
    }
  }

 private:
  static http::H2Connection::Settings settings(Random& random) {
    http::H2Connection::Settings settings;
    settings.stream_window = static_cast<std::uint32_t>(1 + random.below(100'000));
    settings.connection_window = static_cast<std::uint32_t>(65'535 + random.below(100'000));
    return settings;
  }

  bool answer(http::H2Stream& stream, const http::DownstreamCodec::Parsed& parsed) {
    http::Output none;
    http::ResponseHead head;
    head.status = 200;
    switch (parsed.event) {
      case http::DownstreamCodec::Event::head:
        stream.write_head(head, {http::BodySize::Kind::unknown, 0}, none);
        return true;
      case http::DownstreamCodec::Event::body:
        stream.write_data(parsed.body, none);
        return true;
      case http::DownstreamCodec::Event::end:
        stream.write_end({}, none);
        stream.finish();
        return true;
      default:
        return false;
    }
  }

  Random& random_;
  http::HeadScratch scratch_;

 public:
  http::H2Connection connection;
  http::Output out;
};

TEST(H2Laws, ARealClientGetsBackWhatItSent) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    Client client(random);
    Echo echo(random);
    const std::size_t requests = 1 + random.below(6);
    for (std::size_t i = 0; i < requests; ++i) client.post(random.below(random.one_in(3) ? 300'000 : 300));
    std::string to_server;
    for (int turn = 0; turn < 2'000'000 && client.closed.size() < requests; ++turn) {
      if (to_server.empty()) to_server = client.take();
      const std::size_t size = std::min(to_server.size(), 1 + random.below(20'000));
      echo.connection.receive(to_server.substr(0, size));
      to_server.erase(0, size);
      echo.turn();
      ASSERT_TRUE(client.give(echo.out.joined()));
      echo.out.clear();
    }
    ASSERT_EQ(client.closed.size(), requests);
    for (const auto& [id, code] : client.closed) EXPECT_EQ(code, 0U);
    for (const auto& [id, body] : client.sent) EXPECT_TRUE(client.got[id] == body) << id;
    EXPECT_EQ(echo.connection.streams(), 0U);
    EXPECT_EQ(echo.connection.broken(), nullptr);
  }
}

}  // namespace
}  // namespace sidecar::test
