#include "http/chunked.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "tests/http/reading.hpp"
#include "tests/sse/splits.hpp"

namespace sidecar::http {
namespace {

using namespace std::string_view_literals;

/// `'body'`, then `end`, `error` or nothing, then what is left over. `by_piece`: next() is asked where next_piece() has
/// nothing, as the relay does.
std::string decode(const std::vector<std::string_view>& reads, ChunkStrictness strictness, bool by_piece = true) {
  ChunkedDecoder decoder;
  std::string body;
  std::string rest;
  std::string outcome;
  for (const std::string_view read : reads) {
    std::string_view input = read;
    while (outcome.empty()) {
      if (const std::string_view piece = by_piece ? decoder.next_piece(input) : ""; !piece.empty()) {
        body.append(piece);
        continue;
      }
      const ChunkedDecoder::Result result = decoder.next(input, strictness);
      if (result.step == ChunkedDecoder::Step::need_more) break;
      if (result.step == ChunkedDecoder::Step::data) {
        EXPECT_FALSE(result.data.empty());
        body.append(result.data);
      } else {
        outcome = result.step == ChunkedDecoder::Step::trailers ? " end" : " error";
        EXPECT_EQ(outcome == " error", result.refusal.status != 0);
      }
    }
    rest.append(input);
  }
  if (outcome != " end") return "'" + body + "'" + outcome;
  return "'" + body + "' end" + (rest.empty() ? "" : " '" + test::printable(rest) + "'");
}

void expect_decoded(std::string_view bytes, ChunkStrictness strictness, const std::string& expected) {
  SCOPED_TRACE(test::printable(bytes));
  for (const test::Split& split : test::splits_of(bytes)) {
    EXPECT_EQ(decode(split.reads, strictness), expected) << split.name;
    EXPECT_EQ(decode(split.reads, strictness, false), expected) << split.name << ", by next() alone";
  }
}

struct Case {
  const char* name;
  std::string_view bytes;
  std::string strict;
  std::string tolerant;  ///< Empty: the same.
};

void expect_cases(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    expect_decoded(c.bytes, ChunkStrictness::strict, c.strict);
    expect_decoded(c.bytes, ChunkStrictness::tolerant, c.tolerant.empty() ? c.strict : c.tolerant);
  }
}

TEST(Chunked, ReadsChunks) {
  expect_cases({
      {"nothing yet", "", "''", ""},
      {"no body", "0\r\n", "'' end", ""},
      {"one chunk", "3\r\nabc\r\n0\r\n", "'abc' end", ""},
      {"several chunks", "1\r\na\r\n2\r\nbc\r\n0\r\n", "'abc' end", ""},
      {"hex in both cases", "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n", "'01234567890123456789' end", ""},
      {"leading zeros", "0003\r\nabc\r\n000\r\n", "'abc' end", ""},
      {"line ends in the data", "4\r\n\r\n\r\n\r\n0\r\n", "'\r\n\r\n' end", ""},
      {"the trailer section stays", "0\r\nA: b\r\n\r\n", "'' end 'A: b\\r\\n\\r\\n'", ""},
      {"the next message stays", "1\r\na\r\n0\r\n\r\nGET", "'a' end '\\r\\nGET'", ""},
      {"unfinished chunk", "5\r\nabc", "'abc'", ""},
      {"unfinished size", "1\r\na\r\n1", "'a'", ""},
  });
}

TEST(Chunked, ReadsExtensions) {
  expect_cases({
      {"an extension", "3;a=b\r\nabc\r\n0;last\r\n", "'abc' end", ""},
      {"an empty one", "1;\r\na\r\n0\r\n", "'a' end", ""},
      {"a quoted one", "1;a=\"b;c\"\r\na\r\n0\r\n", "'a' end", ""},
      {"obs-text in one", "1;\xc3\xa4\r\na\r\n0\r\n", "'a' end", ""},
      {"bare LF in one", "1;a\na\r\n0\r\n", "'' error", ""},
      {"bare CR in one", "1;a\rb\r\na\r\n0\r\n", "'' error", ""},
      {"NUL in one", "1;\0\r\na\r\n0\r\n"sv, "'' error", ""},
  });
  const std::string most = "1;" + std::string(1020, 'x') + "\r\n";
  EXPECT_EQ(decode({most, "a\r\n0\r\n"}, ChunkStrictness::strict), "'a' end");
  const std::string longer = "1;" + std::string(1021, 'x') + "\r\n";
  EXPECT_EQ(decode({longer}, ChunkStrictness::strict), "'' error");
  EXPECT_EQ(decode({longer}, ChunkStrictness::tolerant), "'' error");
  EXPECT_EQ(decode({std::string(5'000, '0')}, ChunkStrictness::strict), "'' error");
}

TEST(Chunked, RefusesOtherSizes) {
  expect_cases({
      {"no size", "\r\nabc\r\n", "'' error", ""},
      {"an extension alone", ";a\r\n", "'' error", ""},
      {"plus", "+3\r\nabc\r\n", "'' error", ""},
      {"minus", "-3\r\nabc\r\n", "'' error", ""},
      {"0x", "0x3\r\nabc\r\n", "'' error", ""},
      {"no hex digit", "g\r\n", "'' error", ""},
      {"no hex digit behind one", "3g\r\n", "'' error", ""},
      {"underscore", "1_0\r\n", "'' error", ""},
      {"space before it", " 3\r\nabc\r\n", "'' error", ""},
      {"tab before it", "\t3\r\nabc\r\n", "'' error", ""},
      {"space behind it", "3 \r\nabc\r\n0\r\n", "'' error", "'abc' end"},
      {"much space behind it", "3 \t \r\nabc\r\n0 \r\n", "'' error", "'abc' end"},
      {"space before an extension", "3 ;a\r\nabc\r\n0\r\n", "'' error", "'abc' end"},
      {"space between digits", "1 0\r\nabc\r\n", "'' error", ""},
      {"vertical tab behind it", "3\v\r\nabc\r\n", "'' error", ""},
      {"NUL behind it", "3\0\r\nabc\r\n"sv, "'' error", ""},
      {"bare LF behind it", "3\nabc\r\n0\r\n", "'' error", ""},
      {"bare CR behind it", "3\rabc\r\n", "'' error", ""},
      {"two CR behind it", "3\r\r\nabc\r\n", "'' error", ""},
      {"comma", "3,3\r\nabc\r\n", "'' error", ""},
  });
}

TEST(Chunked, RefusesSizesThatOverflow) {
  expect_cases({
      {"the largest", "7ffffffffffffff\r\nab", "'ab'", ""},
      {"the largest, leading zeros", "00007ffffffffffffff\r\nab", "'ab'", ""},
      {"one bit more", "800000000000000\r\n", "'' error", ""},
      {"sixteen digits", "7fffffffffffffff\r\n", "'' error", ""},
      {"as 64 bits a zero", "10000000000000000\r\n", "'' error", ""},
      {"as 64 bits a three", "10000000000000003\r\nabc\r\n0\r\n", "'' error", ""},
      {"as 32 bits a three", "100000003\r\nabc\r\n0\r\n", "'abc\r\n0\r\n'", ""},
  });
}

TEST(Chunked, RefusesDataOfAnotherSize) {
  expect_cases({
      {"longer", "3\r\nabcd\r\n0\r\n", "'abc' error", ""},
      {"longer by a line end", "3\r\nabc\r\r\n", "'abc' error", ""},
      {"bare LF behind it", "3\r\nabc\n0\r\n", "'abc' error", ""},
      {"another byte for the CR", "3\r\nabcd\n0\r\n", "'abc' error", ""},
      {"no line end behind it", "3\r\nabc0\r\n", "'abc' error", ""},
      {"shorter", "5\r\nabc\r\n0\r\n\r\n", "'abc\r\n' error", ""},
      {"an end too early", "0\n", "'' error", ""},
  });
}

TEST(Chunked, WritesChunkLines) {
  struct LineCase {
    std::uint64_t size;
    std::string_view line;
  };
  const LineCase cases[] = {
      {0, "0\r\n"},    {1, "1\r\n"},       {10, "a\r\n"},
      {255, "ff\r\n"}, {4096, "1000\r\n"}, {0xffff'ffff'ffff'ffff, "ffffffffffffffff\r\n"},
  };
  for (const LineCase& c : cases) {
    std::array<char, kChunkLineMax> line{};
    EXPECT_EQ(std::string_view(line.data(), write_chunk_line(c.size, line.data())), c.line);
  }
}

}  // namespace
}  // namespace sidecar::http
