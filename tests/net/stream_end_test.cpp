// How event streams end: clean ends stay clean, broken ones are never dressed up, and who left is noticed in silence.
#include "tests/net/harness/suite.hpp"

namespace sidecar::nettest {
namespace {

constexpr std::string_view kHttp10 = "GET /events HTTP/1.0\r\nHost: app.test\r\n\r\n";
constexpr std::string_view kUntilClose =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

boost::json::object closed(Sidecar& sidecar) {
  return sidecar.wait_for_log("stream_close");
}

void expect_close(Sidecar& sidecar, std::string_view reason, std::string_view by) {
  const auto line = closed(sidecar);
  EXPECT_EQ(text_of(line, "reason"), reason);
  EXPECT_EQ(text_of(line, "closed_by"), by);
}

TEST(CleanEnd, of_chunks_is_a_last_chunk) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  Stream stream = open_stream(sidecar, backend);
  stream.backend.send(chunk("data: 1\n\n") + std::string(kLastChunk));
  EXPECT_EQ(body_of(stream).read_all(), "data: 1\n\n");
  EXPECT_TRUE(stream.client.silent_for(50ms)) << "the client's connection goes on";
  expect_close(sidecar, "complete", "upstream");
}

TEST(CleanEnd, of_a_close_delimited_stream_is_a_last_chunk) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  Stream stream = open_stream(sidecar, backend, get("/"), kUntilClose);
  stream.backend.send("data: 1\n\n");
  stream.backend.close();
  EXPECT_EQ(body_of(stream).read_all(), "data: 1\n\n");
  expect_close(sidecar, "complete", "upstream");
}

TEST(CleanEnd, towards_http_1_0_is_a_fin) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  for (const std::string_view head : {kStreamHead, kUntilClose}) {
    Stream stream = open_stream(sidecar, backend, kHttp10, head);
    const bool chunked = head == kStreamHead;
    stream.backend.send(chunked ? chunk("data: 1\n\n") + std::string(kLastChunk) : "data: 1\n\n");
    stream.backend.close();
    EXPECT_EQ(stream.client.read_to_end(), "data: 1\n\n");
  }
}

TEST(CleanEnd, in_the_middle_of_an_event_adds_nothing) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  Stream stream = open_stream(sidecar, backend);
  stream.backend.send(chunk("data: 1\n\ndata: unfin") + std::string(kLastChunk));
  EXPECT_EQ(body_of(stream).read_all(), "data: 1\n\ndata: unfin");
}

struct Break {
  const char* name;
  std::string head;
  std::string body;
  bool reset;
  const char* reason;
};

void PrintTo(const Break& one, std::ostream* out) {
  *out << one.name;
}

class BrokenUpstream : public ::testing::TestWithParam<Break> {};

void break_off(RawConnection& connection, bool reset) {
  connection.flush();
  reset ? connection.reset() : connection.close();
}

TEST_P(BrokenUpstream, gives_no_last_chunk) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  Stream stream = open_stream(sidecar, backend, get("/"), GetParam().head);
  stream.backend.send(GetParam().body);
  break_off(stream.backend, GetParam().reset);
  BodyReader body = body_of(stream);
  const BodyEnd end = body.wait_end();
  EXPECT_TRUE(end == BodyEnd::truncated || end == BodyEnd::reset);
  EXPECT_EQ(body.buffered(), "data: 1\n\ndata: 2");
  expect_close(sidecar, GetParam().reason, "upstream");
}

/// A browser that finds the last event and the end of the connection at once throws the event away.
TEST_P(BrokenUpstream, leaves_time_to_read_the_last_bytes) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  Stream stream = open_stream(sidecar, backend, get("/"), GetParam().head);
  stream.backend.send(GetParam().body);
  BodyReader body = body_of(stream);
  (void)body.read_until("data: 2", scaled(5s));
  break_off(stream.backend, GetParam().reset);
  const auto start = Clock::now();
  (void)body.wait_end();
  EXPECT_GE(since(start), 90ms);
}

TEST_P(BrokenUpstream, resets_http_1_0_behind_what_had_arrived) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  Stream stream = open_stream(sidecar, backend, kHttp10, GetParam().head);
  stream.backend.send(GetParam().body);
  break_off(stream.backend, GetParam().reset);
  EXPECT_EQ(stream.client.wait_end(), End::reset);
  EXPECT_EQ(stream.client.buffered(), "data: 1\n\ndata: 2");
}

const std::string kLengthHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 1000\r\n\r\n";

INSTANTIATE_TEST_SUITE_P(
    StreamEnd, BrokenUpstream,
    ::testing::Values(
        Break{"fin_between_chunks", std::string(kStreamHead), chunk("data: 1\n\n") + chunk("data: 2"), false,
              "upstream_truncated"},
        Break{"fin_inside_a_chunk", std::string(kStreamHead), "ff\r\ndata: 1\n\ndata: 2", false, "upstream_truncated"},
        Break{"fin_before_the_length", kLengthHead, "data: 1\n\ndata: 2", false, "upstream_truncated"},
        Break{"reset_of_chunks", std::string(kStreamHead), chunk("data: 1\n\ndata: 2"), true, "upstream_reset"},
        Break{"reset_of_a_length", kLengthHead, "data: 1\n\ndata: 2", true, "upstream_reset"},
        Break{"reset_until_close", std::string(kUntilClose), "data: 1\n\ndata: 2", true, "upstream_reset"},
        Break{"garbage_for_a_chunk", std::string(kStreamHead), chunk("data: 1\n\ndata: 2") + "zz\r\n", false,
              "protocol_error"}),
    [](const auto& param) { return param.param.name; });

