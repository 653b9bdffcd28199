#include <gtest/gtest.h>

#include "exchange/relay.hpp"
#include "tests/exchange/dialogue.hpp"

// The ends that are nobody's message: drain, force, resets, stalls; and that each exchange leaves one record.
namespace sidecar::exchange {
namespace {

using namespace std::chrono_literals;
using test::Dialogue;
using Kind = UpstreamWish::Kind;

constexpr const char* kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
constexpr const char* kStream =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

TEST(RelayEnd, DrainClosesWhatIsIdleSoon) {
  Dialogue d;
  d.drain();
  d.after(900ms);
  EXPECT_EQ(d.manner(), DownstreamManner::keep) << "a request may be on its way";
  d.after(100ms);
  EXPECT_EQ(d.manner(), DownstreamManner::close);
  EXPECT_TRUE(d.recorder.records.empty());
}

TEST(RelayEnd, ARequestThatComesDuringTheDrainIsAnsweredAndIsTheLast) {
  Dialogue d;
  d.drain();
  d.client(kGet);
  d.connected();
  d.backend(kOk);
  EXPECT_EQ(d.to_client(), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
  EXPECT_EQ(d.manner(), DownstreamManner::finish);
}

TEST(RelayEnd, DrainLetsAnOrdinaryExchangeFinish) {
  Dialogue d;
  d.client(std::string(kGet) + kGet);
  d.connected();
  d.drain();
  EXPECT_EQ(d.manner(), DownstreamManner::keep);
  d.backend(kOk);
  EXPECT_EQ(d.to_client(), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
  EXPECT_EQ(d.manner(), DownstreamManner::finish);
  EXPECT_EQ(d.end().reason, Reason::complete);
}

TEST(RelayEnd, DrainBehindTheHeadStillServesTheNextRequest) {
  Dialogue d;
  d.client(kGet);
  d.connected();
  d.backend("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
  d.drain();
  d.backend("llo");
  static_cast<void>(d.to_client());
  EXPECT_EQ(d.manner(), DownstreamManner::keep) << "its head did not say close: another may be on its way";
  d.client(kGet);
  d.connected();
  d.backend(kOk);
  EXPECT_EQ(d.to_client(), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
  EXPECT_EQ(d.manner(), DownstreamManner::finish);
}

TEST(RelayEnd, ForcedEndsEverything) {
  for (const char* response : {"", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", kStream}) {
    Dialogue d;
    d.client(kGet);
    d.connected();
    d.backend(response);
    d.force();
    EXPECT_EQ(d.manner(), DownstreamManner::abort);
    EXPECT_EQ(d.upstream_wish(), Kind::abort);
    EXPECT_EQ(d.end().reason, Reason::forced);
    EXPECT_EQ(d.end().closed_by, ClosedBy::sidecar);
  }
  Dialogue idle;
  idle.force();
  EXPECT_EQ(idle.manner(), DownstreamManner::abort);
  EXPECT_TRUE(idle.recorder.records.empty());
}

TEST(RelayEnd, AResetWhileConnecting) {
  Dialogue d;
  d.client(kGet);
  d.client_reset();
  EXPECT_EQ(d.upstream_wish(), Kind::abort);
  EXPECT_EQ(d.manner(), DownstreamManner::abort);
  EXPECT_EQ(d.end().reason, Reason::client_gone);
  EXPECT_EQ(d.end().status, 0);
}

TEST(RelayEnd, AResetBehindACompleteResponseThatWasNotTaken) {
  Dialogue d;
  d.client(kGet);
  d.connected();
  d.client_room(3);
  d.backend(kOk);
  d.client_reset();
  EXPECT_EQ(d.end().reason, Reason::client_gone);
  EXPECT_EQ(d.end().closed_by, ClosedBy::client);
}

TEST(RelayEnd, AStallBehindACompleteResponse) {
  Dialogue d;
  d.client(kGet);
  d.connected();
  d.client_room(3);
  d.backend(kOk);
  d.after(30s);
  EXPECT_EQ(d.manner(), DownstreamManner::abort);
  EXPECT_EQ(d.end().reason, Reason::client_stalled);
}

TEST(RelayEnd, AClientWhoseKernelStillTakesBytesIsNotStalled) {
  Dialogue d;
  d.relay.on_downstream_kernel_progress(d.now, d.bench);
  EXPECT_EQ(d.until_deadline(), 75s) << "nothing waits: only the idle connection has a deadline";
  d.client(kGet);
  d.connected();
  d.client_room(3);
  d.backend(kOk);
  d.after(29s);
  d.relay.on_downstream_kernel_progress(d.now, d.bench);
  d.after(29s);
  EXPECT_EQ(d.manner(), DownstreamManner::keep);
  d.after(1s);
  EXPECT_EQ(d.end().reason, Reason::client_stalled);
}

TEST(RelayEnd, ADrainCutsTheLingeringShort) {
  Dialogue d;
  d.client("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  d.connected();
  d.backend(kOk);
  EXPECT_EQ(d.until_deadline(), 5s);
  d.drain();
  EXPECT_EQ(d.until_deadline(), 1s);
}

TEST(RelayEnd, TheFirstReasonStands) {
  Dialogue d;
  d.client(kGet);
  d.connected();
  d.client_room(3);
  d.backend("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
  d.backend_eof();
  d.client_reset();
  EXPECT_EQ(d.end().reason, Reason::upstream_truncated);
}

TEST(RelayEnd, AFinInTheMiddleOfABody) {
  Dialogue d;
  d.client("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
  d.client_eof();
  EXPECT_TRUE(d.recorder.ends().empty()) << "the bytes that wait come before it";
  d.connected();
  EXPECT_EQ(d.upstream_wish(), Kind::abort);
  EXPECT_EQ(d.end().reason, Reason::client_gone);
}

TEST(RelayEnd, AFinInTheMiddleOfATrailer) {
  Dialogue d;
  d.client("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: ");
  d.connected();
  d.client_eof();
  EXPECT_EQ(d.upstream_wish(), Kind::abort);
  EXPECT_EQ(d.end().reason, Reason::client_gone);
}

TEST(RelayEnd, NothingIsToldTwiceBehindTheEnd) {
  Dialogue d;
  d.client(kGet);
  d.connected();
  d.client_reset();
  d.client_reset();
  d.client_eof();
  d.client(kGet);
  d.backend(kOk);
  d.backend_eof();
  d.drain();
  d.force();
  d.after(1h);
  EXPECT_EQ(d.recorder.ends().size(), 1U);
  EXPECT_EQ(d.manner(), DownstreamManner::abort);
}

}  // namespace
}  // namespace sidecar::exchange
