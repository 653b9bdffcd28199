// Switched protocols: a raw tunnel with two independent halves. Everything that is not one stays ordinary HTTP.
#include "tests/net/harness/suite.hpp"

namespace sidecar::nettest {
namespace {

constexpr std::string_view kOffer =
    "GET /ws HTTP/1.1\r\nHost: app.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
constexpr std::string_view kSwitching =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

struct Tunnel {
  RawConnection client;
  RawConnection backend;
  Head offer;
  Head answer;
};

Tunnel open_tunnel(const Sidecar& sidecar, RawBackend& backend) {
  Tunnel tunnel;
  tunnel.client = sidecar.connect();
  tunnel.client.send(kOffer);
  tunnel.backend = backend.accept();
  tunnel.offer = tunnel.backend.read_head();
  tunnel.backend.send(kSwitching);
  tunnel.answer = tunnel.client.read_head();
  return tunnel;
}

TEST(Upgrade, offer_and_answer_pass) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  const Tunnel tunnel = open_tunnel(sidecar, backend);
  EXPECT_EQ(tunnel.offer.start_line, "GET /ws HTTP/1.1");
  EXPECT_EQ(tunnel.offer.field("Upgrade"), "websocket");
  EXPECT_TRUE(tunnel.offer.lists("Connection", "upgrade"));
  EXPECT_EQ(tunnel.offer.field("Sec-WebSocket-Key"), "dGhlIHNhbXBsZSBub25jZQ==");
  EXPECT_EQ(tunnel.answer.start_line, "HTTP/1.1 101 Switching Protocols");
  EXPECT_EQ(tunnel.answer.field("Upgrade"), "websocket");
  EXPECT_TRUE(tunnel.answer.lists("Connection", "upgrade"));
  EXPECT_EQ(tunnel.answer.field("Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_FALSE(tunnel.answer.has("Transfer-Encoding"));
  EXPECT_FALSE(tunnel.answer.has("Content-Length"));
}

TEST(Upgrade, bytes_pass_raw_in_both_directions) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  Tunnel tunnel = open_tunnel(sidecar, backend);
  const std::string frames = std::string("\x81\x05hello\0\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n", 36);
  tunnel.client.send(frames);
  EXPECT_EQ(tunnel.backend.read_exact(frames.size()), frames);
  tunnel.backend.send(frames);
  EXPECT_EQ(tunnel.client.read_exact(frames.size()), frames);
}

TEST(Upgrade, bytes_behind_the_heads_in_the_same_packet) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto [client, connection, request] = begin_request(sidecar, backend, std::string(kOffer) + "early");
  connection.send(std::string(kSwitching) + "greeting");
  (void)client.read_head();
  EXPECT_EQ(client.read_exact(8), "greeting");
  EXPECT_EQ(connection.read_exact(5), "early");
}

TEST(Upgrade, the_client_half_closes_first) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  Tunnel tunnel = open_tunnel(sidecar, backend);
  tunnel.client.send("last words");
  tunnel.client.half_close();
  EXPECT_EQ(tunnel.backend.read_to_end(), "last words");
  EXPECT_TRUE(tunnel.client.silent_for(50ms)) << "the other direction stays open";
  tunnel.backend.send(pattern(300'000));
  EXPECT_TRUE(tunnel.client.read_exact(300'000) == pattern(300'000));
  tunnel.backend.close();
  EXPECT_EQ(tunnel.client.read_to_end(), "");
}

TEST(Upgrade, the_backend_half_closes_first) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  Tunnel tunnel = open_tunnel(sidecar, backend);
  tunnel.backend.send("bye");
  tunnel.backend.half_close();
  EXPECT_EQ(tunnel.client.read_to_end(), "bye");
  EXPECT_TRUE(tunnel.backend.silent_for(50ms)) << "the other direction stays open";
  tunnel.client.send(pattern(300'000));
  EXPECT_TRUE(tunnel.backend.read_exact(300'000) == pattern(300'000));
  tunnel.client.close();
  EXPECT_EQ(tunnel.backend.read_to_end(), "");
}

TEST(Upgrade, a_reset_reaches_the_other_side) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  Tunnel first = open_tunnel(sidecar, backend);
  first.client.reset();
  EXPECT_NE(first.backend.wait_end(scaled(1s)), End::open);
  Tunnel second = open_tunnel(sidecar, backend);
  second.backend.reset();
  EXPECT_NE(second.client.wait_end(scaled(1s)), End::open);
  EXPECT_TRUE(sidecar.fds_return_to_start());
}

TEST(Upgrade, nothing_is_inserted_into_silence) {
  RawBackend backend;
  Sidecar sidecar(with_heartbeat(backend, 50ms));
  Tunnel tunnel = open_tunnel(sidecar, backend);
  EXPECT_TRUE(tunnel.client.silent_for(300ms));
  EXPECT_TRUE(tunnel.backend.silent_for(0ms));
}

TEST(Upgrade, a_tunnel_outlives_the_timeouts_of_http) {
  RawBackend backend;
  Sidecar sidecar(
      configured(backend, "response_timeout: 100ms", "limits: { idle_timeout: 100ms, head_timeout: 100ms }"));
  Tunnel tunnel = open_tunnel(sidecar, backend);
  EXPECT_TRUE(tunnel.client.silent_for(400ms));
  tunnel.client.send("still here");
  EXPECT_EQ(tunnel.backend.read_exact(10), "still here");
}

TEST(Upgrade, connection_upgrade_without_upgrade_is_ordinary) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  RawConnection client = sidecar.connect();
  for (const std::string body : {"one", "two"}) {
    client.send(get("/", "Connection: upgrade\r\n"));
    RawConnection connection = backend.accept();
    EXPECT_EQ(connection.read_head().bytes, get("/"));
    connection.send(ok(body, "Connection: close\r\n"));
    EXPECT_EQ(read_response(client).body, body);
  }
}

TEST(Upgrade, an_offer_of_h2c_is_dropped) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  RawConnection client = sidecar.connect();
  client.send(
      get("/", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"));
  RawConnection connection = backend.accept();
  EXPECT_EQ(connection.read_head().bytes, get("/"));
  connection.send(ok("in HTTP/1.1"));
  EXPECT_EQ(read_response(client).body, "in HTTP/1.1");
  client.send(get("/", "Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"));
  EXPECT_EQ(connection.read_head().bytes, get("/")) << "named in Connection or not";
  connection.send(ok("again"));
  EXPECT_EQ(read_response(client).body, "again");
}

TEST(Upgrade, refused_is_ordinary) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  for (const std::string line : {"200 OK", "400 Bad Request", "426 Upgrade Required"}) {
    auto [client, connection, request] = begin_request(sidecar, backend, kOffer);
    connection.send("HTTP/1.1 " + line + "\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
    const Response response = read_response(client);
    EXPECT_EQ(response.head.start_line, "HTTP/1.1 " + line);
    EXPECT_EQ(response.body, "no");
    client.send(get("/next"));
    RawConnection next = backend.accept();
    EXPECT_EQ(next.read_head().bytes, get("/next"));
    next.send(ok("next", "Connection: close\r\n"));
    EXPECT_EQ(read_response(client).body, "next");
  }
}

TEST(Upgrade, unasked_101_is_a_bad_gateway) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto [client, connection, request] = begin_request(sidecar, backend);
  connection.send(std::string(kSwitching) + "frames");
  EXPECT_EQ(read_response(client).status(), 502);
  EXPECT_NE(connection.wait_end(scaled(1s)), End::open);
}

}  // namespace
}  // namespace sidecar::nettest
