#include "http/h1_upstream.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/http/reading.hpp"

// The backend's side: the bytes of requests, and what is known about the connection. How responses are read is in
// tolerant_responses_test.cpp.
namespace sidecar::http {
namespace {

std::string encode(const Framing& framing, std::string_view upgrade, const std::vector<Field>& fields = {}) {
  RequestHead head;
  head.method = "POST";
  head.target = "/x?y";
  head.version = Version::http_1_0;  // The client's; ours is 1.1 whatever it spoke.
  head.fields = fields;
  const std::string before = "what was there before";
  Arena out;
  out.append(before);
  H1Upstream::encode_head(head, framing, upgrade, out);
  EXPECT_TRUE(out.view().starts_with(before)) << "it is appended";
  return std::string(out.view().substr(before.size()));
}

TEST(H1Upstream, WritesRequestHeads) {
  EXPECT_EQ(encode({}, ""), "POST /x?y HTTP/1.1\r\n\r\n");
  EXPECT_EQ(encode({}, "", {{"Host", "h"}, {"a", ""}}), "POST /x?y HTTP/1.1\r\nHost: h\r\na: \r\n\r\n");
  EXPECT_EQ(encode({FramingKind::length, 5}, ""), "POST /x?y HTTP/1.1\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(encode({FramingKind::length, 0}, ""), "POST /x?y HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(encode({FramingKind::chunked, 0}, ""), "POST /x?y HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::vector<Field> fields = {{"A", "b"}, {"content-length", "05"}, {"C", "d"}};
  EXPECT_EQ(encode({FramingKind::length, 5}, "", fields),
            "POST /x?y HTTP/1.1\r\nA: b\r\ncontent-length: 5\r\nC: d\r\n\r\n");
  EXPECT_EQ(encode({}, "", fields), "POST /x?y HTTP/1.1\r\nA: b\r\nC: d\r\n\r\n");
  EXPECT_EQ(encode({FramingKind::chunked, 0}, "", fields),
            "POST /x?y HTTP/1.1\r\nA: b\r\nC: d\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(encode({}, "websocket, x", {{"Host", "h"}}),
            "POST /x?y HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket, x\r\n\r\n");
}

/// A head is one allocation, whatever its size.
TEST(H1Upstream, ReservesTheWholeHead) {
  const std::string value(5'000, 'v');
  const std::vector<Field> fields(50, Field{"Name", value});
  const std::string out = encode({FramingKind::length, 999'999'999'999'999'999}, "websocket", fields);
  EXPECT_GT(out.size(), 250'000U);
  EXPECT_LE(out.capacity(), out.size() + 100);
}

TEST(H1Upstream, WritesABodyOfALength) {
  H1Upstream codec({false, false});
  Output out;
  H1Upstream::Sink sink(codec, out);
  const std::string head = "head ";
  sink.head(head);
  sink.data("abc");
  sink.data("");
  sink.data("de");
  sink.end({});
  EXPECT_EQ(out.joined(), "head abcde");
}

TEST(H1Upstream, WritesChunksAndTrailers) {
  H1Upstream codec({false, true});
  Output out;
  H1Upstream::Sink sink(codec, out);
  sink.data("");
  EXPECT_TRUE(out.empty());
  sink.data("0123456789abcdef!");
  sink.data({});
  sink.data("x");
  EXPECT_EQ(out.joined(), "11\r\n0123456789abcdef!\r\n1\r\nx\r\n");
  out.clear();
  const std::vector<Field> trailers = {{"Digest", "d"}};
  sink.end(trailers);
  EXPECT_EQ(out.joined(), "0\r\nDigest: d\r\n\r\n");
}

TEST(H1Upstream, KnowsWhetherAnythingCame) {
  H1Upstream codec;
  HeadScratch scratch;
  std::string_view nothing;
  EXPECT_EQ(codec.next(nothing, {}, scratch).event, H1Upstream::Event::need_more);
  EXPECT_TRUE(codec.untouched());
  std::string_view byte = "H";
  EXPECT_EQ(codec.next(byte, {}, scratch).event, H1Upstream::Event::need_more);
  EXPECT_FALSE(codec.untouched());
}

TEST(H1Upstream, SaysHowTheBackendLeft) {
  H1Upstream untouched;
  const H1Upstream::Parsed gone = untouched.on_eof();
  EXPECT_EQ(gone.event, H1Upstream::Event::error);
  EXPECT_EQ(gone.refusal.status, 502);
  EXPECT_STREQ(gone.refusal.why, "the backend closed the connection without an answer");
  const auto cut = test::read_response({"HTTP/1.1 200 OK\r\n"}, {}, test::AtEnd::eof);
  EXPECT_EQ(cut.why, "the backend closed the connection in the middle of its answer");
}

TEST(H1Upstream, IsNotReusableBeforeTheEndNorBehindAnError) {
  EXPECT_FALSE(H1Upstream().reusable());
  using test::AtEnd;
  EXPECT_FALSE(test::read_response({"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na"}, {}, AtEnd::open).reusable);
  EXPECT_FALSE(test::read_response({"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na"}, {}, AtEnd::eof).reusable);
  EXPECT_FALSE(test::read_response({"HTTP/1.1 200 OK\r\n\r\na"}, {}, AtEnd::eof).reusable);
  EXPECT_TRUE(test::read_response({"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"}, {}, AtEnd::open).reusable);
}

TEST(H1Upstream, ReadsTheKeepAliveTimeout) {
  struct Case {
    std::string_view lines;
    int seconds;
  };
  const Case cases[] = {
      {"", -1},
      {"Keep-Alive: timeout=5\r\n", 5},
      {"keep-alive: TIMEOUT=5\r\n", 5},
      {"Keep-Alive: timeout=5, max=100\r\n", 5},
      {"Keep-Alive: max=100,timeout=75\r\n", 75},
      {"Keep-Alive: timeout=0\r\n", 0},
      {"Keep-Alive: timeout=70000\r\n", 0xfffe},
      {"Keep-Alive: timeout=4294967295\r\n", 0xfffe},
      {"Keep-Alive: timeout=4294967296\r\n", -1},
      {"Keep-Alive: timeout=\r\n", -1},
      {"Keep-Alive: timeout=-5\r\n", -1},
      {"Keep-Alive: timeout=+5\r\n", -1},
      {"Keep-Alive: timeout=5s\r\n", -1},
      {"Keep-Alive: timeout\r\n", -1},
      {"Keep-Alive: 300\r\n", -1},
      {"Keep-Alive: x\r\nKeep-Alive: timeout=3\r\n", 3},
      {"Keep-Alive: timeout=3\r\nKeep-Alive: x\r\n", 3},
  };
  for (const Case& c : cases) {
    const std::string bytes = "HTTP/1.1 204 No\r\n" + std::string(c.lines) + "\r\n";
    EXPECT_EQ(test::read_response({bytes}, {}, test::AtEnd::open).keep_alive_timeout_s, c.seconds) << c.lines;
  }
}

TEST(H1Upstream, ATunnelEndsWithItsConnectionAndIsNeverReused) {
  H1Upstream codec;
  HeadScratch scratch;
  std::string_view input = "HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\n\x01\x02";
  EXPECT_EQ(codec.next(input, {}, scratch).event, H1Upstream::Event::head);
  codec.start_tunnel();
  const H1Upstream::Parsed parsed = codec.next(input, {}, scratch);
  EXPECT_EQ(parsed.event, H1Upstream::Event::body);
  EXPECT_EQ(parsed.body, "\x01\x02");
  EXPECT_EQ(codec.on_eof().event, H1Upstream::Event::end);
  EXPECT_FALSE(codec.reusable());
}

TEST(H1Upstream, TellsNothingMoreBehindAnError) {
  H1Upstream codec;
  HeadScratch scratch;
  std::string_view input = "garbage";
  EXPECT_EQ(codec.next(input, {}, scratch).event, H1Upstream::Event::error);
  input = "HTTP/1.1 204 No\r\n\r\n";
  EXPECT_EQ(codec.next(input, {}, scratch).event, H1Upstream::Event::need_more);
}

}  // namespace
}  // namespace sidecar::http
