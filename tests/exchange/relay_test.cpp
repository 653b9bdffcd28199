#include "exchange/relay.hpp"

#include <gtest/gtest.h>

#include "tests/exchange/dialogue.hpp"

// Ordinary requests and responses; event streams, tunnels, failures and ends have files of their own.
namespace sidecar::exchange {
namespace {

using namespace std::chrono_literals;
using test::Dialogue;
using Kind = UpstreamWish::Kind;

constexpr const char* kGet = "GET /a?b=%2B HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

TEST(Relay, GetIsForwardedAndItsConnectionReleased) {
  Dialogue d;
  EXPECT_EQ(d.until_deadline(), 75s);
  d.client(kGet);
  EXPECT_EQ(d.upstream_wish(), Kind::pooled_ok);
  EXPECT_EQ(d.until_deadline(), 5s) << "to connect";
  EXPECT_EQ(d.to_backend(), "");
  d.connected();
  EXPECT_EQ(d.to_backend(), kGet);
  EXPECT_EQ(d.upstream_wish(), Kind::none);
  EXPECT_EQ(d.until_deadline(), -1ms) << "as long as the client waits";
  EXPECT_TRUE(d.wishes().read_upstream);
  d.after(20ms);
  d.backend(kOk);
  EXPECT_EQ(d.to_client(), kOk);
  EXPECT_EQ(d.upstream_wish(), Kind::none) << "between two requests";
  EXPECT_EQ(d.phase(), Phase::idle);
  EXPECT_EQ(d.manner(), DownstreamManner::keep);
  EXPECT_EQ(d.until_deadline(), 75s);

  const LifecycleRecord end = d.end();
  EXPECT_EQ(end.event, LifecycleEvent::request);
  EXPECT_EQ(end.id, 1U);
  EXPECT_EQ(end.client, "192.0.2.7:51412");
  EXPECT_EQ(end.method, "GET");
  EXPECT_EQ(end.target, "/a?b=%2B");
  EXPECT_EQ(end.route, "all");
  EXPECT_EQ(end.upstream, "app");
  EXPECT_EQ(end.status, 200);
  EXPECT_EQ(end.duration, 20ms);
  EXPECT_EQ(end.bytes_out, 5U);
  EXPECT_EQ(end.reason, Reason::complete);
  EXPECT_EQ(end.closed_by, ClosedBy::upstream);
}

TEST(Relay, TheConnectionIsReleasedBeforeASlowClientHasEverything) {
  Dialogue d;
  d.client(kGet);
  d.connected();
  d.client_room(10);
  d.backend(kOk);
  EXPECT_EQ(d.upstream_wish(), Kind::release);
  EXPECT_TRUE(d.recorder.ends().empty());
  d.client_room(Dialogue::kUnlimited);
  EXPECT_EQ(d.to_client(), kOk);
  EXPECT_EQ(d.end().reason, Reason::complete);
}

TEST(Relay, ABackendThatClosesIsNotReleased) {
  for (const char* head : {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
                           "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"}) {
    Dialogue d;
    d.client(kGet);
    d.connected();
    d.client_room(1);
    d.backend(head);
    EXPECT_EQ(d.upstream_wish(), Kind::close) << head;
  }
}

TEST(Relay, BytesBehindAResponseSpoilItsConnection) {
  Dialogue d;
  d.client(kGet);
  d.connected();
  d.client_room(1);
  d.backend(std::string(kOk) + "more");
  EXPECT_EQ(d.upstream_wish(), Kind::close);
}

TEST(Relay, PostStartsFreshAndStreamsItsBody) {
  Dialogue d;
  d.client("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc");
  EXPECT_EQ(d.upstream_wish(), Kind::fresh);
  EXPECT_EQ(d.to_backend(), "") << "the body waits for the connection";
  d.connected();
  EXPECT_EQ(d.to_backend(), "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc");
  d.client("def");
  EXPECT_EQ(d.to_backend(), "def");
  d.backend(kOk);
  EXPECT_EQ(d.to_client(), kOk);
  EXPECT_EQ(d.end().bytes_in, 6U);
  EXPECT_EQ(d.manner(), DownstreamManner::keep);
}

TEST(Relay, PooledPostWhereTheOperatorSaysSo) {
  PolicySet policies = test::one_upstream();
  policies.upstreams[0].keepalive.unsafe_methods = UnsafeMethods::reuse;
  Dialogue d(policies);
  d.client("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx");
  EXPECT_EQ(d.upstream_wish(), Kind::pooled_ok);
  d.connected(true);
  d.backend_eof();
  EXPECT_EQ(d.to_client().substr(0, 12), "HTTP/1.1 502") << "and it is never repeated";
}

TEST(Relay, ChunkedBothWaysWithTrailers) {
  Dialogue d;
  d.client("POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  d.connected();
  EXPECT_EQ(d.to_backend(), "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  d.client("0\r\nX-Sum: 1\r\n\r\n");
  EXPECT_EQ(d.to_backend(), "0\r\nX-Sum: 1\r\n\r\n");
  d.backend("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: 2\r\n\r\n");
  EXPECT_EQ(d.to_client(), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: 2\r\n\r\n");
  EXPECT_EQ(d.manner(), DownstreamManner::keep);
}

TEST(Relay, HeadHasNoBody) {
  Dialogue d;
  d.client("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n");
  d.connected();
  EXPECT_EQ(d.to_backend(), "HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n");
  d.backend("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/event-stream\r\n\r\n");
  EXPECT_EQ(d.to_client(), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/event-stream\r\n\r\n");
  EXPECT_EQ(d.end().event, LifecycleEvent::request);
  EXPECT_EQ(d.end().bytes_out, 0U);
}

TEST(Relay, OwnAnswerToHeadCountsNoBody) {
  Dialogue d;
  d.client("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n");
  d.connect_failed(UpstreamFailure::refused);
  const std::string answer = d.to_client();
  EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 502");
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
  EXPECT_EQ(d.end().bytes_out, 0U);
}

TEST(Relay, InformationalResponsesPass) {
  Dialogue d;
  d.client("POST /p HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
  d.connected();
  EXPECT_EQ(d.to_backend(), "POST /p HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
  d.backend("HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(d.to_client(), "HTTP/1.1 100 Continue\r\n\r\n");
  d.client("x");
  EXPECT_EQ(d.to_backend(), "x");
  d.backend("HTTP/1.1 103 Early Hints\r\nLink: </s.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(d.to_client(),
            "HTTP/1.1 103 Early Hints\r\nLink: </s.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

TEST(Relay, ThreeRequestsInOneReadAreServedInTurn) {
  Dialogue d;
  d.client(
      "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
      "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"
      "GET /3 HTTP/1.1\r\nHost: h\r\n\r\n");
  for (const std::string wanted :
       {"GET /1 HTTP/1.1\r\nHost: h\r\n\r\n", "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi",
        "GET /3 HTTP/1.1\r\nHost: h\r\n\r\n"}) {
    d.connected();
    EXPECT_EQ(d.to_backend(), wanted);
    d.backend(kOk);
    EXPECT_EQ(d.to_client(), kOk);
  }
  EXPECT_EQ(d.phase(), Phase::idle);
  ASSERT_EQ(d.recorder.ends().size(), 3U);
  EXPECT_EQ(d.recorder.ends()[1].target, "/2");
  EXPECT_EQ(d.recorder.ends()[2].id, 3U);
  EXPECT_EQ(d.relay.waiting(), 0U);
}

TEST(Relay, ByteByByte) {
  Dialogue d;
  for (const char c : std::string("POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi")) {
    d.client({&c, 1});
    if (d.upstream_wish() == Kind::fresh) d.connected();
  }
  EXPECT_EQ(d.to_backend(), "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi");
  for (const char c : std::string(kOk)) d.backend({&c, 1});
  EXPECT_EQ(d.to_client(), kOk);
}

TEST(Relay, TheBodyWaitsForABackendThatDoesNotRead) {
  Dialogue d;
  d.client("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n");
  d.connected();
  (void)d.to_backend();
  d.backend_room(1);
  d.client("abc");
  d.client("def");
  EXPECT_EQ(d.to_backend(), "a");
  EXPECT_EQ(d.relay.waiting(), 3U) << "the second piece waits for the first";
  d.backend_room(1);
  EXPECT_EQ(d.to_backend(), "b");
  EXPECT_EQ(d.relay.waiting(), 3U);
  d.backend_room(Dialogue::kUnlimited);
  EXPECT_EQ(d.to_backend(), "cdef");
  EXPECT_EQ(d.relay.waiting(), 0U);
}

TEST(Relay, AClientIsReadNoFurtherThanTheLimit) {
  Dialogue d;
  d.client("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
  const std::string piece(40 * 1024, 'x');
  d.client(piece);
  EXPECT_TRUE(d.wishes().read_downstream);
  d.client(piece);
  EXPECT_FALSE(d.wishes().read_downstream);
  d.connected();
  EXPECT_TRUE(d.wishes().read_downstream);
  EXPECT_EQ(d.relay.waiting(), 0U);
}

TEST(Relay, TheBackendIsNotReadWhileTheClientHasBytesToTake) {
  Dialogue d;
  d.client(kGet);
  d.connected();
  d.client_room(0);
  d.backend("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
  EXPECT_FALSE(d.wishes().read_upstream);
  d.client_room(20);
  EXPECT_FALSE(d.wishes().read_upstream);
  d.client_room(Dialogue::kUnlimited);
  EXPECT_TRUE(d.wishes().read_upstream);
}

TEST(Relay, AnEarlyResponseEndsBothConnections) {
  Dialogue d;
  d.client("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc");
  d.connected();
  d.backend("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_EQ(d.to_client(), "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
  EXPECT_EQ(d.upstream_wish(), Kind::close);
  EXPECT_EQ(d.manner(), DownstreamManner::finish);
  EXPECT_TRUE(d.wishes().read_downstream) << "what still comes is thrown away";
  (void)d.to_backend();
  d.client(std::string(50, 'x') + kGet);
  EXPECT_EQ(d.to_backend(), "");
  EXPECT_EQ(d.end().reason, Reason::complete);
  d.client_eof();
  EXPECT_EQ(d.manner(), DownstreamManner::close);
}

TEST(Relay, LingeringHasAnEnd) {
  Dialogue d;
  d.client("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  d.connected();
  d.backend(kOk);
  EXPECT_EQ(d.to_client(), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
  EXPECT_EQ(d.manner(), DownstreamManner::finish);
  EXPECT_EQ(d.until_deadline(), 5s);
  d.after(5s);
  EXPECT_EQ(d.manner(), DownstreamManner::close);
}

TEST(Relay, Http10) {
  Dialogue d;
  d.client("GET / HTTP/1.0\r\n\r\n");
  d.connected();
  EXPECT_EQ(d.to_backend(), "GET / HTTP/1.1\r\nHost: app:8000\r\n\r\n");
  d.backend("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
  EXPECT_EQ(d.to_client(), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok");
  EXPECT_EQ(d.manner(), DownstreamManner::finish);
}

TEST(Relay, Http10KeepAliveNeedsToBeAskedForAndALength) {
  Dialogue d;
  d.client("GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n");
  d.connected();
  d.backend(kOk);
  EXPECT_EQ(d.to_client(), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello");
  EXPECT_EQ(d.manner(), DownstreamManner::keep);
  d.client("GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n");
  d.connected(true);
  d.backend("HTTP/1.1 200 OK\r\n\r\nuntil the end");
  EXPECT_EQ(d.to_client(), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end");
  d.backend_eof();
  EXPECT_EQ(d.manner(), DownstreamManner::finish);
}

TEST(Relay, AHalfClosedClientGetsItsResponse) {
  Dialogue d;
  d.client(kGet);
  d.client_eof();
  EXPECT_FALSE(d.wishes().read_downstream);
  d.connected();
  d.backend(kOk);
  EXPECT_EQ(d.to_client(), kOk);
  EXPECT_EQ(d.manner(), DownstreamManner::close);
  EXPECT_EQ(d.end().reason, Reason::complete);
}

TEST(Relay, AHalfClosedClientGetsAllItsPipelinedResponses) {
  Dialogue d;
  d.client(std::string(kGet) + kGet);
  d.client_eof();
  for (int i = 0; i < 2; ++i) {
    d.connected();
    d.backend(kOk);
    EXPECT_EQ(d.to_client(), kOk);
  }
  EXPECT_EQ(d.manner(), DownstreamManner::close);
  EXPECT_EQ(d.recorder.ends().size(), 2U);
}

TEST(Relay, NoRouteIsAnsweredHere) {
  PolicySet policies = test::one_upstream();
  policies.routes[0].match.path = "/api/**";
  Dialogue d(policies);
  d.client(kGet);
  EXPECT_TRUE(d.to_client().starts_with("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_EQ(d.manner(), DownstreamManner::keep);
  EXPECT_EQ(d.end().closed_by, ClosedBy::sidecar);
  EXPECT_EQ(d.end().route, "");
  d.client("GET /api/x HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(d.upstream_wish(), Kind::pooled_ok);
}

TEST(Relay, TheBackendsKeepAliveTimeoutIsTold) {
  Dialogue d;
  d.client(kGet);
  d.connected();
  d.client_room(0);
  d.backend("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5, max=100\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(d.upstream_wish(), Kind::release);
  EXPECT_EQ(d.relay.upstream_keep_alive(), 5s);
}

TEST(Relay, LateNewsOfAnOldAttemptIsIgnored) {
  Dialogue d;
  d.client(kGet);
  const std::uint32_t first = d.attempt();
  d.connected();
  d.backend(kOk);
  (void)d.to_client();
  d.client(kGet);
  EXPECT_EQ(d.attempt(), first + 1);
  d.relay.on_upstream_ready(first, false, d.now, d.bench);
  d.relay.on_upstream_failed(first, UpstreamFailure::refused, d.now, d.bench);
  EXPECT_EQ(d.phase(), Phase::connecting);
  d.connected();
  d.relay.on_upstream_bytes(first, kOk, d.now, d.bench);
  d.relay.on_upstream_eof(first, d.now, d.bench);
  d.relay.on_upstream_reset(first, d.now, d.bench);
  EXPECT_EQ(d.phase(), Phase::awaiting);
  EXPECT_TRUE(d.bench.to_downstream.empty());
}

}  // namespace
}  // namespace sidecar::exchange
