#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/http/h2_dialogue.hpp"

// What nghttp2 keeps for us: windows of both directions, and what the client's settings change.
namespace sidecar::test {
namespace {

using Settings = http::H2Connection::Settings;

constexpr http::BodySize kUnknown{http::BodySize::Kind::unknown, 0};
constexpr std::uint16_t kHeaderTableSize = 1;
constexpr std::uint16_t kInitialWindowSize = 4;
constexpr std::uint16_t kMaxFrameSize = 5;

TEST(H2Session, ABigBodyGoesThroughTinyWindows) {
  H2Dialogue d;
  d.client(h2::settings({{kInitialWindowSize, 7}}) + h2::headers(1, h2::request()));
  d.head(1, 200, kUnknown);
  d.body(1, "0123456789abcdefghij");
  d.end(1);
  d.finish(1);
  EXPECT_EQ(d.to_client(), "SETTINGS ack\nHEADERS 1 [:status: 200]\nDATA 1 '0123456'\n");
  EXPECT_EQ(d.stream(1).pending(), 14U);
  d.client(h2::window_update(1, 1));
  EXPECT_EQ(d.to_client(), "DATA 1 '7'\n");
  EXPECT_EQ(d.to_client(), "");
  d.client(h2::window_update(1, 100));
  EXPECT_EQ(d.to_client(), "DATA 1 '89abcdefghij' end\n");
  EXPECT_EQ(d.stream(1).pending(), 0U);
}

TEST(H2Session, ABodyOfManyWindowsOfTheConnection) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request()));
  d.head(1, 200, {http::BodySize::Kind::length, 300'000});
  std::string rest(300'000, 'x');
  std::size_t got = 0;
  for (int turn = 0; turn < 10 && got < 300'000; ++turn) {
    d.body(1, rest.substr(0, 40'000));
    rest.erase(0, std::min<std::size_t>(rest.size(), 40'000));
    if (rest.empty()) d.end(1);
    const std::string text = d.to_client();
    const auto size = static_cast<std::size_t>(std::count(text.begin(), text.end(), 'x'));
    got += size;
    if (size > 0)
      d.client(h2::window_update(0, static_cast<std::uint32_t>(size)) +
               h2::window_update(1, static_cast<std::uint32_t>(size)));
  }
  EXPECT_EQ(got, 300'000U);
  EXPECT_EQ(d.stream(1).pending(), 0U);
}

TEST(H2Session, AStreamThatIsNotReadHoldsUpNoOther) {
  H2Dialogue d;
  d.client(h2::settings({{kInitialWindowSize, 10}}) + h2::headers(1, h2::request()) + h2::headers(3, h2::request()));
  for (const int id : {1, 3}) d.head(id, 200, kUnknown);
  d.body(1, std::string(20, 'a'));
  d.body(3, "b");
  static_cast<void>(d.to_client());
  d.body(3, "c");
  EXPECT_EQ(d.to_client(), "DATA 3 'c'\n");
  EXPECT_EQ(d.stream(1).pending(), 10U);
}

TEST(H2Session, AWindowMayShrinkBelowZero) {
  H2Dialogue d;
  d.client(h2::settings({{kInitialWindowSize, 10}}) + h2::headers(1, h2::request()));
  d.head(1, 200, kUnknown);
  d.body(1, "0123456789abcdef");
  EXPECT_EQ(d.to_client(), "SETTINGS ack\nHEADERS 1 [:status: 200]\nDATA 1 '0123456789'\n");
  d.client(h2::settings({{kInitialWindowSize, 4}}));  // Six less than nothing.
  d.client(h2::window_update(1, 6));
  EXPECT_EQ(d.to_client(), "SETTINGS ack\n");
  d.client(h2::window_update(1, 2));
  EXPECT_EQ(d.to_client(), "DATA 1 'ab'\n");
  d.client(h2::settings({{kInitialWindowSize, 6}}));
  EXPECT_EQ(d.to_client(), "SETTINGS ack\nDATA 1 'cd'\n");
}

TEST(H2Session, TheLengthOfFramesIsTheClientsToAllow) {
  H2Dialogue d;
  d.client(h2::settings({{kMaxFrameSize, 16'777'215}, {kInitialWindowSize, 1'000'000}}) +
           h2::window_update(0, 1'000'000) + h2::headers(1, h2::request()));
  d.head(1, 200, kUnknown);
  d.body(1, std::string(100'000, 'a'));
  static_cast<void>(d.to_client());
  EXPECT_EQ(d.reader.longest_data(), 16'384U);  // More would only let others wait.
  d.client(h2::settings({{kMaxFrameSize, 16'383}}));
  EXPECT_NE(d.to_client().find("GOAWAY 1 PROTOCOL_ERROR\n"), std::string::npos);
}

TEST(H2Session, NothingIsRememberedForAClientThatWantsNoTable) {
  H2Dialogue d;
  d.client(h2::settings({{kHeaderTableSize, 0}}));
  d.client(h2::headers(1, h2::request()) + h2::headers(3, h2::request()));
  static_cast<void>(d.to_client());
  std::size_t sizes[2] = {};
  for (const int id : {1, 3}) {
    d.head(id, 200, kUnknown, {{"x-repeated", "a value that a table would hold"}});
    const std::string bytes = d.bytes_to_client();
    sizes[id / 2] = bytes.size();
    EXPECT_EQ(d.reader.read(bytes),
              "HEADERS " + std::to_string(id) + " [:status: 200] [x-repeated: a value that a table would hold]\n");
  }
  // The first one begins with the change of the table's size (RFC 7541 §6.3).
  EXPECT_EQ(sizes[0], sizes[1] + 1);
}

TEST(H2Session, WhatWaitsUnreadIsBoundedByTheWindow) {
  Settings settings;
  settings.stream_window = 100;
  H2Dialogue d(settings);
  d.leave_bodies();
  d.client(h2::headers(1, h2::request("POST"), h2::kEndHeaders) + h2::data(1, std::string(100, 'a')));
  EXPECT_EQ(d.seen(), "1 POST / [Host: h] chunked\n");
  EXPECT_EQ(d.stream(1).received().size(), 100U);
  EXPECT_EQ(d.to_client(), "");
  d.take_bodies();
  EXPECT_EQ(d.seen(), "1 '" + std::string(100, 'a') + "'\n");
  EXPECT_EQ(d.to_client(), "WINDOW_UPDATE 1 100\n");
  EXPECT_EQ(d.stream(1).received().memory(), 0U);
}

TEST(H2Session, MoreThanTheWindowIsAnError) {
  Settings settings;
  settings.stream_window = 100;
  H2Dialogue d(settings);
  d.leave_bodies();
  d.client(h2::headers(1, h2::request("POST"), h2::kEndHeaders) + h2::data(1, std::string(101, 'a')));
  EXPECT_EQ(d.to_client(), "RST_STREAM 1 FLOW_CONTROL_ERROR\n");
  EXPECT_EQ(d.seen(), "1 POST / [Host: h] chunked\n1 lost FLOW_CONTROL_ERROR\n");
}

TEST(H2Session, MoreThanTheWindowOfTheConnectionIsTheEndOfIt) {
  Settings settings;
  settings.stream_window = 100'000;
  settings.connection_window = 100'000;
  H2Dialogue d(settings);
  d.leave_bodies();
  d.client(h2::headers(1, h2::request("POST"), h2::kEndHeaders) + h2::headers(3, h2::request("POST"), h2::kEndHeaders));
  for (int i = 0; i < 6; ++i) {
    for (const int id : {1, 3}) d.client(h2::data(static_cast<std::uint32_t>(id), std::string(10'000, 'a')));
  }
  EXPECT_EQ(d.to_client(), "GOAWAY 3 FLOW_CONTROL_ERROR\n");
  EXPECT_TRUE(d.connection.over());
  EXPECT_TRUE(d.stream(1).lost());
  EXPECT_TRUE(d.stream(3).lost());
}

TEST(H2Session, AReleasedStreamGivesItsShareOfTheConnectionBack) {
  Settings settings;
  settings.stream_window = 60'000;
  settings.connection_window = 70'000;
  H2Dialogue d(settings);
  d.leave_bodies();
  for (std::uint32_t id = 1; id < 20; id += 2) {
    d.client(h2::headers(id, h2::request("POST"), h2::kEndHeaders));
    for (int i = 0; i < 4; ++i) d.client(h2::data(id, std::string(15'000, 'a')));
    d.release(static_cast<std::int32_t>(id));
    const std::string text = d.to_client();
    EXPECT_NE(text.find("WINDOW_UPDATE 0 60000\n"), std::string::npos) << text;
    EXPECT_NE(text.find("RST_STREAM " + std::to_string(id) + " INTERNAL_ERROR\n"), std::string::npos) << text;
  }
  EXPECT_FALSE(d.connection.over());
}

TEST(H2Session, DataBehindAFinishedExchangeIsThrownAwayAndGivenBack) {
  Settings settings;
  settings.stream_window = 60'000;
  settings.connection_window = 70'000;
  H2Dialogue d(settings);
  d.client(h2::headers(1, h2::request("POST"), h2::kEndHeaders));
  d.answer(1, "no");
  for (int i = 0; i < 4; ++i) d.client(h2::data(1, std::string(15'000, 'a')));
  EXPECT_EQ(d.stream(1).received().size(), 0U);
  EXPECT_NE(d.to_client().find("WINDOW_UPDATE 0 "), std::string::npos);
  d.client(h2::data(1, std::string(15'000, 'a')) + h2::data(1, std::string(15'000, 'a')));
  EXPECT_FALSE(d.connection.over());
  EXPECT_EQ(d.seen(), "1 POST / [Host: h] chunked\n");
}

TEST(H2Session, PaddingCountsAndIsGivenBack) {
  Settings settings;
  settings.stream_window = 300;
  H2Dialogue d(settings);
  d.leave_bodies();
  d.client(h2::headers(1, h2::request("POST"), h2::kEndHeaders) +
           h2::frame(h2::kData, h2::kPadded, 1, std::string(1, '\xfa') + "abc" + std::string(250, '\0')));
  EXPECT_EQ(d.stream(1).received().size(), 3U);
  EXPECT_EQ(d.to_client(), "WINDOW_UPDATE 1 251\n");
}

}  // namespace
}  // namespace sidecar::test
