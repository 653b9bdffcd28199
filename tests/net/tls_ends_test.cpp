// TLS towards client and backend at once: heartbeats into the silence between them, and ends that are told as what they
// are, in whichever direction.
#include "tests/net/harness/http2.hpp"
#include "tests/net/harness/suite.hpp"
#include "tests/net/harness/tls.hpp"

namespace sidecar::nettest {
namespace {

constexpr std::string_view kOffer =
    "GET /ws HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
constexpr std::string_view kSwitching =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
constexpr std::string_view kUntilClose = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

class TlsEnds : public ::testing::Test {
 protected:
  Launch launch(const std::string& address = "127.0.0.1:0") const {
    Launch launch;
    launch.config = "listeners: [{ address: \"" + address +
                    "\", http2: translate, tls: { certificates: " + "[{ certificate: " + issued.certificate +
                    ", key: " + issued.key + " }] } }]\nupstreams: { app: { url: \"https://" + backend.address() +
                    "\", tls: { ca: " + authority.ca() +
                    " } } }\ndefaults: { event_stream: { heartbeat: { interval: 100ms } } }\n"
                    "log: { level: debug, format: json }\n";
    return launch;
  }
  RawConnection connect(const Sidecar& sidecar, std::string_view protocol = "http/1.1") const {
    return TlsPeer::client(authority.ca()).offer(protocol).shake(sidecar.connect());
  }
  RawConnection accept() { return server.shake(backend.accept()); }

  struct Pair {
    RawConnection client;
    RawConnection backend;
  };
  Pair open(const Sidecar& sidecar, std::string_view request, std::string_view answer) {
    Pair pair;
    pair.client = connect(sidecar);
    pair.client.send(request);
    pair.backend = accept();
    (void)pair.backend.read_head();
    pair.backend.send(answer);
    (void)pair.client.read_head();
    return pair;
  }
  Pair open_tunnel(const Sidecar& sidecar) { return open(sidecar, kOffer, kSwitching); }

