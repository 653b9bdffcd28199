#include "tests/support/random_stream.hpp"

#include <array>
#include <string_view>

namespace sidecar::test {
namespace {

using namespace std::string_view_literals;

constexpr std::array kLineEnds = {"\n"sv, "\r\n"sv, "\r"sv};

constexpr std::array kLines = {
    // data in every spelling that is one, and in some that are not
    "data: hello"sv,
    "data:hello"sv,
    "data:"sv,
    "data"sv,
    "data: "sv,
    "data::"sv,
    "data:{\"a\": 1}"sv,
    " data: x"sv,
    "data : x"sv,
    ":data"sv,
    "datax"sv,
    "datax: y"sv,
    "dat"sv,
    "d"sv,
    "da"sv,
    "Data: x"sv,
    "dat: a"sv,
    "data\0: x"sv,
    "\tdata: x"sv,
    // the other fields
    "event: tick"sv,
    "event:"sv,
    "event"sv,
    "id: 7"sv,
    "id"sv,
    "id:"sv,
    "id: a\0b"sv,
    "id: \xC3\xA9"sv,
    "retry: 3000"sv,
    "retry:"sv,
    "retry: 3x"sv,
    "retry: 99999999999999999999999"sv,
    "retry: -1"sv,
    "nonsense: x"sv,
    "nonsense"sv,
    // comments
    ":"sv,
    ": ping"sv,
    "::"sv,
    ": heartbeat"sv,
    // a BOM that is none, broken and unbroken UTF-8, bytes of all kinds
    "\xEF\xBB\xBF"
    "data: x"sv,
    "\xEF\xBB"
    "data: x"sv,
    "data: \xEF\xBB\xBF"sv,
    "data: \xE2\x82\xAC\xF0\x9F\x98\x80"sv,
    "data: \xE2\x82"sv,
    "data: \xF0\x9F"sv,
    "\xC0\xAF"sv,
    "\x01\x02\x7F\xFF"sv,
    "data: \xED\xA0\x80"sv,
    "\0"sv,
};

constexpr std::array kStarts = {"\xEF\xBB\xBF"sv, "\xEF\xBB"sv, "\xEF"sv, "\xEF\xBB\xBF\xEF\xBB\xBF"sv, "\xEF\xBB "sv};

/// How the lines of one stream end: 0 to 2 uniformly, 3 as each line likes.
std::string_view line_end(std::size_t style, Random& random) {
  return kLineEnds[style < kLineEnds.size() ? style : random.below(kLineEnds.size())];
}

void append_line(std::string& stream, Random& random) {
  if (random.one_in(24)) {
    for (std::size_t i = random.below(12); i > 0; --i) stream += static_cast<char>(random.below(256));
  } else if (random.one_in(48)) {
    stream.append("data: ").append(random.below(300), 'x');
  } else {
    stream += kLines[random.one_in(2) ? random.below(8) : random.below(kLines.size())];
  }
}

}  // namespace

std::string random_stream(std::uint64_t seed) {
  Random random(seed);
  std::string stream;
  if (random.one_in(4)) stream += kStarts[random.one_in(2) ? 0 : random.below(kStarts.size())];

  const std::size_t style = random.below(5);
  const std::size_t blocks = random.below(6);
  for (std::size_t block = 0; block < blocks; ++block) {
    for (std::size_t lines = random.below(5); lines > 0; --lines) {
      append_line(stream, random);
      stream += line_end(style, random);
    }
    for (std::size_t blanks = random.one_in(8) ? random.below(4) : 1; blanks > 0; --blanks) {
      stream += line_end(style, random);
    }
  }
  if (random.one_in(3)) append_line(stream, random);
  if (random.one_in(6)) stream.resize(random.below(stream.size() + 1));
  return stream;
}

}  // namespace sidecar::test
