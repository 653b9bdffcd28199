// Framings of requests and responses, keep-alive, and both directions at once.
#include "tests/net/harness/suite.hpp"

namespace sidecar::nettest {
namespace {

struct Exchange {
  RawConnection client;
  RawConnection backend;
  Request request;
};

Exchange send_request(const Sidecar& sidecar, RawBackend& backend, const std::string& request) {
  Exchange exchange;
  exchange.client = sidecar.connect();
  exchange.client.send(request);
  exchange.backend = backend.accept();
  exchange.request = read_request(exchange.backend);
  return exchange;
}

TEST(RequestBody, with_content_length) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  const std::string body = pattern(100'000);
  const auto exchange = send_request(
      sidecar, backend, "POST / HTTP/1.1\r\nHost: app.test\r\nX-A: b\r\nContent-Length: 100000\r\n\r\n" + body);
  EXPECT_EQ(exchange.request.head.bytes,
            "POST / HTTP/1.1\r\nHost: app.test\r\nX-A: b\r\nContent-Length: 100000\r\n\r\n");
  EXPECT_EQ(exchange.request.body, body);
}

TEST(RequestBody, of_length_zero) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  const std::string request = "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 0\r\n\r\n";
  EXPECT_EQ(send_request(sidecar, backend, request).request.head.bytes, request);
}

TEST(RequestBody, of_a_get) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  const auto exchange = send_request(sidecar, backend, get("/", "Content-Length: 3\r\n") + "abc");
  EXPECT_EQ(exchange.request.body, "abc");
}

TEST(RequestBody, chunked_with_trailers) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  const auto exchange = send_request(sidecar, backend,
                                     "PUT /x HTTP/1.1\r\nHost: app.test\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked"
                                     "\r\n\r\n5;name=\"va;lue\"\r\nhello\r\n0006\r\n world\r\n0\r\nX-Sum: 11\r\n\r\n");
  EXPECT_EQ(exchange.request.framing, Framing::chunked);
  EXPECT_EQ(exchange.request.body, "hello world");
  EXPECT_EQ(exchange.request.trailers, (std::vector<Field>{{"X-Sum", "11"}}));
  EXPECT_EQ(exchange.request.head.field("Trailer"), "X-Sum");
}

TEST(RequestBody, each_chunk_leaves_at_once) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  RawConnection client = sidecar.connect();
  client.send("POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n");
  RawConnection connection = backend.accept();
  BodyReader body(connection, framing_of_request(connection.read_head()));
  for (const std::string part : {"a", "bc", "def"}) {
    client.send(chunk(part));
    EXPECT_EQ(body.read_exact(part.size()), part);
  }
  client.send(kLastChunk);
  EXPECT_EQ(body.read_all(), "");
}

TEST(ResponseBody, with_content_length_and_reuse_of_the_connection) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto exchange = send_request(sidecar, backend, get("/1"));
  const std::string body = pattern(1'000'000);
  Background sender([&] { exchange.backend.send(ok(body)); });
  const Response response = read_response(exchange.client);
  sender.join();
  EXPECT_EQ(response.head.bytes, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
  EXPECT_TRUE(response.body == body);
  exchange.client.send(get("/2"));
  EXPECT_EQ(exchange.backend.read_head().start_line, "GET /2 HTTP/1.1");
  exchange.backend.send(ok("two"));
  EXPECT_EQ(read_response(exchange.client).body, "two");
}

TEST(ResponseBody, chunked_with_trailers) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto exchange = send_request(sidecar, backend, get("/"));
  exchange.backend.send(
      "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "5;ext\r\nhello\r\n0006\r\n world\r\n00\r\nX-Sum: 11\r\nX-More: 1\r\n\r\n");
  const Response response = read_response(exchange.client);
  EXPECT_EQ(response.framing, Framing::chunked);
  EXPECT_EQ(response.body, "hello world");
  EXPECT_EQ(response.trailers, (std::vector<Field>{{"X-Sum", "11"}, {"X-More", "1"}}));
  EXPECT_EQ(response.head.field("Trailer"), "X-Sum");
  EXPECT_TRUE(exchange.client.silent_for(50ms)) << "the connection stays open";
}

TEST(ResponseBody, each_part_leaves_at_once) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto exchange = send_request(sidecar, backend, get("/"));
  exchange.backend.send("HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n");
  BodyReader body(exchange.client, framing_of_response(exchange.client.read_head(), "GET"));
  for (const std::string part : {"{\"a\":1}\n", "{\"b\":2}\n"}) {
    exchange.backend.send(part);
    EXPECT_EQ(body.read_exact(part.size()), part);
  }
}

