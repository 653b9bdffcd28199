// What goes through unchanged, and the little that must not.
#include "tests/net/harness/suite.hpp"

namespace sidecar::nettest {
namespace {

/// Sends `request`, gives back what the backend saw, and ends the exchange.
Head seen_by_backend(const Sidecar& sidecar, RawBackend& backend, const std::string& request) {
  auto [client, connection, head] = begin_request(sidecar, backend, request);
  connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(read_response(client).status(), 200);
  return head;
}

/// What a client gets when the backend answers with `head` and `body`.
Response seen_by_client(const Sidecar& sidecar, RawBackend& backend, const std::string& response) {
  auto [client, connection, request] = begin_request(sidecar, backend);
  connection.send(response);
  connection.half_close();
  return read_response(client);
}

TEST(Transparency, a_plain_request_head_arrives_byte_for_byte) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  const std::string request =
      "GET /a?b=c HTTP/1.1\r\nhost: app.test:8443\r\nX-lower: 1\r\nX-UPPER: 2\r\nX-Twice: first\r\ncookie: a=b; c=d\r\n"
      "X-Twice: second\r\nX-Empty:\r\nAuthorization: Bearer abc.def\r\nLast-Event-ID: 7\r\nX-Text: caf\xc3\xa9 \xff "
      "\"q\"\r\n"
      "X-Tab: a\tb\r\nForwarded: for=192.0.2.1\r\nX-Forwarded-For: 192.0.2.1\r\nVia: 1.1 edge\r\n\r\n";
  EXPECT_EQ(parse_head(request).fields, seen_by_backend(sidecar, backend, request).fields);
  EXPECT_EQ("GET /a?b=c HTTP/1.1", seen_by_backend(sidecar, backend, request).start_line);
}

TEST(Transparency, nothing_is_added_to_a_request) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  const std::string request = "GET / HTTP/1.1\r\nHost: app.test\r\nAccept: */*\r\n\r\n";
  EXPECT_EQ(seen_by_backend(sidecar, backend, request).bytes, request);
}

class TargetBytes : public ::testing::TestWithParam<const char*> {};

TEST_P(TargetBytes, arrive_as_they_came) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  const std::string line = "GET " + std::string(GetParam()) + " HTTP/1.1";
  EXPECT_EQ(seen_by_backend(sidecar, backend, line + "\r\nHost: app.test\r\n\r\n").start_line, line);
}

INSTANTIATE_TEST_SUITE_P(Transparency, TargetBytes,
                         ::testing::Values("/", "//", "//double//slash/", "/a/../b/./c", "/caf\xc3\xa9/\xe6\x97\xa5",
                                           "/latin\xe9\xff", "/a%2Bb+c%2fd%2F", "/?a=%2B&b=+&empty=&novalue&=nokey&&",
                                           "/p;v=1,2;q=(a)!$'*", "/?url=http://x/?y=z", "/%00%0d%0a",
                                           "/{curly}|pipe|^caret^`tick`", "/q?a?b?c", "/\"quoted\"<angle>\\back"));

TEST(Transparency, methods_known_or_not) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  for (const std::string method :
       {"DELETE", "PATCH", "OPTIONS", "PROPFIND", "REPORT", "QUERY", "FOO", "M-SEARCH", "get"}) {
    const std::string line = method + " /x HTTP/1.1";
    EXPECT_EQ(seen_by_backend(sidecar, backend, line + "\r\nHost: app.test\r\n\r\n").start_line, line);
  }
}

TEST(Transparency, options_star) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  const std::string request = "OPTIONS * HTTP/1.1\r\nHost: app.test\r\n\r\n";
  EXPECT_EQ(seen_by_backend(sidecar, backend, request).bytes, request);
}

TEST(Transparency, an_absolute_form_is_brought_to_a_path) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  const Head head = seen_by_backend(sidecar, backend,
                                    "GET http://app.test/a//b?c=%2B HTTP/1.1\r\nHost: app.test\r\nAccept: */*\r\n\r\n");
  EXPECT_EQ(head.bytes, "GET /a//b?c=%2B HTTP/1.1\r\nHost: app.test\r\nAccept: */*\r\n\r\n");
}

