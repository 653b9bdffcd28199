#include "http/h2_stream.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tests/http/h2_dialogue.hpp"

// How a stream ends: by the client, by its exchange, before its time.
namespace sidecar::test {
namespace {

constexpr http::BodySize kUnknown{http::BodySize::Kind::unknown, 0};

TEST(H2Stream, ACancelledRequestIsLost) {
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

TEST(H2Stream, ARequestCancelledBeforeAnybodyKnewOfItNeverWas) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request()) + h2::reset(1) + h2::headers(3, h2::request()));
  EXPECT_EQ(d.seen(), "3 GET / [Host: h] none\n3 end\n");
  EXPECT_EQ(d.connection.streams(), 1U);
  d.client(h2::headers(5, h2::request(), h2::kEndStream));  // Its CONTINUATION never comes.
  EXPECT_EQ(d.connection.streams(), 2U);
  EXPECT_EQ(d.seen(), "");
}

TEST(H2Stream, AResetBehindTheWholeResponseIsNoLoss) {
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

TEST(H2Stream, AnAnswerBeforeTheEndOfTheRequestTellsTheClientToStop) {
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

TEST(H2Stream, ATruncatedResponseIsResetBehindItsLastByte) {
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

TEST(H2Stream, ATruncatedResponseThatIsOutAlready) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request()));
  d.head(1, 200, kUnknown);
  d.body(1, "abc");
  EXPECT_EQ(d.to_client(), "HEADERS 1 [:status: 200]\nDATA 1 'abc'\n");
  d.finish(1);
  EXPECT_EQ(d.to_client(), "RST_STREAM 1 INTERNAL_ERROR\n");
}

TEST(H2Stream, TruncatedBehindAClosedWindow) {
  H2Dialogue d;
  d.client(h2::settings({{4, 3}}) + h2::headers(1, h2::request()));
  d.head(1, 200, kUnknown);
  d.body(1, "abcdef");
  d.finish(1);
  EXPECT_EQ(d.to_client(), "SETTINGS ack\nHEADERS 1 [:status: 200]\nDATA 1 'abc'\n");
  d.client(h2::window_update(1, 3));
  EXPECT_EQ(d.to_client(), "DATA 1 'def'\nRST_STREAM 1 INTERNAL_ERROR\n");
}

TEST(H2Stream, TruncatedWithNothingButItsHead) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request()) + h2::headers(3, h2::request()));
  d.head(1, 200, kUnknown);
  d.finish(1);
  d.finish(3);
  EXPECT_EQ(d.to_client(), "HEADERS 1 [:status: 200]\nRST_STREAM 3 INTERNAL_ERROR\nRST_STREAM 1 INTERNAL_ERROR\n");
}

TEST(H2Stream, AnAbortWaitsForNothing) {
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

TEST(H2Stream, WhatIsReleasedTooEarlyIsCut) {
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

}  // namespace
}  // namespace sidecar::test
