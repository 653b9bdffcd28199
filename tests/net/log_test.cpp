// The lifecycle log: one line an event, the documented keys, no secrets, every end with its reason.
#include <boost/json/serialize.hpp>

#include "tests/net/harness/suite.hpp"

namespace sidecar::nettest {
namespace {

const std::vector<std::string> kCommonKeys = {"ts",     "level",  "event", "id",     "route",
                                              "client", "method", "path",  "status", "upstream"};

void expect_keys(const boost::json::object& line, const std::vector<std::string>& more) {
  for (const auto& keys : {kCommonKeys, more}) {
    for (const auto& key : keys) EXPECT_TRUE(line.contains(key)) << key << " in " << boost::json::serialize(line);
  }
}

bool is_timestamp(const std::string& text) {
  const std::string shape = "dddd-dd-ddTdd:dd:dd.dddZ";
  if (text.size() != shape.size()) return false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i]) return false;
  }
  return true;
}

TEST(RequestLine, says_what_happened) {
  RawBackend backend;
  Sidecar sidecar(configured(backend, ""));
  RawConnection client = sidecar.connect();
  client.send("POST /things?x=1 HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\n\r\nhello");
  RawConnection connection = backend.accept();
  (void)read_request(connection);
  connection.send("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("made") + chunk(" it") +
                  "0\r\n\r\n");
  (void)read_response(client, "POST");
  const auto line = sidecar.wait_for_log("request");
  expect_keys(line, {"duration_ms", "bytes_in", "bytes_out"});
  EXPECT_TRUE(is_timestamp(text_of(line, "ts"))) << text_of(line, "ts");
  EXPECT_EQ(text_of(line, "level"), "info");
  EXPECT_EQ(text_of(line, "route"), "everything");
  EXPECT_TRUE(text_of(line, "client").starts_with("127.0.0.1:"));
  EXPECT_EQ(text_of(line, "method"), "POST");
  EXPECT_EQ(text_of(line, "path"), "/things?x=1");
  EXPECT_EQ(number_of(line, "status"), 201);
  EXPECT_EQ(text_of(line, "upstream"), "app");
  EXPECT_EQ(number_of(line, "bytes_in"), 5);
  EXPECT_EQ(number_of(line, "bytes_out"), 7);
}

TEST(RequestLine, ids_differ) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  RawConnection client = sidecar.connect();
  for (int i = 0; i < 2; ++i) {
    client.send(get("/" + std::to_string(i)));
    RawConnection connection = backend.accept();
    (void)connection.read_head();
    connection.send(ok("x", "Connection: close\r\n"));
    (void)read_response(client);
  }
  const auto first = sidecar.wait_for_log("request", [](const auto& line) { return text_of(line, "path") == "/0"; });
  const auto second = sidecar.wait_for_log("request", [](const auto& line) { return text_of(line, "path") == "/1"; });
  EXPECT_NE(text_of(first, "id"), text_of(second, "id"));
}

TEST(RequestLine, of_a_refusal_says_protocol_error) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  RawConnection client = sidecar.connect();
  client.send("GET / HTTP/1.1\r\nX-A : b\r\n\r\n");
  (void)read_response(client);
  const auto line = sidecar.wait_for_log("request");
  EXPECT_EQ(number_of(line, "status"), 400);
  EXPECT_EQ(text_of(line, "reason"), "protocol_error");
}

TEST(RequestLine, of_a_missing_backend_says_unreachable) {
  BackendOptions refusing;
  refusing.listening = false;
  RawBackend backend(refusing);
  Sidecar sidecar(in_front_of(backend));
  RawConnection client = sidecar.connect();
  client.send(get("/"));
  (void)read_response(client);
  const auto line = sidecar.wait_for_log("request");
  EXPECT_EQ(number_of(line, "status"), 502);
  EXPECT_EQ(text_of(line, "reason"), "upstream_unreachable");
  EXPECT_EQ(text_of(line, "upstream"), "default");
}

TEST(RequestLine, of_a_silent_backend_says_timeout) {
  RawBackend backend;
  Sidecar sidecar(configured(backend, "response_timeout: 100ms"));
  RawConnection client = sidecar.connect();
  client.send(get("/"));
  EXPECT_EQ(read_response(client).status(), 504);
  const auto line = sidecar.wait_for_log("request");
  EXPECT_EQ(number_of(line, "status"), 504);
  EXPECT_EQ(text_of(line, "reason"), "upstream_timeout");
}

