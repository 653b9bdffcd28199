#include <gtest/gtest.h>

#include "exchange/relay.hpp"
#include "tests/exchange/dialogue.hpp"

// What goes wrong, on either side, and what the client is told.
namespace sidecar::exchange {
namespace {

using namespace std::chrono_literals;
using test::Dialogue;
using Kind = UpstreamWish::Kind;

constexpr const char* kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

// ---- Repeating
// --------------------------------------------------------------------------------------------------------

TEST(RelayRetry, ADeadPooledConnectionIsNotTheClientsProblem) {
  for (const bool reset : {false, true}) {
    Dialogue d;
    d.client(kGet);
    const std::uint32_t first = d.attempt();
    d.connected(true);
    EXPECT_EQ(d.to_backend(), kGet);
    reset ? d.backend_reset() : d.backend_eof();
    EXPECT_EQ(d.upstream_wish(), Kind::fresh);
    EXPECT_EQ(d.attempt(), first + 1);
    EXPECT_EQ(d.until_deadline(), 5s);
    d.connected();
    EXPECT_EQ(d.to_backend(), kGet);
    d.backend(kOk);
    EXPECT_EQ(d.to_client(), kOk);
    EXPECT_EQ(d.end().reason, Reason::complete);
    EXPECT_EQ(d.counted(Counted::request_retried), 1U);
  }
}

TEST(RelayRetry, OnlyOnce) {
  Dialogue d;
  d.client(kGet);
  d.connected(true);
  d.backend_eof();
  d.connected();
  d.backend_eof();
  EXPECT_TRUE(d.to_client().starts_with("HTTP/1.1 502"));
  EXPECT_EQ(d.end().reason, Reason::upstream_truncated);
}

TEST(RelayRetry, NotOnAFreshConnection) {
  Dialogue d;
  d.client(kGet);
  d.connected();
  d.backend_reset();
  EXPECT_TRUE(d.to_client().starts_with("HTTP/1.1 502"));
  EXPECT_EQ(d.end().reason, Reason::upstream_reset);
  EXPECT_EQ(d.end().closed_by, ClosedBy::upstream);
}

TEST(RelayRetry, NotAfterAByteOfAResponse) {
  for (const char* bytes : {"H", "HTTP/1.1 103 Early Hints\r\n\r\n"}) {
    Dialogue d;
    d.client(kGet);
    d.connected(true);
    d.backend(bytes);
    d.backend_eof();
    EXPECT_NE(d.to_client().find("HTTP/1.1 502"), std::string::npos) << bytes;
    EXPECT_EQ(d.counted(Counted::request_retried), 0U);
  }
}

TEST(RelayRetry, NotWhenWhatCameIsNoResponse) {
  Dialogue d;
  d.client(kGet);
  d.connected(true);
  d.backend("SSH-2.0-OpenSSH\r\n");
  EXPECT_TRUE(d.to_client().starts_with("HTTP/1.1 502"));
  EXPECT_EQ(d.end().reason, Reason::protocol_error);
}

// ---- No connection, no answer
// -----------------------------------------------------------------------------------------

TEST(RelayFailure, NoDescriptorIsNotTheBackendsFault) {
  Dialogue d;
  d.client(kGet);
  d.connect_failed(UpstreamFailure::exhausted);
  const std::string answer = d.to_client();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_TRUE(answer.ends_with("\nsse-sidecar: no file descriptor left\n")) << answer;
  EXPECT_EQ(d.end().reason, Reason::limit);
  EXPECT_EQ(d.end().closed_by, ClosedBy::sidecar);
}

TEST(RelayFailure, NoConnection) {
  const struct {
    UpstreamFailure failure;
    const char* status;
    const char* why;
  } cases[] = {{UpstreamFailure::refused, "502", "connection refused"},
               {UpstreamFailure::unreachable, "502", "unreachable"},
               {UpstreamFailure::unresolved, "502", "name not resolved"},
               {UpstreamFailure::timed_out, "504", "connect timeout"}};
  for (const auto& c : cases) {
    Dialogue d;
    d.client(kGet);
    d.connect_failed(c.failure);
    const std::string answer = d.to_client();
    EXPECT_EQ(answer.substr(9, 3), c.status);
    EXPECT_TRUE(answer.ends_with(std::string("\nsse-sidecar: upstream 'app': ") + c.why + "\n")) << answer;
    EXPECT_EQ(d.manner(), DownstreamManner::keep);
    EXPECT_EQ(d.end().reason, Reason::upstream_unreachable);
    EXPECT_EQ(d.end().detail, c.why);
    EXPECT_EQ(d.counted(Counted::upstream_connect_error), 1U);
    d.client(kGet);
    EXPECT_EQ(d.phase(), Phase::connecting) << "and the next request tries again";
  }
}

TEST(RelayFailure, AsJsonWhenTheClientPrefersIt) {
  Dialogue d;
  d.client("GET /a HTTP/1.1\r\nHost: h\r\nAccept: application/json\r\n\r\n");
  d.connect_failed(UpstreamFailure::refused);
  const std::string answer = d.to_client();
  EXPECT_NE(answer.find("Content-Type: application/json\r\n"), std::string::npos);
  EXPECT_NE(answer.find("\"upstream\":\"app\",\"reason\":\"connection refused\"}"), std::string::npos) << answer;
}

TEST(RelayFailure, ConnectTimeout) {
  Dialogue d;
  d.client(kGet);
  d.after(4'900ms);
  EXPECT_EQ(d.to_client(), "");
  d.after(100ms);
  EXPECT_TRUE(d.to_client().starts_with("HTTP/1.1 504"));
  EXPECT_EQ(d.end().reason, Reason::upstream_unreachable);
}

TEST(RelayFailure, ResponseTimeout) {
  PolicySet policies = test::one_upstream();
  policies.upstreams[0].response_timeout = 2s;
  Dialogue d(policies);
  d.client(kGet);
  d.after(1s);
  d.connected();
  EXPECT_EQ(d.until_deadline(), 2s);
  d.backend("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 2");
  d.after(2s);
  EXPECT_NE(d.to_client().find("HTTP/1.1 504"), std::string::npos);
  EXPECT_EQ(d.end().reason, Reason::upstream_timeout);
  EXPECT_EQ(d.end().closed_by, ClosedBy::sidecar);
}

TEST(RelayFailure, ResponseTimeoutRunsFromTheEndOfTheRequest) {
  PolicySet policies = test::one_upstream();
  policies.upstreams[0].response_timeout = 2s;
  policies.limits.body_timeout.reset();
  Dialogue d(policies);
  d.client("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\na");
  d.connected();
  d.after(1h);
  EXPECT_EQ(d.phase(), Phase::awaiting);
  d.client("b");
  EXPECT_EQ(d.until_deadline(), 2s);
  d.after(2s);
  EXPECT_EQ(d.end().reason, Reason::upstream_timeout);
}

TEST(RelayFailure, ResponseTimeoutRunsAgainOnAFreshConnection) {
  PolicySet policies = test::one_upstream();
  policies.upstreams[0].response_timeout = 2s;
  Dialogue d(policies);
  d.client(kGet);
  d.connected(true);
  d.backend_eof();
  d.connected();
  EXPECT_EQ(d.until_deadline(), 2s);
}

TEST(RelayFailure, ResponseTimeoutDoesNotConcernTheBody) {
  PolicySet policies = test::one_upstream();
  policies.upstreams[0].response_timeout = 2s;
  Dialogue d(policies);
  d.client(kGet);
  d.connected();
  d.backend("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(d.until_deadline(), -1ms);
  d.after(1h);
  d.backend("hello");
  EXPECT_EQ(d.end().reason, Reason::complete);
}

TEST(RelayFailure, EarlyOrTwiceADeadlineIsNothing) {
  Dialogue d;
  d.client(kGet);
  for (int i = 0; i < 3; ++i) d.relay.on_deadline(d.now, d.bench);
  EXPECT_EQ(d.phase(), Phase::connecting);
  d.after(5s);
  (void)d.to_client();
  const TimePoint deadline = d.relay.next_deadline();
  for (int i = 0; i < 3; ++i) d.relay.on_deadline(d.now, d.bench);
  EXPECT_EQ(d.relay.next_deadline(), deadline);
  EXPECT_EQ(d.recorder.ends().size(), 1U);
}

// ---- Broken responses
// -------------------------------------------------------------------------------------------------

TEST(RelayBroken, ATruncatedLengthIsVisible) {
  Dialogue d;
  d.client(kGet);
  d.connected();
  d.backend("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
  d.backend_eof();
  EXPECT_EQ(d.to_client(), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
  EXPECT_EQ(d.end().reason, Reason::upstream_truncated);
  EXPECT_EQ(d.until_deadline(), 150ms) << "time to read what came";
  d.after(149ms);
  EXPECT_EQ(d.manner(), DownstreamManner::keep);
  d.client(kGet);
  EXPECT_EQ(d.upstream_wish(), Kind::abort) << "no request behind an answer that is cut";
  d.after(1ms);
  EXPECT_EQ(d.manner(), DownstreamManner::finish);
  EXPECT_EQ(d.until_deadline(), 5s);
}

TEST(RelayBroken, AtTheEndTheTimeToReadIsGrantedToo) {
  Dialogue d;
  d.client(kGet);
  d.connected();
  d.backend("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
  d.drain();
  d.backend_eof();
  EXPECT_EQ(d.until_deadline(), 150ms);
  d.after(150ms);
  EXPECT_EQ(d.manner(), DownstreamManner::finish);
  EXPECT_EQ(d.until_deadline(), 1s) << "and then there is less of it";
}

TEST(RelayBroken, WhoIsGoneNeedsNoTimeToRead) {
  enum class How { leaves, left, is_forced };
  for (const How how : {How::leaves, How::left, How::is_forced}) {
    Dialogue d;
    d.client("GET / HTTP/1.0\r\nHost: h\r\n\r\n");
    d.connected();
    d.backend("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
    if (how == How::left) d.client_eof();
    d.backend_eof();
    if (how == How::leaves) d.client_eof();
    if (how == How::is_forced) d.force();
    EXPECT_EQ(d.manner(), DownstreamManner::close);
  }
}

TEST(RelayBroken, AChunkedBodyGetsNoLastChunk) {
  for (const bool reset : {false, true}) {
    Dialogue d;
    d.client(kGet);
    d.connected();
    d.backend("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n");
    reset ? d.backend_reset() : d.backend_eof();
    EXPECT_TRUE(d.to_client().ends_with("\r\n\r\n2\r\nhe\r\n"));
    d.after(150ms);
    EXPECT_EQ(d.manner(), DownstreamManner::finish);
    EXPECT_EQ(d.end().reason, reset ? Reason::upstream_reset : Reason::upstream_truncated);
  }
}

TEST(RelayBroken, OverHttp10OnlyAResetBehindEverythingTells) {
  Dialogue d;
  d.client("GET / HTTP/1.0\r\nHost: h\r\n\r\n");
  d.connected();
  d.client_room(0);
  d.backend("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n");
  d.backend_eof();
  EXPECT_EQ(d.manner(), DownstreamManner::keep);
  EXPECT_TRUE(d.recorder.ends().empty());
  d.client_room(Dialogue::kUnlimited);
  EXPECT_TRUE(d.to_client().ends_with("\r\n\r\nhe"));
  EXPECT_EQ(d.manner(), DownstreamManner::abort_after_flush);
  EXPECT_EQ(d.end().reason, Reason::upstream_truncated);
  EXPECT_EQ(d.until_deadline(), 30s) << "and not for ever";
  d.after(30s);
  EXPECT_EQ(d.manner(), DownstreamManner::abort);
}

TEST(RelayBroken, Http10WithALengthNeedsNoReset) {
  Dialogue d;
  d.client("GET / HTTP/1.0\r\nHost: h\r\n\r\n");
  d.connected();
  d.backend("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
  d.backend_eof();
  d.after(150ms);
  EXPECT_EQ(d.manner(), DownstreamManner::finish);
}

TEST(RelayBroken, AMalformedChunkInTheMiddle) {
  Dialogue d;
  d.client(kGet);
  d.connected();
  d.backend("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\nzz\r\n");
  EXPECT_TRUE(d.to_client().ends_with("2\r\nhe\r\n"));
  d.after(150ms);
  EXPECT_EQ(d.manner(), DownstreamManner::finish);
  EXPECT_EQ(d.end().reason, Reason::protocol_error);
  EXPECT_EQ(d.end().closed_by, ClosedBy::upstream);
}

// ---- Broken requests
// --------------------------------------------------------------------------------------------------

TEST(RelayRefused, MalformedIsAnsweredAndTheConnectionEnds) {
  Dialogue d;
  d.client("GET / HTTP/1.1\r\nNo colon\r\n\r\n");
  const std::string answer = d.to_client();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 Bad Request\r\n")) << answer;
  EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos);
  EXPECT_EQ(d.manner(), DownstreamManner::finish);
  EXPECT_EQ(d.end().reason, Reason::protocol_error);
  EXPECT_EQ(d.end().client, "192.0.2.7:51412");
  EXPECT_EQ(d.counted(Counted::request_rejected), 1U);
  d.client(kGet);
  EXPECT_EQ(d.to_client(), "");
  EXPECT_EQ(d.recorder.ends().size(), 1U);
}

TEST(RelayRefused, BehindAGoodRequest) {
  Dialogue d;
  d.client(std::string(kGet) + "GET /\r\n\r\n");
  d.connected();
  d.backend(kOk);
  const std::string answers = d.to_client();
  EXPECT_TRUE(answers.starts_with(std::string(kOk) + "HTTP/1.1 400")) << answers;
  EXPECT_EQ(d.recorder.ends().size(), 2U);
}

TEST(RelayRefused, ABrokenBodyBeforeTheResponse) {
  Dialogue d;
  d.client("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  d.connected();
  d.client("2\r\nhe\r\n5;\nxx");
  EXPECT_TRUE(d.to_client().starts_with("HTTP/1.1 400"));
  EXPECT_EQ(d.manner(), DownstreamManner::finish);
  EXPECT_EQ(d.end().reason, Reason::protocol_error);
}

TEST(RelayRefused, ABrokenBodyThatWaitedForTheConnection) {
  Dialogue d;
  d.client("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\njunk\r\n");
  d.connected();
  EXPECT_TRUE(d.to_client().starts_with("HTTP/1.1 400"));
  EXPECT_EQ(d.to_backend(), "") << "not even its head";
  EXPECT_EQ(d.end().reason, Reason::protocol_error);
}

TEST(RelayRefused, ABrokenBodyUnderTheResponse) {
  Dialogue d;
  d.client("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  d.connected();
  d.backend("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n");
  d.client("junk\r\n");
  EXPECT_TRUE(d.to_client().ends_with("\r\n\r\n2\r\nok\r\n")) << "no end of our own making";
  d.after(150ms);
  EXPECT_EQ(d.manner(), DownstreamManner::finish);
  EXPECT_EQ(d.end().reason, Reason::protocol_error);
  EXPECT_EQ(d.end().closed_by, ClosedBy::sidecar);
}

TEST(RelayRefused, AHeadThatIsTooLongAndOneThatIsTooSlow) {
  PolicySet policies = test::one_upstream();
  policies.limits.head_bytes = 64;
  Dialogue d(policies);
  d.client("GET / HTTP/1.1\r\nX: " + std::string(100, 'x'));
  EXPECT_TRUE(d.to_client().starts_with("HTTP/1.1 431"));

  Dialogue slow;
  slow.client("G");
  EXPECT_EQ(slow.until_deadline(), 10s);
  slow.after(5s);
  slow.client("E");
  EXPECT_EQ(slow.until_deadline(), 5s) << "a byte now and then buys no time";
  slow.after(5s);
  EXPECT_TRUE(slow.to_client().starts_with("HTTP/1.1 408"));
  EXPECT_EQ(slow.manner(), DownstreamManner::finish);
  EXPECT_EQ(slow.end().reason, Reason::protocol_error);
}

TEST(RelayRefused, AnIdleConnectionIsClosedWithoutAWord) {
  Dialogue d;
  d.client("\r\n\r\n");
  d.after(75s);
  EXPECT_EQ(d.manner(), DownstreamManner::close);
  EXPECT_EQ(d.to_client(), "");
  EXPECT_TRUE(d.recorder.records.empty());
}

TEST(RelayRefused, AHeadThatTheClientGivesUp) {
  Dialogue d;
  d.client("GET / HT");
  d.client_eof();
  EXPECT_EQ(d.manner(), DownstreamManner::close);
  EXPECT_TRUE(d.recorder.records.empty());
}

}  // namespace
}  // namespace sidecar::exchange
