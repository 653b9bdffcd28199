#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/http/reading.hpp"
#include "tests/sse/splits.hpp"

// Raw bytes of backends, and what is understood: legacy spellings are brought to one form, and what has two readings is
// no answer.
namespace sidecar::http {
namespace {

using namespace std::string_view_literals;
using test::AtEnd;
using test::printable;
using test::read_response;
using test::splits_of;
using test::to_text;

struct Case {
  const char* name;
  std::string_view bytes;
  std::string seen;              ///< While the connection stays open.
  std::string seen_at_eof = {};  ///< When it closes; empty: the same, or a refusal where the end is missing.
  H1Upstream::Request request = {};
};

bool has_line(const std::string& text, std::string_view line) {
  return ("\n" + text).find("\n" + std::string(line) + "\n") != std::string::npos;
}

void expect_seen(const Case& c) {
  SCOPED_TRACE(std::string(c.name) + ": " + printable(c.bytes));
  std::string at_eof = c.seen_at_eof;
  const bool over = has_line(c.seen, "end") || has_line(c.seen, "refused");
  if (at_eof.empty()) at_eof = over ? c.seen : c.seen.substr(0, c.seen.find("unread")) + "refused\n";
  for (const auto& split : splits_of(c.bytes)) {
    EXPECT_EQ(to_text(read_response(split.reads, c.request, AtEnd::open)), c.seen) << split.name;
    EXPECT_EQ(to_text(read_response(split.reads, c.request, AtEnd::eof)), at_eof) << split.name << ", then closed";
  }
  if (!has_line(c.seen, "end")) return;
  // Bytes behind a complete response belong to no request: they stay unread, and the connection is not used again.
  for (const std::string_view more : {"H"sv, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"sv, "\r\n"sv, "\0"sv}) {
    std::string expected = c.seen;
    if (has_line(expected, "reusable")) expected.resize(expected.size() - "reusable\n"sv.size());
    expected += "unread '" + printable(more) + "'\n";
    const std::string both = std::string(c.bytes).append(more);
    for (const auto& split : splits_of(both)) {
      EXPECT_EQ(to_text(read_response(split.reads, c.request, AtEnd::open)), expected) << split.name;
    }
  }
}

void expect_all(const std::vector<Case>& cases) {
  for (const Case& c : cases) expect_seen(c);
}

void expect_refused(std::string_view bytes) {
  const std::string text(bytes);
  expect_seen({"refused", text, "refused\n"});
}

TEST(TolerantResponses, AreRead) {
  expect_all({
      {"a length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
       "1.1 200 'OK' [Content-Length: 3] length 3 'abc'\nend\nreusable\n"},
      {"no body", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
       "1.1 200 'OK' [Content-Length: 0] length 0\nend\nreusable\n"},
      {"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
       "1.1 200 'OK' [Transfer-Encoding: Chunked] chunked 'abc'\nend\nreusable\n"},
      {"padded chunk sizes", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1  \r\na\r\n0 \r\n\r\n",
       "1.1 200 'OK' [Transfer-Encoding: chunked] chunked 'a'\nend\nreusable\n"},
      {"trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nDigest: x\r\n\r\n",
       "1.1 200 'OK' [Transfer-Encoding: chunked] chunked 'a' [Digest: x]\nend\nreusable\n"},
      {"until close", "HTTP/1.1 200 OK\r\n\r\nabc", "1.1 200 'OK' until_close 'abc'\n",
       "1.1 200 'OK' until_close 'abc'\nend\n"},
      {"until close, nothing came", "HTTP/1.1 200 OK\r\n\r\n", "1.1 200 'OK' until_close\n",
       "1.1 200 'OK' until_close\nend\n"},
      {"1.0 until close", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nabc",
       "1.0 200 'OK' [Connection: keep-alive] until_close 'abc'\n",
       "1.0 200 'OK' [Connection: keep-alive] until_close 'abc'\nend\n"},
      {"1.0 with a length", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na",
       "1.0 200 'OK' [Content-Length: 1] length 1 'a'\nend\n"},
      {"1.0 with keep-alive", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: Keep-Alive\r\n\r\na",
       "1.0 200 'OK' [Content-Length: 1] [Connection: Keep-Alive] length 1 'a'\nend\nreusable\n"},
      {"1.1 that closes", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: x, Close\r\n\r\na",
       "1.1 200 'OK' [Content-Length: 1] [Connection: x, Close] length 1 'a'\nend\n"},
      {"no reason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
       "1.1 200 '' [Content-Length: 0] length 0\nend\nreusable\n"},
      {"an empty reason", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n",
       "1.1 200 '' [Content-Length: 0] length 0\nend\nreusable\n"},
      {"an empty value", "HTTP/1.1 204 No Content\r\nA:\r\nB: c\r\n\r\n",
       "1.1 204 'No Content' [A: ] [B: c] none\nend\nreusable\n"},
  });
}

TEST(TolerantResponses, HaveNoBodyWhereNoneCanBe) {
  expect_all({
      {"204", "HTTP/1.1 204 No Content\r\n\r\n", "1.1 204 'No Content' none\nend\nreusable\n"},
      {"204 with a length", "HTTP/1.1 204 No\r\nContent-Length: 3\r\n\r\n",
       "1.1 204 'No' [Content-Length: 3] none\nend\nreusable\n"},
      {"304 with a length", "HTTP/1.1 304 Not\r\nContent-Length: 3\r\n\r\n",
       "1.1 304 'Not' [Content-Length: 3] none\nend\nreusable\n"},
      {"304 with chunks announced", "HTTP/1.1 304 Not\r\nTransfer-Encoding: chunked\r\n\r\n",
       "1.1 304 'Not' [Transfer-Encoding: chunked] none\nend\nreusable\n"},
      {"to HEAD",
       "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
       "1.1 200 'OK' [Content-Length: 3] none\nend\nreusable\n",
       {},
       {true, false}},
      {"to HEAD, chunked",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
       "1.1 200 'OK' [Transfer-Encoding: chunked] none\nend\nreusable\n",
       {},
       {true, false}},
      {"to HEAD, no framing", "HTTP/1.1 200 OK\r\n\r\n", "1.1 200 'OK' none\nend\nreusable\n", {}, {true, false}},
  });
}

TEST(TolerantResponses, ComeBehindInformationalOnes) {
  expect_all({
      {"100", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
       "1.1 100 'Continue' none\n1.1 200 'OK' [Content-Length: 1] length 1 'a'\nend\nreusable\n"},
      {"several",
       "HTTP/1.1 100\r\n\r\nHTTP/1.1 103 Early\nLink: a\n\nHTTP/1.1 102 P\r\nContent-Length: 5\r\n\r\n"
       "HTTP/1.1 204 No\r\n\r\n",
       "1.1 100 '' none\n1.1 103 'Early' [Link: a] none\n1.1 102 'P' [Content-Length: 5] none\n"
       "1.1 204 'No' none\nend\nreusable\n"},
      {"nothing behind it", "HTTP/1.1 100 Continue\r\n\r\n", "1.1 100 'Continue' none\n"},
      {"its Connection is not the final one's", "HTTP/1.1 103 E\r\nConnection: close\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
       "1.1 103 'E' [Connection: close] none\n1.1 204 'No' none\nend\nreusable\n"},
      {"101 is a tunnel", "HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n\r\n",
       "1.1 101 'S' [Upgrade: x] none 'HTTP/1.1 200 OK\\r\\n\\r\\n\\r\\n'\n",
       "1.1 101 'S' [Upgrade: x] none 'HTTP/1.1 200 OK\\r\\n\\r\\n\\r\\n'\nend\n"},
  });
}

TEST(TolerantResponses, AreBroughtToOneSpelling) {
  expect_all({
      {"bare LF", "HTTP/1.1 200 OK\nContent-Length: 3\n\na\nb",
       "1.1 200 'OK' [Content-Length: 3] length 3 'a\\nb'\nend\nreusable\n"},
      {"bare LF here and there", "HTTP/1.1 200 OK\r\nA: b\nContent-Length: 1\r\n\na",
       "1.1 200 'OK' [A: b] [Content-Length: 1] length 1 'a'\nend\nreusable\n"},
      {"fold", "HTTP/1.1 204 No\r\nA: b\r\n  c\r\n\td\r\n\r\n", "1.1 204 'No' [A: b c d] none\nend\nreusable\n"},
      {"fold of a length", "HTTP/1.1 200 OK\r\nContent-Length:\r\n 1\r\n\r\na",
       "1.1 200 'OK' [Content-Length: 1] length 1 'a'\nend\nreusable\n"},
      {"space before the colon", "HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\na",
       "1.1 200 'OK' [Content-Length: 1] length 1 'a'\nend\nreusable\n"},
      {"one length twice", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1, 1\r\n\r\na",
       "1.1 200 'OK' [Content-Length: 1] [Content-Length: 1, 1] length 1 'a'\nend\nreusable\n"},
  });
}

TEST(TolerantResponses, OthersAreNone) {
  for (const std::string_view bytes : {"H2P/1.1 200 OK\r\n\r\n"sv,
                                       "\r\nHTTP/1.1 200 OK\r\n\r\n"sv,
                                       "\0"sv,
                                       "<html></html>"sv,
                                       "\x16\x03\x01"sv,
                                       "HTTP/2 200\r\n\r\n"sv,
                                       "HTTP/0.9 200 OK\r\n\r\n"sv,
                                       "HTTP/1.2 200 OK\r\n\r\n"sv,
                                       "HTTP/1.1 99 OK\r\n\r\n"sv,
                                       "HTTP/1.1 1000 OK\r\n\r\n"sv,
                                       "HTTP/1.1 0200 OK\r\n\r\n"sv,
                                       "HTTP/1.1 OK\r\n\r\n"sv,
                                       "HTTP/1.1\r\n\r\n"sv,
                                       "HTTP/1.1 200 OK\r\nA\r\n\r\n"sv,
                                       "HTTP/1.1 200 OK\r\nA: \0\r\n\r\n"sv,
                                       "HTTP/1.1 200 OK\r\n A: b\r\n\r\n"sv,
                                       "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n"sv,
                                       "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"sv,
                                       "HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n"sv,
                                       "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"sv,
                                       "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n"sv,
                                       "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"sv,
                                       "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"sv,
                                       "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"sv,
                                       "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n"sv,
                                       "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"sv,
                                       "HTTP/1.1 204 No\r\nContent-Length: x\r\n\r\n"sv,
                                       "HTTP/1.1 100 C\r\nContent-Length: x\r\n\r\n"sv}) {
    expect_refused(bytes);
  }
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string seen = "1.1 200 'OK' [Transfer-Encoding: chunked] chunked";
  for (const std::string_view body : {"x\r\n"sv, "-1\r\na"sv, " 1\r\na"sv, "1\na\r\n"sv, "10000000000000000\r\n"sv,
                                      "0\r\n\n"sv, "0\r\nA : b\r\n\r\n"sv}) {
    const std::string bytes = head + std::string(body);
    expect_seen({"chunks", bytes, seen + "\nrefused\n"});
  }
  const std::string longer = head + "1\r\nab\r\n";
  expect_seen({"a chunk longer than its size", longer, seen + " 'a'\nrefused\n"});
}

TEST(TolerantResponses, LoseTrailersThatHaveNoBusinessThere) {
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string bytes = head + "0\r\nContent-Length: 1\r\nDigest: x\r\nset-cookie: a\r\n\r\n";
  expect_seen({"trailers", bytes, "1.1 200 'OK' [Transfer-Encoding: chunked] chunked [Digest: x]\nend\nreusable\n"});
}

TEST(TolerantResponses, HaveNotMoreThan128InterimOnes) {
  std::string bytes;
  std::string seen;
  for (int i = 0; i < 128; ++i) {
    bytes += "HTTP/1.1 102 P\r\n\r\n";
    seen += "1.1 102 'P' none\n";
  }
  const std::string final = bytes + "HTTP/1.1 204 No\r\n\r\n";
  const std::string one_more = bytes + "HTTP/1.1 102 P\r\n\r\n";
  EXPECT_EQ(to_text(read_response({final}, {}, AtEnd::open)), seen + "1.1 204 'No' none\nend\nreusable\n");
  EXPECT_EQ(to_text(read_response({one_more}, {}, AtEnd::open)), seen + "refused\n");
}

TEST(TolerantResponses, NameFewFieldsInConnection) {
  std::string list;
  for (int i = 0; i < 65; ++i) list += "a, ";
  expect_refused("HTTP/1.1 204 No\r\nConnection: " + list + "\r\n\r\n");
}

/// Cut anywhere, an answer ends in an error: nothing that broke off looks complete. Only one that ends with its
/// connection cannot know.
TEST(TolerantResponses, ThatBreakOffAreErrors) {
  for (const std::string_view bytes :
       {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"sv, "HTTP/1.1 204 No\r\n\r\n"sv,
        "HTTP/1.1 200 OK\nContent-Length: 1\n\na"sv,
        "HTTP/1.1 103 E\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nA: b\r\n\r\n"sv}) {
    EXPECT_TRUE(read_response({bytes}, {}, AtEnd::eof).ended);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const auto seen = read_response({bytes.substr(0, size)}, {}, AtEnd::eof);
      EXPECT_TRUE(seen.refused && !seen.ended && !seen.reusable) << printable(bytes.substr(0, size));
      EXPECT_FALSE(read_response({bytes.substr(0, size)}, {}, AtEnd::open).refused) << printable(bytes.substr(0, size));
    }
  }
}

TEST(TolerantResponses, AreLimited) {
  const HeadLimits limits{40, 2};
  const auto seen = [&](const std::string& bytes) {
    std::string first;
    for (const auto& split : splits_of(bytes)) {
      const std::string text = to_text(read_response(split.reads, {}, AtEnd::open, limits));
      if (first.empty()) first = text;
      EXPECT_EQ(text, first) << split.name;
    }
    return first;
  };
  EXPECT_EQ(seen("HTTP/1.1 204 No\r\nA: " + std::string(16, 'x') + "\r\n\r\n").substr(0, 7), "1.1 204");
  EXPECT_EQ(seen("HTTP/1.1 204 No\r\nA: " + std::string(17, 'x') + "\r\n\r\n"), "refused\n");
  EXPECT_EQ(seen("HTTP/1.1 204 " + std::string(27, 'x')), "refused\n");
  EXPECT_EQ(seen("HTTP/1.1 204 No\r\nA: b\r\nC: d\r\n\r\n").substr(0, 7), "1.1 204");
  EXPECT_EQ(seen("HTTP/1.1 204 No\r\nA:\r\nC:\r\nE:\r\n\r\n"), "refused\n");
  EXPECT_EQ(seen("HTTP/1.1 200 OK\r\n\r\n" + std::string(100, 'b')).substr(0, 7), "1.1 200");
}

}  // namespace
}  // namespace sidecar::http