TEST(Transparency, hop_by_hop_fields_of_a_request_stay_here) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  const Head head =
      seen_by_backend(sidecar, backend,
                      "GET / HTTP/1.1\r\nHost: app.test\r\nX-Keep: 1\r\nConnection: keep-alive, X-Secret\r\n"
                      "X-Secret: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n"
                      "x-secret: 2\r\nUpgrade: websocket\r\nTE: gzip\r\nX-Last: 1\r\n\r\n");
  EXPECT_EQ(head.bytes, "GET / HTTP/1.1\r\nHost: app.test\r\nX-Keep: 1\r\nX-Last: 1\r\n\r\n");
}

TEST(Transparency, several_connection_fields_are_all_obeyed) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  const Head head = seen_by_backend(sidecar, backend,
                                    "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: X-One\r\nX-One: 1\r\nX-Two: 2\r\n"
                                    "connection: ,, x-two ,close\r\nX-Three: 3\r\n\r\n");
  EXPECT_EQ(head.bytes, "GET / HTTP/1.1\r\nHost: app.test\r\nX-Three: 3\r\n\r\n");
}

TEST(Transparency, connection_cannot_name_away_what_routes_and_frames) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  RawConnection client = sidecar.connect();
  client.send("POST / HTTP/1.1\r\nHost: app.test\r\nConnection: Host, Content-Length\r\nContent-Length: 2\r\n\r\nab");
  RawConnection connection = backend.accept();
  const Request request = read_request(connection);
  EXPECT_EQ(request.body, "ab");
  EXPECT_EQ(request.head.field("Host"), "app.test");
}

TEST(Transparency, a_request_from_http_1_0_goes_out_as_1_1) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  const Head head = seen_by_backend(sidecar, backend, "GET /x HTTP/1.0\r\nHost: app.test\r\nX-A: b\r\n\r\n");
  EXPECT_EQ(head.bytes, "GET /x HTTP/1.1\r\nHost: app.test\r\nX-A: b\r\n\r\n");
}

TEST(Transparency, an_http_1_0_request_without_host_gets_one) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  const Head head = seen_by_backend(sidecar, backend, "GET /x HTTP/1.0\r\n\r\n");
  EXPECT_EQ(head.start_line, "GET /x HTTP/1.1");
  EXPECT_EQ(head.field("Host"), backend.address());
}

TEST(Transparency, a_response_head_arrives_byte_for_byte) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  const std::string response =
      "HTTP/1.1 299 Strange But True\r\nServer: legacy/0.1\r\nSet-Cookie: a=1; Path=/\r\nset-cookie: b=2\r\n"
      "Content-Type: text/html;charset=ISO-8859-1\r\nX-Empty:\r\nX-Text: \xe9\xff\r\nDate: Thu, 01 Jan 1970 00:00:00 "
      "GMT\r\n"
      "Cache-Control: private\r\nX-Accel-Buffering: yes\r\nVary: *\r\nWWW-Authenticate: Basic realm=\"x\"\r\n"
      "Content-Length: 4\r\nETag: \"1\"\r\n\r\nbody";
  const Response seen = seen_by_client(sidecar, backend, response);
  const Head sent = parse_head(response.substr(0, response.size() - 4));
  EXPECT_EQ(seen.head.without_framing(), sent.without_framing());
  EXPECT_EQ(seen.body, "body");
}

TEST(Transparency, content_length_stays_in_its_place) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  const std::string request = "PUT / HTTP/1.1\r\nHost: a\r\ncontent-length: 0\r\nX-A: b\r\n\r\n";
  EXPECT_EQ(seen_by_backend(sidecar, backend, request).bytes, request);
  const std::string response = "HTTP/1.1 200 OK\r\nX-A: b\r\ncontent-length: 0\r\nX-B: c\r\n\r\n";
  EXPECT_EQ(seen_by_client(sidecar, backend, response).head.bytes, response);
}