  TemporaryFolder folder;
  Authority authority{folder};
  Issued issued = authority.issue("server");
  TlsPeer server = TlsPeer::server(issued);
  RawBackend backend;
};

TEST_F(TlsEnds, heartbeats_into_the_silence_of_a_backend) {
  Sidecar sidecar(launch());
  Pair pair = open(sidecar, get("/events", "Accept: text/event-stream\r\n"), kStreamHead);
  BodyReader body(pair.client, {Framing::chunked, 0});
  EXPECT_EQ(body.read_exact(kHeartbeat.size()), kHeartbeat);
  pair.backend.send(chunk("data: 1\n\n"));
  EXPECT_EQ(body.read_exact(9), "data: 1\n\n");
  EXPECT_EQ(body.read_exact(kHeartbeat.size()), kHeartbeat);
  pair.backend.send(chunk("data: "));
  EXPECT_EQ(body.read_exact(6), "data: ");
  EXPECT_TRUE(body.silent_for(300ms)) << "inside a line";
  pair.backend.send(chunk("2\n\n") + std::string(kLastChunk));
  EXPECT_EQ(body.read_exact(3), "2\n\n");
  EXPECT_EQ(body.wait_end(), BodyEnd::complete);
}

/// `say_so` ends one direction of a connection.
template <class End>
void half_closed_by_the_client(RawConnection& client, RawConnection& backend, End say_so) {
  client.send("last words");
  say_so(client);
  EXPECT_EQ(backend.read_to_end(), "last words") << "with the end of TLS, or this throws";
  EXPECT_TRUE(client.silent_for(50ms)) << "the other direction stays open";
  backend.send(pattern(300'000));
  EXPECT_TRUE(client.read_exact(300'000) == pattern(300'000));
  backend.close();
  EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(TlsEnds, the_client_of_a_tunnel_half_closes_first) {
  Sidecar sidecar(launch());
  Pair with_fin = open_tunnel(sidecar);
  half_closed_by_the_client(with_fin.client, with_fin.backend, [](RawConnection& client) { client.half_close(); });
  Pair without = open_tunnel(sidecar);
  half_closed_by_the_client(without.client, without.backend, [](RawConnection& client) { SSL_shutdown(client.ssl()); });
}

TEST_F(TlsEnds, the_backend_of_a_tunnel_half_closes_first) {
  Sidecar sidecar(launch());
  Pair pair = open_tunnel(sidecar);
  pair.backend.send("bye");
  pair.backend.half_close();
  EXPECT_EQ(pair.client.read_to_end(), "bye");
  EXPECT_TRUE(pair.backend.silent_for(50ms)) << "the other direction stays open";
  pair.client.send(pattern(300'000));
  EXPECT_TRUE(pair.backend.read_exact(300'000) == pattern(300'000));
  pair.client.close();
  EXPECT_EQ(pair.backend.read_to_end(), "");
}

/// Anybody on the way can send a FIN.
TEST_F(TlsEnds, a_tunnel_that_is_cut_has_no_clean_end) {
  Sidecar sidecar(launch());
  for (const bool by_client : {true, false}) {
    Pair pair = open_tunnel(sidecar);
    RawConnection& ends = by_client ? pair.client : pair.backend;
    RawConnection& other = by_client ? pair.backend : pair.client;
    ends.send("half a mess");
    ends.flush();
    ends.cut();
    const End end = other.wait_end();
    EXPECT_TRUE(end == End::reset || end == End::cut) << to_string(end) << (by_client ? ", client" : ", backend");
  }
}

TEST_F(TlsEnds, an_event_stream_that_is_cut_has_no_clean_end) {
  Sidecar sidecar(launch());
  for (const bool cut : {false, true}) {
    Pair pair = open(sidecar, get("/events", "Accept: text/event-stream\r\n"), kUntilClose);
    BodyReader body(pair.client, {Framing::chunked, 0});
    pair.backend.send("data: 1\n\n");
    EXPECT_EQ(body.read_exact(9), "data: 1\n\n");
    cut ? pair.backend.cut() : pair.backend.half_close();
    EXPECT_EQ(body.wait_end() == BodyEnd::complete, !cut);
    const auto line = sidecar.wait_for_log(
        "stream_close", [&](const auto& l) { return (text_of(l, "reason") == "upstream_truncated") == cut; });
    EXPECT_EQ(text_of(line, "closed_by"), "upstream");
  }
}

TEST_F(TlsEnds, over_http2_it_is_a_reset_of_the_stream) {
  Sidecar sidecar(launch());
  Http2Client client(connect(sidecar, "h2"));
  for (const bool cut : {false, true}) {
    const std::int32_t stream = client.get("/events");
    RawConnection connection = accept();
    (void)connection.read_head();
    connection.send(std::string(kUntilClose) + "data: 1\n\n");
    client.until(stream, [](const auto& answer) { return answer.body.starts_with("data: 1\n\n"); });
    cut ? connection.cut() : connection.half_close();
    EXPECT_EQ(client.wait(stream).error != 0, cut);
  }
}

TEST_F(TlsEnds, a_request_that_is_cut_is_not_completed) {
  Sidecar sidecar(launch());
  RawConnection client = connect(sidecar);
  client.send("POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("half"));
  RawConnection connection = accept();
  (void)connection.read_head();
  EXPECT_EQ(connection.read_until("half\r\n"), chunk("half"));
  client.cut();
  EXPECT_NE(connection.wait_end(), End::open);
  EXPECT_EQ(connection.buffered().find("0\r\n\r\n"), std::string::npos);
  EXPECT_EQ(text_of(sidecar.wait_for_log("request"), "reason"), "client_gone");
}

TEST_F(TlsEnds, on_a_unix_socket_it_is_the_same) {
  Sidecar sidecar(launch("unix:" + folder.path("socket")));
  Pair pair = open(sidecar, get("/events", "Accept: text/event-stream\r\n"), kStreamHead);
  BodyReader body(pair.client, {Framing::chunked, 0});
  EXPECT_EQ(body.read_exact(kHeartbeat.size()), kHeartbeat);
  pair.client.close();
  EXPECT_NE(pair.backend.wait_end(), End::open);
}

}  // namespace
}  // namespace sidecar::nettest