TEST(RequestLine, of_a_truncated_body_says_so) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto [client, connection, request] = begin_request(sidecar, backend);
  connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  connection.close();
  const auto line = sidecar.wait_for_log("request");
  EXPECT_EQ(number_of(line, "status"), 200);
  EXPECT_EQ(text_of(line, "reason"), "upstream_truncated");
  EXPECT_EQ(number_of(line, "bytes_out"), 4);
}

TEST(RequestLine, of_a_tunnel_is_a_request) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto [client, connection, request] =
      begin_request(sidecar, backend, get("/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\n"));
  connection.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello");
  (void)client.read_head();
  EXPECT_EQ(client.read_exact(5), "hello");
  client.close();
  connection.close();
  EXPECT_EQ(number_of(sidecar.wait_for_log("request"), "status"), 101);
}

TEST(StreamLines, tell_the_whole_life) {
  RawBackend backend;
  Sidecar sidecar(with_heartbeat(backend, 150ms));
  Stream stream = open_stream(sidecar, backend, get("/events"));
  BodyReader body = body_of(stream);
  const auto open = sidecar.wait_for_log("stream_open");
  expect_keys(open, {"ttfb_ms"});
  EXPECT_EQ(number_of(open, "status"), 200);
  EXPECT_TRUE(sidecar.log_of("stream_first_event").empty());

  EXPECT_EQ(body.read_exact(kHeartbeat.size()), kHeartbeat);
  const auto heartbeat = sidecar.wait_for_log("heartbeat");
  expect_keys(heartbeat, {"idle_ms"});
  EXPECT_EQ(text_of(heartbeat, "level"), "debug");
  EXPECT_GE(number_of(heartbeat, "idle_ms"), 90);

  stream.backend.send(chunk(": comment\n\ndata: 1\n"));
  stream.backend.send(chunk("\ndata: 2\n\nid: 3\n\nevent: no data\n\ndata: unfinished\n"));
  EXPECT_NE(body.read_until("unfinished\n"), "");
  const auto first = sidecar.wait_for_log("stream_first_event");
  expect_keys(first, {"after_ms"});
  EXPECT_GE(number_of(first, "after_ms"), 90);
  stream.backend.send(kLastChunk);
  const std::size_t rest = body.read_all().size();
  (void)rest;

  const auto close = sidecar.wait_for_log("stream_close");
  expect_keys(close, {"duration_ms", "events", "heartbeats", "bytes_out", "max_idle_ms", "reason", "closed_by"});
  EXPECT_EQ(number_of(close, "events"), 2);
  EXPECT_EQ(static_cast<std::size_t>(number_of(close, "heartbeats")), sidecar.log_of("heartbeat").size());
  EXPECT_GE(number_of(close, "duration_ms"), 90);
  EXPECT_EQ(text_of(close, "reason"), "complete");
  EXPECT_EQ(text_of(close, "closed_by"), "upstream");
  for (const auto& line : {heartbeat, first, close}) EXPECT_EQ(text_of(line, "id"), text_of(open, "id"));
  EXPECT_TRUE(sidecar.log_of("request").empty()) << "a stream is no ordinary exchange";
}

TEST(StreamLines, count_the_bytes_towards_the_client) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  Stream stream = open_stream(sidecar, backend);
  stream.backend.send(chunk("data: 1\n\n") + std::string(kLastChunk));
  (void)body_of(stream).read_all();
  EXPECT_EQ(number_of(sidecar.wait_for_log("stream_close"), "bytes_out"), 9);
}

TEST(StreamLines, max_idle_is_the_longest_silence) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend, {"--heartbeat-interval", "off"}));
  Stream stream = open_stream(sidecar, backend);
  BodyReader body = body_of(stream);
  EXPECT_TRUE(body.silent_for(300ms));
  stream.backend.send(chunk("data: 1\n\n"));
  EXPECT_EQ(body.read_exact(9), "data: 1\n\n");
  stream.backend.send(kLastChunk);
  const auto idle = number_of(sidecar.wait_for_log("stream_close"), "max_idle_ms");
  EXPECT_GE(idle, 240);
  EXPECT_LT(idle, 300 + scaled(300ms).count());
}

