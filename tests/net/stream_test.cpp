// What the sidecar does to the head of an event stream, and what it is taken for one.
#include "tests/net/harness/suite.hpp"

namespace sidecar::nettest {
namespace {

Head stream_head(const Sidecar& sidecar, RawBackend& backend, const std::string& response_head,
                 const std::string& request = get("/events")) {
  Stream stream = open_stream(sidecar, backend, request, response_head);
  return stream.head;
}

TEST(StreamHead, leaves_before_any_event) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  Stream stream = open_stream(sidecar, backend);
  EXPECT_EQ(stream.head.start_line, "HTTP/1.1 200 OK");
  EXPECT_EQ(stream.head.field("Content-Type"), "text/event-stream");
  EXPECT_EQ(stream.head.field("X-Accel-Buffering"), "no");
  EXPECT_EQ(stream.head.field("Transfer-Encoding"), "chunked");
  EXPECT_FALSE(stream.head.has("Content-Length"));
  BodyReader body = body_of(stream);
  for (const std::string event : {"data: 1\n\n", "id: 2\nevent: x\ndata: 2\n\n", ": comment of the backend\n\n"}) {
    stream.backend.send(chunk(event));
    EXPECT_EQ(body.read_exact(event.size()), event);
  }
}

TEST(StreamHead, keeps_what_the_backend_says) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  const Head head =
      stream_head(sidecar, backend,
                  "HTTP/1.1 200 Fine\r\nServer: legacy\r\ncontent-type: Text/Event-Stream; Charset=UTF-8\r\n"
                  "Access-Control-Allow-Origin: *\r\nX-Accel-Buffering: yes\r\nKeep-Alive: timeout=5\r\n"
                  "Connection: keep-alive\r\nSet-Cookie: a=b\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(head.start_line, "HTTP/1.1 200 Fine");
  EXPECT_EQ(head.field("Content-Type"), "Text/Event-Stream; Charset=UTF-8");
  EXPECT_EQ(head.field("Server"), "legacy");
  EXPECT_EQ(head.field("Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(head.field("Set-Cookie"), "a=b");
  EXPECT_EQ(head.field("X-Accel-Buffering"), "no");
  EXPECT_FALSE(head.has("Keep-Alive"));
}

class CacheControl : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(CacheControl, gains_what_is_missing) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  const auto [fields, expected] = GetParam();
  const Head head = stream_head(
      sidecar, backend, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" + std::string(fields) + "\r\n");
  std::string all;
  for (const auto& value : head.values("Cache-Control")) all += (all.empty() ? "" : " | ") + value;
  EXPECT_EQ(all, expected);
}

INSTANTIATE_TEST_SUITE_P(
    StreamHead, CacheControl,
    ::testing::Values(
        std::pair{"", "no-cache, no-transform"},
        std::pair{"Cache-Control: max-age=0\r\n", "max-age=0, no-cache, no-transform"},
        std::pair{"Cache-Control: no-cache\r\n", "no-cache, no-transform"},
        std::pair{"cache-control: No-Transform\r\n", "No-Transform, no-cache"},
        std::pair{"Cache-Control: no-store, No-Cache, no-transform\r\n", "no-store, No-Cache, no-transform"},
        std::pair{"Cache-Control: private\r\nCache-Control: no-cache\r\n", "private | no-cache, no-transform"},
        std::pair{"Cache-Control: no-cache\r\nCache-Control: private\r\n", "no-cache | private, no-transform"}));

TEST(StreamHead, content_length_gives_way_to_chunks) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  Stream stream = open_stream(sidecar, backend, get("/"),
                              "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 18\r\n\r\n");
  EXPECT_FALSE(stream.head.has("Content-Length"));
  BodyReader body = body_of(stream);
  stream.backend.send("data: 1\n\n");
  EXPECT_EQ(body.read_exact(9), "data: 1\n\n");
  stream.backend.send("data: 2\n\n");
  EXPECT_EQ(body.read_all(), "data: 2\n\n");
}

TEST(StreamHead, for_http_1_0_ends_with_the_connection) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  for (const std::string framing : {"Transfer-Encoding: chunked", "Content-Length: 9"}) {
    Stream stream = open_stream(sidecar, backend, "GET / HTTP/1.0\r\nHost: app.test\r\nConnection: keep-alive\r\n\r\n",
                                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" + framing + "\r\n\r\n");
    EXPECT_FALSE(stream.head.has("Transfer-Encoding"));
    EXPECT_FALSE(stream.head.has("Content-Length"));
    EXPECT_TRUE(stream.head.lists("Connection", "close"));
    EXPECT_EQ(stream.head.field("X-Accel-Buffering"), "no");
    stream.backend.send(framing[0] == 'T' ? chunk("data: 1\n\n") : "data: 1\n\n");
    EXPECT_EQ(stream.client.read_exact(9), "data: 1\n\n");
    if (framing[0] == 'T') stream.backend.send(kLastChunk);
    EXPECT_EQ(stream.client.read_to_end(), "");
  }
}

TEST(StreamHead, of_a_post_is_treated_alike) {
  RawBackend backend;
  Sidecar sidecar(with_heartbeat(backend, 100ms));
  Stream stream =
      open_stream(sidecar, backend,
                  "POST /chat HTTP/1.1\r\nHost: app.test\r\nAccept: application/json\r\nContent-Length: 2\r\n\r\n{}");
  EXPECT_EQ(stream.head.field("X-Accel-Buffering"), "no");
  BodyReader body = body_of(stream, "POST");
  EXPECT_EQ(body.read_exact(kHeartbeat.size()), kHeartbeat);
  stream.backend.send(chunk("data: 1\n\n"));
  EXPECT_EQ(body.read_until("data: 1\n\n").substr(0, 2), body.chunks() > 2 ? ": " : "da");
}

TEST(StreamHead, is_not_made_of_a_response_that_is_none) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  RawConnection client = sidecar.connect();
  for (const std::string type : {"text/event-streamx", "text/event-streams", "text/plain; x=text/event-stream",
                                 "application/x-ndjson", "text/event", "xtext/event-stream"}) {
    client.send(get("/"));
    RawConnection connection = backend.accept();
    (void)connection.read_head();
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: " + type + "\r\nContent-Length: 9\r\n\r\n";
    connection.send(head + "data: 1\n\n");
    connection.half_close();
    const Response response = read_response(client);
    EXPECT_EQ(response.head.bytes, head);
    EXPECT_EQ(response.body, "data: 1\n\n");
    EXPECT_NE(connection.wait_end(scaled(1s)), End::open);
  }
}

class AcceptEncoding : public ::testing::TestWithParam<std::pair<const char*, bool>> {};

TEST_P(AcceptEncoding, is_removed_when_a_stream_is_asked_for) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  const auto [accept, removed] = GetParam();
  RawConnection client = sidecar.connect();
  client.send(get("/", std::string(accept) + "Accept-Encoding: gzip, br\r\n"));
  RawConnection connection = backend.accept();
  EXPECT_EQ(connection.read_head().bytes,
            get("/", std::string(accept) + (removed ? "" : "Accept-Encoding: gzip, br\r\n")));
}

