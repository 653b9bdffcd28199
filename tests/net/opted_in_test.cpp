// What a route can opt in to for streams that have a backend, as it arrives on the wire.
#include "tests/net/opted_in.hpp"

namespace sidecar::nettest {
namespace {

constexpr std::string_view kPost =
    "POST /events HTTP/1.1\r\nHost: app.test\r\nAccept: text/event-stream\r\nContent-Length: 0\r\n\r\n";

struct Form {
  const char* name;
  const char* keys;
  std::string at_boundary;
  std::string inside_event;
};

void PrintTo(const Form& form, std::ostream* out) {
  *out << form.name;
}

class HeartbeatForms : public ::testing::TestWithParam<Form> {
 protected:
  static void expect(BodyReader& body, const std::string& heartbeat) {
    if (heartbeat.empty()) {
      EXPECT_TRUE(body.silent_for(300ms)) << body.buffered();
    }
    for (int i = 0; i < 2; ++i) EXPECT_EQ(body.read_exact(heartbeat.size()), heartbeat);
  }
};

TEST_P(HeartbeatForms, are_what_the_route_says) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, "heartbeat: { interval: 100ms, " + std::string(GetParam().keys) + " }"));
  for (const std::string_view head : {kStreamHead, kStreamUntilClose}) {
    Stream stream = open_stream(sidecar, backend, browser_get(), head);
    const auto piece = [&](std::string_view bytes) { return head == kStreamHead ? chunk(bytes) : std::string(bytes); };
    BodyReader body = body_of(stream);
    expect(body, GetParam().at_boundary);
    stream.backend.send(piece("data: 1\n"));
    (void)body.read_until("data: 1\n");
    expect(body, GetParam().inside_event);
  }
}

INSTANTIATE_TEST_SUITE_P(OptedIn, HeartbeatForms,
                         ::testing::Values(Form{"comment", "text: here", ": here\n\n", ": here\n"},
                                           Form{"comment_line", "form: comment_line", ": heartbeat\n", ": heartbeat\n"},
                                           Form{"event", "form: event, event: ping, data: \"[1]\"",
                                                "event: ping\ndata: [1]\n\n", ": heartbeat\n"},
                                           Form{"bytes", "form: bytes, bytes: \":a\\n:b\\n\"", ":a\n:b\n", ""},
                                           Form{"off", "form: off", "", ""},
                                           Form{"padded", "padding: 2000",
                                                ": heartbeat" + std::string(2000, ' ') + "\n\n",
                                                ": heartbeat" + std::string(2000, ' ') + "\n"}),
                         [](const auto& param) { return param.param.name; });

TEST(Opening, stands_right_behind_the_head) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, R"(opening: { comment: hi, event: connected, data: '{"a":1}', retry: 3s })"));
  const std::string block = "event: connected\ndata: {\"a\":1}\n\n";
  for (const char* version : {"1.1", "1.0"}) {
    Stream stream = open_stream(sidecar, backend, browser_get(version));
    EXPECT_EQ(body_of(stream).read_exact(block.size() + 17), ": hi\nretry: 3000\n" + block);
  }
  Stream post = open_stream(sidecar, backend, kPost);
  BodyReader body = body_of(post, "POST");
  EXPECT_EQ(body.read_exact(block.size() + 5), ": hi\n" + block);
  EXPECT_TRUE(body.silent_for(50ms));
}

TEST(Opening, is_not_for_encoded_streams) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, "opening: { comment: hi }"));
  Stream stream = open_stream(sidecar, backend, browser_get(),
                              "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\n");
  EXPECT_TRUE(body_of(stream).silent_for(100ms));
}

const std::string kAges = "max_age: { after: 400ms, retry: [1s, 1s] }";

TEST(MaxAge, ends_a_stream_that_is_between_two_events) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, kAges));
  const auto start = Clock::now();
  Stream stream = open_stream(sidecar, backend, browser_get());
  BodyReader body = body_of(stream);
  stream.backend.send(chunk("data: 1\n\n"));
  EXPECT_EQ(body.read_all(), "data: 1\n\nretry: 1000\n\n");
  EXPECT_GE(since(start), 340ms);
  EXPECT_LT(since(start), 400ms + scaled(500ms));
  EXPECT_NE(stream.backend.wait_end(scaled(1s)), End::open);
  expect_close(sidecar, "max_age", "sidecar");
}

TEST(MaxAge, waits_for_the_end_of_an_event) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, kAges));
  Stream stream = open_stream(sidecar, backend, browser_get("1.0"), kStreamUntilClose);
  stream.backend.send("data: 1\r\n");
  EXPECT_EQ(stream.client.read_exact(9), "data: 1\r\n");
  EXPECT_TRUE(stream.client.silent_for(700ms));
  stream.backend.send("data: 2\r\n\r\ndata: of the next connection\r\n\r\n");
  EXPECT_EQ(stream.client.read_to_end(), "data: 2\r\n\r\nretry: 1000\r\n\r\n");
  expect_close(sidecar, "max_age", "sidecar");
}