TEST(ResponseBody, until_close_becomes_chunked) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  for (const std::string version : {"HTTP/1.0", "HTTP/1.1"}) {
    auto exchange = send_request(sidecar, backend, get("/"));
    exchange.backend.send(version + " 200 OK\r\nX-A: b\r\n\r\n" + pattern(50'000));
    exchange.backend.close();
    const Response response = read_response(exchange.client);
    EXPECT_EQ(response.head.start_line, "HTTP/1.1 200 OK");
    EXPECT_EQ(response.framing, Framing::chunked);
    EXPECT_EQ(response.body, pattern(50'000));
    EXPECT_TRUE(exchange.client.silent_for(50ms)) << "the connection stays open";
  }
}

TEST(ResponseBody, until_close_that_is_reset_is_no_clean_end) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto exchange = send_request(sidecar, backend, get("/"));
  exchange.backend.send("HTTP/1.1 200 OK\r\n\r\nhalf");
  BodyReader body(exchange.client, framing_of_response(exchange.client.read_head(), "GET"));
  EXPECT_EQ(body.read_exact(4), "half");
  exchange.backend.reset();
  const BodyEnd end = body.wait_end();
  EXPECT_TRUE(end == BodyEnd::truncated || end == BodyEnd::reset);
}

TEST(ResponseBody, a_truncated_length_is_passed_on_as_a_truncation) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto exchange = send_request(sidecar, backend, get("/"));
  exchange.backend.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  exchange.backend.close();
  BodyReader body(exchange.client, framing_of_response(exchange.client.read_head(), "GET"));
  const BodyEnd end = body.wait_end();
  EXPECT_TRUE(end == BodyEnd::truncated || end == BodyEnd::reset);
  EXPECT_EQ(body.buffered(), "half");
}

TEST(ResponseBody, of_head_is_absent_and_its_length_kept) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto exchange = send_request(sidecar, backend, "HEAD /1 HTTP/1.1\r\nHost: app.test\r\n\r\n");
  exchange.backend.send("HTTP/1.1 200 OK\r\nContent-Length: 12345\r\nX-A: b\r\n\r\n");
  EXPECT_EQ(read_response(exchange.client, "HEAD").head.bytes,
            "HTTP/1.1 200 OK\r\nContent-Length: 12345\r\nX-A: b\r\n\r\n");
  exchange.client.send(get("/2"));
  EXPECT_EQ(exchange.backend.read_head().start_line, "GET /2 HTTP/1.1");
  exchange.backend.send(ok("two"));
  EXPECT_EQ(read_response(exchange.client).body, "two");
}

class Bodyless : public ::testing::TestWithParam<const char*> {};

TEST_P(Bodyless, response_passes_and_the_connection_goes_on) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto exchange = send_request(sidecar, backend, get("/1"));
  const std::string head = "HTTP/1.1 " + std::string(GetParam()) + "\r\n\r\n";
  exchange.backend.send(head);
  EXPECT_EQ(read_response(exchange.client).head.bytes, head);
  exchange.client.send(get("/2"));
  EXPECT_EQ(exchange.backend.read_head().start_line, "GET /2 HTTP/1.1");
  exchange.backend.send(ok("two"));
  EXPECT_EQ(read_response(exchange.client).body, "two");
}

INSTANTIATE_TEST_SUITE_P(ResponseBody, Bodyless,
                         ::testing::Values("204 No Content", "304 Not Modified\r\nETag: \"1\"",
                                           "304 Not Modified\r\nContent-Length: 123",
                                           "205 Reset Content\r\nContent-Length: 0", "200 OK\r\nContent-Length: 0"));

TEST(Http10Client, gets_a_length_and_a_close) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto exchange = send_request(sidecar, backend, "GET / HTTP/1.0\r\nHost: app.test\r\n\r\n");
  exchange.backend.send(ok("hello"));
  const Response response = read_response(exchange.client);
  EXPECT_EQ(response.framing, Framing::length);
  EXPECT_EQ(response.body, "hello");
  EXPECT_FALSE(response.head.lists("Connection", "keep-alive"));
  EXPECT_EQ(exchange.client.read_to_end(), "");
}

TEST(Http10Client, gets_chunks_unwrapped_and_a_close) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  for (const std::string wish : {"", "Connection: keep-alive\r\n"}) {
    auto exchange = send_request(sidecar, backend, "GET / HTTP/1.0\r\nHost: app.test\r\n" + wish + "\r\n");
    exchange.backend.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("hello ") + chunk("world") +
                          "0\r\nX-Trailer: lost\r\n\r\n");
    const Response response = read_response(exchange.client);
    EXPECT_EQ(response.framing, Framing::until_close);
    EXPECT_TRUE(response.head.lists("Connection", "close"));
    EXPECT_EQ(response.body, "hello world");
  }
}

TEST(Http10Client, keeps_the_connection_only_when_asked_for) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto exchange = send_request(sidecar, backend, "GET /1 HTTP/1.0\r\nHost: app.test\r\nConnection: Keep-Alive\r\n\r\n");
  exchange.backend.send(ok("one"));
  const Response response = read_response(exchange.client);
  EXPECT_EQ(response.body, "one");
  EXPECT_TRUE(response.head.lists("Connection", "keep-alive"));
  exchange.client.send("GET /2 HTTP/1.0\r\nHost: app.test\r\n\r\n");
  EXPECT_EQ(exchange.backend.read_head().start_line, "GET /2 HTTP/1.1");
  exchange.backend.send(ok("two"));
  EXPECT_EQ(read_response(exchange.client).body, "two");
  EXPECT_EQ(exchange.client.read_to_end(), "");
}

