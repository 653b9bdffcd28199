#include <gtest/gtest.h>

#include "exchange/relay.hpp"
#include "tests/exchange/dialogue.hpp"

// Switched protocols: bytes both ways, each half with its own end.
namespace sidecar::exchange {
namespace {

using namespace std::chrono_literals;
using test::Dialogue;
using Kind = UpstreamWish::Kind;

constexpr const char* kOffer = "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
constexpr const char* kAccept = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

struct Tunnel : Dialogue {
  Tunnel() {
    client(kOffer);
    connected();
    backend(kAccept);
    (void)to_client();
    (void)to_backend();
  }
};

TEST(RelayTunnel, OpensAndPassesBytesBothWays) {
  Dialogue d;
  d.client(kOffer);
  EXPECT_EQ(d.upstream_wish(), Kind::fresh);
  d.connected();
  EXPECT_EQ(d.to_backend(), "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  d.backend(std::string(kAccept) + "hello");
  EXPECT_EQ(d.to_client(), std::string(kAccept) + "hello");
  EXPECT_EQ(d.phase(), Phase::tunnel);
  d.client("GET / is not parsed here");
  EXPECT_EQ(d.to_backend(), "GET / is not parsed here");
  d.after(1h);
  EXPECT_EQ(d.phase(), Phase::tunnel);
}

TEST(RelayTunnel, BytesThatWereThereBeforeTheSwitch) {
  Dialogue d;
  d.client(std::string(kOffer) + "eager");
  d.connected();
  (void)d.to_backend();
  d.backend(kAccept);
  EXPECT_EQ(d.to_backend(), "eager");
  EXPECT_EQ(d.relay.waiting(), 0U);
}

TEST(RelayTunnel, AFinThatWasThereBeforeTheSwitch) {
  Dialogue d;
  d.client(std::string(kOffer) + "eager");
  d.client_eof();
  d.connected();
  (void)d.to_backend();
  d.backend(kAccept);
  EXPECT_EQ(d.to_backend(), "eager");
  EXPECT_TRUE(d.wishes().half_close_upstream);
  d.backend("bye");
  d.backend_eof();
  EXPECT_EQ(d.to_client(), std::string(kAccept) + "bye");
  EXPECT_EQ(d.end().reason, Reason::complete);
  EXPECT_EQ(d.manner(), DownstreamManner::close);
}

TEST(RelayTunnel, TheClientClosesItsHalfFirst) {
  Tunnel d;
  d.client("last");
  d.client_eof();
  EXPECT_EQ(d.to_backend(), "last");
  EXPECT_TRUE(d.wishes().half_close_upstream);
  EXPECT_FALSE(d.wishes().half_close_downstream);
  EXPECT_TRUE(d.recorder.ends().empty());
  d.backend("answer");
  EXPECT_EQ(d.to_client(), "answer");
  d.backend_eof();
  EXPECT_EQ(d.upstream_wish(), Kind::close);
  EXPECT_EQ(d.manner(), DownstreamManner::close);
  EXPECT_EQ(d.end().reason, Reason::complete);
  EXPECT_EQ(d.end().closed_by, ClosedBy::upstream);
  EXPECT_EQ(d.end().status, 101);
  EXPECT_EQ(d.end().bytes_in, 4U);
  EXPECT_EQ(d.end().bytes_out, 6U);
}

TEST(RelayTunnel, TheBackendClosesItsHalfFirst) {
  Tunnel d;
  d.backend("last");
  d.backend_eof();
  EXPECT_EQ(d.to_client(), "last");
  EXPECT_TRUE(d.wishes().half_close_downstream);
  EXPECT_EQ(d.manner(), DownstreamManner::keep);
  EXPECT_FALSE(d.wishes().read_upstream) << "there is nothing but its end to be read, again and again";
  d.backend_eof();
  EXPECT_EQ(d.phase(), Phase::tunnel) << "and telling it twice changes nothing";
  d.client("answer");
  EXPECT_EQ(d.to_backend(), "answer");
  d.client_eof();
  EXPECT_EQ(d.upstream_wish(), Kind::close) << "no reset behind the last bytes";
  EXPECT_EQ(d.end().reason, Reason::complete);
  EXPECT_EQ(d.end().closed_by, ClosedBy::client);
  EXPECT_EQ(d.manner(), DownstreamManner::close);
}

TEST(RelayTunnel, BytesThatWaitAtTheClientsFinComeFirst) {
  Tunnel d;
  d.backend_room(2);
  d.client("abcd");
  d.client("efgh");
  d.client_eof();
  EXPECT_FALSE(d.wishes().half_close_upstream);
  d.backend_room(Dialogue::kUnlimited);
  EXPECT_EQ(d.to_backend(), "abcdefgh");
  EXPECT_TRUE(d.wishes().half_close_upstream);
}

TEST(RelayTunnel, TheLastBytesOfAnEndedTunnelAreDelivered) {
  for (const std::size_t room : {0U, 2U}) {
    Tunnel d;
    d.backend_eof();
    d.backend_room(room);
    d.client("abcd");
    d.client("efgh");
    d.client_eof();
    EXPECT_TRUE(d.recorder.ends().empty());
    d.backend_room(3);
    d.backend_room(Dialogue::kUnlimited);
    EXPECT_EQ(d.to_backend(), "abcdefgh");
    EXPECT_EQ(d.upstream_wish(), Kind::close);
    EXPECT_EQ(d.end().reason, Reason::complete);
  }
}

TEST(RelayTunnel, AResetOfEitherSideEndsBoth) {
  Tunnel client;
  client.client_reset();
  EXPECT_EQ(client.upstream_wish(), Kind::abort);
  EXPECT_EQ(client.end().reason, Reason::client_gone);

  Tunnel backend;
  backend.backend_reset();
  EXPECT_EQ(backend.manner(), DownstreamManner::abort);
  EXPECT_EQ(backend.end().reason, Reason::upstream_reset);
}

TEST(RelayTunnel, ASwitchThatNobodyAskedFor) {
  Dialogue d;
  d.client("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  d.connected();
  d.backend(kAccept);
  EXPECT_TRUE(d.to_client().starts_with("HTTP/1.1 502"));
  EXPECT_EQ(d.end().reason, Reason::protocol_error);
}

TEST(RelayTunnel, AnOfferThatIsDeclined) {
  Dialogue d;
  d.client(kOffer);
  d.connected();
  d.backend("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_EQ(d.to_client(), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_EQ(d.manner(), DownstreamManner::keep);
}

TEST(RelayTunnel, BackPressureBothWays) {
  Tunnel d;
  d.client_room(1);
  d.backend("ab");
  EXPECT_FALSE(d.wishes().read_upstream);
  d.backend_room(0);
  d.client(std::string(100, 'x'));
  d.client(std::string(70 * 1024, 'x'));
  EXPECT_FALSE(d.wishes().read_downstream);
}

}  // namespace
}  // namespace sidecar::exchange
