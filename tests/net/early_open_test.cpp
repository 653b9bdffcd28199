// Streams that are opened before their backend answers, and what was wrong with it told as an event.
#include <signal.h>

#include "tests/net/opted_in.hpp"

namespace sidecar::nettest {
namespace {

constexpr Milliseconds kEarly = 300ms;
/// Rounding of the sidecar's deadlines.
constexpr Milliseconds kGrid = 60ms;

const std::string kOpens = "early_open: { after: 300ms }, heartbeat: { interval: 150ms }";
const std::string kTells = kOpens + ", error_event: {}";

std::string error_event(const std::string& told) {
  return "retry: 10000\nevent: upstream_error\ndata: {" + told + "}\n\n";
}

/// Without the heartbeats, as many as there may have been.
std::string without_heartbeats(std::string text) {
  for (std::size_t at = 0; (at = text.find(kHeartbeat)) != std::string::npos;) text.erase(at, kHeartbeat.size());
  return text;
}

TEST(EarlyOpen, a_silent_backend_is_not_waited_for) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, kOpens + ", opening: { comment: connected }"));
  const auto start = Clock::now();
  auto [client, connection, request] = begin_request(sidecar, backend, browser_get());
  Reader reader(std::move(client));
  EXPECT_GE(since(start), kEarly - kGrid);
  EXPECT_LT(since(start), kEarly + scaled(500ms));
  EXPECT_EQ(reader.head.start_line, "HTTP/1.1 200 OK");
  EXPECT_EQ(reader.head.field("Content-Type"), "text/event-stream");
  EXPECT_EQ(reader.head.field("Cache-Control"), "no-cache, no-transform");
  EXPECT_EQ(reader.head.field("X-Accel-Buffering"), "no");
  EXPECT_EQ(reader.head.field("Transfer-Encoding"), "chunked");
  EXPECT_EQ(reader.body.read_exact(13), ": connected\n\n");
  for (int i = 0; i < 2; ++i) EXPECT_EQ(reader.body.read_exact(kHeartbeat.size()), kHeartbeat);
  const auto opened = sidecar.wait_for_log("stream_open");
  EXPECT_GE(number_of(opened, "ttfb_ms"), (kEarly - kGrid).count());
  EXPECT_EQ(number_of(opened, "status"), 200);
  EXPECT_EQ(text_of(opened, "upstream"), "app");
  EXPECT_EQ(text_of(opened, "route"), "everything");
  connection.send(std::string(kStreamHead) + std::string(kLastChunk));
  (void)reader.body.read_all();
  expect_close(sidecar, "complete", "upstream");
}

struct Splice {
  const char* name;
  const char* version;
  std::string head;
  std::string bytes;
  bool closes;
};

void PrintTo(const Splice& splice, std::ostream* out) {
  *out << splice.name;
}

class Spliced : public ::testing::TestWithParam<Splice> {};

TEST_P(Spliced, a_late_stream_goes_on_behind_ours) {
  const Splice& splice = GetParam();
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, kTells));
  auto [client, connection, request] = begin_request(sidecar, backend, browser_get(splice.version));
  Reader reader(std::move(client));
  EXPECT_EQ(reader.body.read_exact(kHeartbeat.size()), kHeartbeat);
  connection.send(splice.head + splice.bytes);
  if (splice.closes) connection.close();
  EXPECT_EQ(without_heartbeats(reader.body.read_all()), "id: 7\ndata: 1\n\ndata: 2\n\n")
      << "neither the backend's head nor its byte order mark";
  const auto line = expect_close(sidecar, "complete", "upstream");
  EXPECT_EQ(number_of(line, "events"), 2);
  EXPECT_GE(number_of(line, "heartbeats"), 1);
  EXPECT_GE(number_of(line, "max_idle_ms"), 100);
}

const std::string kLate = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nSet-Cookie: late=1\r\n";
const std::string kEvents = "\xef\xbb\xbfid: 7\ndata: 1\n\ndata: 2\n\n";

INSTANTIATE_TEST_SUITE_P(
    EarlyOpen, Spliced,
    ::testing::Values(Splice{"chunks", "1.1", kLate + "Transfer-Encoding: chunked\r\n\r\n",
                             chunk(kEvents.substr(0, 2)) + chunk(kEvents.substr(2)) + std::string(kLastChunk), false},
                      Splice{"length", "1.1", kLate + "Content-Length: 27\r\n\r\n", kEvents, false},
                      Splice{"until_close", "1.1", kLate + "Connection: close\r\n\r\n", kEvents, true},
                      Splice{"chunks_to_http_1_0", "1.0", kLate + "Transfer-Encoding: chunked\r\n\r\n",
                             chunk(kEvents) + std::string(kLastChunk), false},
                      Splice{"until_close_to_http_1_0", "1.0", kLate + "Connection: close\r\n\r\n", kEvents, true}),
    [](const auto& param) { return param.param.name; });