class LateReset : public ::testing::TestWithParam<bool> {};

TEST_P(LateReset, a_slow_http_1_0_reader_gets_every_byte_first) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  Stream stream = open_stream(sidecar, backend, kHttp10, kStreamHead, {4'096});
  const std::string event = "data: " + pattern(149'992) + "\n\n";
  stream.backend.send(chunk(event));
  break_off(stream.backend, GetParam());
  (void)closed(sidecar);  // The sidecar knows, the client has read nothing.
  EXPECT_EQ(stream.client.wait_end(), End::reset);
  EXPECT_EQ(stream.client.buffered().size(), event.size());
  EXPECT_TRUE(stream.client.buffered() == event);
}

INSTANTIATE_TEST_SUITE_P(StreamEnd, LateReset, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "by_reset" : "by_close"; });

TEST(StreamEnd, a_slow_http_1_0_reader_gets_every_byte_before_a_clean_end) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  Stream stream = open_stream(sidecar, backend, kHttp10, kStreamHead, {4'096});
  const std::string event = "data: " + std::string(200'000, 'x') + "\n\n";
  Background sender([&] {
    stream.backend.send(chunk(event) + std::string(kLastChunk));
    stream.backend.close();
  });
  EXPECT_TRUE(stream.client.read_to_end() == event);
  sender.join();
}

TEST(StreamEnd, no_post_is_repeated) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  Stream stream = open_stream(sidecar, backend, "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 2\r\n\r\n{}");
  stream.backend.reset();
  BodyReader body = body_of(stream, "POST");
  const BodyEnd end = body.wait_end();
  EXPECT_TRUE(end == BodyEnd::truncated || end == BodyEnd::reset);
  EXPECT_TRUE(backend.no_connection_for(100ms));
}

// The client's departure, in silence: nothing is written that could tell.

class Departure : public ::testing::TestWithParam<const char*> {
 protected:
  static void leave(RawConnection& client) {
    const std::string_view how = GetParam();
    if (how == "reset") {
      client.reset();
    } else if (how == "fin") {
      client.half_close();
    } else if (how == "close") {
      client.close();
    } else {  // A FIN that hides behind bytes which nobody wants yet.
      client.send(get("/pipelined"));
      client.half_close();
    }
  }
};

TEST_P(Departure, in_silence_closes_the_upstream_within_a_second) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  for (const std::string_view request :
       {std::string_view(kHttp10), std::string_view("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        std::string_view("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")}) {
    Stream stream = open_stream(sidecar, backend, request);
    stream.backend.send(chunk("data: 1\n\n"));
    EXPECT_TRUE(stream.client.readable_within(patience()));
    (void)stream.client.silent_for(0ms);
    leave(stream.client);
    EXPECT_NE(stream.backend.wait_end(scaled(1s)), End::open);
  }
  expect_close(sidecar, "client_gone", "client");
}

TEST_P(Departure, before_the_head_of_a_stream_closes_the_upstream) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto [client, connection, request] = begin_request(sidecar, backend);
  leave(client);
  (void)connection.silent_for(100ms);  // It may already know: a reset and a full close look alike or differ.
  try {
    connection.send(kStreamHead);
    connection.send(chunk("data: 1\n\n"));
  } catch (const PeerGone&) {
  }
  EXPECT_NE(connection.wait_end(scaled(1s)), End::open);
}

INSTANTIATE_TEST_SUITE_P(StreamEnd, Departure, ::testing::Values("fin", "close", "reset", "hidden_fin"),
                         [](const auto& param) { return std::string(param.param); });

TEST(HalfClosedClient, still_gets_an_ordinary_response) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  RawConnection client = sidecar.connect();
  client.send(get("/"));
  client.half_close();
  RawConnection connection = backend.accept();
  (void)connection.read_head();
  EXPECT_TRUE(connection.silent_for(100ms));
  Background sender([&] { connection.send(ok(pattern(500'000))); });
  const Response response = read_response(client);
  sender.join();
  EXPECT_TRUE(response.body == pattern(500'000));
  EXPECT_EQ(client.read_to_end(), "");
}

TEST(HalfClosedClient, in_the_middle_of_an_ordinary_response) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto [client, connection, request] = begin_request(sidecar, backend);
  connection.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
  BodyReader body(client, framing_of_response(client.read_head(), "GET"));
  EXPECT_EQ(body.read_exact(4), "half");
  client.half_close();
  EXPECT_TRUE(connection.silent_for(100ms));
  connection.send("more");
  EXPECT_EQ(body.read_all(), "more");
}

TEST(DepartedClient, by_reset_before_the_head_ends_the_upstream) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto [client, connection, request] = begin_request(sidecar, backend);
  client.reset();
  EXPECT_NE(connection.wait_end(scaled(1s)), End::open);
  const auto line = sidecar.wait_for_log("request");
  EXPECT_EQ(text_of(line, "reason"), "client_gone");
}

TEST(StreamEnd, leaves_no_descriptor_behind) {
  RawBackend backend;
  Sidecar sidecar(with_heartbeat(backend, 50ms));
  for (int round = 0; round < 20; ++round) {
    Stream stream = open_stream(sidecar, backend, round % 2 == 0 ? std::string(kHttp10) : get("/"),
                                round % 3 == 0 ? kUntilClose : kStreamHead);
    if (round % 4 == 0) stream.client.reset();
    if (round % 4 == 1) stream.backend.reset();
    if (round % 4 == 2) stream.client.half_close();
  }
  EXPECT_TRUE(sidecar.fds_return_to_start());
}

}  // namespace
}  // namespace sidecar::nettest
