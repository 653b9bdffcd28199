// Streams that are opened early, told what was wrong, and broken off, over HTTP/2.
#include "tests/http/h2_frames.hpp"
#include "tests/net/opted_in.hpp"

namespace sidecar::nettest {
namespace {

namespace h2 = sidecar::test::h2;

Launch translating(const RawBackend& backend, const std::string& keys) {
  Launch launch = opted_in(backend, keys);
  const std::string plain = "address: \"127.0.0.1:0\"";
  launch.config.replace(launch.config.find(plain), plain.size(), plain + ", http2: translate");
  return launch;
}

/// Frames of one connection, as text.
class Http2Client {
 public:
  explicit Http2Client(const Sidecar& sidecar) : connection_(sidecar.connect()) {
    connection_.send(h2::hello() + h2::settings_ack());
  }

  void get(std::uint32_t id, const h2::List& more = {{"accept", "text/event-stream"}}) {
    connection_.send(h2::headers(id, h2::request("GET", "/events", more)));
  }
  void post(std::uint32_t id) {
    const h2::List fields = h2::request("POST", "/events", {{"accept", "text/event-stream"}});
    connection_.send(h2::headers(id, fields, h2::kEndHeaders) + h2::data(id, "{}", true));
  }
  void cancel(std::uint32_t id) { connection_.send(h2::reset(id)); }

  /// Everything up to a line that holds `needle`, but what concerns the connection.
  std::string until(std::string_view needle) {
    const auto deadline = Clock::now() + patience();
    while (text_.find(needle) == std::string::npos) {
      if (Clock::now() > deadline) throw TimedOut("no " + std::string(needle) + " in\n" + text_);
      take(reader_.read(connection_.read_available()));
    }
    const std::size_t end = text_.find('\n', text_.find(needle)) + 1;
    std::string lines = text_.substr(0, end);
    text_.erase(0, end);
    return lines;
  }

 private:
  void take(const std::string& lines) {
    for (std::size_t at = 0; at < lines.size(); at = lines.find('\n', at) + 1) {
      const std::string line = lines.substr(at, lines.find('\n', at) + 1 - at);
      if (!line.starts_with("SETTINGS") && !line.starts_with("WINDOW_UPDATE")) text_ += line;
    }
  }