INSTANTIATE_TEST_SUITE_P(StreamRequest, AcceptEncoding,
                         ::testing::Values(std::pair{"Accept: text/event-stream\r\n", true},
                                           std::pair{"accept: TEXT/Event-Stream;q=0.9\r\n", true},
                                           std::pair{"Accept: application/json, text/event-stream\r\n", true},
                                           std::pair{"Accept: text/html\r\nAccept: text/event-stream\r\n", true},
                                           std::pair{"Accept: text/event-streamx\r\n", false},
                                           std::pair{"Accept: */*\r\n", false},
                                           std::pair{"Accept: text/html, */*;q=0.8\r\n", false}, std::pair{"", false}));

TEST(StreamRequest, a_route_decides_about_accept_encoding) {
  RawBackend backend;
  for (const std::string mode : {"always", "never"}) {
    Sidecar sidecar(configured(backend, "", "defaults: { event_stream: { strip_accept_encoding: " + mode + " } }"));
    RawConnection client = sidecar.connect();
    client.send(get("/", "Accept: text/event-stream\r\nAccept-Encoding: gzip\r\n"));
    EXPECT_EQ(backend.accept().read_head().has("Accept-Encoding"), mode == "never");
    RawConnection other = sidecar.connect();
    other.send(get("/", "Accept: application/json\r\nAccept-Encoding: gzip\r\n"));
    EXPECT_EQ(backend.accept().read_head().has("Accept-Encoding"), mode == "never");
  }
}

