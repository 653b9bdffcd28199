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
    delivery.on_progress(policy, bytes.size(), 0, now, random);
  }
  Outcome beat() { return delivery.on_deadline(policy, source, now, random, sink).outcome; }

  HeartbeatPolicy policy;
  TimePoint now = kStart;
  StreamSource source{sse::StreamKind::insertable, kStart};
  Random random;
  StreamDelivery delivery{policy, kStart, random};
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
  const StreamDelivery::Beat beat = delivery.on_deadline(policy, source, now, random, sink);
  EXPECT_EQ(beat.idle, 20s);
  EXPECT_EQ(beat.bytes, std::string_view(": heartbeat\r\n").size());
}

TEST_F(Delivery, ProgressWithoutBytesIsNoProgress) {
  now += 10s;
  delivery.on_progress(policy, 0, 0, now, random);
  EXPECT_EQ(delivery.deadline(), kStart + 15s);
  delivery.on_progress(policy, 1, 0, now, random);
  EXPECT_EQ(delivery.deadline(), now + 15s);
}

TEST_F(Delivery, BlockedMidLineOpaque) {
  now += 15s;
  delivery.on_progress(policy, 0, 1, now, random);
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
  delivery = StreamDelivery(policy, kStart, random);
  EXPECT_EQ(delivery.deadline(), kNever);
  now += 1000h;
  EXPECT_EQ(beat(), Outcome::early);
}

TEST_F(Delivery, FormOff) {
  policy.form = HeartbeatForm::off;
  delivery = StreamDelivery(policy, kStart, random);
  EXPECT_EQ(delivery.deadline(), kNever);
}

TEST_F(Delivery, JitterIsEarlierAndNeverLater) {
  policy.jitter = 5s;
  TimePoint least = kNever;
  TimePoint most = kStart;
  for (int i = 0; i < 1000; ++i) {
    delivery = StreamDelivery(policy, kStart, random);
    least = std::min(least, delivery.deadline());
    most = std::max(most, delivery.deadline());
  }
  EXPECT_GE(least, kStart + 10s);
  EXPECT_LT(least, kStart + 11s);
  EXPECT_LE(most, kStart + 15s);
  EXPECT_GT(most, kStart + 14s);
}

TEST_F(Delivery, AnEventAtABoundaryAndACommentInsideAnother) {
  policy.form = HeartbeatForm::event;
  policy.event = "ping";
  policy.make_insertion();
  now += 15s;
  EXPECT_EQ(beat(), Outcome::sent);
  EXPECT_EQ(sink.text, "[event: ping\ndata: {}\n\n]");
  arrives("data: a\n");
  sink.text.clear();
  now += 15s;
  EXPECT_EQ(beat(), Outcome::sent);
  EXPECT_EQ(sink.text, "[: heartbeat\n]");
}

TEST_F(Delivery, BytesHaveNoPlaceInsideAnEvent) {
  policy.form = HeartbeatForm::bytes;
  policy.bytes = "\n";
  policy.make_insertion();
  arrives("data: a\n");
  now += 15s;
  EXPECT_EQ(beat(), Outcome::mid_line);
  arrives("\n");
  sink.text.clear();
  now += 15s;
  EXPECT_EQ(beat(), Outcome::sent);
  EXPECT_EQ(sink.text, "[\n]");
}

TEST_F(Delivery, ABomPassesFirstAndIsDroppedBehindAHeartbeat) {
  arrives("\xEF\xBB\xBF");
  EXPECT_EQ(sink.text, "[\xEF\xBB\xBF]");

  delivery = StreamDelivery(policy, kStart, random);
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
