#include <gtest/gtest.h>

#include "exchange/relay.hpp"
#include "tests/exchange/rescue_dialogue.hpp"

// Backends that are away for a while.
namespace sidecar::exchange {
namespace {

using namespace std::chrono_literals;
using test::body_of;
using test::Dialogue;
using test::kBrowserGet;
using test::kStreamHead;
using Kind = UpstreamWish::Kind;

const PolicySet kPatient = test::with([](EventStreamPolicy& policy) { policy.unavailable.hold = 30s; });
const PolicySet kPatientTold = test::with([](EventStreamPolicy& policy) {
  policy.unavailable.hold = 30s;
  policy.error_event.event = "upstream_error";
  policy.error_event.statuses = {{500, 599}};
});

/// Refuses for as long as connections are wanted within `span`; returns how often.
int refuse_for(Dialogue& d, std::chrono::milliseconds span) {
  int times = 0;
  for (auto step = 0ms; step < span; step += 50ms) {
    if (d.phase() == Phase::connecting) {
      d.connect_failed(UpstreamFailure::refused);
      ++times;
    }
    d.after(50ms);
  }
  return times;
}

TEST(RelayUnavailable, ABackendThatComesBackIsFound) {
  Dialogue d(kPatient);
  d.client(kBrowserGet);
  const std::uint32_t first = d.attempt();
  d.connect_failed(UpstreamFailure::refused);
  EXPECT_EQ(d.phase(), Phase::pausing);
  EXPECT_EQ(d.upstream_wish(), Kind::abort);
  EXPECT_EQ(d.to_client(), "");
  const int times = refuse_for(d, 10s);
  EXPECT_GE(times, 4);
  EXPECT_LE(times, 14) << "with back-off";
  EXPECT_EQ(d.counted(Counted::upstream_awaited), static_cast<std::size_t>(times) + 1);
  EXPECT_EQ(d.counted(Counted::upstream_connect_error), static_cast<std::size_t>(times) + 1);
  while (d.phase() != Phase::connecting) d.after(50ms);
  EXPECT_EQ(d.upstream_wish(), Kind::fresh);
  EXPECT_GT(d.attempt(), first + 3);
  d.connected();
  EXPECT_TRUE(d.to_backend().starts_with("GET /s HTTP/1.1\r\n")) << "the head was kept";
  d.backend(kStreamHead);
  d.backend("data: 1\n\n");
  EXPECT_EQ(body_of(d.to_client()), "data: 1\n\n");
  d.backend_eof();
  EXPECT_EQ(d.end().reason, Reason::complete);
  EXPECT_EQ(d.end().detail, "") << "what was wrong is over";
}

TEST(RelayUnavailable, AnsweredInTheEnd) {
  PolicySet policies = kPatient;
  policies.routes[0].event_stream.unavailable.hold = 5s;
  Dialogue d(policies);
  d.client(kBrowserGet);
  refuse_for(d, 10s);
  EXPECT_TRUE(d.to_client().starts_with("HTTP/1.1 502 Bad Gateway\r\n"));
  EXPECT_EQ(d.end().reason, Reason::upstream_unreachable);
  EXPECT_EQ(d.counted(Counted::upstream_awaited), d.counted(Counted::upstream_connect_error) - 1) << "the last is not";
  EXPECT_GE(d.end().duration, 2s);
  EXPECT_LE(d.end().duration, 5s);
}

TEST(RelayUnavailable, KeptAliveWhenItTakesLong) {
  Dialogue d(kPatient);
  d.client(kBrowserGet);
  refuse_for(d, 16s);
  EXPECT_EQ(d.to_client(), test::kOwnHead) << "silent for no longer than a stream may be";
  EXPECT_EQ(d.gate.inside, 1);
  refuse_for(d, 30s);
  EXPECT_EQ(d.to_client(), ": heartbeat\n\n") << "and then the end, not heartbeats for the dead";
  EXPECT_EQ(d.manner(), DownstreamManner::abort_after_flush);
  EXPECT_EQ(d.end().reason, Reason::upstream_unreachable);
}

TEST(RelayUnavailable, OpenAtOnceWhereTheErrorWouldBeToldInAStream) {
  Dialogue d(kPatientTold);
  d.client(kBrowserGet);
  d.connect_failed(UpstreamFailure::refused);
  EXPECT_EQ(d.to_client(), test::kOwnHead);
  refuse_for(d, 60s);
  const std::string rest = d.to_client();
  EXPECT_TRUE(
      rest.ends_with("retry: 10000\nevent: upstream_error\ndata: {\"status\":502,\"reason\":\"connection "
                     "refused\"}\n\n"))
      << rest;
  EXPECT_EQ(d.manner(), DownstreamManner::close) << "a good end, long ago";
}

TEST(RelayUnavailable, WhetherItWouldBeToldIsAskedOfThe502) {
  for (const std::uint16_t status : {std::uint16_t{502}, std::uint16_t{503}}) {
    PolicySet policies = kPatientTold;
    policies.routes[0].event_stream.error_event.statuses = {{status, status}};
    Dialogue d(policies);
    d.client(kBrowserGet);
    d.connect_failed(UpstreamFailure::refused);
    EXPECT_EQ(d.to_client(), status == 502 ? test::kOwnHead : "") << "what a backend that is away ends in";
  }
}

TEST(RelayUnavailable, AStreamThatWasOpenedMeanwhileGoesOn) {
  Dialogue d(kPatientTold);
  d.client(kBrowserGet);
  d.connect_failed(UpstreamFailure::unresolved);
  (void)d.to_client();
  while (d.phase() != Phase::connecting) d.after(50ms);
  d.connected();
  d.backend(std::string(kStreamHead) + "data: 1\n\n");
  EXPECT_EQ(d.to_client(), "data: 1\n\n");
}

TEST(RelayUnavailable, WhatCountsAsAway) {
  for (const std::string_view head : {"502", "503", "504"}) {
    Dialogue d(kPatient);
    d.client(kBrowserGet);
    d.connected();
    d.backend("HTTP/1.1 " + std::string(head) + " X\r\nContent-Length: 3\r\n\r\nbad");
    EXPECT_EQ(d.phase(), Phase::pausing) << head;
    EXPECT_EQ(d.to_client(), "");
  }
  Dialogue reset(kPatient);
  reset.client(kBrowserGet);
  reset.connected();
  reset.backend_reset();
  EXPECT_EQ(reset.phase(), Phase::pausing);
  Dialogue eof(kPatient);
  eof.client(kBrowserGet);
  eof.connected();
  eof.backend_eof();
  EXPECT_EQ(eof.phase(), Phase::pausing);
  Dialogue timeout(kPatient);
  timeout.client(kBrowserGet);
  timeout.after(5s);
  EXPECT_EQ(timeout.phase(), Phase::pausing);

  for (const std::string_view head : {"500", "501", "505", "401"}) {
    Dialogue d(kPatient);
    d.client(kBrowserGet);
    d.connected();
    d.backend("HTTP/1.1 " + std::string(head) + " X\r\nContent-Length: 3\r\n\r\nbad");
    EXPECT_TRUE(d.to_client().ends_with("bad")) << head;
  }
  Dialogue junk(kPatient);
  junk.client(kBrowserGet);
  junk.connected();
  junk.backend("SSH-2.0\r\n\r\n");
  EXPECT_TRUE(junk.to_client().starts_with("HTTP/1.1 502 ")) << "it is there, and is something else";
  for (const UpstreamFailure failure : {UpstreamFailure::untrusted, UpstreamFailure::no_tls}) {
    Dialogue stranger(kPatient);
    stranger.client(kBrowserGet);
    stranger.connect_failed(failure);
    EXPECT_TRUE(stranger.to_client().starts_with("HTTP/1.1 502 ")) << to_string(failure);
  }
  Dialogue begun(kPatient);
  begun.client(kBrowserGet);
  begun.connected();
  begun.backend(kStreamHead);
  begun.backend_reset();
  EXPECT_EQ(begun.end().reason, Reason::upstream_reset) << "a stream that has begun is not begun again";
}

TEST(RelayUnavailable, TheLastAnswerPassesAsItIs) {
  PolicySet policies = kPatient;
  policies.routes[0].event_stream.unavailable.hold = 1s;
  Dialogue d(policies);
  d.client(kBrowserGet);
  for (int i = 0; i < 100 && d.phase() != Phase::done && d.phase() != Phase::closing; ++i) {
    if (d.phase() == Phase::connecting) {
      d.connected();
      d.backend("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy");
    }
    if (d.phase() == Phase::pausing) d.after(50ms);
  }
  EXPECT_TRUE(d.to_client().ends_with("\r\n\r\nbusy"));
  EXPECT_EQ(d.end().status, 503);
  EXPECT_EQ(d.end().reason, Reason::complete);
}

TEST(RelayUnavailable, WhoIsAwayIsNotIdle) {
  PolicySet policies = kPatientTold;
  policies.routes[0].event_stream.idle_timeout = 1s;
  Dialogue d(policies);
  d.client(kBrowserGet);
  refuse_for(d, 25s);
  EXPECT_TRUE(d.recorder.ends().empty()) << "hold says how long it may be away";
  while (d.phase() != Phase::connecting) d.after(50ms);
  d.connected();
  d.after(900ms);
  EXPECT_EQ(d.phase(), Phase::awaiting);
  d.after(200ms);
  EXPECT_EQ(d.end().reason, Reason::upstream_idle) << "who is there and says nothing is";
}

TEST(RelayUnavailable, OthersAreNotRepeated) {
  for (const std::string_view request : {"GET /s HTTP/1.0\r\nHost: h\r\nAccept: */*\r\n\r\n",
                                         "POST /s HTTP/1.0\r\nHost: h\r\nAccept: text/event-stream\r\nContent-Length: "
                                         "0\r\n\r\n",
                                         "GET /s HTTP/1.0\r\nHost: h\r\nAccept: text/event-stream\r\nContent-Length: "
                                         "1\r\n\r\nx"}) {
    Dialogue d(kPatient);
    d.client(request);
    d.connect_failed(UpstreamFailure::refused);
    EXPECT_TRUE(d.to_client().starts_with("HTTP/1.1 502 ")) << request;
  }
}

TEST(RelayUnavailable, NobodyIsHeldWhileTheProcessEnds) {
  Dialogue d(kPatient);
  d.client(kBrowserGet);
  d.drain(5s);
  d.connect_failed(UpstreamFailure::refused);
  EXPECT_TRUE(d.to_client().starts_with("HTTP/1.1 502 "));
  Dialogue open(kPatientTold);
  open.client(kBrowserGet);
  open.connect_failed(UpstreamFailure::refused);
  open.drain();
  open.after(50ms);
  EXPECT_EQ(open.end().reason, Reason::drain);
}

TEST(RelayUnavailable, ADrainMakesTheNextAttemptTheLast) {
  Dialogue d(kPatient);
  d.client(kBrowserGet);
  refuse_for(d, 10s);
  while (d.phase() != Phase::pausing) d.connect_failed(UpstreamFailure::refused);
  d.drain(5s);
  d.after(0ms);
  EXPECT_EQ(d.phase(), Phase::connecting) << "not when the wait of seconds is over";
  d.connect_failed(UpstreamFailure::refused);
  EXPECT_TRUE(d.to_client().starts_with("HTTP/1.1 502 "));
}

TEST(RelayUnavailable, AnOpenStreamEndsAsPlannedInADrain) {
  Dialogue d(kPatientTold);
  d.client(kBrowserGet);
  d.connect_failed(UpstreamFailure::refused);
  d.drain(20s);
  refuse_for(d, 20s);
  const std::string rest = d.to_client();
  EXPECT_EQ(rest.find("upstream_error"), std::string::npos) << "it is not the backend that ends it";
  EXPECT_EQ(d.end().reason, Reason::drain);
  EXPECT_EQ(d.end().closed_by, ClosedBy::sidecar);
}

TEST(RelayUnavailable, WhoLeavesIsGone) {
  Dialogue d(kPatientTold);
  d.client(kBrowserGet);
  d.connect_failed(UpstreamFailure::refused);
  d.client_eof();
  EXPECT_EQ(d.end().reason, Reason::client_gone);
  Dialogue waiting(kPatient);
  waiting.client(kBrowserGet);
  waiting.connect_failed(UpstreamFailure::refused);
  waiting.client_reset();
  EXPECT_EQ(waiting.end().reason, Reason::client_gone);
  Dialogue closed(kPatient);
  closed.client(kBrowserGet);
  closed.connect_failed(UpstreamFailure::refused);
  closed.client_eof();
  EXPECT_EQ(closed.end().reason, Reason::client_gone) << "nobody waits for what can only be a stream";
  EXPECT_EQ(closed.end().closed_by, ClosedBy::client);
}

}  // namespace
}  // namespace sidecar::exchange
