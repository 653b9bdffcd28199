#include "http/body_decoder.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "http/received.hpp"
#include "tests/http/reading.hpp"
#include "tests/sse/splits.hpp"

namespace sidecar::http {
namespace {

constexpr Framing kNone{FramingKind::none, 0};
constexpr Framing kChunked{FramingKind::chunked, 0};
constexpr Framing kUntilClose{FramingKind::until_close, 0};

Framing length(std::uint64_t bytes) {
  return {FramingKind::length, bytes};
}

/// `'body' [trailers]`, then `end`, `error STATUS` or nothing, then what is left over. `by_piece`: next() is asked
/// where next_piece() has nothing, as the relay does.
std::string decode(const Framing& framing, const std::vector<std::string_view>& reads, const HeadLimits& limits = {},
                   bool by_piece = true) {
  BodyDecoder decoder(framing, ChunkStrictness::strict);
  HeadScratch scratch;
  Received received;
  std::string body;
  std::string outcome;
  const auto step = [&](std::string_view& input) {
    if (const std::string_view piece = by_piece ? decoder.next_piece(input) : ""; !piece.empty()) {
      body.append(piece);
      return true;
    }
    const BodyDecoder::Result result = decoder.next(input, limits, scratch);
    switch (result.step) {
      case BodyDecoder::Step::need_more:
        return false;
      case BodyDecoder::Step::data:
        body.append(result.data);
        return true;
      case BodyDecoder::Step::end:
        outcome = test::to_text(test::copy_of(result.trailers)) + " end";
        return false;
      case BodyDecoder::Step::error:
        outcome = " error " + std::to_string(result.refusal.status);
        return false;
    }
    return false;
  };
  for (const std::string_view read : reads) {
    std::string_view input = received.join(read);
    while (outcome.empty() && step(input)) {
    }
    received.keep(input);
  }
  std::string text = "'" + body + "'" + outcome;
  const std::string rest(received.join({}));
  if (!rest.empty() && outcome.ends_with("end")) text += " '" + test::printable(rest) + "'";
  return text;
}

void expect_decoded(const char* name, const Framing& framing, std::string_view bytes, const std::string& expected) {
  SCOPED_TRACE(name);
  for (const test::Split& split : test::splits_of(bytes)) {
    EXPECT_EQ(decode(framing, split.reads), expected) << split.name;
    EXPECT_EQ(decode(framing, split.reads, {}, false), expected) << split.name << ", by next() alone";
  }
  if (!expected.ends_with("end") || framing.kind == FramingKind::until_close) return;
  const std::string both = std::string(bytes) + "GET / HTTP/1.1\r\n";
  for (const test::Split& split : test::splits_of(both))
    EXPECT_EQ(decode(framing, split.reads), expected + " 'GET / HTTP/1.1\\r\\n'") << split.name;
}

TEST(BodyDecoder, EndsWithoutABody) {
  EXPECT_EQ(decode(kNone, {""}), "'' end");
  EXPECT_EQ(decode(kNone, {"GET"}), "'' end 'GET'");
  EXPECT_EQ(decode(length(0), {""}), "'' end");
  EXPECT_EQ(decode(length(0), {"GET"}), "'' end 'GET'");
}

TEST(BodyDecoder, CountsALength) {
  expect_decoded("all of it", length(5), "abcde", "'abcde' end");
  expect_decoded("less", length(5), "abcd", "'abcd'");
  expect_decoded("more than 32 bits", length(0x1'0000'0002), "abc", "'abc'");
}

TEST(BodyDecoder, TakesEverythingUntilClose) {
  expect_decoded("until close", kUntilClose, "0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "'0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'");
  EXPECT_TRUE(BodyDecoder(kUntilClose, ChunkStrictness::tolerant).ends_at_close());
  EXPECT_FALSE(BodyDecoder(kChunked, ChunkStrictness::tolerant).ends_at_close());
  EXPECT_FALSE(BodyDecoder().ends_at_close());
}

TEST(BodyDecoder, ReadsChunksAndTrailers) {
  expect_decoded("no trailers", kChunked, "3\r\nabc\r\n0\r\n\r\n", "'abc' end");
  expect_decoded("no body", kChunked, "0\r\n\r\n", "'' end");
  expect_decoded("trailers", kChunked, "1\r\na\r\n0\r\nDigest: x\r\nB: \r\nX-C:y z \r\n\r\n",
                 "'a' [Digest: x] [B: ] [X-C: y z] end");
  expect_decoded("no blank line yet", kChunked, "1\r\na\r\n0\r\nA: b\r\n", "'a'");
  expect_decoded("nothing of it yet", kChunked, "1\r\na\r\n0\r\n", "'a'");
}

TEST(BodyDecoder, RefusesTrailersThatAreNone) {
  expect_decoded("bare LF for a blank line", kChunked, "0\r\n\n", "'' error 400");
  expect_decoded("bare LF in a line", kChunked, "0\r\nA: b\n\r\n", "'' error 400");
  expect_decoded("bare LF before the blank line comes", kChunked, "0\r\nA: b\n", "'' error 400");
  expect_decoded("fold", kChunked, "0\r\nA: b\r\n c\r\n\r\n", "'' error 400");
  expect_decoded("fold in the first line", kChunked, "0\r\n A: b\r\n\r\n", "'' error 400");
  expect_decoded("bare CR", kChunked, "0\r\nA: b\rc\r\n\r\n", "'' error 400");
  expect_decoded("space before the colon", kChunked, "0\r\nA : b\r\n\r\n", "'' error 400");
  expect_decoded("no colon", kChunked, "0\r\nA\r\n\r\n", "'' error 400");
  expect_decoded("no name", kChunked, "0\r\n: b\r\n\r\n", "'' error 400");
  expect_decoded("garbage", kChunked, "0\r\nGET / HTTP/1.1\r\n\r\n", "'' error 400");
}

TEST(BodyDecoder, RefusesTrailersForFramingAndRouting) {
  for (const char* name :
       {"Content-Length", "transfer-encoding", "HOST", "Connection", "Upgrade", "TE", "Trailer", "Authorization",
        "Content-Type", "Content-Encoding", "Content-Range", "Set-Cookie", "Expect", "Keep-Alive"}) {
    const std::string bytes = "0\r\nA: b\r\n" + std::string(name) + ": 1\r\n\r\n";
    expect_decoded(name, kChunked, bytes, "'' error 400");
  }
}

TEST(BodyDecoder, LimitsTheTrailerSection) {
  const HeadLimits limits{20, 2};
  EXPECT_EQ(decode(kChunked, {"0\r\nA: 0123456789012\r\n\r\n"}, limits), "'' [A: 0123456789012] end");
  EXPECT_EQ(decode(kChunked, {"0\r\nA: 01234567890123\r\n\r\n"}, limits), "'' error 431");
  EXPECT_EQ(decode(kChunked, {"0\r\nA: 0123456789012345678901234"}, limits), "'' error 431");
  EXPECT_EQ(decode(kChunked, {"0\r\nA:1\r\nB:2\r\n\r\n"}, limits), "'' [A: 1] [B: 2] end");
  EXPECT_EQ(decode(kChunked, {"0\r\nA:1\r\nB:2\r\nC:3\r\n\r\n"}, limits), "'' error 431");
  // What follows the section is not counted as part of it.
  EXPECT_EQ(decode(kChunked, {"0\r\nA:1\r\n\r\n0123456789012345678901234"}, limits),
            "'' [A: 1] end '0123456789012345678901234'");
}

}  // namespace
}  // namespace sidecar::http
