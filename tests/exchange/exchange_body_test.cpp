#include <gtest/gtest.h>

#include <string>

#include "exchange/relay.hpp"
#include "tests/exchange/dialogue.hpp"

// Many chunks of an event stream in one read.
namespace sidecar::exchange {
namespace {

using namespace std::chrono_literals;
using test::Dialogue;

constexpr const char* kChunkedHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/// A stream that is open, its head already with the client.
struct OpenStream : Dialogue {
  explicit OpenStream(const char* version = "HTTP/1.1") {
    client(std::string("GET /events ") + version + "\r\nHost: h\r\nAccept: text/event-stream\r\n\r\n");
    connected();
    backend(kChunkedHead);
    (void)to_client();
  }
};

/// Whole chunks go on with the lines that they came with, all others with lines of ours; a client of HTTP/1.0 gets
/// none.
TEST(ExchangeBody, ABurstPassesAsItIs) {
  OpenStream d;
  d.backend("9\r\ndata: 0\n\n\r\n");
  (void)d.to_client();
  std::string burst;
  for (int i = 0; i < 200; ++i) burst += i % 2 == 0 ? "9\r\ndata: 1\n\n\r\n" : "000A\r\ndata: 23\n\n\r\n";
  d.backend(burst + "9;x=y\r\ndata: 4\n\n\r\n9\r\ndata");
  EXPECT_EQ(d.to_client(), burst + "9\r\ndata: 4\n\n\r\n4\r\ndata\r\n");
  d.backend(": 5\n\n\r\n" + burst + "0\r\n\r\n");
  EXPECT_EQ(d.to_client(), "5\r\n: 5\n\n\r\n" + burst + "0\r\n\r\n");
  EXPECT_EQ(d.end().events, 403U);
  EXPECT_EQ(d.end().bytes_out, 9U * 3 + 2 * (100U * 9 + 100U * 10));
  EXPECT_EQ(d.end().reason, Reason::complete);
}

TEST(ExchangeBody, ABurstGoesToAClientOfHttp10WithoutItsChunks) {
  OpenStream d("HTTP/1.0");
  d.backend("9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n9\r\ndata: 3\n\n\r\n");
  EXPECT_EQ(d.to_client(), "data: 1\n\ndata: 2\n\ndata: 3\n\n");
}

TEST(ExchangeBody, ABurstEndsAtTheBoundaryBehindItsTime) {
  OpenStream d;
  d.backend("7\r\ndata: a\r\n");
  (void)d.to_client();
  d.drain();
  d.after(3s);
  (void)d.to_client();
  d.backend("2\r\n\n\n\r\n9\r\ndata: b\n\n\r\n9\r\ndata: c\n\n\r\n");
  const std::string out = d.to_client();
  EXPECT_EQ(out.find("data: b"), std::string::npos) << out;
  EXPECT_NE(out.find("2\r\n\n\n\r\n"), std::string::npos) << out;
  EXPECT_EQ(d.end().reason, Reason::drain);
}

/// A byte order mark behind something of ours is dropped, and then all passes.
TEST(ExchangeBody, ABurstBeginsWithAByteOrderMark) {
  OpenStream d;
  d.after(15s);
  (void)d.to_client();
  d.backend("3\r\n\xEF\xBB\xBF\r\n9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n");
  EXPECT_EQ(d.to_client(), "9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n");
}

TEST(ExchangeBody, OfAnOrdinaryResponsePassesAsItIs) {
  Dialogue d;
  d.client("GET /file HTTP/1.1\r\nHost: h\r\n\r\n");
  d.connected();
  d.backend(
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: "
      "chunked\r\n\r\n1\r\na\r\n002\r\nbc\r\n0\r\n\r\n");
  const std::string out = d.to_client();
  EXPECT_TRUE(out.ends_with("\r\n\r\n1\r\na\r\n002\r\nbc\r\n0\r\n\r\n")) << out;
  EXPECT_EQ(d.end().bytes_out, 3U);
}

}  // namespace
}  // namespace sidecar::exchange