TEST(Redaction, query_secrets_never_reach_the_log) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  for (const bool stream : {false, true}) {
    RawConnection client = sidecar.connect();
    const std::string target = "/x?token=s3cr3t&a=1&ACCESS_TOKEN=s3cr3t&password=s3cr3t&code=s3cr3t&b=%20&key=s3cr3t";
    client.send(get(target, "Referer: http://a/?token=s3cr3t\r\nAuthorization: Bearer s3cr3t\r\nCookie: s3cr3t\r\n"));
    RawConnection connection = backend.accept();
    EXPECT_EQ(connection.read_head().start_line, "GET " + target + " HTTP/1.1") << "the backend gets them";
    connection.send(stream ? std::string(kStreamHead) + std::string(kLastChunk) : ok("x", "Connection: close\r\n"));
    (void)read_response(client);
  }
  const auto line = sidecar.wait_for_log("request");
  (void)sidecar.wait_for_log("stream_close");
  EXPECT_EQ(sidecar.log_text().find("s3cr3t"), std::string::npos) << sidecar.log_text();
  const std::string path = text_of(line, "path");
  EXPECT_TRUE(path.starts_with("/x?token=")) << path;
  EXPECT_NE(path.find("&a=1&"), std::string::npos) << path;
  EXPECT_NE(path.find("&b=%20&"), std::string::npos) << path;
}

TEST(Redaction, a_route_may_hide_its_path) {
  RawBackend backend;
  Sidecar sidecar(configured(
      backend, "", "routes: [{ name: hook, match: { path: \"/hook/*\" }, upstream: app, log_path: pattern }]"));
  auto [client, connection, request] = begin_request(sidecar, backend, get("/hook/s3cr3t?x=s3cr3t"));
  connection.send(ok("x"));
  (void)read_response(client);
  EXPECT_EQ(text_of(sidecar.wait_for_log("request"), "path"), "/hook/*");
  EXPECT_EQ(sidecar.log_text().find("s3cr3t"), std::string::npos);
}

TEST(Escaping, bytes_from_outside_cannot_forge_a_line) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  const std::string target = "/\"quoted\\\"/caf\xc3\xa9/\xff\xfe/{\"event\":\"x\"}";
  auto [client, connection, request] = begin_request(sidecar, backend, get(target));
  connection.send(ok("x"));
  (void)read_response(client);
  EXPECT_TRUE(text_of(sidecar.wait_for_log("request"), "path").starts_with("/\"quoted\\\"/caf"));
}

TEST(LogLevel, info_has_no_heartbeats) {
  RawBackend backend;
  Launch launch = in_front_of(backend, {"--heartbeat-interval", "60ms"});
  for (auto& argument : launch.arguments) {
    if (argument == "debug") argument = "info";
  }
  Sidecar sidecar(launch);
  Stream stream = open_stream(sidecar, backend);
  BodyReader body = body_of(stream);
  EXPECT_EQ(body.read_exact(kHeartbeat.size()), kHeartbeat);
  stream.backend.send(kLastChunk);
  (void)body.read_all();
  EXPECT_GE(number_of(sidecar.wait_for_log("stream_close"), "heartbeats"), 1);
  EXPECT_TRUE(sidecar.log_of("heartbeat").empty());
}

TEST(ClientAddress, comes_from_the_header_of_a_trusted_proxy) {
  RawBackend backend;
  Sidecar sidecar(configured(
      backend, "", "client_address: { header: X-Forwarded-For, trusted: [127.0.0.0/8] }\nx_forwarded: append"));
  auto [client, connection, head] =
      begin_request(sidecar, backend, get("/", "X-Forwarded-For: 192.0.2.9, 198.51.100.7\r\n"));
  connection.send(ok("x"));
  (void)read_response(client);
  EXPECT_TRUE(text_of(sidecar.wait_for_log("request"), "client").starts_with("198.51.100.7"));
  EXPECT_TRUE(head.lists("X-Forwarded-For", "192.0.2.9"));
  EXPECT_TRUE(head.lists("X-Forwarded-For", "127.0.0.1"));
}

TEST(XForwarded, set_replaces_what_the_client_claims) {
  RawBackend backend;
  Sidecar sidecar(configured(backend, "", "x_forwarded: set"));
  RawConnection client = sidecar.connect();
  client.send(get("/", "X-Forwarded-For: 192.0.2.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.test\r\n"));
  const Head head = backend.accept().read_head();
  EXPECT_EQ(head.field("X-Forwarded-For"), "127.0.0.1");
  EXPECT_EQ(head.field("X-Forwarded-Proto"), "http");
  EXPECT_EQ(head.field("X-Forwarded-Host"), "app.test");
}

}  // namespace
}  // namespace sidecar::nettest