TEST(MaxAge, is_not_for_a_post) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, kAges));
  Stream stream = open_stream(sidecar, backend, kPost);
  EXPECT_TRUE(body_of(stream, "POST").silent_for(800ms));
}

struct Ended {
  const char* name;
  std::string head;
  std::string body;
  bool reset;
  std::string received;
};

void PrintTo(const Ended& ended, std::ostream* out) {
  *out << ended.name;
}

class EndEvent : public ::testing::TestWithParam<Ended> {
 protected:
  /// Ends as the parameter says when everything has been taken.
  static void end(RawConnection& connection) {
    connection.send(GetParam().body);
    connection.flush();
    GetParam().reset ? connection.reset() : connection.close();
  }
};

TEST_P(EndEvent, is_read_before_the_abort) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, "end_event: {}"));
  Stream stream = open_stream(sidecar, backend, browser_get(), GetParam().head);
  end(stream.backend);
  BodyReader body = body_of(stream);
  const BodyEnd how = body.wait_end();
  EXPECT_TRUE(how == BodyEnd::truncated || how == BodyEnd::reset);
  EXPECT_EQ(body.buffered(), GetParam().received);
}

/// The reset must not overtake what waits in the kernel of a slow reader.
TEST_P(EndEvent, is_read_before_the_reset_of_http_1_0) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, "end_event: {}"));
  Stream stream = open_stream(sidecar, backend, browser_get("1.0"), GetParam().head, {4'096});
  const std::string event = "data: " + pattern(149'992) + "\n\n";
  const bool chunked = GetParam().head == kStreamHead;
  stream.backend.send(chunked ? chunk(event) : event);
  end(stream.backend);
  (void)sidecar.wait_for_log("stream_close");  // The sidecar knows, the client has read nothing.
  EXPECT_EQ(stream.client.wait_end(), End::reset);
  EXPECT_TRUE(stream.client.buffered() == event + GetParam().received);
}

std::string stream_end(const std::string& reason) {
  return "event: stream_end\ndata: {\"reason\":\"" + reason + "\"}\n\n";
}

INSTANTIATE_TEST_SUITE_P(OptedIn, EndEvent,
                         ::testing::Values(Ended{"reset", std::string(kStreamHead), chunk("data: 1\n\n"), true,
                                                 "data: 1\n\n" + stream_end("upstream_reset")},
                                           Ended{"fin", std::string(kStreamHead), chunk("data: 1\n\n"), false,
                                                 "data: 1\n\n" + stream_end("upstream_truncated")},
                                           Ended{"reset_until_close", std::string(kStreamUntilClose), "data: 1\n\n",
                                                 true, "data: 1\n\n" + stream_end("upstream_reset")},
                                           Ended{"garbage", std::string(kStreamHead), chunk("data: 1\n\n") + "zz\r\n",
                                                 false, "data: 1\n\n" + stream_end("protocol_error")},
                                           Ended{"inside_an_event", std::string(kStreamHead),
                                                 chunk("data: 1\n\ndata: 2\n"), true, "data: 1\n\ndata: 2\n"}),
                         [](const auto& param) { return param.param.name; });

TEST(EndEventOfNone, a_clean_end_has_none) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, "end_event: {}"));
  Stream stream = open_stream(sidecar, backend, browser_get());
  stream.backend.send(chunk("data: 1\n\n") + std::string(kLastChunk));
  EXPECT_EQ(body_of(stream).read_all(), "data: 1\n\n");
}

struct Completed {
  const char* name;
  std::string head;
  std::string body;
  std::string received;
};

void PrintTo(const Completed& completed, std::ostream* out) {
  *out << completed.name;
}

class CompleteLastEvent : public ::testing::TestWithParam<Completed> {};

TEST_P(CompleteLastEvent, where_nothing_else_is_missing) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, "complete_last_event: true"));
  for (const char* version : {"1.1", "1.0"}) {
    Stream stream = open_stream(sidecar, backend, browser_get(version), GetParam().head);
    stream.backend.send(GetParam().body);
    stream.backend.close();
    BodyReader body = body_of(stream);
    EXPECT_EQ(body.read_all(), GetParam().received) << version;
  }
}

INSTANTIATE_TEST_SUITE_P(
    OptedIn, CompleteLastEvent,
    ::testing::Values(
        Completed{"chunks", std::string(kStreamHead), chunk("data: 1") + std::string(kLastChunk), "data: 1\n\n"},
        Completed{"chunks_crlf", std::string(kStreamHead), chunk("id: 1\r\ndata: 1\r\n") + std::string(kLastChunk),
                  "id: 1\r\ndata: 1\r\n\r\n"},
        Completed{"length", "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 8\r\n\r\n",
                  "data: 1\n", "data: 1\n\n"},
        Completed{"until_close", std::string(kStreamUntilClose), "data: 1\n", "data: 1\n"},
        Completed{"nothing_missing", std::string(kStreamHead), chunk("data: 1\n\n: c\n") + std::string(kLastChunk),
                  "data: 1\n\n: c\n"}),
    [](const auto& param) { return param.param.name; });