struct Late {
  const char* name;
  const char* version;
  std::string answer;  ///< Empty: a reset.
  std::string told;
  const char* reason;
};

void PrintTo(const Late& late, std::ostream* out) {
  *out << late.name;
}

class LateAnswer : public ::testing::TestWithParam<Late> {
 protected:
  static void give(RawConnection& connection) {
    if (GetParam().answer.empty()) return connection.reset();
    connection.send(GetParam().answer);
    if (GetParam().answer.find("Content-Length") == std::string::npos) connection.close();
  }
};

TEST_P(LateAnswer, is_one_event_and_the_end) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, kTells));
  auto [client, connection, request] = begin_request(sidecar, backend, browser_get(GetParam().version));
  Reader reader(std::move(client));
  give(connection);
  EXPECT_EQ(without_heartbeats(reader.body.read_all()), error_event(GetParam().told));
  const auto line = expect_close(sidecar, GetParam().reason, "upstream");
  EXPECT_EQ(number_of(line, "events"), 0) << "ours is not the backend's";
  EXPECT_EQ(number_of(line, "status"), 200);
}

TEST_P(LateAnswer, without_an_event_for_it_is_an_abort) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, kOpens));
  auto [client, connection, request] = begin_request(sidecar, backend, browser_get(GetParam().version));
  Reader reader(std::move(client));
  give(connection);
  if (reader.head.has("Transfer-Encoding")) {
    expect_abort(reader);
  } else {
    EXPECT_EQ(reader.client.wait_end(), End::reset);
  }
  EXPECT_EQ(without_heartbeats(reader.body.buffered()), "") << "not a byte of the answer";
  expect_close(sidecar, GetParam().reason, "upstream");
}

INSTANTIATE_TEST_SUITE_P(
    EarlyOpen, LateAnswer,
    ::testing::Values(
        Late{"unauthorized", "1.1",
             "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n"
             "{\"why\":\"stale\"}",
             R"("status":401,"reason":"Unauthorized","content_type":"application/json","body":"{\"why\":\"stale\"}")",
             "upstream_error"},
        Late{"page_until_close", "1.1",
             "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<p>login\n",
             R"("status":200,"reason":"OK","content_type":"text/html","body":"<p>login\u000a")", "upstream_error"},
        Late{"json_to_http_1_0", "1.0",
             "HTTP/1.1 500 Oops\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
             R"("status":500,"reason":"Oops","content_type":"application/json","body":"{}")", "upstream_error"},
        Late{"nothing", "1.1", "", R"("status":502,"reason":"the backend reset the connection")", "upstream_reset"},
        Late{"nothing_to_http_1_0", "1.0", "", R"("status":502,"reason":"the backend reset the connection")",
             "upstream_reset"}),
    [](const auto& param) { return param.param.name; });

TEST(EarlyOpen, without_a_connection_too) {
  FullBackend backend;
  Sidecar sidecar(opted_in(backend.listener(), kTells, "connect_timeout: 700ms"));
  const auto start = Clock::now();
  Reader reader([&] {
    RawConnection client = sidecar.connect();
    client.send(browser_get());
    return client;
  }());
  EXPECT_LT(since(start), kEarly + scaled(300ms)) << "in the middle of connecting";
  EXPECT_EQ(without_heartbeats(reader.body.read_all()), error_event(R"("status":504,"reason":"connect timeout")"));
  EXPECT_GE(since(start), 600ms);
  EXPECT_EQ(text_of(expect_close(sidecar, "upstream_unreachable", "upstream"), "detail"), "connect timeout");
}

TEST(EarlyOpen, a_refused_connection_is_told_in_time_as_it_is) {
  RawBackend backend(refusing());
  Sidecar sidecar(opted_in(backend, kTells));
  RawConnection client = sidecar.connect();
  client.send(browser_get());
  EXPECT_EQ(read_response(client).status(), 502) << "error_event without statuses is for open streams only";
}

