// Answers of our own: short, honest, never naming an address.
#include <boost/json/parse.hpp>

#include "tests/net/harness/suite.hpp"

namespace sidecar::nettest {
namespace {

void expect_no_address(const std::string& text, const RawBackend& backend) {
  EXPECT_EQ(text.find("127.0.0.1"), std::string::npos) << text;
  EXPECT_EQ(text.find(std::to_string(backend.port())), std::string::npos) << text;
}

Response ask(const Sidecar& sidecar, const std::string& request) {
  RawConnection client = sidecar.connect();
  client.send(request);
  return read_response(client);
}

BackendOptions refusing() {
  BackendOptions options;
  options.listening = false;
  return options;
}

TEST(BadGateway, without_a_backend) {
  RawBackend backend(refusing());
  Sidecar sidecar(configured(backend, ""));
  const auto start = Clock::now();
  const Response response = ask(sidecar, get("/"));
  EXPECT_LT(since(start), scaled(1s));
  EXPECT_EQ(response.head.start_line, "HTTP/1.1 502 Bad Gateway");
  EXPECT_TRUE(response.head.field("Content-Type").value_or("").starts_with("text/plain"));
  EXPECT_NE(response.body.find("app"), std::string::npos) << response.body;
  EXPECT_LT(response.body.size(), 300U);
  expect_no_address(response.head.bytes + response.body, backend);
}

TEST(BadGateway, keeps_the_clients_connection) {
  RawBackend backend(refusing());
  Sidecar sidecar(in_front_of(backend));
  RawConnection client = sidecar.connect();
  for (int i = 0; i < 3; ++i) {
    client.send(get("/"));
    EXPECT_EQ(read_response(client).status(), 502);
  }
}

class PrefersJson : public ::testing::TestWithParam<std::pair<const char*, bool>> {};

TEST_P(PrefersJson, by_accept) {
  RawBackend backend(refusing());
  Sidecar sidecar(configured(backend, ""));
  const auto [accept, json] = GetParam();
  const Response response = ask(sidecar, get("/", accept));
  EXPECT_EQ(response.status(), 502);
  EXPECT_EQ(response.head.field("Content-Type").value_or("").starts_with("application/json"), json) << accept;
  expect_no_address(response.body, backend);
  if (!json) return;
  const auto body = boost::json::parse(response.body).as_object();
  EXPECT_EQ(text_of(body, "upstream"), "app");
  EXPECT_EQ(number_of(body, "status"), 502);
  EXPECT_TRUE(body.contains("reason"));
}

INSTANTIATE_TEST_SUITE_P(BadGateway, PrefersJson,
                         ::testing::Values(std::pair{"Accept: application/json\r\n", true},
                                           std::pair{"Accept: application/json, text/plain;q=0.5\r\n", true},
                                           std::pair{"Accept: application/problem+json\r\n", true},
                                           std::pair{"Accept: application/json, text/event-stream\r\n", true},
                                           std::pair{"Accept: text/html, application/json;q=0.5\r\n", false},
                                           std::pair{"Accept: application/json;q=0\r\n", false},
                                           std::pair{"Accept: text/event-stream\r\n", false},
                                           std::pair{"Accept: */*\r\n", false}, std::pair{"", false}));

TEST(BadGateway, to_head_has_no_body) {
  RawBackend backend(refusing());
  Sidecar sidecar(in_front_of(backend));
  RawConnection client = sidecar.connect();
  client.send("HEAD / HTTP/1.1\r\nHost: app.test\r\n\r\n");
  EXPECT_EQ(read_response(client, "HEAD").status(), 502);
  EXPECT_TRUE(client.silent_for(50ms));
}

TEST(BadGateway, to_http_1_0_closes) {
  RawBackend backend(refusing());
  Sidecar sidecar(in_front_of(backend));
  RawConnection client = sidecar.connect();
  client.send("GET / HTTP/1.0\r\nHost: app.test\r\n\r\n");
  EXPECT_EQ(read_response(client).status(), 502);
  EXPECT_EQ(client.read_to_end(), "");
}

TEST(BadGateway, behind_an_upload_that_nobody_takes) {
  RawBackend backend(refusing());
  Sidecar sidecar(in_front_of(backend));
  RawConnection client = sidecar.connect();
  client.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1000000\r\n\r\n" + std::string(200'000, 'x'));
  const Response response = read_response(client, "POST");
  EXPECT_EQ(response.status(), 502);
  EXPECT_TRUE(response.head.lists("Connection", "close"));
}

TEST(BadGateway, the_backend_may_come_later) {
  RawBackend backend(refusing());
  Sidecar sidecar(in_front_of(backend));
  RawConnection client = sidecar.connect();
  client.send(get("/"));
  EXPECT_EQ(read_response(client).status(), 502);
  backend.listen();
  client.send(get("/"));
  RawConnection connection = backend.accept();
  (void)connection.read_head();
  connection.send(ok("here now"));
  EXPECT_EQ(read_response(client).body, "here now");
}

TEST(BadGateway, for_a_name_that_does_not_resolve) {
  RawBackend unused;
  Launch launch = in_front_of(unused);
  launch.arguments = {"--listen",     "127.0.0.1:0", "--upstream", "http://no-such-host.invalid:80",
                      "--log-format", "json"};
  Sidecar sidecar(launch);
  RawConnection client = sidecar.connect();
  client.send(get("/"));
  EXPECT_EQ(read_response(client, "GET", scaled(10s)).status(), 502);
}

void expect_bad_gateway(const std::string& answer, bool and_fin) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto [client, connection, request] = begin_request(sidecar, backend);
  connection.send(answer);
  if (and_fin) connection.half_close();
  const Response response = read_response(client);
  EXPECT_EQ(response.status(), 502);
  expect_no_address(response.body, backend);
  EXPECT_NE(connection.wait_end(scaled(1s)), End::open);
}

class CutResponse : public ::testing::TestWithParam<const char*> {};

TEST_P(CutResponse, is_a_bad_gateway) {
  expect_bad_gateway(GetParam(), true);
}

INSTANTIATE_TEST_SUITE_P(BadGateway, CutResponse, ::testing::Values("", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\nX-A: b\r\n"));

/// Without a FIN of the backend's: whoever kept the connection would keep it open.
class BadResponse : public ::testing::TestWithParam<const char*> {};

TEST_P(BadResponse, is_a_bad_gateway) {
  expect_bad_gateway(GetParam(), false);
}

INSTANTIATE_TEST_SUITE_P(BadGateway, BadResponse,
                         ::testing::Values("SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
                                           "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n",
                                           "HTTP/1.1 99 Low\r\n\r\n", "<html>hello</html>\n",
                                           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                                           "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"));

TEST(BadGateway, for_a_response_head_without_end) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto [client, connection, request] = begin_request(sidecar, backend);
  try {
    connection.send("HTTP/1.1 200 OK\r\nX-Endless: " + std::string(4'000'000, 'x'));
  } catch (const PeerGone&) {  // It may well have hung up in the middle.
  }
  EXPECT_EQ(read_response(client).status(), 502);
}

TEST(GatewayTimeout, when_nobody_accepts) {
  BackendOptions options;
  options.backlog = 0;
  RawBackend backend(options);
  // Fills the queue: from now on the kernel drops whoever knocks.
  std::vector<RawConnection> filling;
  filling.push_back(connect_to(backend.address()));
  Sidecar sidecar(configured(backend, "connect_timeout: 300ms"));
  const auto start = Clock::now();
  const Response response = ask(sidecar, get("/", "Accept: application/json\r\n"));
  EXPECT_EQ(response.status(), 504);
  EXPECT_GE(since(start), 200ms);
  EXPECT_LT(since(start), scaled(1500ms));
  EXPECT_EQ(text_of(boost::json::parse(response.body).as_object(), "upstream"), "app");
  expect_no_address(response.body, backend);
}

TEST(GatewayTimeout, when_no_response_comes) {
  RawBackend backend;
  Sidecar sidecar(configured(backend, "response_timeout: 300ms"));
  RawConnection client = sidecar.connect();
  const auto start = Clock::now();
  client.send(get("/"));
  RawConnection connection = backend.accept();
  (void)connection.read_head();
  EXPECT_EQ(read_response(client).status(), 504);
  EXPECT_GE(since(start), 200ms);
  EXPECT_LT(since(start), scaled(1500ms));
  EXPECT_NE(connection.wait_end(scaled(1s)), End::open) << "the exchange on it is given up";
}

TEST(GatewayTimeout, does_not_count_behind_the_head) {
  RawBackend backend;
  Sidecar sidecar(configured(backend, "response_timeout: 200ms"));
  auto [client, connection, request] = begin_request(sidecar, backend);
  connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
  BodyReader body(client, framing_of_response(client.read_head(), "GET"));
  EXPECT_TRUE(body.silent_for(500ms));
  connection.send("late");
  EXPECT_EQ(body.read_all(), "late");
}

TEST(NotFound, without_a_route) {
  RawBackend backend;
  Sidecar sidecar(
      configured(backend, "", "routes: [{ name: app, match: { path: \"/app/**\", methods: [GET] }, upstream: app }]"));
  RawConnection client = sidecar.connect();
  client.send(get("/other"));
  EXPECT_EQ(read_response(client).head.start_line, "HTTP/1.1 404 Not Found");
  client.send("DELETE /app/x HTTP/1.1\r\nHost: app.test\r\n\r\n");
  EXPECT_EQ(read_response(client).status(), 404);
  client.send(get("/app/x"));
  RawConnection connection = backend.accept();
  (void)connection.read_head();
  connection.send(ok("found"));
  EXPECT_EQ(read_response(client).body, "found");
}

TEST(Routes, choose_the_upstream_and_change_fields) {
  RawBackend first;
  RawBackend second;
  Launch launch = configured(first, "", R"(
routes:
  - name: other
    match: { host: other.test, path: "/api/*/x", headers: { X-Which: second } }
    upstream: other
    request_headers: { set: { X-Added: "1" }, remove: [X-Secret] }
    response_headers: { set: { X-Out: "2" }, remove: [Server] }
  - { name: everything, match: { path: "/**" }, upstream: app }
)");
  const std::string first_upstream = "upstreams: {";
  launch.config.insert(launch.config.find(first_upstream) + first_upstream.size(),
                       " other: { url: \"" + second.url() + "\" },");
  Sidecar sidecar(launch);
  auto [client, connection, head] = begin_request(
      sidecar, second, "GET /api/7/x?q HTTP/1.1\r\nHost: Other.Test:80\r\nX-Which: second\r\nX-Secret: 1\r\n\r\n");
  EXPECT_EQ(head.field("X-Added"), "1");
  EXPECT_FALSE(head.has("X-Secret"));
  connection.send(ok("second", "Server: legacy\r\n"));
  const Response response = read_response(client);
  EXPECT_EQ(response.body, "second");
  EXPECT_EQ(response.head.field("X-Out"), "2");
  EXPECT_FALSE(response.head.has("Server"));
  for (const std::string target : {"/api/7/8/x", "/api/x", "/api/7/x/", "/api/7/X"}) {
    client.send("GET " + target + " HTTP/1.1\r\nHost: other.test\r\nX-Which: second\r\n\r\n");
    RawConnection other = first.accept();
    EXPECT_FALSE(other.read_head().has("X-Added")) << target;
    other.send(ok("first", "Connection: close\r\n"));
    EXPECT_EQ(read_response(client).body, "first");
  }
}

TEST(HeadLimits, too_large_is_431) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  RawConnection client = sidecar.connect();
  client.send(get("/", "X-Large: " + std::string(40'000, 'x') + "\r\n"));
  EXPECT_EQ(read_response(client).status(), 431);
  EXPECT_NE(client.wait_end(scaled(1s)), End::open);
  EXPECT_TRUE(backend.no_connection_for(50ms));
}

TEST(HeadLimits, without_an_end_is_431) {
  RawBackend backend;
  Sidecar sidecar(configured(backend, "", "limits: { head_bytes: 4KiB }"));
  RawConnection client = sidecar.connect();
  client.send("GET / HTTP/1.1\r\nHost: app.test\r\nX-Large: " + std::string(8'000, 'x'));
  EXPECT_EQ(read_response(client).status(), 431);
}

TEST(HeadLimits, too_many_fields_is_431) {
  RawBackend backend;
  Sidecar sidecar(configured(backend, "", "limits: { head_fields: 10 }"));
  std::string fields;
  for (int i = 0; i < 10; ++i) fields += "X-" + std::to_string(i) + ": y\r\n";
  EXPECT_EQ(ask(sidecar, get("/", fields)).status(), 431);
}

TEST(HeadLimits, a_slow_head_is_given_up) {
  RawBackend backend;
  Sidecar sidecar(configured(backend, "", "limits: { head_timeout: 300ms }"));
  RawConnection client = sidecar.connect();
  const auto start = Clock::now();
  client.send("GET / HTTP/1.1\r\nHost: app");
  ASSERT_NE(client.wait_end(scaled(2s)), End::open);
  EXPECT_GE(since(start), 200ms);
  if (!client.buffered().empty()) {
    EXPECT_EQ(parse_head(client.read_until("\r\n\r\n")).status(), 408);
  }
}

TEST(HeadLimits, an_idle_client_is_given_up_without_a_word) {
  RawBackend backend;
  Sidecar sidecar(configured(backend, "", "limits: { idle_timeout: 300ms }"));
  auto [client, connection, request] = begin_request(sidecar, backend);
  connection.send(ok("x"));
  const auto start = Clock::now();
  EXPECT_EQ(read_response(client).body, "x");
  EXPECT_EQ(client.wait_end(scaled(2s)), End::eof);
  EXPECT_GE(since(start), 200ms);
  EXPECT_EQ(client.buffered(), "");
}

}  // namespace
}  // namespace sidecar::nettest
