#include "exchange/event_stream.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tests/exchange/gate.hpp"
#include "tests/exchange/recorder.hpp"

namespace sidecar::exchange {
namespace {

using namespace std::chrono_literals;

class Text final : public http::ResponseSink {
 public:
  void informational(const http::ResponseHead&) override {}
  void head(const http::ResponseHead&, http::BodySize) override {}
  void switching(const http::ResponseHead&) override {}
  void data(std::string_view bytes) override { text.append(bytes); }
  void end(http::Fields) override {}
  std::string text;
};

class Unasked final : public http::RequestSink {
 public:
  void head(std::string_view) override {}
  void data(std::string_view) override {}
  void end(http::Fields) override {}
};

struct Streaming : testing::Test {
  EventStream open(sse::StreamKind kind = sse::StreamKind::insertable, bool complete_at_end = false) {
    return EventStream(kind, complete_at_end, policy, turn);
  }
  std::string said() { return std::exchange(sink.text, {}); }

  EventStreamPolicy policy;
  Text sink;
  Unasked upstream;
  http::HeadScratch scratch;
  std::string own_body;
  test::Recorder recorder;
  test::Gate gate;
  Random random{1};
  Turn turn{TimePoint{} + 1h, sink, upstream, scratch, own_body, recorder, gate, random, nullptr};
};

TEST_F(Streaming, EndsAtTheBoundaryBehindItsTime) {
  EventStream stream = open();
  stream.plan_end(turn.now + 5s, Reason::drain);
  stream.plan_end(turn.now + 9s, Reason::max_age);  // Later than what is planned already.
  EXPECT_EQ(stream.planned(), Reason::drain);
  stream.pass("data: a\n", turn);
  turn.now += 5s;
  EXPECT_FALSE(stream.is_time_to_end(turn.now)) << "in the middle of an event";
  EXPECT_FALSE(stream.over());
  stream.pass("\ndata: b\n\n", turn);
  EXPECT_TRUE(stream.over());
  EXPECT_EQ(said(), "data: a\n\n") << "what begins behind the boundary is the next stream's";
}

TEST_F(Streaming, EndsAtOnceBetweenEvents) {
  EventStream stream = open();
  stream.plan_end(turn.now + 1s, Reason::max_age);
  EXPECT_FALSE(stream.is_time_to_end(turn.now));
  EXPECT_TRUE(stream.is_time_to_end(turn.now + 1s));
  EXPECT_EQ(stream.planned(), Reason::max_age);
}

TEST_F(Streaming, AgesWhereItsMethodSaysSo) {
  policy.max_age.after = 280s;
  EventStream get = open();
  get.begin(policy, "GET", turn);
  EXPECT_TRUE(get.is_time_to_end(turn.now + 280s));
  EventStream post = open();
  post.begin(policy, "POST", turn);
  EXPECT_FALSE(post.is_time_to_end(turn.now + 280s));
}

TEST_F(Streaming, SaysWhenToComeBackWithoutABlankLineToClientsThatTakeItForAnEvent) {
  for (const HeartbeatForm form : {HeartbeatForm::comment, HeartbeatForm::comment_line}) {
    policy.heartbeat.form = form;
    EventStream stream = open();
    stream.tell_retry(policy, 2s, 2s, turn);
    EXPECT_EQ(said(), form == HeartbeatForm::comment ? "retry: 2000\n\n" : "retry: 2000\n");
  }
}

TEST_F(Streaming, TellsAnAbnormalEndWhereAnEventIsLegal) {
  policy.end_event = "stream_end";
  EventStream stream = open();
  stream.pass("data: a", turn);
  EXPECT_EQ(stream.tell_end(policy, Reason::upstream_reset, turn), 0U) << "a half event would be dispatched";
  EXPECT_EQ(recorder.counted[Counted::end_event_sent], 0U);
  stream.pass("\r\n\r\n", turn);
  static_cast<void>(said());
  EXPECT_GT(stream.tell_end(policy, Reason::upstream_reset, turn), 0U);
  EXPECT_EQ(said(), "event: stream_end\r\ndata: {\"reason\":\"upstream_reset\"}\r\n\r\n");
  EXPECT_EQ(recorder.counted[Counted::end_event_sent], 1U);
}

TEST_F(Streaming, TellsNobodyWhenToComeBackWhereNothingIsPutIn) {
  EventStream stream = open();
  EXPECT_GT(stream.tell_retry(policy, 1s, 1s, turn), 0U);
  EXPECT_EQ(said(), "retry: 1000\n\n");
  policy.heartbeat.form = HeartbeatForm::off;
  EXPECT_EQ(stream.tell_retry(policy, 1s, 1s, turn), 0U);
  policy.heartbeat = {};
  policy.heartbeat.interval.reset();
  EXPECT_EQ(stream.tell_retry(policy, 1s, 1s, turn), 0U);
  EXPECT_EQ(said(), "");
}

TEST_F(Streaming, CompletesTheLastEventOnlyWhereNothingCanBeMissing) {
  policy.complete_last_event = true;
  for (const bool certain : {false, true}) {
    EventStream stream = open(sse::StreamKind::insertable, certain);
    stream.pass("data: a\n", turn);
    EXPECT_EQ(stream.complete(policy, turn), certain ? 1U : 0U);
    EXPECT_EQ(said(), certain ? "data: a\n\n" : "data: a\n");
  }
}

TEST_F(Streaming, PutsNothingWhereItCannotRead) {
  policy.opening.comment = "hello";
  policy.opening.make_bytes({});
  policy.end_event = "end";
  EventStream stream = open(sse::StreamKind::opaque, true);
  EXPECT_EQ(stream.begin(policy, "GET", turn), 0U);
  EXPECT_EQ(stream.tell_end(policy, Reason::upstream_reset, turn), 0U);
  EXPECT_EQ(said(), "");
  EXPECT_FALSE(stream.insertable());
}

TEST_F(Streaming, BlamesTheBackendForItsSilenceOnly) {
  policy.idle_timeout = 10s;
  EventStream stream = open();
  EXPECT_FALSE(stream.is_idle(policy, turn.now + 9s));
  EXPECT_TRUE(stream.is_idle(policy, turn.now + 10s));
  stream.on_progress(policy, 0, 5, turn);  // The client is behind: the backend is not read.
  EXPECT_FALSE(stream.is_idle(policy, turn.now + 60s));
  turn.now += 60s;
  stream.on_progress(policy, 5, 0, turn);
  EXPECT_FALSE(stream.is_idle(policy, turn.now + 9s));
  EXPECT_TRUE(stream.is_idle(policy, turn.now + 10s));
}

TEST_F(Streaming, TellsTheFirstEventOnce) {
  EventStream stream = open();
  stream.pass("data: a\n", turn);
  EXPECT_FALSE(stream.take_first_event());
  stream.pass("\n", turn);
  EXPECT_TRUE(stream.take_first_event());
  EXPECT_FALSE(stream.take_first_event());
  LifecycleRecord record;
  stream.describe(record, turn.now);
  EXPECT_EQ(record.events, 1U);
}

}  // namespace
}  // namespace sidecar::exchange
