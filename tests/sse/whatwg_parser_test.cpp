#include "tests/support/whatwg_parser.hpp"

#include <gtest/gtest.h>

namespace sidecar::test {
namespace {

using namespace std::string_literals;

/// The examples of WHATWG HTML §9.2.6.
TEST(WhatwgParser, ReadsTheExamplesOfTheStandard) {
  EXPECT_EQ(parse_event_stream("data: YHOO\ndata: +2\ndata: 10\n\n").events,
            (std::vector<WhatwgEvent>{{"message", "YHOO\n+2\n10", ""}}));
  const WhatwgResult four = parse_event_stream(
      ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n");
  EXPECT_EQ(four.events,
            (std::vector<WhatwgEvent>{
                {"message", "first event", "1"}, {"message", "second event", ""}, {"message", " third event", ""}}));
  EXPECT_EQ(parse_event_stream("data\n\ndata\ndata\n\ndata:").events,
            (std::vector<WhatwgEvent>{{"message", "", ""}, {"message", "\n", ""}}));
  EXPECT_EQ(parse_event_stream("data:test\n\ndata: test\n\n").events,
            (std::vector<WhatwgEvent>{{"message", "test", ""}, {"message", "test", ""}}));
}

TEST(WhatwgParser, KeepsIdsAndForgetsTypes) {
  const WhatwgResult result = parse_event_stream("id: 7\nevent: a\n\ndata: x\n\nid: 8\ndata: y\nevent: b\n\nid: 9\n");
  EXPECT_EQ(result.events, (std::vector<WhatwgEvent>{{"message", "x", "7"}, {"b", "y", "8"}}));
  EXPECT_EQ(result.last_event_id, "8");
  EXPECT_EQ(parse_event_stream("id: 7\n\nid: a\0b\n\n"s).last_event_id, "7");
}

TEST(WhatwgParser, TakesDigitsForRetry) {
  EXPECT_EQ(parse_event_stream("retry: 3000\n").retry, 3000U);
  EXPECT_EQ(parse_event_stream("retry: 3000\nretry: 5x\nretry:\nretry: -1\n").retry, 3000U);
  EXPECT_EQ(parse_event_stream("retry: 3000").retry, std::nullopt);
}

TEST(WhatwgParser, TakesEveryLineEnding) {
  for (const auto* stream : {"data: a\n\ndata: b\n\n", "data: a\r\rdata: b\r\r", "data: a\r\n\r\ndata: b\r\n\r\n",
                             "data: a\r\n\ndata: b\n\r", "data: a\n\r\ndata: b\r\r\n"}) {
    EXPECT_EQ(parse_event_stream(stream).events.size(), 2U) << escape_bytes(stream);
  }
}

TEST(WhatwgParser, DecodesUtf8) {
  EXPECT_EQ(utf8_decode("\xEF\xBB\xBF\xEF\xBB\xBFx"), "\xEF\xBB\xBFx");
  EXPECT_EQ(utf8_decode("\xE2\x82\xAC \xF0\x9F\x98\x80"), "\xE2\x82\xAC \xF0\x9F\x98\x80");
  EXPECT_EQ(utf8_decode("\xE2\n"), "\xEF\xBF\xBD\n");
  EXPECT_EQ(utf8_decode("\xE2\x82\r"), "\xEF\xBF\xBD\r");
  EXPECT_EQ(utf8_decode("\xC0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(utf8_decode("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(utf8_decode("\xF0\x9F"), "\xEF\xBF\xBD");
}

}  // namespace
}  // namespace sidecar::test
