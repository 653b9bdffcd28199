#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/http/reading.hpp"
#include "tests/sse/splits.hpp"

// Raw bytes of clients, and what is understood: one reading, or a refusal with its status. What is understood is all
// that a backend can get to see.
namespace sidecar::http {
namespace {

using namespace std::string_view_literals;
using test::printable;
using test::read_requests;
using test::splits_of;
using test::to_text;

constexpr std::string_view kNext = "GET /next HTTP/1.1\r\nHost: n\r\n\r\n";

struct Case {
  const char* name;
  std::string_view bytes;
  std::string seen;
};

/// The case gives `seen` whole, bytewise and cut anywhere. With one more request behind it, that one stays unread for
/// its turn, and is understood in its turn; behind a refusal nothing is understood.
void expect_seen(const Case& c) {
  SCOPED_TRACE(std::string(c.name) + ": " + printable(c.bytes));
  for (const auto& split : splits_of(c.bytes)) EXPECT_EQ(to_text(read_requests(split.reads)), c.seen) << split.name;
  const std::string both = std::string(c.bytes).append(kNext);
  if (c.seen.ends_with(" end\n")) {
    const std::string unread = c.seen + "unread '" + printable(kNext) + "'\n";
    const std::string in_turn = c.seen + "GET /next 1.1 [Host: n] none end\n";
    const std::size_t requests = read_requests({c.bytes}).requests.size();
    for (const auto& split : splits_of(both)) {
      EXPECT_EQ(to_text(read_requests(split.reads, {}, requests)), unread) << split.name;
      EXPECT_EQ(to_text(read_requests(split.reads)), in_turn) << split.name;
    }
  } else if (c.seen.find("refused") != std::string::npos) {
    for (const auto& split : splits_of(both)) EXPECT_EQ(to_text(read_requests(split.reads)), c.seen) << split.name;
  }
}

void expect_all(const std::vector<Case>& cases) {
  for (const Case& c : cases) expect_seen(c);
}

/// Field lines behind `POST / HTTP/1.1` and a Host, then a body that fits to some reading of them.
void expect_refused(std::string_view lines, int status, std::string_view version = "1.1") {
  const std::string bytes =
      "POST / HTTP/" + std::string(version) + "\r\nHost: h\r\n" + std::string(lines) + "\r\n5\r\nabcde\r\n0\r\n\r\n";
  const std::string seen = "refused " + std::to_string(status) + "\n";
  expect_seen({"refused", bytes, seen});
}

TEST(StrictRequests, AreRead) {
  expect_all({
      {"no body", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / 1.1 [Host: h] none end\n"},
      {"1.0 without Host", "GET / HTTP/1.0\r\n\r\n", "GET / 1.0 none end\n"},
      {"a length", "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
       "PUT /x 1.1 [Host: h] [Content-Length: 3] length 3 'abc' end\n"},
      {"a length of nothing", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
       "POST / 1.1 [Host: h] [Content-Length: 0] length 0 end\n"},
      {"chunks", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x\r\nc\r\n0\r\n\r\n",
       "POST / 1.1 [Host: h] [Transfer-Encoding: chunked] chunked 'abc' end\n"},
      {"chunks and trailers",
       "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:  CHUNKED \r\n\r\n1\r\na\r\n0\r\nDigest: x\r\n\r\n",
       "POST / 1.1 [Host: h] [Transfer-Encoding: CHUNKED] chunked 'a' [Digest: x] end\n"},
      {"tabs around other values", "GET / HTTP/1.1\r\nHost:\th\t\r\nA:\tb\tc\t\r\n\r\n",
       "GET / 1.1 [Host: h] [A: b\\x09c] none end\n"},
      {"empty lines before it", "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / 1.1 [Host: h] none end\n"},
      {"empty values", "GET / HTTP/1.1\r\nHost: h\r\nA:\r\nB: \r\nC: d\r\n\r\n",
       "GET / 1.1 [Host: h] [A: ] [B: ] [C: d] none end\n"},
      {"asterisk-form", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * 1.1 [Host: h] none end\n"},
      {"absolute-form", "GET http://h/x?y HTTP/1.1\r\nHost: h\r\n\r\n", "GET http://h/x?y 1.1 [Host: h] none end\n"},
      {"obs-text", "GET /\xc3\xa4\xff HTTP/1.1\r\nHost: h\r\nA: \xfc\r\n\r\n",
       "GET /\\xc3\\xa4\\xff 1.1 [Host: h] [A: \\xfc] none end\n"},
      {"an unknown method", "BREW /pot HTTP/1.1\r\nHost: h\r\n\r\n", "BREW /pot 1.1 [Host: h] none end\n"},
      {"Expect", "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na",
       "POST / 1.1 [Host: h] [Expect: 100-continue] [Content-Length: 1] length 1 'a' end\n"},
  });
}

TEST(StrictRequests, ComeOneBehindTheOther) {
  expect_all({
      {"three",
       "POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab"
       "POST /2 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nc\r\n0\r\n\r\n\r\n"
       "GET /3 HTTP/1.0\r\n\r\n",
       "POST /1 1.1 [Host: h] [Content-Length: 2] length 2 'ab' end\n"
       "POST /2 1.1 [Host: h] [Transfer-Encoding: chunked] chunked 'c' end\nGET /3 1.0 none end\n"},
      {"a body that looks like a request",
       "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18\r\n\r\nGET / HTTP/1.1\r\n\r\n",
       "POST / 1.1 [Host: h] [Content-Length: 18] length 18 'GET / HTTP/1.1\\r\\n\\r\\n' end\n"},
  });
}

TEST(StrictRequests, MayBeUnfinished) {
  expect_all({
      {"nothing", "", ""},
      {"empty lines", "\r\n\r\n", ""},
      {"an empty line begun", "\r\n\r", "unread '\\r'\n"},
      {"a head begun", "GET / HT", "unread 'GET / HT'\n"},
      {"no blank line", "GET / HTTP/1.1\r\nHost: h\r\n", "unread 'GET / HTTP/1.1\\r\\nHost: h\\r\\n'\n"},
      {"a body begun", "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab",
       "PUT / 1.1 [Host: h] [Content-Length: 3] length 3 'ab'\n"},
      {"a chunk begun", "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
       "PUT / 1.1 [Host: h] [Transfer-Encoding: chunked] chunked 'ab'\n"},
      {"trailers begun", "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n",
       "PUT / 1.1 [Host: h] [Transfer-Encoding: chunked] chunked\nunread 'A: b\\r\\n'\n"},
  });
}

TEST(StrictRequests, OtherFramingIsRefused) {
  for (const std::string_view lines : {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"sv,
                                       "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"sv,
                                       "Transfer-Encoding: chunked\r\nContent-Length:\r\n"sv,
                                       "Content-Length: 5\r\nContent-Length: 5\r\n"sv,
                                       "Content-Length: 5\r\nContent-Length: 6\r\n"sv,
                                       "Content-Length: 5\r\nA: b\r\ncontent-length: 0\r\n"sv,
                                       "Content-Length: 5, 5\r\n"sv,
                                       "Content-Length: 5,\r\n"sv,
                                       "Content-Length: +5\r\n"sv,
                                       "Content-Length: -5\r\n"sv,
                                       "Content-Length: 5 5\r\n"sv,
                                       "Content-Length: 0x5\r\n"sv,
                                       "Content-Length: 5h\r\n"sv,
                                       "Content-Length: 5.0\r\n"sv,
                                       "Content-Length:\r\n"sv,
                                       "Content-Length: \"5\"\r\n"sv,
                                       "Content-Length:\t5\r\n"sv,
                                       "Content-Length: 5\t\r\n"sv,
                                       "Content-Length: 5 \t\r\n"sv,
                                       "Content_Length: 5\r\n"sv,
                                       "Transfer_Encoding: chunked\r\n"sv,
                                       "Content-Length: 5\r\nTransfer_Encoding: chunked\r\n"sv,
                                       "Transfer-Encoding:\tchunked\r\n"sv,
                                       "Transfer-Encoding: \tchunked\r\n"sv,
                                       "Transfer-Encoding: chunked\t\r\n"sv,
                                       "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"sv,
                                       "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"sv,
                                       "Transfer-Encoding: identity\r\nContent-Length: 5\r\n"sv,
                                       "Transfer-Encoding:\r\nContent-Length: 5\r\n"sv}) {
    expect_refused(lines, 400);
  }
  for (const std::string_view value : {"identity"sv, "chunked, gzip"sv, "chunked;foo"sv, "chunked ;a=b"sv, "chunked,"sv,
                                       ", chunked"sv, "chunked\t,"sv, "\"chunked\""sv, "x-chunked"sv, "chunked x"sv,
                                       "\xc2\xa0"
                                       "chunked"sv,
                                       ""sv}) {
    expect_refused("Transfer-Encoding: " + std::string(value) + "\r\n", 400);
  }
  // These end like a request should, but what stands before it is not served.
  for (const std::string_view value : {"gzip, chunked"sv, "chunked, chunked"sv}) {
    expect_refused("Transfer-Encoding: " + std::string(value) + "\r\n", 501);
  }
  expect_refused("Content-Length: 18446744073709551621\r\n", 413);
  expect_refused("Content-Length: 00000000000000000005\r\n", 413);
  expect_refused("Transfer-Encoding: chunked\r\n", 400, "1.0");
  expect_refused("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400, "1.0");
  expect_refused("Transfer-Encoding: \vchunked\r\n", 400);
  expect_refused("Transfer-Encoding : chunked\r\n", 400);
  expect_refused("Transfer-Encoding\r\n : chunked\r\n", 400);
  expect_refused("Transfer-Encoding:\r\n chunked\r\n", 400);
  expect_refused(" Transfer-Encoding: chunked\r\n", 400);
  expect_refused("X: y\nTransfer-Encoding: chunked\r\n", 400);
  expect_refused("X: y\rTransfer-Encoding: chunked\r\n", 400);
  expect_refused("Transfer-Encoding: chunked\0\r\n"sv, 400);
}

TEST(StrictRequests, OtherHeadsAreRefused) {
  const std::vector<Case> cases = {
      {"HTTP/0.9", "GET /\r\n\r\n", "400"},
      {"version 0.9", "GET / HTTP/0.9\r\nHost: h\r\n\r\n", "505"},
      {"version 1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", "505"},
      {"version 2.0", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", "505"},
      {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"},
      {"a TLS handshake", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n"sv, "400"},
      {"CONNECT", "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", "405"},
      {"bare LF", "GET / HTTP/1.1\nHost: h\n\n", "400"},
      {"one bare LF", "GET / HTTP/1.1\r\nHost: h\nA: b\r\n\r\n", "400"},
      {"a bare LF as a blank line", "GET / HTTP/1.1\r\nHost: h\r\n\n", "400"},
      {"a bare LF before it", "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
      {"bare CR", "GET / HTTP/1.1\r\nHost: h\r\nA: b\rc\r\n\r\n", "400"},
      {"bare CR before it", "\rGET / HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
      {"fold", "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n", "400"},
      {"fold in the first line", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", "400"},
      {"a line of spaces before it", " \r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
      {"space before the colon", "GET / HTTP/1.1\r\nHost : h\r\n\r\n", "400"},
      {"no name", "GET / HTTP/1.1\r\nHost: h\r\n: a\r\n\r\n", "400"},
      {"NUL in a value", "GET / HTTP/1.1\r\nHost: h\r\nA: \0\r\n\r\n"sv, "400"},
      {"NUL in a name", "GET / HTTP/1.1\r\nHost: h\r\nA\0: b\r\n\r\n"sv, "400"},
      {"NUL in the target", "GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n"sv, "400"},
      {"escape in a value", "GET / HTTP/1.1\r\nHost: h\r\nA: \x1b\r\n\r\n", "400"},
      {"fragment", "GET /#x HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
      {"no Host", "GET / HTTP/1.1\r\n\r\n", "400"},
      {"two Hosts", "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", "400"},
      {"two Hosts, spelled differently", "GET / HTTP/1.1\r\nHost: h\r\nhost: h\r\n\r\n", "400"},
      {"a list of hosts", "GET / HTTP/1.1\r\nHost: h, i\r\n\r\n", "400"},
      {"another host in the target", "GET http://i/ HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
      {"no host in the target", "GET http:///x HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
      {"asterisk-form with GET", "GET * HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
      {"authority-form with GET", "GET h:80 HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
      {"another expectation", "GET / HTTP/1.1\r\nHost: h\r\nExpect: 200-ok\r\n\r\n", "417"},
  };
  for (Case c : cases) {
    c.seen = "refused " + c.seen + "\n";
    expect_seen(c);
  }
}

TEST(StrictRequests, BrokenChunksAreRefused) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string seen = "POST / 1.1 [Host: h] [Transfer-Encoding: chunked] chunked";
  struct BodyCase {
    std::string_view bytes;
    std::string_view body;
  };
  const BodyCase cases[] = {
      {"+1\r\na\r\n", ""},
      {" 1\r\na\r\n", ""},
      {"1 \r\na\r\n", ""},
      {"0x1\r\na\r\n", ""},
      {"1\na\r\n", ""},
      {"1;a\nb\r\n", ""},
      {"1;a\x01\r\n", ""},
      {"1;a\x7f\r\n", ""},
      {"1\r\nab\r\n", " 'a'"},
      {"1\r\na\n0\r\n", " 'a'"},
      {"\r\n", ""},
      {"0\r\nHost: x\r\n\r\n", ""},
      {"0\r\nContent-Length: 1\r\n\r\n", ""},
      {"0\r\nX_Forwarded_For: 127.0.0.1\r\n\r\n", ""},
      {"0\r\nA : b\r\n\r\n", ""},
      {"0\r\n\n", ""},
      {"0\r\nA: b\n\r\n", ""},
      {"GET / HTTP/1.1\r\n", ""},
  };
  for (const BodyCase& c : cases) {
    const std::string bytes = head + std::string(c.bytes);
    expect_seen({"chunks", bytes, seen + std::string(c.body) + "\nrefused 400\n"});
  }
  for (const std::string& line : {std::string("10000000000000001"), "1;" + std::string(1024, 'x')}) {
    const std::string bytes = head + line + "\r\na";
    expect_seen({"chunks", bytes, seen + "\nrefused 413\n"});
  }
}

/// Every member of Connection is compared with every field: there must not be thousands.
TEST(StrictRequests, NameFewFieldsInConnection) {
  const auto head = [](std::size_t options) {
    std::string list;
    for (std::size_t i = 0; i < options / 2; ++i) list += "a,,";
    return "GET / HTTP/1.1\r\nHost: h\r\nConnection: " + list + "\r\nConnection: " + list + "\r\n\r\n";
  };
  EXPECT_EQ(to_text(read_requests({head(64)})).substr(0, 9), "GET / 1.1");
  EXPECT_EQ(to_text(read_requests({head(66)})), "refused 431\n");
}

TEST(StrictRequests, AreLimited) {
  const HeadLimits limits{64, 3};
  const auto seen = [&](const std::string& bytes) {
    std::string first;
    for (const auto& split : splits_of(bytes)) {
      const std::string text = to_text(read_requests(split.reads, limits));
      if (first.empty()) first = text;
      EXPECT_EQ(text, first) << split.name;
    }
    return first;
  };
  const auto request = [](std::size_t target, const std::string& lines) {
    return "GET /" + std::string(target, 'x') + " HTTP/1.1\r\n" + lines + "\r\n";
  };
  EXPECT_EQ(seen(request(0, "Host: h\r\nA: " + std::string(32, 'x') + "\r\n")).substr(0, 9), "GET / 1.1");
  EXPECT_EQ(seen(request(0, "Host: h\r\nA: " + std::string(33, 'x') + "\r\n")), "refused 431\n");
  EXPECT_EQ(seen(request(37, "Host: h\r\n")).substr(0, 8), "GET /xxx");
  EXPECT_EQ(seen(request(38, "Host: h\r\n")), "refused 431\n");
  EXPECT_EQ(seen(request(60, "Host: h\r\n")), "refused 414\n");
  EXPECT_EQ(seen("GET /" + std::string(58, 'x')).substr(0, 6), "unread");
  EXPECT_EQ(seen("GET /" + std::string(59, 'x')), "refused 414\n");
  EXPECT_EQ(seen(request(0, "Host: h\r\nA: 1\r\nB: 2\r\n")).substr(0, 9), "GET / 1.1");
  EXPECT_EQ(seen(request(0, "Host: h\r\nA: 1\r\nB: 2\r\nC: 3\r\n")), "refused 431\n");
  EXPECT_EQ(seen(std::string(64, 'x')), "refused 414\n");
  // Empty lines do not count, nor does what comes behind the head.
  EXPECT_EQ(seen(std::string(40, '\r').replace(0, 40, "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n") +
                 request(0, "Host: h\r\n")),
            "GET / 1.1 [Host: h] none end\n");
  EXPECT_EQ(seen(request(0, "Host: h\r\nContent-Length: 99\r\n") + std::string(99, 'b')).substr(0, 9), "GET / 1.1");
}

}  // namespace
}  // namespace sidecar::http
