#include <gtest/gtest.h>

#include <string>

#include "tests/http/h2_dialogue.hpp"

// How streams and connections end: by the client, by the exchange, by a drain.
namespace sidecar::test {
namespace {

using Settings = http::H2Connection::Settings;
using Mode = http::H2Connection::Mode;

constexpr http::BodySize kUnknown{http::BodySize::Kind::unknown, 0};

TEST(H2Ends, ACancelledRequestIsLost) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request()));
  d.head(1, 200, kUnknown);
  d.body(1, "abc");
  static_cast<void>(d.seen());
  d.client(h2::reset(1));
  EXPECT_EQ(d.seen(), "1 lost CANCEL\n");
  EXPECT_EQ(d.stream(1).pending(), 0U);
  d.body(1, "more");  // Goes nowhere.
  d.end(1);
  d.finish(1);
  EXPECT_EQ(d.to_client(), "");
  d.release(1);
  EXPECT_EQ(d.to_client(), "");
  EXPECT_EQ(d.connection.streams(), 0U);
}

TEST(H2Ends, ARequestCancelledBeforeAnybodyKnewOfItNeverWas) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request()) + h2::reset(1) + h2::headers(3, h2::request()));
  EXPECT_EQ(d.seen(), "3 GET / [Host: h] none\n3 end\n");
  EXPECT_EQ(d.connection.streams(), 1U);
  d.client(h2::headers(5, h2::request(), h2::kEndStream));  // Its CONTINUATION never comes.
  EXPECT_EQ(d.connection.streams(), 2U);
  EXPECT_EQ(d.seen(), "");
}

TEST(H2Ends, AResetBehindTheWholeResponseIsNoLoss) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request("POST"), h2::kEndHeaders));
  d.head(1, 200, kUnknown);
  d.end(1);
  EXPECT_EQ(d.to_client(), "HEADERS 1 [:status: 200]\nDATA 1 end\n");
  static_cast<void>(d.seen());
  d.client(h2::reset(1, 0));
  EXPECT_EQ(d.seen(), "");
  EXPECT_FALSE(d.stream(1).lost());
}

TEST(H2Ends, AnAnswerBeforeTheEndOfTheRequestTellsTheClientToStop) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request("POST"), h2::kEndHeaders) + h2::data(1, "abc"));
  d.answer(1, "enough");
  EXPECT_EQ(d.to_client(),
            "HEADERS 1 [:status: 200] [content-length: 6]\nDATA 1 'enough' end\nRST_STREAM 1 NO_ERROR\n");
  EXPECT_FALSE(d.stream(1).lost());
  d.client(h2::data(1, "too late"));
  d.release(1);
  EXPECT_EQ(d.to_client(), "");
  EXPECT_FALSE(d.connection.over());
}

TEST(H2Ends, ATruncatedResponseIsResetBehindItsLastByte) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request()));
  d.head(1, 200, {http::BodySize::Kind::length, 100});
  d.body(1, "abc");
  d.finish(1);
  EXPECT_EQ(d.stream(1).pending(), 4U);
  EXPECT_EQ(d.to_client(),
            "HEADERS 1 [:status: 200] [content-length: 100]\nDATA 1 'abc'\nRST_STREAM 1 INTERNAL_ERROR\n");
  EXPECT_FALSE(d.stream(1).lost());  // It was wanted.
}

TEST(H2Ends, ATruncatedResponseThatIsOutAlready) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request()));
  d.head(1, 200, kUnknown);
  d.body(1, "abc");
  EXPECT_EQ(d.to_client(), "HEADERS 1 [:status: 200]\nDATA 1 'abc'\n");
  d.finish(1);
  EXPECT_EQ(d.to_client(), "RST_STREAM 1 INTERNAL_ERROR\n");
}

TEST(H2Ends, TruncatedBehindAClosedWindow) {
  H2Dialogue d;
  d.client(h2::settings({{4, 3}}) + h2::headers(1, h2::request()));
  d.head(1, 200, kUnknown);
  d.body(1, "abcdef");
  d.finish(1);
  EXPECT_EQ(d.to_client(), "SETTINGS ack\nHEADERS 1 [:status: 200]\nDATA 1 'abc'\n");
  d.client(h2::window_update(1, 3));
  EXPECT_EQ(d.to_client(), "DATA 1 'def'\nRST_STREAM 1 INTERNAL_ERROR\n");
}

TEST(H2Ends, TruncatedWithNothingButItsHead) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request()) + h2::headers(3, h2::request()));
  d.head(1, 200, kUnknown);
  d.finish(1);
  d.finish(3);
  EXPECT_EQ(d.to_client(), "HEADERS 1 [:status: 200]\nRST_STREAM 3 INTERNAL_ERROR\nRST_STREAM 1 INTERNAL_ERROR\n");
}

