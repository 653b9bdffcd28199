#include <gtest/gtest.h>

#include "exchange/relay.hpp"
#include "tests/exchange/dialogue.hpp"

// Everything has a limit, and every limit its answer.
namespace sidecar::exchange {
namespace {

using namespace std::chrono_literals;
using test::Dialogue;
using Kind = UpstreamWish::Kind;
using Verdict = StreamGate::Verdict;

constexpr const char* kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr const char* kStream = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n";
constexpr const char* kPost = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n";

TEST(RelayLimits, OneStreamTooManyIsRefusedAndNoneIsEnded) {
  Dialogue d;
  d.gate.verdict = Verdict::too_many;
  d.client(kGet);
  d.connected();
  d.backend(kStream);
  const std::string answer = d.to_client();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n")) << answer;
  EXPECT_NE(answer.find("Retry-After: 5\r\n"), std::string::npos);
  EXPECT_EQ(answer.find("data: 1"), std::string::npos);
  EXPECT_EQ(answer.find("upstream"), std::string::npos) << "it is not the backend's doing: " << answer;
  EXPECT_EQ(d.upstream_wish(), Kind::none) << "the connection goes on";
  EXPECT_EQ(d.manner(), DownstreamManner::keep);
  EXPECT_EQ(d.end().event, LifecycleEvent::request);
  EXPECT_EQ(d.end().reason, Reason::limit);
  EXPECT_EQ(d.counted(Counted::stream_refused), 1U);
  EXPECT_EQ(d.gate.inside, 0) << "what was not let in does not leave";
}

TEST(RelayLimits, OneStreamTooManyOfAClient) {
  Dialogue d;
  d.gate.verdict = Verdict::too_many_of_client;
  d.client(kGet);
  d.connected();
  d.backend(kStream);
  EXPECT_EQ(d.end().detail, "too many event streams of this client (limits.streams_per_client)");
  EXPECT_EQ(d.counted(Counted::stream_refused_for_client), 1U);
  EXPECT_EQ(d.gate.last_client, "192.0.2.7") << "without its port";
}

TEST(RelayLimits, EveryStreamThatWasLetInLeaves) {
  Dialogue d;
  d.client(kGet);
  d.connected();
  d.backend(kStream);
  EXPECT_EQ(d.gate.inside, 1);
  d.client_reset();
  EXPECT_EQ(d.gate.inside, 0);
}

TEST(RelayLimits, OrdinaryAnswersAskNobody) {
  Dialogue d;
  d.gate.verdict = Verdict::too_many;
  d.client(kGet);
  d.connected();
  d.backend("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_EQ(d.end().status, 200);
}

TEST(RelayLimits, OneConnectionTooManyIsTold) {
  Dialogue d;
  d.relay.refuse_all(d.now, d.bench);
  EXPECT_EQ(d.until_deadline(), 10s) << "it may not linger as long as others";
  d.client(kGet);
  const std::string answer = d.to_client();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n")) << answer;
  EXPECT_NE(answer.find("Retry-After: 5\r\n"), std::string::npos);
  EXPECT_EQ(d.manner(), DownstreamManner::finish);
  EXPECT_EQ(d.end().reason, Reason::limit);
  EXPECT_EQ(d.attempt(), 0U) << "the backend never hears of it";
  EXPECT_EQ(d.end().target, "/a");
  EXPECT_EQ(d.counted(Counted::connection_refused), 1U);
  EXPECT_EQ(d.counted(Counted::request_rejected), 0U);
}

TEST(RelayLimits, ASilentBodyIsGivenUp) {
  Dialogue d;
  d.client(kPost);
  d.connected();
  d.after(59s);
  d.client("a");
  d.after(59s);
  EXPECT_EQ(d.phase(), Phase::awaiting) << "every byte gives it time";
  d.after(1s);
  EXPECT_TRUE(d.to_client().starts_with("HTTP/1.1 408 Request Timeout\r\n"));
  EXPECT_EQ(d.upstream_wish(), Kind::abort);
  EXPECT_EQ(d.manner(), DownstreamManner::finish);
  EXPECT_EQ(d.counted(Counted::request_rejected), 1U);
}

TEST(RelayLimits, ASilentBodyBehindAnEarlyAnswerIsTheirBusiness) {
  Dialogue d;
  d.client(kPost);
  d.connected();
  d.backend(kStream);
  d.after(1h);
  EXPECT_EQ(d.phase(), Phase::streaming);
}

TEST(RelayLimits, ABodyThatTheBackendDoesNotTakeIsNotSilent) {
  PolicySet policies = test::one_upstream();
  policies.limits.body_timeout = 5s;
  Dialogue d(policies);
  d.client(kPost);
  d.connected();
  d.backend_room(0);
  d.client("ab");
  d.after(20s);
  EXPECT_EQ(d.phase(), Phase::awaiting);
  d.backend_room(Dialogue::kUnlimited);
  d.after(5s);
  EXPECT_EQ(d.end().status, 408);
}

TEST(RelayLimits, ABackendThatTakesNothingIsGivenUp) {
  Dialogue d;
  d.client(kPost);
  d.connected();
  d.backend_room(0);
  d.client("ab");
  d.after(29s);
  d.backend_room(1);
  d.after(29s);
  EXPECT_EQ(d.phase(), Phase::awaiting) << "every byte gives it time";
  d.relay.on_upstream_kernel_progress(d.now, d.bench);
  d.after(29s);
  EXPECT_EQ(d.phase(), Phase::awaiting) << "and so does every byte that its kernel takes";
  d.after(1s);
  EXPECT_TRUE(d.to_client().starts_with("HTTP/1.1 504 Gateway Timeout\r\n"));
  EXPECT_EQ(d.end().reason, Reason::upstream_timeout);
  EXPECT_EQ(d.upstream_wish(), Kind::abort);
}

TEST(RelayLimits, ABackendThatAnswersAndTakesNothingIsBrokenOff) {
  Dialogue d;
  d.client(kPost);
  d.connected();
  d.backend("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
  d.backend_room(0);
  d.client("ab");
  d.after(30s);
  EXPECT_EQ(d.end().reason, Reason::upstream_timeout);
  d.after(150ms);
  EXPECT_EQ(d.manner(), DownstreamManner::finish);
}

TEST(RelayLimits, AHalfClosedTunnelHasAnEnd) {
  for (const bool client_first : {true, false}) {
    Dialogue d;
    d.client("GET /w HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    d.connected();
    d.backend("HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    d.after(24h);
    EXPECT_EQ(d.phase(), Phase::tunnel) << "an open one may be silent";
    client_first ? d.client_eof() : d.backend_eof();
    d.after(74s);
    client_first ? d.backend("more") : d.client("more");
    d.after(74s);
    EXPECT_EQ(d.phase(), Phase::tunnel);
    d.after(1s);
    EXPECT_EQ(d.end().reason, Reason::limit);
    EXPECT_EQ(d.manner(), DownstreamManner::abort);
  }
}

TEST(RelayLimits, NoMemoryForOneMoreSlowPeer) {
  Dialogue d;
  d.client(kGet);
  d.connected();
  d.client_room(3);
  d.backend(kStream);
  EXPECT_EQ(d.phase(), Phase::streaming);
  d.relay.on_memory_exhausted(d.now, d.bench);
  EXPECT_EQ(d.end().reason, Reason::limit);
  EXPECT_EQ(d.end().closed_by, ClosedBy::sidecar);
  EXPECT_EQ(d.end().detail, "limits.pooled_memory is used up");
  EXPECT_EQ(d.manner(), DownstreamManner::abort);
  EXPECT_EQ(d.counted(Counted::memory_refused), 1U);
}

TEST(RelayLimits, WhatWaitsIsKnownByItsCost) {
  Dialogue d;
  const std::size_t quiet = d.relay.memory();
  EXPECT_LT(quiet, 100U);
  d.client("GET /a HTTP/1.1\r\nHost: " + std::string(5'000, 'h'));
  EXPECT_GE(d.relay.memory(), 5'000U);
  d.client("\r\n\r\n");
  EXPECT_GE(d.relay.memory(), 5'000U) << "the head is kept until it is answered";
  d.connected();
  d.backend("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_LT(d.relay.memory(), quiet + 100U);
}

TEST(RelayLimits, NoMoreOfATargetIsKeptThanIsWrittenDown) {
  Dialogue d;
  d.client("GET /" + std::string(30'000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n");
  d.connected();
  EXPECT_NE(d.to_backend().find(std::string(30'000, 'a')), std::string::npos);
  d.backend(kStream);
  EXPECT_LT(d.relay.memory(), 5'000U) << "for the life of a stream";
}

TEST(RelayLimits, AHeadMayBeLongerThanWhatWaitsElsewhere) {
  PolicySet policies = test::one_upstream();
  policies.limits.pending_bytes = 16 * 1024;
  Dialogue d(policies);
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(d.wishes().read_downstream) << i;
    d.client(i == 0 ? "GET /" + std::string(1'000, 'a') : std::string(1'000, 'a'));
  }
  d.client(" HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(d.phase(), Phase::connecting);
}

TEST(RelayLimits, TrailersDoNotPassByARoutesChanges) {
  PolicySet policies = test::one_upstream();
  policies.routes[0].request_headers = {{{"X-Role", "guest"}}, {"X-User"}};
  policies.client_address.header = "X-Client-IP";
  Dialogue d(policies);
  d.client(
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nx-user: root\r\nX_Role: admin\r\nX-Sum: "
      "1\r\n"
      "X-Client-IP: 6.6.6.6\r\n\r\n");
  d.connected();
  EXPECT_TRUE(d.to_backend().ends_with("\r\n\r\n0\r\nX-Sum: 1\r\n\r\n"));
}

TEST(RelayLimits, AnIdleConnectionIsCountedWhenItGoes) {
  Dialogue d;
  d.after(75s);
  EXPECT_EQ(d.manner(), DownstreamManner::close);
  EXPECT_EQ(d.counted(Counted::idle_closed), 1U);
}

}  // namespace
}  // namespace sidecar::exchange
