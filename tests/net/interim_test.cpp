// 1xx: passed on in order, never waited for, never to HTTP/1.0.
#include "tests/net/harness/suite.hpp"

namespace sidecar::nettest {
namespace {

constexpr std::string_view kExpecting =
    "POST / HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";

TEST(Continue, goes_end_to_end) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  RawConnection client = sidecar.connect();
  client.send(kExpecting);
  RawConnection connection = backend.accept();
  EXPECT_EQ(connection.read_head().bytes, kExpecting);
  EXPECT_TRUE(client.silent_for(50ms)) << "the sidecar does not answer in the backend's place";
  connection.send("HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(client.read_head().bytes, "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hello");
  EXPECT_EQ(connection.read_exact(5), "hello");
  connection.send(ok("done"));
  EXPECT_EQ(read_response(client, "POST").body, "done");
}

TEST(Continue, is_never_waited_for) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto [client, connection, request] = begin_request(sidecar, backend, kExpecting);
  client.send("hello");
  EXPECT_EQ(connection.read_exact(5), "hello");
  connection.send(ok("done"));
  EXPECT_EQ(read_response(client, "POST").body, "done");
}

TEST(Continue, body_in_the_same_packet) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  RawConnection client = sidecar.connect();
  client.send(std::string(kExpecting) + "hello");
  RawConnection connection = backend.accept();
  EXPECT_EQ(read_request(connection).body, "hello");
}

TEST(Continue, a_refusal_without_the_body_closes_both_sides) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto [client, connection, request] = begin_request(sidecar, backend, kExpecting);
  connection.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno");
  const Response response = read_response(client, "POST");
  EXPECT_EQ(response.status(), 417);
  EXPECT_EQ(response.body, "no");
  EXPECT_TRUE(response.head.lists("Connection", "close"));
  EXPECT_NE(connection.wait_end(scaled(1s)), End::open);
  client.half_close();
  EXPECT_NE(client.wait_end(scaled(1s)), End::open);
}

TEST(Interim, several_pass_in_order_with_their_fields) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto [client, connection, request] = begin_request(sidecar, backend);
  const std::string processing = "HTTP/1.1 102 Processing\r\n\r\n";
  const std::string hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nLink: </b.css>\r\n\r\n";
  connection.send(processing);
  EXPECT_EQ(client.read_head().bytes, processing) << "not kept until the final head";
  connection.send(hints + hints + ok("final"));
  EXPECT_EQ(client.read_head().bytes, hints);
  EXPECT_EQ(client.read_head().bytes, hints);
  EXPECT_EQ(read_response(client).body, "final");
}

TEST(Interim, in_front_of_an_event_stream) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto [client, connection, request] = begin_request(sidecar, backend);
  connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + std::string(kStreamHead) +
                  chunk("data: 1\n\n"));
  EXPECT_EQ(client.read_head().status(), 103);
  BodyReader body(client, framing_of_response(client.read_head(), "GET"));
  EXPECT_EQ(body.read_exact(9), "data: 1\n\n");
}

TEST(Interim, none_reaches_http_1_0) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto [client, connection, request] = begin_request(sidecar, backend, "GET / HTTP/1.0\r\nHost: app.test\r\n\r\n");
  connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + ok("final"));
  const Response response = read_response(client);
  EXPECT_EQ(response.status(), 200);
  EXPECT_EQ(response.body, "final");
}

TEST(Interim, to_head_requests) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto [client, connection, request] = begin_request(sidecar, backend, "HEAD / HTTP/1.1\r\nHost: app.test\r\n\r\n");
  connection.send("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
  EXPECT_EQ(client.read_head().status(), 103);
  EXPECT_EQ(read_response(client, "HEAD").head.field("Content-Length"), "7");
}

}  // namespace
}  // namespace sidecar::nettest