TEST(H2Ends, AnAbortWaitsForNothing) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request()));
  d.head(1, 200, kUnknown);
  static_cast<void>(d.to_client());
  d.body(1, std::string(100'000, 'a'));
  d.stream(1).abort();
  EXPECT_EQ(d.stream(1).pending(), 0U);
  EXPECT_EQ(d.to_client(), "RST_STREAM 1 CANCEL\n");
  d.release(1);
  EXPECT_EQ(d.to_client(), "");
}

TEST(H2Ends, WhatIsReleasedTooEarlyIsCut) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request()) + h2::headers(3, h2::request()));
  d.head(1, 200, kUnknown);
  d.body(1, "abc");
  static_cast<void>(d.to_client(12));  // The head, and perhaps more.
  d.body(1, "def");
  d.end(1);
  d.release(1);
  d.release(3);
  const std::string text = d.to_client();
  EXPECT_NE(text.find("RST_STREAM 1 INTERNAL_ERROR\n"), std::string::npos) << text;
  EXPECT_NE(text.find("RST_STREAM 3 INTERNAL_ERROR\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("end"), std::string::npos) << text;
}

TEST(H2Ends, TheConnectionsEndLosesWhatIsNotDone) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request()) + h2::headers(3, h2::request()) + h2::headers(5, h2::request(), 1));
  d.answer(3, "done");
  static_cast<void>(d.to_client());
  static_cast<void>(d.seen());
  d.connection.on_connection_lost();
  d.client("nobody reads this");
  EXPECT_EQ(d.seen(), "1 lost INTERNAL_ERROR\n");
  EXPECT_FALSE(d.stream(3).lost());
  EXPECT_TRUE(d.connection.over());
  EXPECT_FALSE(d.connection.has_output());
  d.release(1);
  d.release(3);
  EXPECT_EQ(d.connection.streams(), 0U);
}

TEST(H2Ends, ADrainServesWhatWasUnderWay) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request()));
  d.connection.go_away();
  EXPECT_EQ(d.to_client(), "PING\nGOAWAY any NO_ERROR\n");
  d.client(h2::headers(3, h2::request()));  // Sent before the client heard of it.
  EXPECT_EQ(d.seen(), "1 GET / [Host: h] none\n1 end\n3 GET / [Host: h] none\n3 end\n");
  d.client(h2::ping(true, std::string(8, '\0')));
  EXPECT_EQ(d.to_client(), "GOAWAY 3 NO_ERROR\n");
  d.client(h2::headers(5, h2::request()));  // It should have known.
  EXPECT_EQ(d.seen(), "");
  EXPECT_FALSE(d.connection.over());
  d.answer(1, "a");
  d.answer(3, "b");
  EXPECT_EQ(d.to_client(),
            "HEADERS 1 [:status: 200] [content-length: 1]\nHEADERS 3 [:status: 200] [content-length: 1]\n"
            "DATA 1 'a' end\nDATA 3 'b' end\n");
  EXPECT_TRUE(d.connection.over());
  EXPECT_EQ(d.connection.broken(), nullptr);
}

TEST(H2Ends, ADrainThatNobodyAnswersIsMadeFinalByTheSecondCall) {
  H2Dialogue d;
  d.connection.go_away();
  EXPECT_EQ(d.to_client(), "PING\nGOAWAY any NO_ERROR\n");
  EXPECT_FALSE(d.connection.over());
  d.connection.go_away();
  d.connection.go_away();
  EXPECT_EQ(d.to_client(), "GOAWAY 0 NO_ERROR\n");
  EXPECT_TRUE(d.connection.over());
}

TEST(H2Ends, AClientThatLeavesLetsItsStreamsEnd) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request()) + h2::goaway());
  EXPECT_FALSE(d.connection.over());
  d.answer(1, "a");
  static_cast<void>(d.to_client());
  EXPECT_TRUE(d.connection.over());
}

TEST(H2Ends, ModeRefuseSendsEveryRequestBackToHttp1) {
  Settings settings;
  settings.mode = Mode::refuse;
  H2Dialogue d(settings, false);
  d.client(h2::hello() + h2::headers(1, h2::request()));
  const std::string first = d.to_client();
  EXPECT_EQ(first.substr(0, 9), "SETTINGS ");
  EXPECT_NE(first.find("\nSETTINGS ack\n"), std::string::npos) << first;
  EXPECT_TRUE(first.ends_with("\nRST_STREAM 1 HTTP_1_1_REQUIRED\n")) << first;
  EXPECT_EQ(d.connection.refused(), 1U);
  EXPECT_FALSE(d.connection.over());  // A GOAWAY now would keep curl from trying again.
  d.client(h2::settings_ack() + h2::headers(3, h2::request("POST"), h2::kEndHeaders) + h2::data(3, "body") +
           h2::data(3, "", true) + h2::window_update(0, 5) + h2::data(1, "late"));
  EXPECT_EQ(d.to_client(), "RST_STREAM 3 HTTP_1_1_REQUIRED\n");
  EXPECT_EQ(d.connection.refused(), 2U);
  d.connection.go_away();
  EXPECT_EQ(d.to_client(), "GOAWAY 3 NO_ERROR\n");
  EXPECT_TRUE(d.connection.over());
  EXPECT_EQ(d.seen(), "");
  EXPECT_EQ(d.connection.streams(), 0U);
}

}  // namespace
}  // namespace sidecar::test