TEST(StreamBody, each_write_of_the_backend_arrives_at_once_and_unmerged) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  Stream stream = open_stream(sidecar, backend);
  BodyReader body = body_of(stream);
  for (const std::string part : {"da", "ta: 1", "\n", "\n", "\xef\xbb\xbf", "data: \xf0\x9f", "\x98\x80\r", "\n\r\n"}) {
    stream.backend.send(chunk(part));
    EXPECT_EQ(body.read_exact(part.size()), part);
    EXPECT_EQ(body.buffered(), "");
  }
}

TEST(StreamBody, goes_through_byte_for_byte) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  Stream stream = open_stream(sidecar, backend);
  std::string sent;
  for (int i = 0; i < 3'000; ++i) {
    sent += "id: " + std::to_string(i) + (i % 3 == 0 ? "\r\n" : i % 3 == 1 ? "\n" : "\r");
    sent += "data: " + std::string(static_cast<std::size_t>(i % 300), 'x') + "\n\n";
  }
  Background sender([&] {
    for (std::size_t at = 0; at < sent.size(); at += 4'999) stream.backend.send(chunk(sent.substr(at, 4'999)));
    stream.backend.send(kLastChunk);
  });
  const std::string received = body_of(stream).read_all();
  sender.join();
  EXPECT_TRUE(received == sent);
}

TEST(StreamBody, of_an_http_1_0_backend_ends_with_its_connection) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  Stream stream = open_stream(sidecar, backend, get("/"), "HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
  BodyReader body = body_of(stream);
  stream.backend.send("data: 1\n\n");
  EXPECT_EQ(body.read_exact(9), "data: 1\n\n");
  stream.backend.close();
  EXPECT_EQ(body.read_all(), "");
}

TEST(StreamBody, a_bom_is_kept_when_it_is_first) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  Stream stream = open_stream(sidecar, backend);
  stream.backend.send(chunk("\xef\xbb\xbf"
                            "data: 1\n\n") +
                      std::string(kLastChunk));
  EXPECT_EQ(body_of(stream).read_all(),
            "\xef\xbb\xbf"
            "data: 1\n\n");
}

TEST(StreamBody, a_bom_behind_an_early_heartbeat_is_dropped) {
  RawBackend backend;
  Sidecar sidecar(with_heartbeat(backend, 150ms));
  for (const bool split : {false, true}) {
    Stream stream = open_stream(sidecar, backend);
    BodyReader body = body_of(stream);
    EXPECT_EQ(body.read_exact(kHeartbeat.size()), kHeartbeat);
    if (split) {
      stream.backend.send(chunk("\xef"));
      stream.backend.flush();
      stream.backend.send(chunk("\xbb\xbf"
                                "data: 1\n\n") +
                          std::string(kLastChunk));
    } else {
      stream.backend.send(chunk("\xef\xbb\xbf"
                                "data: 1\n\n") +
                          std::string(kLastChunk));
    }
    std::string rest = body.read_all();
    while (rest.starts_with(kHeartbeat)) rest.erase(0, kHeartbeat.size());
    EXPECT_EQ(rest, "data: 1\n\n");
  }
}

}  // namespace
}  // namespace sidecar::nettest
