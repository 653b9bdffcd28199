#include <gtest/gtest.h>

#include "exchange/relay.hpp"
#include "tests/exchange/dialogue.hpp"

// Event streams on their way through.
namespace sidecar::exchange {
namespace {

using namespace std::chrono_literals;
using test::Dialogue;
using Kind = UpstreamWish::Kind;

constexpr const char* kGet = "GET /events HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\n\r\n";
constexpr const char* kHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
constexpr const char* kHeadOut =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache, no-transform\r\n"
    "X-Accel-Buffering: no\r\nTransfer-Encoding: chunked\r\n\r\n";

/// A stream that is open, its head already with the client.
struct OpenStream : Dialogue {
  explicit OpenStream(const char* head = kHead, const PolicySet& policies = test::one_upstream()) : Dialogue(policies) {
    client(kGet);
    connected();
    backend(head);
    (void)to_client();
    (void)to_backend();
  }
};

TEST(RelayStream, TheHeadGoesOutAtOnce) {
  Dialogue d;
  d.client(kGet);
  d.connected();
  d.after(30ms);
  d.backend(kHead);
  EXPECT_EQ(d.to_client(), kHeadOut);
  EXPECT_EQ(d.phase(), Phase::streaming);
  EXPECT_EQ(d.until_deadline(), 15s);
  ASSERT_EQ(d.recorder.records.size(), 1U);
  EXPECT_EQ(d.recorder.records[0].event, LifecycleEvent::stream_open);
  EXPECT_EQ(d.recorder.records[0].ttfb, 30ms);
  d.after(1s);
  d.backend("data: a\n");
  EXPECT_EQ(d.to_client(), "8\r\ndata: a\n\r\n");
  d.backend("\n");
  EXPECT_EQ(d.to_client(), "1\r\n\n\r\n");
  ASSERT_EQ(d.recorder.records.size(), 2U);
  EXPECT_EQ(d.recorder.records[1].event, LifecycleEvent::stream_first_event);
  EXPECT_EQ(d.recorder.records[1].after, 1s);
  d.backend_eof();
  EXPECT_EQ(d.to_client(), "0\r\n\r\n");
  EXPECT_EQ(d.manner(), DownstreamManner::keep);
  EXPECT_EQ(d.end().event, LifecycleEvent::stream_close);
  EXPECT_EQ(d.end().events, 1U);
  EXPECT_EQ(d.end().bytes_out, 9U);
  EXPECT_EQ(d.end().reason, Reason::complete);
}

TEST(RelayStream, HeartbeatsInSilence) {
  OpenStream d;
  d.after(14'900ms);
  EXPECT_EQ(d.to_client(), "");
  d.after(100ms);
  EXPECT_EQ(d.to_client(), "d\r\n: heartbeat\n\n\r\n");
  d.after(30s);
  EXPECT_EQ(d.to_client(), "d\r\n: heartbeat\n\n\r\nd\r\n: heartbeat\n\n\r\n");
  d.backend("data: a\n\n");
  (void)d.to_client();
  EXPECT_EQ(d.until_deadline(), 15s);
  const auto beats = d.recorder.all(LifecycleEvent::heartbeat);
  ASSERT_EQ(beats.size(), 3U);
  EXPECT_EQ(beats[0].idle, 15s);
  d.client_reset();
  EXPECT_EQ(d.end().heartbeats, 3U);
  EXPECT_EQ(d.end().max_idle, 45s);
  d.after(60s);
  EXPECT_EQ(d.to_client(), "") << "they stop with the stream";
}

TEST(RelayStream, SilenceIsMeasuredFromTheLastByteThatTheKernelTook) {
  OpenStream d;
  d.client_room(3);
  d.backend("data: a\n\n");
  d.after(10s);
  d.client_room(2);
  EXPECT_EQ(d.until_deadline(), 15s);
  d.after(10s);
  d.client_room(Dialogue::kUnlimited);
  EXPECT_EQ(d.until_deadline(), 15s);
  EXPECT_EQ(d.to_client(), "9\r\ndata: a\n\n\r\n");
  d.after(15s);
  EXPECT_EQ(d.to_client(), "d\r\n: heartbeat\n\n\r\n");
}

TEST(RelayStream, AClientWithUnsentBytesIsNotIdle) {
  OpenStream d;
  d.client_room(3);
  d.backend("data: a\n\n");
  (void)d.to_client();
  d.after(15s);
  EXPECT_EQ(d.counted(Counted::heartbeat_deferred_blocked), 1U);
  d.client_room(Dialogue::kUnlimited);
  EXPECT_EQ(d.to_client(), "data: a\n\n\r\n");
}

TEST(RelayStream, NothingInTheMiddleOfALine) {
  OpenStream d;
  d.backend("data: a");
  (void)d.to_client();
  d.after(45s);
  EXPECT_EQ(d.to_client(), "");
  EXPECT_EQ(d.counted(Counted::heartbeat_deferred_mid_line), 3U);
  d.backend("\n");
  (void)d.to_client();
  d.after(15s);
  EXPECT_EQ(d.to_client(), "c\r\n: heartbeat\n\r\n") << "inside an event: without a blank line";
}

TEST(RelayStream, TheStreamsOwnLineEnding) {
  OpenStream crlf;
  crlf.backend("data: a\r\n\r\n");
  (void)crlf.to_client();
  crlf.after(15s);
  EXPECT_EQ(crlf.to_client(), "f\r\n: heartbeat\r\n\r\n\r\n");

  OpenStream between;
  between.backend("data: a\r\n\r");
  (void)between.to_client();
  between.after(15s);
  EXPECT_EQ(between.to_client(), "d\r\n: heartbeat\r\r\r\n") << "the LF that may come belongs to a CR";
}

TEST(RelayStream, AByteOrderMarkBehindAHeartbeatIsDropped) {
  OpenStream d;
  d.after(15s);
  (void)d.to_client();
  d.backend("\xEF\xBB");
  EXPECT_EQ(d.to_client(), "");
  d.backend(
      "\xBF"
      "data: a\n\n");
  EXPECT_EQ(d.to_client(), "9\r\ndata: a\n\n\r\n");
  d.client_reset();
  EXPECT_EQ(d.end().bytes_out, 22U);
}

TEST(RelayStream, HalfAByteOrderMarkIsDeliveredAtTheEnd) {
  OpenStream d;
  d.after(15s);
  (void)d.to_client();
  d.backend("\xEF");
  d.backend_eof();
  EXPECT_EQ(d.to_client(), "1\r\n\xEF\r\n0\r\n\r\n");
}

TEST(RelayStream, AnOpaqueStreamPassesAsItIsAndIsCounted) {
  OpenStream d("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\n");
  EXPECT_EQ(d.counted(Counted::stream_opaque), 1U);
  d.after(30s);
  EXPECT_EQ(d.to_client(), "");
  EXPECT_EQ(d.counted(Counted::heartbeat_deferred_opaque), 2U);
  d.backend("\x1f\x8b");
  EXPECT_EQ(d.to_client(), "2\r\n\x1f\x8b\r\n");
  d.client_eof();
  EXPECT_EQ(d.end().event, LifecycleEvent::stream_close);
}

TEST(RelayStream, HeartbeatsCanBeOff) {
  PolicySet policies = test::one_upstream();
  policies.routes[0].event_stream.heartbeat.interval = std::nullopt;
  OpenStream d(kHead, policies);
  EXPECT_EQ(d.until_deadline(), -1ms);
  d.after(1h);
  EXPECT_EQ(d.to_client(), "");
}

TEST(RelayStream, AContentLengthGivesWayToChunks) {
  Dialogue d;
  d.client(kGet);
  d.connected();
  d.backend("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9\r\n\r\ndata: a\n\n");
  EXPECT_EQ(d.to_client(), std::string(kHeadOut) + "9\r\ndata: a\n\n\r\n0\r\n\r\n");
  EXPECT_EQ(d.end().reason, Reason::complete);
}

// ---- The client's departure
// -------------------------------------------------------------------------------------------

TEST(RelayStream, AFinIsADeparture) {
  OpenStream d;
  d.after(5s);
  d.client_eof();
  EXPECT_EQ(d.upstream_wish(), Kind::abort);
  EXPECT_EQ(d.manner(), DownstreamManner::abort);
  EXPECT_EQ(d.end().reason, Reason::client_gone);
  EXPECT_EQ(d.end().closed_by, ClosedBy::client);
  EXPECT_EQ(d.end().duration, 5s);
}

TEST(RelayStream, AFinOfWhoeverAskedForAStreamIsADepartureBeforeTheHeadToo) {
  Dialogue connecting;
  connecting.client(kGet);
  connecting.client_eof();
  EXPECT_EQ(connecting.upstream_wish(), Kind::abort);
  EXPECT_EQ(connecting.end().reason, Reason::client_gone);
  Dialogue awaiting;
  awaiting.client(kGet);
  awaiting.connected();
  awaiting.client_eof();
  EXPECT_EQ(awaiting.upstream_wish(), Kind::abort);
  EXPECT_EQ(awaiting.manner(), DownstreamManner::abort);
  EXPECT_EQ(awaiting.end().reason, Reason::client_gone);
}

TEST(RelayStream, AnOrdinaryAnswerThatHasBegunIsFinishedForWhoeverAskedForAStream) {
  Dialogue d;
  d.client(kGet);
  d.connected();
  d.backend("HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\nlog");
  d.client_eof();
  d.backend("in");
  EXPECT_TRUE(d.to_client().ends_with("\r\n\r\nlogin"));
  EXPECT_EQ(d.end().reason, Reason::complete);
}

TEST(RelayStream, AFinBeforeTheHeadIsRemembered) {
  Dialogue d;
  d.client("GET /events HTTP/1.1\r\nHost: h\r\nAccept: application/json, text/event-stream\r\n\r\n");
  d.client_eof();
  d.connected();
  EXPECT_EQ(d.phase(), Phase::awaiting) << "it may become an ordinary response";
  d.backend(kHead);
  EXPECT_EQ(d.to_client(), "");
  EXPECT_EQ(d.upstream_wish(), Kind::abort);
  EXPECT_EQ(d.end().reason, Reason::client_gone);
}

TEST(RelayStream, AFinIsSeenInTheMiddleOfARequestTrailer) {
  Dialogue d;
  d.client("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: ");
  d.connected();
  d.backend(kHead);
  d.client_eof();
  EXPECT_EQ(d.upstream_wish(), Kind::abort);
  EXPECT_EQ(d.end().reason, Reason::client_gone);
}

TEST(RelayStream, AFinIsSeenBehindABodyThatTheBackendDoesNotRead) {
  Dialogue d;
  d.client("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n");
  d.connected();
  d.backend(kHead);
  d.backend_room(0);
  d.client("abc");
  d.client("def");
  EXPECT_EQ(d.relay.waiting(), 3U);
  d.client_eof();
  EXPECT_EQ(d.upstream_wish(), Kind::abort);
  EXPECT_EQ(d.end().reason, Reason::client_gone);
}

TEST(RelayStream, BytesBehindTheRequestAreBounded) {
  OpenStream d;
  const std::string piece(32 * 1024, 'x');
  d.client(piece);
  EXPECT_TRUE(d.wishes().read_downstream) << "a FIN may hide behind them";
  d.client(piece);
  EXPECT_TRUE(d.wishes().read_downstream);
  d.client("x");
  EXPECT_EQ(d.manner(), DownstreamManner::abort);
  EXPECT_EQ(d.upstream_wish(), Kind::abort);
  EXPECT_EQ(d.end().reason, Reason::limit);
  EXPECT_EQ(d.end().closed_by, ClosedBy::sidecar);
}

TEST(RelayStream, BytesThatWaitedBeforeTheHeadDoNotHideTheFin) {
  Dialogue d;
  d.client(kGet);
  d.client(std::string(40 * 1024, 'x'));
  d.client(std::string(40 * 1024, 'x'));
  EXPECT_FALSE(d.wishes().read_downstream);
  d.connected();
  d.backend(kHead);
  EXPECT_TRUE(d.wishes().read_downstream);
  d.client_eof();
  EXPECT_EQ(d.end().reason, Reason::client_gone);
}

TEST(RelayStream, ARequestThatIsStillBeingSentIsNoExcess) {
  Dialogue d;
  d.client("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
  d.connected();
  d.backend(kHead);
  (void)d.to_backend();
  d.client(std::string(100 * 1024, 'x'));
  EXPECT_EQ(d.to_backend().size(), 100U * 1024);
  d.backend_room(0);
  d.client(std::string(40 * 1024, 'x'));
  d.client(std::string(40 * 1024, 'x'));
  d.client(std::string(40 * 1024, 'x'));
  EXPECT_EQ(d.phase(), Phase::streaming);
  EXPECT_FALSE(d.wishes().read_downstream) << "back-pressure";
  d.backend_room(Dialogue::kUnlimited);
  EXPECT_EQ(d.to_backend().size(), 120U * 1024);
  EXPECT_TRUE(d.wishes().read_downstream);
}

TEST(RelayStream, AStalledClientIsGivenUp) {
  OpenStream d;
  d.client_room(3);
  d.backend("data: a\n\n");
  d.after(29s);
  d.client_room(1);
  d.after(29s);
  EXPECT_EQ(d.phase(), Phase::streaming) << "it took a byte";
  d.after(1s);
  EXPECT_EQ(d.manner(), DownstreamManner::abort);
  EXPECT_EQ(d.upstream_wish(), Kind::abort);
  EXPECT_EQ(d.end().reason, Reason::client_stalled);
  EXPECT_EQ(d.end().closed_by, ClosedBy::sidecar);
}

// ---- The backend's end
// ------------------------------------------------------------------------------------------------

TEST(RelayStream, ABreakIsNoEnd) {
  OpenStream d("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
  d.backend("9\r\ndata: a\n\n\r\n");
  d.backend_eof();
  EXPECT_EQ(d.to_client(), "9\r\ndata: a\n\n\r\n");
  d.after(150ms);
  EXPECT_EQ(d.manner(), DownstreamManner::finish);
  EXPECT_EQ(d.end().reason, Reason::upstream_truncated);
}

TEST(RelayStream, ABreakOverHttp10IsAResetBehindWhatHadArrived) {
  Dialogue d;
  d.client("GET /events HTTP/1.0\r\nHost: h\r\n\r\n");
  d.connected();
  d.backend(kHead);
  (void)d.to_client();
  d.client_room(4);
  d.backend("data: a\n\n");
  d.backend_reset();
  EXPECT_EQ(d.manner(), DownstreamManner::keep);
  d.client_room(Dialogue::kUnlimited);
  EXPECT_EQ(d.to_client(), "data: a\n\n");
  EXPECT_EQ(d.manner(), DownstreamManner::abort_after_flush);
  EXPECT_EQ(d.end().reason, Reason::upstream_reset);
}

TEST(RelayStream, APostStreamIsAStreamAndNeverRepeated) {
  Dialogue d;
  d.client("POST /chat HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}");
  EXPECT_EQ(d.upstream_wish(), Kind::fresh);
  d.connected();
  d.backend(kHead);
  EXPECT_EQ(d.to_client(), kHeadOut);
  d.after(15s);
  EXPECT_EQ(d.to_client(), "d\r\n: heartbeat\n\n\r\n");
}

}  // namespace
}  // namespace sidecar::exchange
