#include "exchange/policy.hpp"

#include <gtest/gtest.h>

namespace sidecar::exchange {
namespace {

using sse::LineEnding;
using sse::Position;

std::string beat(HeartbeatForm form) {
  HeartbeatPolicy policy;
  policy.form = form;
  policy.text = "t";
  policy.event = "ping";
  policy.data = "1";
  policy.bytes = "\n";
  policy.make_insertion();
  return std::string(policy.insertion.at(Position::boundary, LineEnding::lf));
}

TEST(Policy, EveryFormOfAHeartbeatHasItsBytes) {
  EXPECT_EQ(beat(HeartbeatForm::comment), ": t\n\n");
  EXPECT_EQ(beat(HeartbeatForm::comment_line), ": t\n");
  EXPECT_EQ(beat(HeartbeatForm::event), "event: ping\ndata: 1\n\n");
  EXPECT_EQ(beat(HeartbeatForm::bytes), "\n");
  EXPECT_EQ(beat(HeartbeatForm::off), "");
}

TEST(Policy, AnOpeningIsOneBlock) {
  OpeningPolicy opening;
  opening.make_bytes({});
  EXPECT_EQ(opening.bytes, "");
  opening.comment = "hello";
  opening.retry = Milliseconds{1500};
  opening.event = "open";
  opening.make_bytes({});
  EXPECT_EQ(opening.bytes, ": hello\nretry: 1500\nevent: open\ndata: {}\n\n");
  EXPECT_EQ(opening.without_retry, ": hello\nevent: open\ndata: {}\n\n");
  opening = {};
  opening.retry = Milliseconds{1};
  opening.make_bytes({});
  EXPECT_EQ(opening.bytes, "retry: 1\n\n");
  EXPECT_EQ(opening.without_retry, "");
}

TEST(Policy, AnOpeningWithoutAnEventHasNoBlankLineForClientsThatTakeItForOne) {
  HeartbeatPolicy heartbeat;
  heartbeat.form = HeartbeatForm::comment_line;
  OpeningPolicy opening;
  opening.comment = "hello";
  opening.retry = Milliseconds{1500};
  opening.make_bytes(heartbeat);
  EXPECT_EQ(opening.bytes, ": hello\nretry: 1500\n");
  EXPECT_EQ(opening.without_retry, ": hello\n");
  opening.event = "open";
  opening.make_bytes(heartbeat);
  EXPECT_EQ(opening.bytes, ": hello\nretry: 1500\nevent: open\ndata: {}\n\n");
}

TEST(Policy, AnErrorEventCoversItsStatuses) {
  ErrorEventPolicy policy;
  policy.statuses = {{401, 401}, {500, 599}};
  EXPECT_FALSE(policy.covers(401)) << "off";
  policy.event = "upstream_error";
  for (const int covered : {401, 500, 503, 599}) EXPECT_TRUE(policy.covers(covered)) << covered;
  for (const int other : {200, 400, 402, 499, 600}) EXPECT_FALSE(policy.covers(other)) << other;
}

}  // namespace
}  // namespace sidecar::exchange
