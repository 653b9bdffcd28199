#include "exchange/stream_delivery.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sidecar::exchange {
namespace {

using namespace std::chrono_literals;
using Outcome = StreamDelivery::Outcome;

constexpr TimePoint kStart = TimePoint{} + 1h;

class Text final : public http::ResponseSink {
 public:
  void informational(const http::ResponseHead&) override {}
  void head(const http::ResponseHead&, http::BodySize) override {}
  void switching(const http::ResponseHead&) override {}
  void data(std::string_view bytes) override { text.append("[").append(bytes).append("]"); }
  void end(http::Fields) override {}
  std::string text;
};

class Delivery : public testing::Test {
 protected:
  void arrives(std::string_view bytes) {
    source.on_bytes(bytes, now);
    delivery.pass(bytes, sink);
    delivery.on_progress(policy, bytes.size(), 0, now);
  }
  Outcome beat() { return delivery.on_deadline(policy, source, now, sink).outcome; }

  HeartbeatPolicy policy;
  TimePoint now = kStart;
  StreamSource source{sse::StreamKind::insertable, kStart};
  StreamDelivery delivery{policy, kStart};
  Text sink;
};

TEST_F(Delivery, DueWithinAGridStepOfTheInterval) {
  EXPECT_EQ(delivery.deadline(), kStart + 15s);
  now += 14'950ms;
  EXPECT_EQ(beat(), Outcome::early);
  now += 1ms;
  EXPECT_EQ(beat(), Outcome::sent);
  EXPECT_EQ(beat(), Outcome::early) << "twice is a no-op";
  EXPECT_EQ(sink.text, "[: heartbeat\n\n]");
  EXPECT_EQ(delivery.heartbeats(), 1U);
}

TEST_F(Delivery, TellsTheSilenceAndTheBytes) {
  arrives("data: a\r\n");
  now += 20s;
  const StreamDelivery::Beat beat = delivery.on_deadline(policy, source, now, sink);
  EXPECT_EQ(beat.idle, 20s);
  EXPECT_EQ(beat.bytes, std::string_view(": heartbeat\r\n").size());
}

TEST_F(Delivery, ProgressWithoutBytesIsNoProgress) {
  now += 10s;
  delivery.on_progress(policy, 0, 0, now);
  EXPECT_EQ(delivery.deadline(), kStart + 15s);
  delivery.on_progress(policy, 1, 0, now);
  EXPECT_EQ(delivery.deadline(), now + 15s);
}

TEST_F(Delivery, BlockedMidLineOpaque) {
  now += 15s;
  delivery.on_progress(policy, 0, 1, now);
  EXPECT_EQ(beat(), Outcome::blocked);
  arrives("dat");
  now += 15s;
  EXPECT_EQ(beat(), Outcome::mid_line);
  EXPECT_EQ(delivery.deadline(), now + 15s) << "looked at once an interval";
  source = StreamSource(sse::StreamKind::opaque, now);
  now += 15s;
  EXPECT_EQ(beat(), Outcome::opaque);
  EXPECT_EQ(delivery.heartbeats(), 0U);
}

TEST_F(Delivery, Off) {
  policy.interval = std::nullopt;
  delivery = StreamDelivery(policy, kStart);
  EXPECT_EQ(delivery.deadline(), kNever);
  now += 1000h;
  EXPECT_EQ(beat(), Outcome::early);
}

TEST_F(Delivery, ABomPassesFirstAndIsDroppedBehindAHeartbeat) {
  arrives("\xEF\xBB\xBF");
  EXPECT_EQ(sink.text, "[\xEF\xBB\xBF]");

  delivery = StreamDelivery(policy, kStart);
  source = StreamSource(sse::StreamKind::insertable, kStart);
  now = kStart + 15s;
  EXPECT_EQ(beat(), Outcome::sent);
  sink.text.clear();
  arrives("\xEF\xBB");
  now += 15s;
  EXPECT_EQ(beat(), Outcome::mid_line) << "nothing between the bytes of what may become a BOM";
  arrives("\xBFx");
  EXPECT_EQ(sink.text, "[x]");
}

TEST_F(Delivery, WhatWasHeldBackGoesOutAtTheEnd) {
  now += 15s;
  EXPECT_EQ(beat(), Outcome::sent);
  sink.text.clear();
  arrives("\xEF\xBB");
  EXPECT_EQ(delivery.pass_end(sink), 2U);
  EXPECT_EQ(sink.text, "[\xEF\xBB]");
  EXPECT_EQ(delivery.pass_end(sink), 0U);
}

}  // namespace
}  // namespace sidecar::exchange
