#include <gtest/gtest.h>

#include <string>

#include "exchange/relay.hpp"
#include "tests/exchange/dialogue.hpp"

// A connection that may turn out to speak HTTP/2 with prior knowledge, and is somebody else's then.
namespace sidecar::exchange {
namespace {

using namespace std::chrono_literals;
using test::Dialogue;

constexpr const char* kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr const char* kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

struct Either : Dialogue {
  Either() { relay.expect_http2(); }

  std::string waiting() { return std::string(codec.received().join({})); }
};

TEST(RelayHttp2, IsHandedOverWithEverythingThatCame) {
  Either d;
  d.client(std::string(kPreface) + "\1\2\3");
  EXPECT_EQ(d.manner(), DownstreamManner::hand_over);
  EXPECT_EQ(d.waiting(), std::string(kPreface) + "\1\2\3");
  EXPECT_EQ(d.relay.peer().text, "192.0.2.7:51412");
  EXPECT_EQ(d.to_client(), "");
  EXPECT_TRUE(d.recorder.ends().empty());
  EXPECT_LT(d.until_deadline(), 0s) << "it is not ours any more";
}

TEST(RelayHttp2, IsRecognisedByteByByte) {
  Either d;
  const std::string_view preface = kPreface;
  for (std::size_t i = 0; i + 1 < preface.size(); ++i) {
    d.client(preface.substr(i, 1));
    ASSERT_EQ(d.manner(), DownstreamManner::keep) << i;
    ASSERT_EQ(d.until_deadline(), 10s) << "a head has begun";
  }
  d.client(preface.substr(preface.size() - 1));
  EXPECT_EQ(d.manner(), DownstreamManner::hand_over);
  EXPECT_EQ(d.waiting(), preface);
}

TEST(RelayHttp2, APrefaceThatStopsIsAHeadThatStops) {
  Either d;
  d.client("PRI * HTTP/2.0\r\n\r\n");
  d.after(10s);
  EXPECT_EQ(d.to_client().substr(0, 12), "HTTP/1.1 408");
}

TEST(RelayHttp2, WhatOnlyBeginsLikeItIsHttp1) {
  for (const std::string method : {"P", "PR", "PRI", "POST", "PRINT"}) {
    Either d;
    d.client(method.substr(0, 1));
    d.client(method.substr(1) + std::string(kGet).substr(3));
    EXPECT_EQ(d.manner(), DownstreamManner::keep) << method;
    d.connected();
    EXPECT_EQ(d.to_backend().substr(0, method.size() + 3), method + " /a");
  }
}

TEST(RelayHttp2, IsNotExpectedBehindTheFirstRequest) {
  Either d;
  d.client(kGet);
  d.connected();
  d.backend("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  static_cast<void>(d.to_client());
  d.client(kPreface);
  EXPECT_EQ(d.to_client().substr(0, 12), "HTTP/1.1 505");
}

TEST(RelayHttp2, IsNotExpectedWhereNobodySaysSo) {
  Dialogue d;
  d.client(kPreface);
  EXPECT_EQ(d.to_client().substr(0, 12), "HTTP/1.1 505");
}

TEST(RelayHttp2, AnOfferOfItIsWrittenDownAndNotTakenUp) {
  Dialogue d;
  d.client(
      "GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
      "HTTP2-Settings: AAMAAABk\r\n\r\n");
  d.connected();
  EXPECT_EQ(d.to_backend(), "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_EQ(d.recorder.records.size(), 1U);
  EXPECT_EQ(d.recorder.records[0].event, LifecycleEvent::downgrade);
  EXPECT_EQ(d.recorder.records[0].detail, "h2c_upgrade");
  EXPECT_EQ(d.recorder.records[0].target, "/a");
  d.backend("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  d.client("GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  EXPECT_EQ(d.recorder.records.size(), 2U) << "another offer is not worth a line";
}

TEST(RelayHttp2, FollowsAProxyHeader) {
  Either d;
  d.relay.expect_proxy_header(d.now, d.bench);
  d.client("PROXY TCP4 192.0.2.1 192.0.2.2 80 443\r\n" + std::string(kPreface).substr(0, 5));
  EXPECT_EQ(d.manner(), DownstreamManner::keep);
  d.client(std::string(kPreface).substr(5));
  EXPECT_EQ(d.manner(), DownstreamManner::hand_over);
  EXPECT_EQ(d.waiting(), kPreface);
  EXPECT_EQ(d.relay.peer().text, "192.0.2.1:80");
}

}  // namespace
}  // namespace sidecar::exchange
