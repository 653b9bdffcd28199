#include <gtest/gtest.h>

#include "exchange/relay.hpp"
#include "tests/exchange/dialogue.hpp"

// How event streams end when the process wants to (law 5): at an event boundary, told when to come back, where the
// client comes back by itself; otherwise not at all.
namespace sidecar::exchange {
namespace {

using namespace std::chrono_literals;
using test::Dialogue;
using Kind = UpstreamWish::Kind;

constexpr std::string_view kStream = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

/// A stream over HTTP/1.0, so that no framing stands between its bytes; `events` are what it said so far.
void open_stream(Dialogue& d, std::string_view events, std::string_view method = "GET") {
  d.client(std::string(method) + " /s HTTP/1.0\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
  d.connected();
  d.backend(kStream);
  static_cast<void>(d.to_client());
  if (!events.empty()) d.backend(events);
}

/// `retry: N` with N from 1000 to 5000, and those line ends; the rest of `text` is returned.
std::string without_retry(const std::string& text, std::string_view line_end = "\n") {
  const auto at = text.rfind("retry: ");
  if (at == std::string::npos) return "no retry in: " + text;
  const std::string tail = text.substr(at + 7);
  const int delay = std::stoi(tail);
  const std::string ends = std::string(line_end) + std::string(line_end);
  if (delay < 1000 || delay > 5000 || tail != std::to_string(delay) + ends) return "a wrong retry: " + text;
  return text.substr(0, at);
}

TEST(RelayDrain, AGetStreamEndsAtABoundaryAndIsToldWhenToComeBack) {
  Dialogue d;
  open_stream(d, "data: 1\n\n");
  d.drain();
  d.after(50ms);
  EXPECT_EQ(without_retry(d.to_client()), "data: 1\n\n");
  EXPECT_EQ(d.manner(), DownstreamManner::finish);
  EXPECT_EQ(d.upstream_wish(), Kind::abort);
  EXPECT_EQ(d.end().reason, Reason::drain);
  EXPECT_EQ(d.end().closed_by, ClosedBy::sidecar);
  EXPECT_EQ(d.gate.inside, 0);
}

TEST(RelayDrain, TheChunkedBodyIsEnded) {
  Dialogue d;
  d.client("GET /s HTTP/1.1\r\nHost: h\r\n\r\n");
  d.connected();
  d.backend(kStream);
  d.drain();
  d.after(50ms);
  EXPECT_TRUE(d.to_client().ends_with("\r\n0\r\n\r\n"));
  EXPECT_EQ(d.manner(), DownstreamManner::keep) << "the head had not said close";
  d.after(1s);
  EXPECT_EQ(d.manner(), DownstreamManner::close);
}

TEST(RelayDrain, WithTheStreamsOwnLineEnds) {
  for (const std::string_view end : {"\n", "\r\n", "\r"}) {
    Dialogue d;
    const std::string event = "data: 1" + std::string(end) + std::string(end);
    open_stream(d, event);
    d.drain();
    d.after(50ms);
    EXPECT_EQ(without_retry(d.to_client(), end == "\r\n" ? "\r\n" : end), event);
  }
}

TEST(RelayDrain, AnUnfinishedEventIsWaitedFor) {
  Dialogue d;
  open_stream(d, "data: 1\ndata: ");
  d.drain();
  d.after(3s);
  EXPECT_EQ(d.to_client(), "data: 1\ndata: ");
  EXPECT_EQ(d.phase(), Phase::streaming);
  d.backend("2\n");
  EXPECT_EQ(d.to_client(), "2\n");
  d.backend("\ndata: 3\n\n");
  EXPECT_EQ(without_retry(d.to_client()), "\n") << "what stands behind the boundary belongs to the next stream";
  EXPECT_EQ(d.end().events, 1U);
  EXPECT_EQ(d.end().reason, Reason::drain);
}

TEST(RelayDrain, AHeartbeatComesWhileAnEventIsWaitedFor) {
  Dialogue d;
  open_stream(d, "data: 1\n");
  static_cast<void>(d.to_client());
  d.drain();
  d.after(15s);
  EXPECT_EQ(d.to_client(), ": heartbeat\n");
}

TEST(RelayDrain, WhatIsLeftIsBrokenOffVisibly) {
  Dialogue d;
  open_stream(d, "data: 1");
  d.drain();
  d.after(8s);
  d.force();
  EXPECT_EQ(d.to_client(), "data: 1");
  EXPECT_EQ(d.manner(), DownstreamManner::abort);
  EXPECT_EQ(d.end().reason, Reason::forced);
}

TEST(RelayDrain, APostStreamRunsOn) {
  Dialogue d;
  open_stream(d, "data: 1\n\n", "POST");
  static_cast<void>(d.to_client());
  d.drain();
  d.after(8s);
  EXPECT_EQ(d.phase(), Phase::streaming);
  d.backend("data: [DONE]\n\n");
  d.backend_eof();
  EXPECT_EQ(d.to_client(), "data: [DONE]\n\n");
  EXPECT_EQ(d.end().reason, Reason::complete);
}

TEST(RelayDrain, AStreamThatCannotBeReadRunsOn) {
  Dialogue d;
  d.client("GET /s HTTP/1.0\r\nHost: h\r\n\r\n");
  d.connected();
  d.backend("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\nx\n\n");
  static_cast<void>(d.to_client());
  d.drain();
  d.after(8s);
  EXPECT_EQ(d.phase(), Phase::streaming);
  EXPECT_EQ(d.to_client(), "");
}

TEST(RelayDrain, NothingIsInsertedWhereNothingMayBe) {
  PolicySet policies = test::one_upstream();
  policies.routes[0].event_stream.heartbeat.interval.reset();
  Dialogue d(policies);
  open_stream(d, "data: 1\n\n");
  d.drain();
  d.after(50ms);
  EXPECT_EQ(d.to_client(), "data: 1\n\n");
  EXPECT_EQ(d.end().reason, Reason::drain);
}

TEST(RelayDrain, AStreamThatOpensMeanwhileEndsInTimeToo) {
  Dialogue d;
  d.client("GET /s HTTP/1.0\r\nHost: h\r\n\r\n");
  d.connected();
  d.drain(2s);
  d.backend(kStream);
  d.after(2s);
  EXPECT_EQ(d.end().reason, Reason::drain);
}

TEST(RelayDrain, EndsAreSpread) {
  std::chrono::milliseconds least = 6s;
  std::chrono::milliseconds most = 0s;
  for (int seed = 1; seed <= 100; ++seed) {
    Dialogue d;
    d.bench.random.seed(static_cast<unsigned>(seed) * 7919U);
    open_stream(d, "");
    d.drain(6s);
    least = std::min(least, d.until_deadline());
    most = std::max(most, d.until_deadline());
    d.after(6s);
    EXPECT_EQ(d.end().reason, Reason::drain);
  }
  EXPECT_LT(least, 1s);
  EXPECT_GT(most, 5s);
}

TEST(RelayDrain, AnAnswerThatIsOutIsNotTakenBackInTheEnd) {
  Dialogue d;
  d.client("GET / HTTP/1.0\r\nHost: h\r\n\r\n");
  d.connected();
  d.drain();
  d.backend("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_EQ(d.manner(), DownstreamManner::finish);
  d.force();
  EXPECT_EQ(d.manner(), DownstreamManner::close) << "a reset would destroy it on its way";
}

TEST(RelayDrain, WhoIsAcceptedLateHasNoMoreTimeThanOthers) {
  Dialogue d;
  d.drain();
  http::H1Downstream codec;
  Relay late(codec, "10.0.0.1:2", false, d.now, d.bench);
  EXPECT_LE(late.next_deadline(), d.now + 1s);
  http::H1Downstream behind_it;
  Relay behind_a_balancer(behind_it, "10.0.0.1:3", false, d.now, d.bench);
  behind_a_balancer.expect_proxy_header(d.now, d.bench);
  behind_a_balancer.on_downstream_bytes("PROXY UNKNOWN\r\n", d.now, d.bench);
  EXPECT_LE(behind_a_balancer.next_deadline(), d.now + 1s);
}

TEST(RelayDrain, WhoIsAcceptedLateIsToldToClose) {
  Dialogue d;
  d.bench.drain = {d.now + 1s, 1s, 5s};  // And nobody told the connection: it was not there yet.
  d.client("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  d.connected();
  d.backend("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_NE(d.to_client().find("\r\nConnection: close\r\n"), std::string::npos);
}

TEST(RelayDrain, ATunnelRunsOn) {
  Dialogue d;
  d.client("GET /w HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
  d.connected();
  d.backend("HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
  d.drain();
  d.after(8s);
  EXPECT_EQ(d.phase(), Phase::tunnel);
}

}  // namespace
}  // namespace sidecar::exchange
