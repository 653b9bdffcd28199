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

/// next_run() is asked first, then next_piece(), then next(): as the relay does. Or not all of them.
enum class Asked : std::uint8_t { all, from_piece_on, next_alone };

/// `'body'`, then `end`, `error` or nothing, then what is left over.
std::string decode(const std::vector<std::string_view>& reads, ChunkStrictness strictness, Asked asked = Asked::all) {
  ChunkedDecoder decoder;
  ChunkRun run;
  std::string body;
  std::string rest;
  std::string outcome;
  for (const std::string_view read : reads) {
    std::string_view input = read;
    while (outcome.empty()) {
      if (asked == Asked::all) decoder.next_run(input, run);
      for (const std::string_view piece : run.pieces()) body.append(piece);
      const bool by_piece = asked != Asked::next_alone;
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
    EXPECT_EQ(decode(split.reads, strictness, Asked::from_piece_on), expected) << split.name << ", by piece";
    EXPECT_EQ(decode(split.reads, strictness, Asked::next_alone), expected) << split.name << ", by next() alone";
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

std::vector<std::string> pieces_of(const ChunkRun& run) {
  return {run.pieces().begin(), run.pieces().end()};
}

TEST(ChunkRun, IsWhatHasComeWhole) {
  ChunkedDecoder decoder;
  ChunkRun run;
  std::string_view input = "3\r\none\r\n00A\r\n0123456789\r\n5\r\nhalf";
  const char* const begin = input.data();
  decoder.next_run(input, run);
  EXPECT_EQ(pieces_of(run), (std::vector<std::string>{"one", "0123456789"}));
  EXPECT_EQ(run.size(), 13U);
  EXPECT_EQ(run.framed(), "3\r\none\r\n00A\r\n0123456789\r\n");
  EXPECT_EQ(run.framed().data(), begin) << "it is lent";
  EXPECT_EQ(input, "5\r\nhalf");
  decoder.next_run(input, run);
  EXPECT_TRUE(run.empty());
  EXPECT_EQ(run.size(), 0U);
  EXPECT_EQ(run.framed(), "");
}

/// The chunk that is being read has been passed on with a line and an end of its own: its rest is no chunk.
TEST(ChunkRun, BeginsBehindTheRestOfAChunk) {
  ChunkedDecoder decoder;
  ChunkRun run;
  std::string_view first = "6\r\nabc";
  EXPECT_EQ(decoder.next_piece(first), "abc");
  std::string_view second = "def\r\n1\r\nx\r\n";
  decoder.next_run(second, run);
  EXPECT_TRUE(run.empty());
  EXPECT_EQ(decoder.next_piece(second), "def");
  decoder.next_run(second, run);
  EXPECT_EQ(run.framed(), "1\r\nx\r\n");
}

TEST(ChunkRun, EndsBeforeWhatIsUnusual) {
  for (const std::string_view other : {"0\r\n\r\n", "000\r\n", "1;x=y\r\na\r\n", "1 \r\na\r\n", "1\na\r\n",
                                       "1\r\nab\r\n", "000000001\r\na\r\n", "ffffffff\r\na", "\r\n", "x", "1\r\na\r"}) {
    SCOPED_TRACE(test::printable(other));
    ChunkedDecoder decoder;
    ChunkRun run;
    const std::string bytes = "2\r\nok\r\n" + std::string(other);  // On the heap: a sanitizer sees where it ends.
    std::string_view input = bytes;
    decoder.next_run(input, run);
    EXPECT_EQ(pieces_of(run), std::vector<std::string>{"ok"});
    EXPECT_EQ(input, other);
    decoder.next_run(input, run);
    EXPECT_TRUE(run.empty());
    EXPECT_EQ(input, other);
  }
}

TEST(ChunkRun, OfManyChunksTakesAsManyAsFit) {
  ChunkedDecoder decoder;
  ChunkRun run;
  std::string bytes;
  std::string body;
  for (int i = 0; i < 1'000; ++i) {
    bytes += "1\r\n" + std::string(1, static_cast<char>('a' + i % 26)) + "\r\n";
    body += static_cast<char>('a' + i % 26);
  }
  std::string_view input = bytes;
  std::string framed;
  std::string pieces;
  for (decoder.next_run(input, run); !run.empty(); decoder.next_run(input, run)) {
    framed += run.framed();
    for (const std::string_view piece : run.pieces()) pieces += piece;
  }
  EXPECT_EQ(framed, bytes);
  EXPECT_EQ(pieces, body);
  EXPECT_TRUE(input.empty());
}

}  // namespace
}  // namespace sidecar::http