TEST(CompleteLastEventOfNone, behind_a_break_nothing_is_completed) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, "complete_last_event: true"));
  Stream stream = open_stream(sidecar, backend, browser_get());
  stream.backend.send(chunk("data: 1\n"));
  stream.backend.close();
  BodyReader body = body_of(stream);
  EXPECT_EQ(body.wait_end(), BodyEnd::truncated);
  EXPECT_EQ(body.buffered(), "data: 1\n");
}

TEST(IdleTimeout, ends_what_heartbeats_would_hide) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, "heartbeat: { interval: 100ms }, idle_timeout: 600ms, end_event: {}"));
  Stream stream = open_stream(sidecar, backend, browser_get());
  BodyReader body = body_of(stream);
  auto last = Clock::now();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(stream.backend.end(), End::open);
    last = Clock::now();
    stream.backend.send(chunk("data: 1\n\n"));
    (void)body.read_until("data: 1\n\n");
    (void)body.silent_for(200ms);
  }
  const BodyEnd how = body.wait_end();
  EXPECT_TRUE(how == BodyEnd::truncated || how == BodyEnd::reset);
  EXPECT_GE(since(last), 540ms);
  EXPECT_LT(since(last), 600ms + scaled(500ms));
  EXPECT_TRUE(body.buffered().ends_with(stream_end("upstream_idle"))) << body.buffered();
  EXPECT_NE(stream.backend.wait_end(), End::open);
  EXPECT_EQ(text_of(expect_close(sidecar, "upstream_idle", "sidecar"), "detail"),
            "the backend was silent for too long (idle_timeout)");
}

Launch with_cors(const RawBackend& backend, const std::string& keys) {
  return configured(backend, "", "routes: [{ name: all, upstream: app, " + keys + " }]");
}

std::string from_page(const std::string& method, const std::string& more = {}) {
  return method + " /events HTTP/1.1\r\nHost: app.test\r\nOrigin: https://app.example\r\n" + more + "\r\n";
}

const std::string kCors = "cors: { origins: [\"https://app.example\"], credentials: true, headers: [X-Token] }";

TEST(Cors, a_preflight_never_reaches_the_backend) {
  RawBackend backend;
  Sidecar sidecar(with_cors(backend, kCors));
  RawConnection client = sidecar.connect();
  client.send(
      from_page("OPTIONS", "Access-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: x-token\r\n"));
  const Response response = read_response(client, "OPTIONS");
  EXPECT_EQ(response.status(), 204);
  EXPECT_EQ(response.head.field("Access-Control-Allow-Origin"), "https://app.example");
  EXPECT_EQ(response.head.field("Access-Control-Allow-Credentials"), "true");
  EXPECT_EQ(response.head.field("Access-Control-Allow-Methods"), "GET");
  EXPECT_EQ(response.head.field("Access-Control-Allow-Headers"), "X-Token");
  EXPECT_EQ(response.head.field("Access-Control-Max-Age"), "600");
  EXPECT_EQ(response.head.field("Vary"), "Origin");
  EXPECT_TRUE(backend.no_connection_for(50ms));
  client.send(
      "OPTIONS /events HTTP/1.1\r\nHost: app.test\r\nOrigin: https://other.example\r\n"
      "Access-Control-Request-Method: GET\r\n\r\n");
  RawConnection connection = backend.accept();
  EXPECT_EQ(connection.read_head().start_line, "OPTIONS /events HTTP/1.1") << "a stranger is the backend's";
  connection.send(ok(""));
  EXPECT_FALSE(read_response(client).head.has("Access-Control-Allow-Origin"));
}

TEST(Cors, a_stream_may_be_read_by_the_page) {
  RawBackend backend;
  Sidecar sidecar(with_cors(backend, kCors));
  Stream stream = open_stream(sidecar, backend, from_page("GET"));
  EXPECT_EQ(stream.head.field("Access-Control-Allow-Origin"), "https://app.example");
  EXPECT_EQ(stream.head.field("Access-Control-Allow-Credentials"), "true");
  Stream own =
      open_stream(sidecar, backend, from_page("GET"),
                  "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nAccess-Control-Allow-Origin: *\r\n\r\n");
  EXPECT_EQ(own.head.field("Access-Control-Allow-Origin"), "*") << "never twice, and the backend decides";
  EXPECT_FALSE(own.head.has("Access-Control-Allow-Credentials"));
}

TEST(Cors, early_heads_and_errors_of_ours_too) {
  RawBackend backend(refusing());
  Sidecar sidecar(
      with_cors(backend, kCors + ", event_stream: { unavailable: { hold: 20s }, error_event: { statuses: [502] } }"));
  RawConnection client = sidecar.connect();
  client.send(from_page("GET", "Accept: text/event-stream\r\n"));
  EXPECT_EQ(client.read_head().field("Access-Control-Allow-Origin"), "https://app.example");
  RawConnection other = sidecar.connect();
  other.send(from_page("GET"));
  const Response response = read_response(other);
  EXPECT_EQ(response.status(), 502);
  EXPECT_EQ(response.head.field("Access-Control-Allow-Origin"), "https://app.example");
}

}  // namespace
}  // namespace sidecar::nettest