  RawConnection connection_;
  h2::Reader reader_;
  std::string text_;
};

constexpr std::string_view kOwnHead =
    "HEADERS 1 [:status: 200] [content-type: text/event-stream] [cache-control: no-cache, no-transform] "
    "[x-accel-buffering: no]\n";

struct Served {
  RawConnection backend;
  Head request;
};

Served serve(RawBackend& backend) {
  RawConnection connection = backend.accept();
  Head head = connection.read_head();
  return {std::move(connection), std::move(head)};
}

const std::string kEarly = "early_open: { after: 200ms, always: true }, heartbeat: { interval: 100ms }";

TEST(OptedInHttp2, a_stream_is_opened_early_and_goes_on) {
  RawBackend backend;
  Sidecar sidecar(translating(backend, kEarly));
  Http2Client client(sidecar);
  client.get(1);
  Served served = serve(backend);
  EXPECT_EQ(client.until("DATA 1"), std::string(kOwnHead) + "DATA 1 ': heartbeat\\n\\n'\n");
  served.backend.send(kStreamHead);
  served.backend.send(chunk("data: 1\n\n"));
  EXPECT_NE(client.until("data: 1").find("DATA 1 'data: 1\\n\\n'\n"), std::string::npos);
  served.backend.send(kLastChunk);
  EXPECT_TRUE(client.until(" end").ends_with("DATA 1 end\n"));
  EXPECT_EQ(number_of(expect_close(sidecar, "complete", "upstream"), "events"), 1);
}

TEST(OptedInHttp2, a_late_error_is_an_event_and_an_end) {
  RawBackend backend;
  Sidecar sidecar(translating(backend, kEarly + ", error_event: {}"));
  Http2Client client(sidecar);
  client.get(1);
  Served served = serve(backend);
  (void)client.until("HEADERS 1");
  served.backend.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno");
  const std::string rest = client.until(" end");
  EXPECT_NE(rest.find("DATA 1 'retry: 10000\\nevent: upstream_error\\ndata: {\"status\":401,"
                      "\"reason\":\"Unauthorized\",\"body\":\"no\"}\\n\\n'"),
            std::string::npos)
      << rest;
  EXPECT_EQ(rest.find("RST_STREAM"), std::string::npos);
  expect_close(sidecar, "upstream_error", "upstream");
}

TEST(OptedInHttp2, a_post_gets_the_event_and_then_the_reset) {
  RawBackend backend;
  Sidecar sidecar(translating(backend, kEarly + ", error_event: {}"));
  Http2Client client(sidecar);
  client.post(1);
  Served served = serve(backend);
  (void)client.until("HEADERS 1");
  served.backend.send("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n");
  const std::string rest = client.until("RST_STREAM 1");
  const std::size_t event = rest.find("event: upstream_error");
  ASSERT_NE(event, std::string::npos) << rest;
  EXPECT_LT(event, rest.find("RST_STREAM 1 INTERNAL_ERROR\n")) << rest;
  EXPECT_EQ(rest.find(" end\n"), std::string::npos);
}

TEST(OptedInHttp2, without_an_event_there_is_the_reset_alone) {
  RawBackend backend;
  Sidecar sidecar(translating(backend, "early_open: { after: 50ms }"));
  Http2Client client(sidecar);
  client.get(1);
  Served served = serve(backend);
  EXPECT_EQ(client.until("HEADERS 1"), kOwnHead);
  served.backend.send("HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops");
  EXPECT_EQ(client.until("RST_STREAM"), "RST_STREAM 1 INTERNAL_ERROR\n");
}

TEST(OptedInHttp2, a_status_is_told_at_once) {
  RawBackend backend;
  Sidecar sidecar(translating(backend, "error_event: { statuses: [401], then: hold }, heartbeat: { interval: 100ms }"));
  Http2Client client(sidecar);
  client.get(1);
  Served served = serve(backend);
  served.backend.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
  EXPECT_NE(client.until("upstream_error").find("HEADERS 1 [:status: 200]"), std::string::npos);
  EXPECT_EQ(client.until("heartbeat"), "DATA 1 ': heartbeat\\n\\n'\n");
  client.cancel(1);
  expect_close(sidecar, "client_gone", "client");
}

TEST(OptedInHttp2, an_end_event_comes_before_the_reset) {
  RawBackend backend;
  Sidecar sidecar(translating(backend, "end_event: {}"));
  Http2Client client(sidecar);
  client.get(1);
  Served served = serve(backend);
  served.backend.send(kStreamHead);
  served.backend.send(chunk("data: 1\n\n"));
  (void)client.until("data: 1");
  served.backend.reset();
  EXPECT_EQ(client.until("RST_STREAM"),
            "DATA 1 'event: stream_end\\ndata: {\"reason\":\"upstream_reset\"}\\n\\n'\n"
            "RST_STREAM 1 INTERNAL_ERROR\n");
}

TEST(OptedInHttp2, a_backend_that_starts_late_is_found) {
  RawBackend backend(refusing());
  Sidecar sidecar(translating(backend, "unavailable: { hold: 20s }, error_event: { statuses: [502] }"));
  Http2Client client(sidecar);
  client.get(1);
  EXPECT_EQ(client.until("HEADERS 1"), kOwnHead);
  backend.listen();
  Served served = serve(backend);
  served.backend.send(kStreamHead);
  served.backend.send(chunk("data: 1\n\n"));
  EXPECT_EQ(client.until("data: 1"), "DATA 1 'data: 1\\n\\n'\n");
}

TEST(OptedInHttp2, who_cancels_takes_the_attempt_along_and_nothing_else) {
  RawBackend backend;
  Sidecar sidecar(translating(backend, kEarly));
  Http2Client client(sidecar);
  client.get(1);
  Served first = serve(backend);
  client.get(3);
  Served second = serve(backend);
  (void)client.until("HEADERS 3");
  client.cancel(1);
  EXPECT_NE(first.backend.wait_end(scaled(1s)), End::open);
  second.backend.send(kStreamHead);
  second.backend.send(chunk("data: 1\n\n"));
  EXPECT_NE(client.until("data: 1").find("DATA 3 'data: 1\\n\\n'\n"), std::string::npos);
  const auto line = sidecar.wait_for_log("stream_close");
  EXPECT_EQ(text_of(line, "reason"), "client_gone");
}

TEST(OptedInHttp2, an_old_stream_ends_between_two_events) {
  RawBackend backend;
  Sidecar sidecar(translating(backend, "max_age: { after: 300ms, retry: [1s, 1s] }"));
  Http2Client client(sidecar);
  client.get(1);
  Served served = serve(backend);
  served.backend.send(kStreamHead);
  served.backend.send(chunk("data: 1\n\n"));
  const std::string rest = client.until(" end");
  EXPECT_NE(rest.find("retry: 1000\\n\\n"), std::string::npos) << rest;
  expect_close(sidecar, "max_age", "sidecar");
}

}  // namespace
}  // namespace sidecar::nettest
