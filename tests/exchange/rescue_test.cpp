#include "exchange/rescue.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sidecar::exchange {
namespace {

using namespace std::chrono_literals;
using http::Field;

constexpr TimePoint kStart = TimePoint{} + 1h;

struct Asked : testing::Test {
  std::unique_ptr<Rescue> rescue() const {
    http::RequestHead head;
    head.method = method;
    head.target = "/s";
    head.fields = fields;
    return Rescue::for_request(head, {}, prepared, route, kStart);
  }

  std::string method = "GET";
  std::vector<Field> fields{{"Host", "app.example"}, {"Accept", "text/event-stream"}};
  PreparedRequest prepared{true, true, false};
  RoutePolicy route;
};

TEST_F(Asked, NothingUnlessTheRouteSaysSo) {
  EXPECT_EQ(rescue(), nullptr);
}

TEST_F(Asked, OpensInTimeWhatCanOnlyBeAStream) {
  route.event_stream.early_open.after = 5s;
  ASSERT_NE(rescue(), nullptr);
  EXPECT_EQ(rescue()->open_at(), kStart + 5s);
  fields[1].value = "text/event-stream, application/json";
  EXPECT_EQ(rescue(), nullptr);
  fields = {{"Host", "app.example"}, {"Accept", "text/event-stream"}, {"Origin", "https://other.example"}};
  EXPECT_EQ(rescue(), nullptr) << "a page of another origin could not read it";
  fields[2].value = "https://app.example";
  EXPECT_NE(rescue(), nullptr);
  method = "POST";
  EXPECT_EQ(rescue(), nullptr);
  route.event_stream.early_open.always = true;
  EXPECT_NE(rescue(), nullptr);
  method = "HEAD";
  EXPECT_EQ(rescue(), nullptr);
}

TEST_F(Asked, AsksAgainForAWhile) {
  route.event_stream.unavailable.hold = 10s;
  const auto asked = rescue();
  ASSERT_NE(asked, nullptr);
  Random random(1);
  TimePoint now = kStart;
  Milliseconds longest{0};
  int attempts = 0;
  while (const auto wait = asked->next_wait(route.event_stream, now, random)) {
    EXPECT_GE(*wait, 125ms);
    EXPECT_LE(*wait, 4s);
    longest = std::max(longest, *wait);
    now += *wait;
    ++attempts;
  }
  EXPECT_LE(now, kStart + 10s);
  EXPECT_GT(longest, 1s) << "the waits grow";
  EXPECT_GE(attempts, 4);
  prepared.repeatable = false;
  EXPECT_EQ(rescue()->next_wait(route.event_stream, kStart, random), std::nullopt);
}

TEST_F(Asked, TellsAnAnswerAsAnEvent) {
  route.event_stream.error_event.event = "upstream_error";
  const auto asked = rescue();
  ASSERT_NE(asked, nullptr);
  const std::vector<Field> sent{{"Content-Type", "application/json"}};
  http::ResponseHead head;
  head.status = 401;
  head.reason = "No \"entry\"";
  head.fields = sent;
  asked->note_answer(head);
  EXPECT_FALSE(asked->collect("line\n"));
  std::string event;
  asked->append_event(route.event_stream, true, event);
  EXPECT_EQ(event,
            "retry: 10000\nevent: upstream_error\ndata: {\"status\":401,\"reason\":\"No \\\"entry\\\"\","
            "\"content_type\":\"application/json\",\"body\":\"line\\u000a\"}\n\n");
}

TEST_F(Asked, TellsNoMoreThanFourKibibytesOfTextAndNoHalfCharacter) {
  route.event_stream.error_event.event = "e";
  const auto asked = rescue();
  http::ResponseHead head;
  head.status = 500;
  asked->note_answer(head);
  EXPECT_TRUE(asked->collect(std::string(4095, 'x') + "\xc3\xa4" + std::string(5000, 'y')));
  std::string event;
  asked->append_event(route.event_stream, false, event);
  EXPECT_NE(event.find("\"body\":\"" + std::string(4095, 'x') + "\"}"), std::string::npos);
  asked->note_answer(head);
  static_cast<void>(asked->collect("\xff"));
  event.clear();
  asked->append_event(route.event_stream, false, event);
  EXPECT_EQ(event, "event: e\ndata: {\"status\":500}\n\n");
}

}  // namespace
}  // namespace sidecar::exchange
