#include <gtest/gtest.h>

#include "exchange/relay.hpp"
#include "tests/exchange/rescue_dialogue.hpp"

// Statuses that are told as events.
namespace sidecar::exchange {
namespace {

using namespace std::chrono_literals;
using test::body_of;
using test::Dialogue;
using test::kBrowserGet;
using test::kStreamHead;
using Kind = UpstreamWish::Kind;

const PolicySet kTold = test::with([](EventStreamPolicy& policy) {
  policy.error_event.event = "upstream_error";
  policy.error_event.statuses = {{401, 401}, {500, 599}};
});
const PolicySet kHeld = test::with([](EventStreamPolicy& policy) {
  policy.error_event.event = "gone";
  policy.error_event.statuses = {{401, 401}, {500, 599}};
  policy.error_event.then = AfterError::hold;
  policy.error_event.retry = 3s;
  policy.opening.comment = "c";
});

constexpr std::string_view kUnauthorized =
    "HTTP/1.1 401 Unauthorized\r\nContent-Type: text/plain\r\nWWW-Authenticate: Basic\r\nSet-Cookie: a=b\r\n"
    "Access-Control-Allow-Origin: *\r\nContent-Length: 7\r\n\r\nexpired";

struct Asked : Dialogue {
  explicit Asked(const PolicySet& policies, std::string_view get = kBrowserGet) : Dialogue(policies) {
    client(get);
    connected();
    (void)to_backend();
  }
};

TEST(RelayError, AStatusBecomesAnEventInAStream) {
  Asked d(kTold);
  d.backend(kUnauthorized);
  EXPECT_EQ(d.to_client(),
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nSet-Cookie: a=b\r\n"
            "Access-Control-Allow-Origin: *\r\nCache-Control: no-cache, no-transform\r\n"
            "X-Accel-Buffering: no\r\nConnection: close\r\n\r\n"
            "retry: 10000\nevent: upstream_error\ndata: {\"status\":401,\"reason\":\"Unauthorized\","
            "\"content_type\":\"text/plain\",\"body\":\"expired\"}\n\n");
  EXPECT_EQ(d.manner(), DownstreamManner::finish);
  EXPECT_EQ(d.upstream_wish(), Kind::release) << "the connection is as good as any";
  EXPECT_EQ(d.end().event, LifecycleEvent::stream_close);
  EXPECT_EQ(d.end().reason, Reason::upstream_error);
  EXPECT_EQ(d.end().closed_by, ClosedBy::upstream);
  EXPECT_EQ(d.gate.inside, 0);
}

TEST(RelayError, OtherStatusesAndOtherRequestsStayWhatTheyAre) {
  Asked other(kTold);
  other.backend("HTTP/1.1 404 N\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(other.to_client().starts_with("HTTP/1.1 404 N\r\n"));
  for (const std::string_view request : {"GET /s HTTP/1.0\r\nHost: h\r\nAccept: text/html\r\n\r\n",
                                         "POST /s HTTP/1.0\r\nHost: h\r\nAccept: text/event-stream\r\nContent-Length: "
                                         "0\r\n\r\n",
                                         "GET /s HTTP/1.0\r\nHost: h\r\nAccept: text/event-stream\r\nOrigin: "
                                         "http://o\r\n\r\n"}) {
    Asked d(kTold, request);
    d.backend(kUnauthorized);
    EXPECT_TRUE(d.to_client().starts_with("HTTP/1.1 401 Unauthorized\r\n")) << request;
  }
  Asked off(test::one_upstream());
  off.backend(kUnauthorized);
  EXPECT_TRUE(off.to_client().starts_with("HTTP/1.1 401 Unauthorized\r\n"));
}

TEST(RelayError, OurOwnErrorsAreToldToo) {
  Dialogue d(kTold);
  d.client(kBrowserGet);
  d.connect_failed(UpstreamFailure::refused);
  EXPECT_EQ(body_of(d.to_client()),
            "retry: 10000\nevent: upstream_error\ndata: {\"status\":502,\"reason\":"
            "\"connection refused\"}\n\n");
  EXPECT_EQ(d.end().reason, Reason::upstream_unreachable);
  Asked broken(kTold);
  broken.backend("HTTP/1.1 2");
  broken.backend_reset();
  EXPECT_NE(broken.to_client().find("\"status\":502"), std::string::npos);
  Asked junk(kTold);
  junk.backend("SSH-2.0\r\n\r\n");
  EXPECT_NE(junk.to_client().find("\"status\":502"), std::string::npos);
  EXPECT_EQ(junk.end().reason, Reason::protocol_error);
}

TEST(RelayError, WhatIsShortHereIsAnswered) {
  Dialogue d(kTold);
  d.client(kBrowserGet);
  d.connect_failed(UpstreamFailure::exhausted);
  EXPECT_TRUE(d.to_client().starts_with("HTTP/1.1 503 "));
  Asked full(kTold);
  full.gate.verdict = StreamGate::Verdict::too_many;
  full.backend(kUnauthorized);
  EXPECT_TRUE(full.to_client().starts_with("HTTP/1.1 401 ")) << "no room for a stream: the status itself";
}

TEST(RelayError, HeldClientsAreKeptAlive) {
  Asked d(kHeld);
  d.backend(kUnauthorized);
  EXPECT_EQ(body_of(d.to_client()),
            ": c\n\nretry: 3000\nevent: gone\ndata: {\"status\":401,\"reason\":\"Unauthorized\","
            "\"content_type\":\"text/plain\",\"body\":\"expired\"}\n\n");
  EXPECT_EQ(d.phase(), Phase::holding);
  EXPECT_EQ(d.upstream_wish(), Kind::release);
  EXPECT_EQ(d.gate.inside, 1) << "it counts as a stream";
  d.after(30s);
  EXPECT_EQ(d.to_client(), ": heartbeat\n\n: heartbeat\n\n");
  d.after(10h);
  (void)d.to_client();
  EXPECT_TRUE(d.recorder.ends().empty());
  d.client_eof();
  EXPECT_EQ(d.end().reason, Reason::client_gone);
  EXPECT_EQ(d.gate.inside, 0);
}

TEST(RelayError, AHeldClientIsNoBusinessOfTheIdleTimeout) {
  PolicySet policies = kHeld;
  policies.routes[0].event_stream.idle_timeout = 10s;
  Asked d(policies);
  d.backend(kUnauthorized);
  d.after(60s);
  EXPECT_EQ(d.phase(), Phase::holding);
}

TEST(RelayError, AHeldClientGrowsOldAndIsDrained) {
  PolicySet policies = kHeld;
  policies.routes[0].event_stream.max_age.after = 60s;
  Asked old(policies);
  old.backend(kUnauthorized);
  old.after(60s);
  EXPECT_EQ(old.end().reason, Reason::max_age);
  Asked drained(kHeld);
  drained.backend(kUnauthorized);
  drained.drain();
  drained.after(50ms);
  EXPECT_EQ(drained.end().reason, Reason::drain);
  Asked late(kHeld);
  late.drain(10s);
  late.backend(kUnauthorized);
  EXPECT_EQ(late.end().reason, Reason::upstream_error) << "nobody is held while the process ends";
}

TEST(RelayError, FormOffTellsNoRetry) {
  PolicySet policies = kTold;
  policies.routes[0].event_stream.heartbeat.form = HeartbeatForm::off;
  Asked d(policies);
  d.backend(kUnauthorized);
  EXPECT_EQ(d.to_client().find("retry"), std::string::npos);
}

}  // namespace
}  // namespace sidecar::exchange