TEST(Http10Client, a_truncated_body_ends_in_a_reset_behind_the_bytes) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto exchange = send_request(sidecar, backend, "GET / HTTP/1.0\r\nHost: app.test\r\n\r\n");
  exchange.backend.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("hello"));
  exchange.backend.close();
  (void)exchange.client.read_head();
  EXPECT_EQ(exchange.client.wait_end(scaled(1s)), End::reset);
  EXPECT_EQ(exchange.client.buffered(), "hello");
}

TEST(Pipelining, three_in_one_write_are_answered_in_order) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  RawConnection client = sidecar.connect();
  client.send(get("/1") + "POST /2 HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n\r\nabc" + get("/3"));
  RawConnection first = backend.accept();
  EXPECT_EQ(first.read_head().start_line, "GET /1 HTTP/1.1");
  EXPECT_TRUE(backend.no_connection_for(50ms)) << "the second waits for the first answer";
  first.send(ok("one"));
  RawConnection second = backend.accept();
  EXPECT_EQ(read_request(second).body, "abc");
  second.send("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + chunk("two") +
              "0\r\n\r\n");
  second.half_close();
  EXPECT_EQ(first.read_head().start_line, "GET /3 HTTP/1.1");
  first.send(ok("three"));
  for (const std::string body : {"one", "two", "three"}) EXPECT_EQ(read_response(client).body, body);
}

TEST(Pipelining, a_hundred_in_one_write) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  RawConnection client = sidecar.connect();
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += get("/" + std::to_string(i), "X-Pad: " + std::string(300, 'p') + "\r\n");
  client.send(requests);
  RawConnection connection = backend.accept();
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(connection.read_head().start_line, "GET /" + std::to_string(i) + " HTTP/1.1");
    connection.send(ok(std::to_string(i)));
  }
  for (int i = 0; i < 100; ++i) EXPECT_EQ(read_response(client).body, std::to_string(i));
}

TEST(Pipelining, an_empty_line_in_front_of_a_request_is_forgiven) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  EXPECT_EQ(send_request(sidecar, backend, "\r\n" + get("/")).request.head.start_line, "GET / HTTP/1.1");
}

TEST(BothDirections, an_echo_answers_every_chunk_before_the_next) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  RawConnection client = sidecar.connect();
  client.send("POST /echo HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n");
  RawConnection connection = backend.accept();
  BodyReader request(connection, framing_of_request(connection.read_head()));
  connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  BodyReader response(client, framing_of_response(client.read_head(), "POST"));
  for (int i = 0; i < 50; ++i) {
    const std::string part = "part " + std::to_string(i) + "\n";
    client.send(chunk(part));
    EXPECT_EQ(request.read_exact(part.size()), part);
    connection.send(chunk(part));
    EXPECT_EQ(response.read_exact(part.size()), part);
  }
  client.send(kLastChunk);
  EXPECT_EQ(request.read_all(), "");
  connection.send(kLastChunk);
  EXPECT_EQ(response.read_all(), "");
}

TEST(EarlyResponse, is_delivered_although_the_client_keeps_sending) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto [client, connection, request] =
      begin_request(sidecar, backend, "POST /upload HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1000000000\r\n\r\n");
  const std::string body = pattern(100'000);
  connection.send("HTTP/1.1 413 Too Much\r\nContent-Length: 100000\r\n\r\n" + body);
  ASSERT_TRUE(client.readable_within(patience()));
  const std::string upload(64 * 1024, 'u');
  std::size_t sent = 0;
  try {
    const auto stop = Clock::now() + 300ms;
    while (Clock::now() < stop && sent < 4'000'000) sent += client.send_some(upload);
  } catch (const PeerGone&) {
    FAIL() << "the connection is torn down under the client after " << sent << " bytes";
  }
  const Response response = read_response(client, "POST");
  EXPECT_EQ(response.status(), 413);
  EXPECT_TRUE(response.head.lists("Connection", "close"));
  EXPECT_TRUE(response.body == body);
  EXPECT_NE(client.wait_end(scaled(1s)), End::open) << "both sides close";
  EXPECT_NE(connection.wait_end(scaled(1s)), End::open) << "both sides close";
}

TEST(EarlyResponse, to_a_chunked_upload_ends_the_upstream_connection) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto [client, connection, request] = begin_request(
      sidecar, backend, "POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("first"));
  connection.send(ok("no, thanks"));
  const Response response = read_response(client, "POST");
  EXPECT_EQ(response.body, "no, thanks");
  EXPECT_TRUE(response.head.lists("Connection", "close"));
  EXPECT_NE(connection.wait_end(scaled(1s)), End::open);
  client.half_close();
  EXPECT_NE(client.wait_end(scaled(1s)), End::open);
}

}  // namespace
}  // namespace sidecar::nettest
