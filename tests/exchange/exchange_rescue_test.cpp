#include <gtest/gtest.h>

#include "exchange/relay.hpp"
#include "tests/exchange/rescue_dialogue.hpp"

// Streams that are opened before the backend answers.
namespace sidecar::exchange {
namespace {

using namespace std::chrono_literals;
using test::body_of;
using test::Dialogue;
using test::kBrowserGet;
using test::kStreamHead;
using Kind = UpstreamWish::Kind;

const PolicySet kEarly = test::with([](EventStreamPolicy& policy) {
  policy.early_open.after = 5s;
  policy.opening.comment = "welcome";
});
const PolicySet kEarlyTold = test::with([](EventStreamPolicy& policy) {
  policy.early_open.after = 5s;
  policy.error_event.event = "upstream_error";
});

/// Its head is out, the backend still thinks.
struct Opened : Dialogue {
  explicit Opened(const PolicySet& policies = kEarly, std::string_view get = kBrowserGet) : Dialogue(policies) {
    client(get);
    connected();
    after(5s);
    opening = to_client();
    (void)to_backend();
  }
  std::string opening;
};

TEST(RelayEarly, TheHeadAndTheOpeningGoOutInTime) {
  Dialogue d(kEarly);
  d.client(kBrowserGet);
  d.connected();
  d.after(4'900ms);
  EXPECT_EQ(d.to_client(), "");
  d.after(100ms);
  EXPECT_EQ(d.to_client(), std::string(test::kOwnHead) + ": welcome\n\n");
  EXPECT_EQ(d.phase(), Phase::awaiting);
  EXPECT_EQ(d.gate.inside, 1) << "it counts";
  EXPECT_EQ(d.counted(Counted::stream_opened_early), 1U);
  const auto opened = d.recorder.all(LifecycleEvent::stream_open);
  ASSERT_EQ(opened.size(), 1U);
  EXPECT_EQ(opened[0].ttfb, 5s);
  d.after(15s);
  EXPECT_EQ(d.to_client(), ": heartbeat\n\n");
}

TEST(RelayEarly, TheBackendsStreamFollows) {
  Opened d;
  d.backend("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Late: 1\r\n\r\n\xEF\xBB\xBF");
  EXPECT_EQ(d.phase(), Phase::streaming);
  EXPECT_EQ(d.to_client(), "") << "neither its head nor its BOM";
  d.backend("data: 1\r\n\r\n");
  EXPECT_EQ(d.to_client(), "data: 1\r\n\r\n");
  d.after(15s);
  EXPECT_EQ(d.to_client(), ": heartbeat\r\n\r\n");
  d.backend_eof();
  EXPECT_EQ(d.end().reason, Reason::complete);
  EXPECT_EQ(d.end().events, 1U);
  EXPECT_EQ(d.recorder.all(LifecycleEvent::stream_open).size(), 1U);
  EXPECT_EQ(d.gate.inside, 0);
}

TEST(RelayEarly, BeforeTheTimeIsUpNothingChanges) {
  Dialogue d(kEarlyTold);
  d.client(kBrowserGet);
  d.connected();
  d.after(4'900ms);
  d.backend("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_EQ(d.to_client(),
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 2\r\n"
            "Connection: close\r\n\r\nno");
  d.after(10s);
  EXPECT_EQ(d.to_client(), "");
  EXPECT_EQ(d.end().event, LifecycleEvent::request);
}

TEST(RelayEarly, OverChunksToo) {
  PolicySet policies = kEarly;
  policies.upstreams[0].connect_timeout = 60s;
  Dialogue d(policies);
  d.client("GET /s HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\n\r\n");
  d.after(5s);
  EXPECT_EQ(d.phase(), Phase::connecting) << "not even a connection is needed";
  EXPECT_TRUE(d.to_client().ends_with("Transfer-Encoding: chunked\r\n\r\nb\r\n: welcome\n\n\r\n"));
  d.connected();
  d.backend("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9\r\n\r\ndata: 1\n\n");
  EXPECT_EQ(d.to_client(), "9\r\ndata: 1\n\n\r\n0\r\n\r\n");
  EXPECT_EQ(d.manner(), DownstreamManner::keep);
}

TEST(RelayEarly, WhatCouldBeSomethingElseWaits) {
  for (const std::string_view request : {
           "GET /s HTTP/1.0\r\nHost: h\r\n\r\n",
           "GET /s HTTP/1.0\r\nHost: h\r\nAccept: */*\r\n\r\n",
           "GET /s HTTP/1.0\r\nHost: h\r\nAccept: application/json, text/event-stream\r\n\r\n",
           "GET /s HTTP/1.0\r\nHost: h\r\nAccept: text/event-stream\r\nAccept: application/json\r\n\r\n",
           "HEAD /s HTTP/1.0\r\nHost: h\r\nAccept: text/event-stream\r\n\r\n",
           "POST /s HTTP/1.0\r\nHost: h\r\nAccept: text/event-stream\r\nContent-Length: 0\r\n\r\n",
           "GET /s HTTP/1.0\r\nHost: h\r\nAccept: text/event-stream\r\nOrigin: https://other\r\n\r\n",
           "GET /s HTTP/1.0\r\nHost: h\r\nAccept: text/event-stream\r\nOrigin: null\r\n\r\n",
           "GET /s HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
       }) {
    Dialogue d(kEarly);
    d.client(request);
    d.connected();
    d.after(30s);
    EXPECT_EQ(d.to_client(), "") << request;
  }
  Dialogue same(kEarly);
  same.client("GET /s HTTP/1.0\r\nHost: h:81\r\nAccept: text/event-stream\r\nOrigin: https://H:81\r\n\r\n");
  same.after(5s);
  EXPECT_NE(same.to_client(), "");
}

TEST(RelayEarly, AlwaysMeansAPostToo) {
  PolicySet policies = kEarlyTold;
  policies.routes[0].event_stream.early_open.always = true;
  Dialogue d(policies);
  d.client("POST /s HTTP/1.0\r\nHost: h\r\nAccept: application/json\r\nContent-Length: 4\r\n\r\n{");
  d.connected();
  d.after(20s);
  EXPECT_EQ(d.to_client(), "") << "the client is the slow one";
  d.client("\"\"}");
  d.after(5s);
  EXPECT_EQ(d.to_client(), test::kOwnHead);
  d.backend("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]");
  EXPECT_EQ(d.to_client(),
            "event: upstream_error\ndata: {\"status\":200,\"reason\":\"OK\",\"content_type\":"
            "\"application/json\",\"body\":\"[]\"}\n\n")
      << "no retry: who posts does not come back";
  EXPECT_EQ(d.manner(), DownstreamManner::abort_after_flush) << "and takes a clean end for success";
  EXPECT_EQ(d.end().reason, Reason::upstream_error);

  Dialogue head(policies);
  head.client("HEAD /s HTTP/1.0\r\nHost: h\r\n\r\n");
  head.connected();
  head.after(10s);
  EXPECT_EQ(head.to_client(), "");
}

TEST(RelayEarly, AnAnswerThatCameBeforeTheRequestWasCompleteIsTheAnswer) {
  PolicySet policies = kEarlyTold;
  policies.routes[0].event_stream.early_open.always = true;
  Dialogue d(policies);
  d.client("POST /s HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{");
  d.connected();
  d.backend("HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nl");
  d.client("}");
  (void)d.to_client();
  d.after(10s);
  EXPECT_EQ(d.to_client(), "");
}

TEST(RelayEarly, ALateAnswerThatIsNoStreamIsToldAndIsTheEnd) {
  Opened d(kEarlyTold);
  d.backend("HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 18\r\n\r\n<p>\"a\"\r\n");
  EXPECT_EQ(d.phase(), Phase::explaining);
  EXPECT_EQ(d.to_client(), "");
  d.backend("\xC3\xBC</p>data");
  EXPECT_EQ(d.to_client(),
            "retry: 10000\nevent: upstream_error\ndata: {\"status\":404,\"reason\":\"Not Found\","
            "\"content_type\":\"text/html\",\"body\":\"<p>\\\"a\\\"\\u000d\\u000a\xC3\xBC</p>data\"}\n\n");
  EXPECT_EQ(d.manner(), DownstreamManner::finish);
  EXPECT_EQ(d.counted(Counted::error_event_sent), 1U);
  EXPECT_EQ(d.end().reason, Reason::upstream_error);
  EXPECT_EQ(d.end().closed_by, ClosedBy::upstream);
  EXPECT_EQ(d.end().status, 200);
}

TEST(RelayEarly, WithoutAnEventForItTheStreamBreaksOff) {
  Opened d;
  d.backend("HTTP/1.1 500 E\r\nContent-Length: 4\r\n\r\noops");
  EXPECT_EQ(d.to_client(), "");
  EXPECT_EQ(d.manner(), DownstreamManner::abort_after_flush);
  EXPECT_EQ(d.end().reason, Reason::upstream_error);
  EXPECT_EQ(d.counted(Counted::error_event_sent), 0U);
}

TEST(RelayEarly, OfABodyTheFirst4KiBAreToldWhereTheyAreText) {
  const auto told = [](const std::string& body) {
    Opened d(kEarlyTold);
    d.backend("HTTP/1.1 500 E\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    const std::string event = d.to_client();
    const auto at = event.find("\"body\":\"");
    EXPECT_TRUE(event.ends_with("}\n\n"));
    return at == std::string::npos ? std::string("none") : event.substr(at + 8, event.size() - at - 8 - 4);
  };
  EXPECT_EQ(told(""), "none");
  EXPECT_EQ(told(std::string(4096, 'a')), std::string(4096, 'a'));
  EXPECT_EQ(told(std::string(9000, 'a')), std::string(4096, 'a'));
  EXPECT_EQ(told(std::string(4095, 'a') + "\xF0\x9F\x98\x80z"), std::string(4095, 'a')) << "cut at a character";
  EXPECT_EQ(told(std::string(4093, 'a') + "\xE2\x82\xAC" + std::string(99, 'b')),
            std::string(4093, 'a') + "\xE2\x82\xAC");
  EXPECT_EQ(told("a\xFF"), "none");
  EXPECT_EQ(told(std::string(4095, 'a') + "\xF0\x28"), "none");
  EXPECT_EQ(told("a\xE2\x82"), "none") << "half a character at the end";
}

TEST(RelayEarly, AnEncodedBodyIsNotTold) {
  Opened d(kEarlyTold);
  d.backend("HTTP/1.1 500 E\r\nContent-Encoding: x\r\nContent-Length: 1\r\n\r\na");
  EXPECT_EQ(d.to_client(), "retry: 10000\nevent: upstream_error\ndata: {\"status\":500,\"reason\":\"E\"}\n\n");
}

TEST(RelayEarly, ABodyThatNeverEndsIsNotWaitedFor) {
  Opened d(kEarlyTold);
  d.backend("HTTP/1.1 500 E\r\n\r\nabc");
  d.after(5s);
  EXPECT_NE(d.to_client().find("\"body\":\"abc\""), std::string::npos);
  EXPECT_EQ(d.upstream_wish(), Kind::abort);
}

TEST(RelayEarly, AnEncodedStreamCannotBeSpliced) {
  Opened d(kEarlyTold);
  d.backend("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b");
  EXPECT_EQ(d.to_client(),
            "retry: 10000\nevent: upstream_error\ndata: {\"status\":200,\"reason\":\"OK\","
            "\"content_type\":\"text/event-stream\"}\n\n");
  Opened digest(kEarlyTold);
  digest.backend("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nRepr-Digest: x\r\n\r\ndata: 1\n\n");
  EXPECT_EQ(digest.to_client(), "data: 1\n\n") << "what was not promised is not broken";
}

TEST(RelayEarly, ADeadBackendEndsTheStream) {
  Opened refused(kEarlyTold);
  refused.backend_reset();
  EXPECT_EQ(refused.to_client(),
            "retry: 10000\nevent: upstream_error\ndata: {\"status\":502,\"reason\":"
            "\"the backend reset the connection\"}\n\n");
  EXPECT_EQ(refused.end().reason, Reason::upstream_reset);

  Dialogue d(kEarly);
  d.client(kBrowserGet);
  d.after(5s);
  EXPECT_EQ(d.end().reason, Reason::upstream_unreachable) << "the connect timeout came in the same moment";
  EXPECT_EQ(d.manner(), DownstreamManner::abort_after_flush);

  PolicySet patient = kEarlyTold;
  patient.upstreams[0].connect_timeout = 8s;
  Dialogue slow(patient);
  slow.client(kBrowserGet);
  slow.after(5s);
  (void)slow.to_client();
  slow.after(3s);
  EXPECT_NE(slow.to_client().find("\"status\":504,\"reason\":\"connect timeout\""), std::string::npos);
  EXPECT_EQ(slow.end().reason, Reason::upstream_unreachable);
}

TEST(RelayEarly, AResponseTimeoutIsAnEndToo) {
  PolicySet policies = kEarlyTold;
  policies.upstreams[0].response_timeout = 20s;
  Opened d(policies);
  d.after(15s);
  EXPECT_NE(d.to_client().find("\"status\":504,\"reason\":\"no response head in time\""), std::string::npos);
  EXPECT_EQ(d.end().reason, Reason::upstream_timeout);
}

TEST(RelayEarly, NoHeartbeatsForTheIdleEither) {
  PolicySet policies = kEarlyTold;
  policies.routes[0].event_stream.idle_timeout = 40s;
  Opened d(policies);
  d.after(39'900ms);
  EXPECT_EQ(d.phase(), Phase::awaiting);
  d.after(100ms);
  EXPECT_EQ(d.end().reason, Reason::upstream_idle);
}

TEST(RelayEarly, WhoLeavesIsGone) {
  Opened d;
  d.client_eof();
  EXPECT_EQ(d.end().reason, Reason::client_gone);
  EXPECT_EQ(d.upstream_wish(), Kind::abort);
  EXPECT_EQ(d.gate.inside, 0);
}

TEST(RelayEarly, WhoLeftBeforeIsNotOpenedFor) {
  Dialogue browser(kEarly);
  browser.client(kBrowserGet);
  browser.connected();
  browser.client_eof();
  EXPECT_EQ(browser.to_client(), "");
  EXPECT_EQ(browser.end().reason, Reason::client_gone) << "of a stream there is no reader";
  EXPECT_EQ(browser.end().closed_by, ClosedBy::client);
  EXPECT_EQ(browser.upstream_wish(), Kind::abort);

  PolicySet always = kEarly;
  always.routes[0].event_stream.early_open.always = true;
  Dialogue d(always);
  d.client("GET /s HTTP/1.0\r\nHost: h\r\n\r\n");
  d.client_eof();
  d.connected();
  d.after(10s);
  EXPECT_EQ(d.to_client(), "");
  d.backend("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_TRUE(d.to_client().ends_with("\r\n\r\nok")) << "it was no stream, and whoever closed his half reads it";
}

TEST(RelayEarly, OneTooManyIsRefused) {
  Dialogue d(kEarly);
  d.gate.verdict = StreamGate::Verdict::too_many;
  d.client(kBrowserGet);
  d.connected();
  d.after(5s);
  EXPECT_TRUE(d.to_client().starts_with("HTTP/1.1 503 "));
  EXPECT_EQ(d.end().reason, Reason::limit);
  EXPECT_EQ(d.counted(Counted::stream_opened_early), 0U);
  EXPECT_EQ(d.gate.inside, 0);
}

TEST(RelayEarly, ADeadPooledConnectionIsStillReplaced) {
  Dialogue d(kEarly);
  d.client(kBrowserGet);
  d.connected(true);
  d.after(6s);
  (void)d.to_client();
  (void)d.to_backend();
  d.backend_reset();
  EXPECT_EQ(d.upstream_wish(), Kind::fresh);
  d.connected();
  EXPECT_TRUE(d.to_backend().starts_with("GET /s HTTP/1.1\r\n"));
  d.backend(kStreamHead);
  EXPECT_EQ(d.phase(), Phase::streaming);
}

TEST(RelayEarly, InterimAnswersAreNotForAnOpenStream) {
  Dialogue d(kEarly);
  d.client("GET /s HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\n\r\n");
  d.connected();
  d.after(5s);
  (void)d.to_client();
  d.backend("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  EXPECT_EQ(d.to_client(), "");
}

TEST(RelayEarly, ADrainEndsItAsPlanned) {
  Opened d;
  d.drain();
  d.after(50ms);
  EXPECT_TRUE(d.to_client().starts_with("retry: "));
  EXPECT_EQ(d.manner(), DownstreamManner::finish);
  EXPECT_EQ(d.end().reason, Reason::drain);
  EXPECT_EQ(d.upstream_wish(), Kind::abort);
}

TEST(RelayEarly, BytesBehindTheRequestAreBounded) {
  Opened d;
  d.client(std::string(40 * 1024, 'x'));
  EXPECT_TRUE(d.wishes().read_downstream);
  d.client(std::string(40 * 1024, 'x'));
  EXPECT_EQ(d.end().reason, Reason::limit);
}

}  // namespace
}  // namespace sidecar::exchange
