#include <gtest/gtest.h>

#include <functional>
#include <sstream>

#include "exchange/relay.hpp"
#include "tests/exchange/dialogue.hpp"

// How event streams open, how old they get, and what is said at their end.
namespace sidecar::exchange {
namespace {

using namespace std::chrono_literals;
using test::Dialogue;
using Kind = UpstreamWish::Kind;

constexpr std::string_view kStream = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
constexpr std::string_view kChunked =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

PolicySet with(const std::function<void(EventStreamPolicy&)>& change) {
  PolicySet policies = test::one_upstream();
  change(policies.routes[0].event_stream);
  policies.routes[0].event_stream.opening.make_bytes({});
  return policies;
}

/// Over HTTP/1.0, so that no framing stands between the bytes. What the client has got is its body.
struct Stream : Dialogue {
  explicit Stream(const PolicySet& policies, std::string_view method = "GET", std::string_view head = kStream)
      : Dialogue(policies) {
    client(std::string(method) + " /s HTTP/1.0\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    connected();
    backend(head);
  }
  std::string body() {
    std::string bytes = to_client();
    const auto head = bytes.find("\r\n\r\n");
    return bytes.starts_with("HTTP/") ? bytes.substr(head + 4) : bytes;
  }
};

// ---- The opening -------------------------------------------------------------------------------------------------

TEST(RelayLife, AnOpeningRightBehindTheHead) {
  const PolicySet policies = with([](EventStreamPolicy& policy) {
    policy.opening.comment = "welcome";
    policy.opening.event = "connected";
    policy.opening.retry = 2s;
  });
  Stream d(policies);
  const std::string opening = ": welcome\nretry: 2000\nevent: connected\ndata: {}\n\n";
  EXPECT_EQ(d.body(), opening);
  d.backend(
      "\xEF\xBB\xBF"
      "data: 1\n\n");
  EXPECT_EQ(d.body(), "data: 1\n\n") << "a BOM behind it would be content";
  d.backend_eof();
  EXPECT_EQ(d.end().bytes_out, opening.size() + 9);
  EXPECT_EQ(d.end().events, 1U) << "the backend's";
}

TEST(RelayLife, AnOpeningInTheSameReadAsTheFirstEvent) {
  Stream d(with([](EventStreamPolicy& policy) { policy.opening.comment = "c"; }), "GET",
           std::string(kStream) + "data: 1\n\n");
  EXPECT_EQ(d.body(), ": c\n\ndata: 1\n\n");
}

TEST(RelayLife, RetryIsForThoseWhoComeBack) {
  const auto change = [](EventStreamPolicy& policy) {
    policy.opening.retry = 2s;
    policy.opening.data = "x";
  };
  Stream post(with(change), "POST");
  EXPECT_EQ(post.body(), "data: x\n\n");
  PolicySet quiet = with(change);
  quiet.routes[0].event_stream.heartbeat.form = HeartbeatForm::off;
  Stream off(quiet);
  EXPECT_EQ(off.body(), "data: x\n\n");
}

TEST(RelayLife, NoOpeningWhereNothingMayBe) {
  const PolicySet policies = with([](EventStreamPolicy& policy) { policy.opening.comment = "c"; });
  Stream opaque(policies, "GET", "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: br\r\n\r\n");
  EXPECT_EQ(opaque.body(), "");
  Stream ordinary(policies, "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(ordinary.body(), "");
  Stream error(policies, "GET", "HTTP/1.1 404 N\r\nContent-Type: text/event-stream\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(error.body(), "");
}

// ---- Age ---------------------------------------------------------------------------------------------------------

const PolicySet kAged = with([](EventStreamPolicy& policy) {
  policy.max_age.after = 280s;
  policy.max_age.retry_min = policy.max_age.retry_max = 3s;
});

TEST(RelayLife, AStreamThatIsOldEndsAtABoundary) {
  Stream d(kAged);
  d.after(279s);
  d.backend("data: 1\n");
  (void)d.body();
  d.after(10s);
  EXPECT_EQ(d.phase(), Phase::streaming) << "an event has begun";
  d.backend("\ndata: 2\n\n");
  EXPECT_EQ(d.body(), "\nretry: 3000\n\n");
  EXPECT_EQ(d.manner(), DownstreamManner::finish);
  EXPECT_EQ(d.end().reason, Reason::max_age);
  EXPECT_EQ(d.end().closed_by, ClosedBy::sidecar);
  EXPECT_EQ(d.upstream_wish(), Kind::abort);
}

TEST(RelayLife, InSilenceItEndsInTime) {
  Stream d(kAged);
  d.after(279'900ms);
  (void)d.body();
  EXPECT_EQ(d.phase(), Phase::streaming);
  d.after(100ms);
  EXPECT_EQ(d.body(), "retry: 3000\n\n");
  EXPECT_EQ(d.end().reason, Reason::max_age);
}

TEST(RelayLife, APostGrowsOldOnlyWhereItIsNamed) {
  Stream d(kAged, "POST");
  d.after(300s);
  EXPECT_EQ(d.phase(), Phase::streaming);
  PolicySet named = kAged;
  named.routes[0].event_stream.max_age.methods = {"POST"};
  Stream post(named, "POST");
  (void)post.body();
  post.after(280s);
  EXPECT_EQ(post.body().find("retry"), std::string::npos) << "who posts does not come back";
  EXPECT_EQ(post.end().reason, Reason::max_age);
  EXPECT_EQ(post.manner(), DownstreamManner::finish);
  Stream get(named);
  get.after(300s);
  EXPECT_EQ(get.phase(), Phase::streaming);
}

TEST(RelayLife, WhicheverPlannedEndComesFirst) {
  Stream d(kAged);
  d.after(270s);
  d.drain(6s);
  d.after(6s);
  EXPECT_EQ(d.end().reason, Reason::drain);
  Stream late(kAged);
  late.after(279s);
  late.bench.random.seed(7919U * 50U);
  late.drain(1h);
  late.after(1s);
  EXPECT_EQ(late.end().reason, Reason::max_age);
}

// ---- The backend's silence ---------------------------------------------------------------------------------------

const PolicySet kImpatient = with([](EventStreamPolicy& policy) { policy.idle_timeout = 40s; });

TEST(RelayLife, ABackendThatIsSilentForTooLongIsGivenUp) {
  Stream d(kImpatient);
  d.after(39s);
  d.backend(":\n");
  d.after(39'900ms);
  EXPECT_EQ(d.phase(), Phase::streaming) << "any byte is a sign of life, a heartbeat of ours is none";
  d.after(100ms);
  EXPECT_EQ(d.end().reason, Reason::upstream_idle);
  EXPECT_EQ(d.end().closed_by, ClosedBy::sidecar);
  EXPECT_EQ(d.manner(), DownstreamManner::abort_after_flush);
  EXPECT_EQ(d.upstream_wish(), Kind::abort);
}

TEST(RelayLife, ABackendThatIsNotReadIsNotBlamed) {
  PolicySet policies = kImpatient;
  policies.limits.write_timeout = 100s;
  Stream d(policies);
  (void)d.body();
  d.client_room(0);
  d.backend("data: 1\n\n");
  d.after(60s);
  EXPECT_EQ(d.phase(), Phase::streaming);
  d.client_room(Dialogue::kUnlimited);
  d.after(39s);
  EXPECT_EQ(d.phase(), Phase::streaming);
  d.after(1s);
  EXPECT_EQ(d.end().reason, Reason::upstream_idle);
}

// ---- The end, told -----------------------------------------------------------------------------------------------

const PolicySet kTelling = with([](EventStreamPolicy& policy) {
  policy.end_event = "stream_end";
  policy.idle_timeout = 40s;
});

TEST(RelayLife, AnAbnormalEndIsTold) {
  const std::string event = "event: stream_end\ndata: {\"reason\":\"";
  Stream reset(kTelling);
  reset.backend("data: 1\n\n");
  reset.backend_reset();
  EXPECT_EQ(reset.body(), "data: 1\n\n" + event + "upstream_reset\"}\n\n");
  EXPECT_EQ(reset.manner(), DownstreamManner::abort_after_flush) << "and it is an abort all the same";
  EXPECT_EQ(reset.end().bytes_out, 9 + event.size() + 18);

  Stream idle(kTelling);
  idle.after(39s);
  (void)idle.body();
  idle.after(1s);
  EXPECT_EQ(idle.body(), event + "upstream_idle\"}\n\n");

  Stream cut(kTelling, "POST", kChunked);
  cut.backend("b\r\ndata: 1\r\n\r\n\r\n");
  cut.backend_eof();
  EXPECT_EQ(cut.body(), "data: 1\r\n\r\nevent: stream_end\r\ndata: {\"reason\":\"upstream_truncated\"}\r\n\r\n");
}

TEST(RelayLife, TheEndEventArrivesWithASlowClientToo) {
  Stream d(kTelling);
  (void)d.body();
  d.client_room(3);
  d.backend("data: 1\n\n");
  d.backend_reset();
  EXPECT_EQ(d.manner(), DownstreamManner::keep);
  d.client_room(Dialogue::kUnlimited);
  EXPECT_EQ(d.body(), "data: 1\n\nevent: stream_end\ndata: {\"reason\":\"upstream_reset\"}\n\n");
  EXPECT_EQ(d.manner(), DownstreamManner::abort_after_flush);
}

TEST(RelayLife, BehindHalfAnEventNothingCanBeTold) {
  for (const std::string_view half : {"data: 1", "data: 1\n", "event: x\n", "\xEF\xBB"}) {
    Stream d(kTelling);
    (void)d.body();
    d.backend(half);
    d.backend_reset();
    EXPECT_EQ(d.body(), half);
  }
}

TEST(RelayLife, AGoodEndIsNotTold) {
  Stream d(kTelling);
  d.backend("data: 1\n\n");
  d.backend_eof();
  EXPECT_EQ(d.body(), "data: 1\n\n");
  Stream opaque(kTelling, "GET", "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: br\r\n\r\n");
  opaque.backend_reset();
  EXPECT_EQ(opaque.body(), "");
}

// ---- The last event ----------------------------------------------------------------------------------------------

const PolicySet kCompleting = with([](EventStreamPolicy& policy) { policy.complete_last_event = true; });

/// What the client gets of a chunked body that ends well.
std::string completed(const std::string& body, const PolicySet& policies = kCompleting) {
  Stream d(policies, "GET", kChunked);
  std::ostringstream chunk;
  chunk << std::hex << body.size() << "\r\n" << body << "\r\n0\r\n\r\n";
  d.backend(chunk.str());
  EXPECT_EQ(d.end().reason, Reason::complete);
  const std::string out = d.body();
  EXPECT_EQ(d.end().bytes_out, out.size());
  return out;
}

TEST(RelayLife, TheLastEventGetsItsBlankLine) {
  EXPECT_EQ(completed("data: 1\n\ndata: 2"), "data: 1\n\ndata: 2\n\n");
  EXPECT_EQ(completed("data: 2\n"), "data: 2\n\n");
  EXPECT_EQ(completed("data: 1\r\n\r\ndata: 2\r\nid: 3"), "data: 1\r\n\r\ndata: 2\r\nid: 3\r\n\r\n");
  EXPECT_EQ(completed("data: 2\r\n"), "data: 2\r\n\r\n");
  EXPECT_EQ(completed("data: 1\r\rdata: 2"), "data: 1\r\rdata: 2\r\r");
  EXPECT_EQ(completed("data: 2\r"), "data: 2\r\r");
}

TEST(RelayLife, WhatIsNoUnfinishedEventStays) {
  for (const char* const body : {"data: 1\n\n", ": c", "id: 7\n", "event: x", "\xEF\xBB\xBF", "x"})
    EXPECT_EQ(completed(body), body);
  EXPECT_EQ(completed("data: 2", test::one_upstream()), "data: 2") << "off by default";
}

TEST(RelayLife, OnlyWhereNothingCanBeMissing) {
  Stream until_close(kCompleting);
  until_close.backend("data: 2\n");
  until_close.backend_eof();
  EXPECT_EQ(until_close.body(), "data: 2\n") << "the end of a connection proves nothing";
  Stream cut(kCompleting, "GET", kChunked);
  cut.backend("8\r\ndata: 2\n\r\n");
  cut.backend_eof();
  EXPECT_EQ(cut.body(), "data: 2\n");
  Stream length(kCompleting, "GET",
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 8\r\n\r\ndata: 2\n");
  EXPECT_EQ(length.body(), "data: 2\n\n");
  EXPECT_EQ(length.end().events, 1U);
}

}  // namespace
}  // namespace sidecar::exchange
