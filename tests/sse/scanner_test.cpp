#include "sse/scanner.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <random>
#include <string>
#include <string_view>

#include "tests/sse/splits.hpp"
#include "tests/support/random_stream.hpp"
#include "tests/support/whatwg_parser.hpp"

namespace sidecar::sse {
namespace {

using namespace std::string_view_literals;

constexpr auto kBoundary = Position::boundary;
constexpr auto kInside = Position::inside_event;
constexpr auto kMidLine = Position::mid_line;
constexpr auto kUnknown = LineEnding::unknown;
constexpr auto kLf = LineEnding::lf;
constexpr auto kCrlf = LineEnding::crlf;
constexpr auto kCr = LineEnding::cr;

struct State {
  Position position;
  LineEnding own;
  LineEnding insertion;
  std::uint64_t events;

  bool operator==(const State&) const = default;
};

void PrintTo(const State& state, std::ostream* out) {
  *out << "position " << static_cast<int>(state.position) << ", own ending " << static_cast<int>(state.own)
       << ", insertion ending " << static_cast<int>(state.insertion) << ", events " << state.events;
}

State state_of(const Scanner& scanner) {
  return {scanner.position(), scanner.line_ending(), scanner.insertion_ending(), scanner.events()};
}

Scanner scanned(const std::vector<std::string_view>& reads) {
  Scanner scanner;
  for (const std::string_view read : reads) scanner.scan(read);
  return scanner;
}

/// The case whole, bytewise and cut anywhere gives `expected`; with trailing bytes behind it in the same read the
/// scanner ends up where it does when they come in a read of their own.
void expect_state(const char* name, std::string_view bytes, const State& expected) {
  SCOPED_TRACE(std::string(name) + " " + test::escape_bytes(bytes));
  for (const test::Split& split : test::splits_of(bytes))
    EXPECT_EQ(state_of(scanned(split.reads)), expected) << split.name;
  for (const std::string_view trailing :
       {"\n"sv, "\r"sv, "\r\n\r\n"sv, "data"sv, "data: x\n\n"sv, ": c\n"sv, "\xBF\n"sv}) {
    const std::string both = std::string(bytes).append(trailing);
    EXPECT_EQ(state_of(scanned({both})), state_of(scanned({bytes, trailing}))) << test::escape_bytes(trailing);
  }
}

struct Case {
  const char* name;
  std::string_view bytes;
  State expected;
};

TEST(Scanner, KnowsThePosition) {
  const Case cases[] = {
      {"nothing yet", "", {kBoundary, kUnknown, kLf, 0}},
      {"first byte of a line", "d", {kMidLine, kUnknown, kLf, 0}},
      {"line without its end", "data: x", {kMidLine, kUnknown, kLf, 0}},
      {"one line", "data: x\n", {kInside, kLf, kLf, 0}},
      {"one event", "data: x\n\n", {kBoundary, kLf, kLf, 1}},
      {"several blank lines", "data: x\n\n\n\n", {kBoundary, kLf, kLf, 1}},
      {"blank line first", "\n", {kBoundary, kLf, kLf, 0}},
      {"comment", ": c\n", {kInside, kLf, kLf, 0}},
      {"comment and blank line", ": c\n\n", {kBoundary, kLf, kLf, 0}},
      {"line of an unknown field", "x\n", {kInside, kLf, kLf, 0}},
      {"line of a space", "data: x\n \n", {kInside, kLf, kLf, 0}},
      {"next event begun", "data: x\n\nda", {kMidLine, kLf, kLf, 1}},
      {"NUL is content", "\0\n\0"sv, {kMidLine, kLf, kLf, 0}},
  };
  for (const Case& c : cases) expect_state(c.name, c.bytes, c.expected);
}

TEST(Scanner, KnowsLineEndings) {
  const Case cases[] = {
      {"CRLF line", "data: x\r\n", {kInside, kCrlf, kCrlf, 0}},
      {"CRLF event", "data: x\r\n\r\n", {kBoundary, kCrlf, kCrlf, 1}},
      {"CR line, LF may come", "data: x\r", {kInside, kCr, kCr, 0}},
      {"CR event", "data: x\r\r", {kBoundary, kCr, kCr, 1}},
      {"blank line's CR, LF may come", "data: x\r\n\r", {kBoundary, kCrlf, kCr, 1}},
      {"CR first", "\r", {kBoundary, kCr, kCr, 0}},
      {"CRLF first", "\r\n", {kBoundary, kCrlf, kCrlf, 0}},
      {"LF CR is two lines", "data: x\n\r", {kBoundary, kLf, kCr, 1}},
      {"LF CR LF is two lines", "data: x\n\r\n", {kBoundary, kLf, kLf, 1}},
      {"CR CRLF is two lines", "data: x\r\r\n", {kBoundary, kCr, kLf, 1}},
      {"CRLF LF is two lines", "data: x\r\n\n", {kBoundary, kCrlf, kCrlf, 1}},
      {"the first ending stays", "a\nb\r\nc\r\n", {kInside, kLf, kLf, 0}},
      {"CR stays when a CRLF follows later", "a\rb\r\n", {kInside, kCr, kLf, 0}},
      {"behind LF never CR", "a\rb\n", {kInside, kCr, kLf, 0}},
      {"behind CR always CR", "a\nb\r", {kInside, kLf, kCr, 0}},
      {"two CRs, then LF", "a\r\rb\n", {kInside, kCr, kLf, 0}},
      {"many CR lines", "a\rb\rc\rd\r\re\r", {kInside, kCr, kCr, 0}},
  };
  for (const Case& c : cases) expect_state(c.name, c.bytes, c.expected);
}

TEST(Scanner, KnowsTheByteOrderMark) {
  const Case cases[] = {
      {"one byte of it", "\xEF", {kMidLine, kUnknown, kLf, 0}},
      {"two bytes of it", "\xEF\xBB", {kMidLine, kUnknown, kLf, 0}},
      {"all of it", "\xEF\xBB\xBF", {kBoundary, kUnknown, kLf, 0}},
      {"event behind it",
       "\xEF\xBB\xBF"
       "data: x\n\n",
       {kBoundary, kLf, kLf, 1}},
      {"blank line behind it", "\xEF\xBB\xBF\r", {kBoundary, kCr, kCr, 0}},
      {"only one is dropped",
       "\xEF\xBB\xBF\xEF\xBB\xBF"
       "data: x\n\n",
       {kBoundary, kLf, kLf, 0}},
      {"second one is a line", "\xEF\xBB\xBF\xEF\xBB\xBF\n", {kInside, kLf, kLf, 0}},
      {"one byte, then a line end", "\xEF\n", {kInside, kLf, kLf, 0}},
      {"two bytes, then a line end", "\xEF\xBB\r\n", {kInside, kCrlf, kCrlf, 0}},
      {"two bytes, then a field",
       "\xEF\xBB"
       "data: x\n\n",
       {kBoundary, kLf, kLf, 0}},
      {"begun twice", "\xEF\xEF\xBB\xBF", {kMidLine, kUnknown, kLf, 0}},
      {"behind a line", "\n\xEF\xBB\xBF", {kMidLine, kLf, kLf, 0}},
      {"before a later field",
       "data: x\n\n\xEF\xBB\xBF"
       "data: y\n\n",
       {kBoundary, kLf, kLf, 1}},
  };
  for (const Case& c : cases) expect_state(c.name, c.bytes, c.expected);
}

TEST(Scanner, CountsWhatAClientDispatches) {
  struct LineCase {
    std::string_view line;
    std::uint64_t events;
  };
  const LineCase cases[] = {
      {"data", 1},      {"data:", 1},    {"data: ", 1},    {"data:x", 1},  {"data: x", 1},   {"data::", 1},
      {"data:\0"sv, 1}, {" data: x", 0}, {"data : x", 0},  {":data", 0},   {":data: x", 0},  {"datax", 0},
      {"datax: y", 0},  {"data\0"sv, 0}, {"data\t:", 0},   {"Data: x", 0}, {"DATA: x", 0},   {"dat", 0},
      {"dat:a", 0},     {"d", 0},        {"ddata: x", 0},  {"id: 1", 0},   {"id: data:", 0}, {"event: data", 0},
      {"retry: 1", 0},  {"xdata: x", 0}, {"dadata: x", 0},
  };
  for (const LineCase& c : cases) {
    for (const std::string_view end : {"\n"sv, "\r\n"sv, "\r"sv}) {
      const std::string line = std::string(c.line).append(end);
      const LineEnding own = end == "\n" ? kLf : end == "\r\n" ? kCrlf : kCr;
      expect_state("line", line, {kInside, own, own, 0});
      expect_state("block", line + std::string(end), {kBoundary, own, own, c.events});
      const std::string with_id = "id: 1" + std::string(end) + line + ": c" + std::string(end);
      expect_state("among others", with_id + std::string(end), {kBoundary, own, own, c.events});
    }
  }
}

TEST(Scanner, ForgetsABlocksDataBehindIt) {
  expect_state("two events", "data: a\n\ndata: b\n\n", {kBoundary, kLf, kLf, 2});
  expect_state("many lines, one event", "data: a\ndata: b\ndata\n\n", {kBoundary, kLf, kLf, 1});
  expect_state("no data in the second", "data: a\n\nid: 1\n\n", {kBoundary, kLf, kLf, 1});
  expect_state("unfinished one does not count", "data: a\n\ndata: b\n", {kInside, kLf, kLf, 1});
}

/// The fast paths must not depend on how many lines or bytes one read brings.
TEST(Scanner, AgreesWithTheOracleOnRandomStreams) {
  for (std::uint64_t seed = 1; seed <= 2'000; ++seed) {
    const std::string stream = test::random_stream(seed);
    Scanner whole;
    whole.scan(stream);
    Scanner bytewise;
    for (const char& c : stream) bytewise.scan({&c, 1});
    ASSERT_EQ(state_of(whole), state_of(bytewise)) << "seed " << seed;
    ASSERT_EQ(whole.events(), test::parse_event_stream(stream).events.size()) << "seed " << seed;
  }
}

/// Lines of some hundred bytes and more, most of which end in LF: what is looked at in blocks.
TEST(Scanner, AgreesWithTheOracleOnLongLines) {
  std::mt19937 random(7);  // NOLINT(cert-msc51-cpp): the same every time.
  const auto chance = [&random](unsigned of) { return random() % of == 0; };
  for (int round = 0; round < 500; ++round) {
    std::string stream = "data: the first line tells how lines end\n\n";
    const unsigned rare = round % 2 == 0 ? 1'000'000 : 20;
    while (stream.size() < 8'000) {
      if (!chance(4)) stream += chance(4) ? "id: " : "data: ";
      stream.append(chance(20) ? random() % 3'000 : random() % 200, 'x');
      stream += chance(rare) ? "\r" : chance(rare) ? "\r\n" : "\n";
      if (chance(2)) stream += "\n";
    }
    Scanner whole;
    whole.scan(stream);
    Scanner bytewise;
    for (const char& c : stream) bytewise.scan({&c, 1});
    std::vector<std::string_view> pieces;
    for (std::string_view rest = stream; !rest.empty(); rest.remove_prefix(pieces.back().size())) {
      pieces.push_back(rest.substr(0, 1 + random() % 400));
    }
    Scanner in_pieces;
    in_pieces.scan(pieces);
    ASSERT_EQ(state_of(whole), state_of(bytewise)) << "round " << round;
    ASSERT_EQ(state_of(in_pieces), state_of(bytewise)) << "round " << round;
    ASSERT_EQ(whole.events(), test::parse_event_stream(stream).events.size()) << "round " << round;
  }
}

TEST(Scanner, StopsAtABoundary) {
  Scanner scanner;
  scanner.scan("data: 1\nda");
  EXPECT_EQ(scanner.scan_to_boundary("ta: 2"), 5U);
  EXPECT_EQ(scanner.scan_to_boundary("\n\ndata: 3\n\n"), 2U);
  EXPECT_EQ(state_of(scanner), (State{kBoundary, kLf, kLf, 1}));
  Scanner lone_cr;
  EXPECT_EQ(lone_cr.scan_to_boundary("data\r\rdata\r\r"), 6U);
  EXPECT_EQ(lone_cr.insertion_ending(), kCr) << "what was not scanned has not been seen";
  EXPECT_EQ(scanner.scan_to_boundary("data: 3\r\n\r\nx"), 11U) << "with the LF that belongs to the blank line";
}

/// Piece by piece from boundary to boundary is the same as at once, and every piece but the last ends at one.
TEST(Scanner, FindsEveryBoundary) {
  for (std::uint64_t seed = 1; seed <= 2'000; ++seed) {
    const std::string stream = test::random_stream(seed);
    Scanner whole;
    whole.scan(stream);
    Scanner pieces;
    std::string_view rest = stream;
    while (!rest.empty()) {
      const std::size_t size = pieces.scan_to_boundary(rest);
      ASSERT_GT(size, 0U) << "seed " << seed;
      rest.remove_prefix(size);
      ASSERT_TRUE(rest.empty() || pieces.position() == kBoundary) << "seed " << seed;
    }
    ASSERT_EQ(state_of(pieces), state_of(whole)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace sidecar::sse