TEST(EarlyOpen, a_prompt_answer_passes_unchanged) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, "early_open: { after: 20s }, error_event: {}"));
  auto [client, connection, request] = begin_request(sidecar, backend, browser_get());
  const std::string answer = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nContent-Length: 2\r\n\r\nno";
  connection.send(answer);
  EXPECT_EQ(client.read_exact(answer.size()), answer);
  EXPECT_EQ(number_of(sidecar.wait_for_log("request"), "status"), 401);
  EXPECT_TRUE(sidecar.log_of("stream_open").empty());
}

constexpr std::string_view kPost =
    "POST /events HTTP/1.1\r\nHost: app.test\r\nAccept: application/json\r\nContent-Length: 2\r\n\r\n{}";

TEST(EarlyOpen, always_is_for_a_post_too) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, "early_open: { after: 100ms, always: true }, error_event: {}"));
  auto [client, connection, request] = begin_request(sidecar, backend, kPost);
  EXPECT_EQ(connection.read_exact(2), "{}");
  Reader reader(std::move(client), "POST");
  connection.send(kStreamHead);
  connection.send(chunk("data: 1\n\n") + std::string(kLastChunk));
  EXPECT_EQ(reader.body.read_all(), "data: 1\n\n");
}

TEST(EarlyOpen, a_post_is_told_and_broken_off) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, "early_open: { after: 100ms, always: true }, error_event: {}"));
  auto [client, connection, request] = begin_request(sidecar, backend, kPost);
  Reader reader(std::move(client), "POST");
  connection.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]");
  expect_abort(reader);
  EXPECT_EQ(reader.body.buffered(),
            "event: upstream_error\ndata: {\"status\":200,\"reason\":\"OK\",\"content_type\":\"application/json\","
            "\"body\":\"[]\"}\n\n")
      << "no retry: who posts does not come back";
  expect_close(sidecar, "upstream_error", "upstream");
}

TEST(EarlyOpen, who_leaves_takes_the_attempt_along) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, "early_open: { after: 50ms }"));
  for (const bool reset : {false, true}) {
    auto [client, connection, request] = begin_request(sidecar, backend, browser_get());
    (void)client.read_head();
    reset ? client.reset() : client.close();
    EXPECT_NE(connection.wait_end(scaled(1s)), End::open);
  }
  const auto line = sidecar.wait_for_log("stream_close");
  EXPECT_EQ(text_of(line, "reason"), "client_gone");
  EXPECT_EQ(text_of(line, "closed_by"), "client");
}

/// Only the descriptor tells: the backend never saw a connection.
TEST(EarlyOpen, who_leaves_takes_the_connecting_along) {
  FullBackend backend;
  Sidecar sidecar(opted_in(backend.listener(), "early_open: { after: 50ms }", "connect_timeout: 60s"));
  {
    RawConnection client = sidecar.connect();
    client.send(browser_get());
    (void)client.read_head();
  }
  EXPECT_TRUE(sidecar.fds_return_to_start(scaled(1s)));
  expect_close(sidecar, "client_gone", "client");
}

TEST(EarlyOpen, a_drain_ends_it_and_says_when_to_come_back) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, "early_open: { after: 50ms }", {}, "drain: { grace: 1s, retry: [100ms, 300ms] }"));
  auto [client, connection, request] = begin_request(sidecar, backend, browser_get());
  Reader reader(std::move(client));
  sidecar.signal(SIGTERM);
  const std::string rest = reader.body.read_all();
  EXPECT_TRUE(rest.starts_with("retry: ") && rest.ends_with("\n\n")) << rest;
  EXPECT_NE(connection.wait_end(), End::open);
  EXPECT_EQ(sidecar.wait_exit(), 0);
  expect_close(sidecar, "drain", "sidecar");
}

TEST(EarlyOpen, a_reload_is_for_new_requests) {
  RawBackend backend;
  const Launch launch = opted_in(backend, "early_open: { after: 500ms }");
  Sidecar sidecar(launch);
  auto [client, connection, request] = begin_request(sidecar, backend, browser_get());
  sidecar.rewrite(opted_in(backend, "early_open: null").config);
  sidecar.signal(SIGHUP);
  (void)sidecar.wait_for_log("message",
                             [](const auto& line) { return text_of(line, "message") == "configuration reloaded"; });
  EXPECT_EQ(client.read_head().status(), 200);
  auto [second, silent, head] = begin_request(sidecar, backend, browser_get());
  EXPECT_TRUE(second.silent_for(800ms));
}

}  // namespace
}  // namespace sidecar::nettest