TEST(Transparency, an_empty_value_is_a_value) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  for (const std::string field :
       {"X-Empty:\r\n", "X-Empty: \r\n", "X-Empty:\r\nX-Next: 1\r\n", "X-One:\r\nX-Two:\r\n"}) {
    const std::string request = get("/", field);
    EXPECT_EQ(seen_by_backend(sidecar, backend, request).fields, parse_head(request).fields);
    const std::string response = "HTTP/1.1 200 OK\r\n" + field + "Content-Length: 0\r\n\r\n";
    EXPECT_EQ(seen_by_client(sidecar, backend, response).head.fields, parse_head(response).fields);
  }
}

TEST(Transparency, a_response_without_a_reason_phrase) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  const Response seen = seen_by_client(sidecar, backend, "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(seen.head.start_line, "HTTP/1.1 200 ");
}

TEST(Transparency, hop_by_hop_fields_of_a_response_stay_here) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  const Response seen =
      seen_by_client(sidecar, backend,
                     "HTTP/1.1 200 OK\r\nX-A: 1\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n"
                     "Keep-Alive: timeout=5, max=100\r\nProxy-Connection: close\r\nUpgrade: h2,h2c\r\n"
                     "X-B: 2\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(seen.head.bytes, "HTTP/1.1 200 OK\r\nX-A: 1\r\nX-B: 2\r\nContent-Length: 0\r\n\r\n");
}

TEST(Transparency, a_backend_that_closes_does_not_close_the_client) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  RawConnection client = sidecar.connect();
  for (const std::string body : {"one", "two"}) {
    client.send(get("/"));
    RawConnection connection = backend.accept();
    (void)connection.read_head();
    connection.send(ok(body, "Connection: close\r\n"));
    connection.close();
    EXPECT_EQ(read_response(client).body, body);
  }
}

TEST(Transparency, a_client_that_asks_to_close_is_closed) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  RawConnection client = sidecar.connect();
  client.send(get("/", "Connection: close\r\n"));
  RawConnection connection = backend.accept();
  EXPECT_FALSE(connection.read_head().has("Connection"));
  connection.send(ok("bye"));
  const Response response = read_response(client);
  EXPECT_EQ(response.body, "bye");
  EXPECT_TRUE(response.head.lists("Connection", "close"));
  EXPECT_EQ(client.read_to_end(), "");
}

TEST(Transparency, errors_of_the_backend_pass_untouched) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  for (const std::string line : {"401 Unauthorized", "404 Not Found", "500 Oops", "502 Bad", "503 Later", "504 Slow"}) {
    const std::string head = "HTTP/1.1 " + line +
                             "\r\nContent-Type: application/json\r\nRetry-After: 3\r\n"
                             "Content-Length: 9\r\n\r\n";
    const Response seen = seen_by_client(sidecar, backend, head + "{\"a\":\"b\"}");
    EXPECT_EQ(seen.head.bytes, head);
    EXPECT_EQ(seen.body, "{\"a\":\"b\"}");
  }
}

TEST(Transparency, fields_in_any_size_up_to_the_limit) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  const std::string request = get("/", "Cookie: " + std::string(30'000, 'c') + "\r\n");
  EXPECT_EQ(seen_by_backend(sidecar, backend, request).bytes, request);
}

TEST(Transparency, a_request_head_may_come_byte_by_byte) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  RawConnection client = sidecar.connect();
  const std::string request = get("/slow", "X-A: b\r\n");
  for (const char byte : request) {
    client.send({&byte, 1});
    client.flush();
  }
  RawConnection connection = backend.accept();
  EXPECT_EQ(connection.read_head().bytes, request);
}

TEST(Transparency, a_response_head_may_come_byte_by_byte) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto [client, connection, request] = begin_request(sidecar, backend);
  for (const char byte : ok("slow", "X-A: b\r\n")) {
    connection.send({&byte, 1});
    connection.flush();
  }
  const Response response = read_response(client);
  EXPECT_EQ(response.head.without_framing(), "HTTP/1.1 200 OK\r\nX-A: b\r\n");
  EXPECT_EQ(response.body, "slow");
}

}  // namespace
}  // namespace sidecar::nettest
