#include "tests/http/round_trip.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/http/reading.hpp"
#include "tests/support/random_stream.hpp"

// The properties of round_trip.hpp for messages put together at random from pieces that are sensible, nearly sensible
// and broken, and then damaged here and there.
namespace sidecar::test {
namespace {

using namespace std::string_view_literals;

constexpr std::array kRequestLines = {"GET / HTTP/1.1\r\n"sv,         "POST /a?b HTTP/1.1\r\n"sv,
                                      "HEAD / HTTP/1.0\r\n"sv,        "PUT http://h/x HTTP/1.1\r\n"sv,
                                      "OPTIONS * HTTP/1.1\r\n"sv,     "\r\nGET / HTTP/1.1\r\n"sv,
                                      "BREW /\xc3\xa4 HTTP/1.1\r\n"sv};
constexpr std::array kStatusLines = {"HTTP/1.1 200 OK\r\n"sv,
                                     "HTTP/1.0 200 OK\r\n"sv,
                                     "HTTP/1.1 204\r\n"sv,
                                     "HTTP/1.1 304 \r\n"sv,
                                     "HTTP/1.1 103 Early\n\nHTTP/1.1 200 OK\n"sv,
                                     "HTTP/1.1 500 \xff\n"sv,
                                     "HTTP/1.1 101 S\r\n"sv};
constexpr std::array kFields = {"A: b\r\n"sv,
                                "A:\r\n"sv,
                                "Connection: close\r\n"sv,
                                "Connection: keep-alive, A\r\n"sv,
                                "Connection: Upgrade\r\n"sv,
                                "Upgrade: websocket, h2c\r\n"sv,
                                "TE: trailers\r\n"sv,
                                "Expect: 100-continue\r\n"sv,
                                "Content-Length: 3\r\n"sv,
                                "Transfer-Encoding: chunked\r\n"sv,
                                "Cache-Control: x\r\n"sv};
constexpr std::array kOddFields = {"A : b\r\n"sv, "A: b\r\n c\r\n"sv, "A: b\n"sv, "Content-Length: 3, 3\r\n"sv,
                                   "Transfer-Encoding: gzip\r\n"sv};
constexpr std::array kBodies = {""sv,
                                "abc"sv,
                                "3\r\nabc\r\n0\r\n\r\n"sv,
                                "3;x\r\nabc\r\n1\r\nd\r\n0\r\nDigest: d\r\n\r\n"sv,
                                "0\r\n\r\n"sv,
                                "2 \r\nab\r\n0\r\n\r\n"sv};
constexpr std::string_view kDamage = "\r\n\0 \t:,;\"aHh012\x7f\xff"sv;

template <std::size_t N>
std::string_view one_of(const std::array<std::string_view, N>& pieces, Random& random) {
  return pieces[random.below(N)];
}

template <std::size_t N>
void append_message(const std::array<std::string_view, N>& lines, std::string_view always, Random& random,
                    std::string& out) {
  out.append(one_of(lines, random)).append(always);
  for (std::size_t i = random.below(5); i > 0; --i) {
    out.append(random.one_in(12) ? one_of(kOddFields, random) : one_of(kFields, random));
  }
  out.append("\r\n").append(one_of(kBodies, random));
}

void damage(Random& random, std::string& bytes) {
  for (std::size_t i = random.below(4); i > 0 && !bytes.empty(); --i) {
    const std::size_t at = random.below(bytes.size());
    const char c = kDamage[random.below(kDamage.size())];
    if (random.one_in(3)) {
      bytes.insert(at, 1, c);
    } else if (random.one_in(2)) {
      bytes[at] = c;
    } else if (random.one_in(2)) {
      bytes.erase(at, 1);
    } else {
      bytes.resize(at);
    }
  }
}

TEST(RoundTrip, OfRandomRequests) {
  std::size_t understood = 0;
  for (std::uint64_t seed = 1; seed <= 10'000; ++seed) {
    Random random(seed);
    std::string bytes;
    for (std::size_t i = random.below(3) + 1; i > 0; --i) append_message(kRequestLines, "Host: h\r\n", random, bytes);
    if (random.one_in(2)) damage(random, bytes);
    ASSERT_EQ(check_requests(bytes, seed), "") << "seed " << seed << "\n" << printable(bytes);
    for (const RequestSeen& request : read_requests({bytes}).requests) {
      if (request.complete) ++understood;
    }
  }
  EXPECT_GT(understood, 3'000U);
}

TEST(RoundTrip, OfRandomResponses) {
  std::size_t understood = 0;
  for (std::uint64_t seed = 1; seed <= 10'000; ++seed) {
    Random random(seed);
    std::string bytes;
    append_message(kStatusLines, "", random, bytes);
    if (random.one_in(2)) damage(random, bytes);
    ASSERT_EQ(check_response(bytes, seed), "") << "seed " << seed << "\n" << printable(bytes);
    if (read_response({bytes}, {}, AtEnd::eof).ended) ++understood;
  }
  EXPECT_GT(understood, 2'000U);
}

}  // namespace
}  // namespace sidecar::test
