#include "http/head_parser.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tests/http/reading.hpp"

namespace sidecar::http {
namespace {

using namespace std::string_view_literals;

/// `GET / 1.1 [A: b]`, or the status of the refusal.
std::string request(std::string_view head, const HeadLimits& limits = {}) {
  HeadScratch scratch;
  RequestHead out;
  const Refusal refusal = parse_request_head(head, limits, scratch, out);
  EXPECT_EQ(static_cast<bool>(refusal), !std::string_view(refusal.why).empty());
  if (refusal) return std::to_string(refusal.status);
  return std::string(out.method) + " " + test::printable(out.target) +
         (out.version == Version::http_1_0 ? " 1.0" : " 1.1") + test::to_text(test::copy_of(out.fields));
}

std::string request_line(std::string_view line) {
  return request(std::string(line) + "\r\n\r\n");
}

std::string request_fields(std::string_view lines) {
  const std::string text = request("GET / HTTP/1.1\r\n" + std::string(lines) + "\r\n");
  return text.starts_with("GET / 1.1 ") ? text.substr(10) : text;
}

std::string response(std::string_view head, const HeadLimits& limits = {}) {
  HeadScratch scratch;
  ResponseHead out;
  const Refusal refusal = parse_response_head(head, limits, scratch, out);
  EXPECT_EQ(static_cast<bool>(refusal), !std::string_view(refusal.why).empty());
  if (refusal) return std::to_string(refusal.status);
  return std::to_string(out.status) + " '" + test::printable(out.reason) + "'" +
         (out.version == Version::http_1_0 ? " 1.0" : "") + test::to_text(test::copy_of(out.fields));
}

std::string response_fields(std::string_view lines) {
  const std::string text = response("HTTP/1.1 200 OK\r\n" + std::string(lines) + "\r\n");
  return text.starts_with("200 'OK' ") ? text.substr(9) : text;
}

TEST(HeadEnd, IsBehindTheBlankLine) {
  struct Case {
    std::string_view bytes;
    std::size_t size;
    bool bare_lf;
  };
  constexpr std::size_t kIncomplete = HeadEnd::kIncomplete;
  const Case cases[] = {
      {"", kIncomplete, false},
      {"A\r\n", kIncomplete, false},
      {"A\r\n\r", kIncomplete, false},
      {"A\r\n\r\n", 5, false},
      {"A\r\n\r\nB\r\n\r\n", 5, false},
      {"A\n\n", 3, true},
      {"A\r\n\n", 4, true},
      {"A\n\r\n", 4, true},
      {"A\n", kIncomplete, true},
      {"A\r\r\n\r\n", 6, false},
      {"A\r\n\r\r\n", kIncomplete, false},
      {"A\r\n \r\n\r\n", 8, false},
      {"\r\n", 2, false},
      {"\n", 1, true},
      {"A\r\n\r\n\n", 5, false},
  };
  for (const Case& c : cases) {
    const HeadEnd end = HeadSearch{}.find(c.bytes);
    EXPECT_EQ(end.size, c.size) << test::printable(c.bytes);
    EXPECT_EQ(end.bare_lf, c.bare_lf) << test::printable(c.bytes);
  }
}

TEST(RequestHead, TakesAnyMethodAndTarget) {
  EXPECT_EQ(request_line("GET / HTTP/1.1"), "GET / 1.1");
  EXPECT_EQ(request_line("POST /a?b=c%2B+d HTTP/1.0"), "POST /a?b=c%2B+d 1.0");
  for (const char* method : {"PURGE", "M-SEARCH", "get", "PRI", "CONNECT", "PROPFIND", "X", "!#$%&'*+-.^_`|~09"})
    EXPECT_EQ(request_line(std::string(method) + " / HTTP/1.1"), std::string(method) + " / 1.1");
  for (const char* target : {"*", "a:443", "http://a/b", "//", "/%00", "/<>\"{}|\\^`[]", "/?", "x"})
    EXPECT_EQ(request_line("GET " + std::string(target) + " HTTP/1.1"), "GET " + std::string(target) + " 1.1");
  EXPECT_EQ(request_line("GET /\xc3\xa4?\xff\x80 HTTP/1.1"), "GET /\\xc3\\xa4?\\xff\\x80 1.1");
}

TEST(RequestHead, RefusesOtherRequestLines) {
  for (const std::string_view line : {"GET"sv,
                                      "GET /"sv,
                                      "GET HTTP/1.1"sv,
                                      "GET  / HTTP/1.1"sv,
                                      "GET /  HTTP/1.1"sv,
                                      " GET / HTTP/1.1"sv,
                                      "GET / HTTP/1.1 "sv,
                                      "GET\t/ HTTP/1.1"sv,
                                      "GET /\tHTTP/1.1"sv,
                                      "GET /a b HTTP/1.1"sv,
                                      "GET /a\tb HTTP/1.1"sv,
                                      "GET / http/1.1"sv,
                                      "GET / HTTP/1"sv,
                                      "GET / HTTP/11"sv,
                                      "GET / HTTP/1.10"sv,
                                      "GET / HTTP/1,1"sv,
                                      "GET / HTTP /1.1"sv,
                                      "GET / HTTPS/1.1"sv,
                                      "GET / HTTP/1.1x"sv,
                                      "GET / HTTP/x.1"sv,
                                      "GET / ICY/1.1"sv,
                                      "GET /#a HTTP/1.1"sv,
                                      "GET # HTTP/1.1"sv,
                                      "GET /\x01 HTTP/1.1"sv,
                                      "GET /\x7f HTTP/1.1"sv,
                                      "GET /\0 HTTP/1.1"sv,
                                      "GET /\va HTTP/1.1"sv,
                                      "GET /a\rb HTTP/1.1"sv,
                                      "GET /\r HTTP/1.1"sv,
                                      "G\0T / HTTP/1.1"sv,
                                      "G\xc3T / HTTP/1.1"sv,
                                      "G(T / HTTP/1.1"sv,
                                      "G:T / HTTP/1.1"sv,
                                      "\"GET\" / HTTP/1.1"sv,
                                      "{} / HTTP/1.1"sv,
                                      "\x16\x03\x01\x02 / HTTP/1.1"sv,
                                      "GET / HTTP/1.1\r"sv,
                                      "GET / HTTP/1.1\0"sv}) {
    EXPECT_EQ(request_line(line), "400") << test::printable(line);
  }
  for (const char* version : {"0.9", "1.2", "1.9", "2.0", "3.0", "0.0", "9.9"})
    EXPECT_EQ(request_line("GET / HTTP/" + std::string(version)), "505") << version;
  EXPECT_EQ(request("PRI * HTTP/2.0\r\n\r\n"), "505");
  EXPECT_EQ(request_line(std::string(255, 'M') + " / HTTP/1.1"), std::string(255, 'M') + " / 1.1");
  EXPECT_EQ(request_line(std::string(256, 'M') + " / HTTP/1.1"), "501");
}

TEST(RequestHead, TakesFieldsAsTheyCame) {
  EXPECT_EQ(request_fields(""), "GET / 1.1");
  EXPECT_EQ(request_fields("A: b\r\nc-D:e\r\n"), "[A: b] [c-D: e]");
  EXPECT_EQ(request_fields("A: \t b c\t d \t\r\n"), "[A: b c\\x09 d]");
  EXPECT_EQ(request_fields("A:\r\n"), "[A: ]");
  EXPECT_EQ(request_fields("A:\r\nB: c\r\n"), "[A: ] [B: c]");
  EXPECT_EQ(request_fields("A:  \t\r\nB:\r\nC: \r\nD: e\r\n"), "[A: ] [B: ] [C: ] [D: e]");
  EXPECT_EQ(request_fields("A: :b: \r\n"), "[A: :b:]");
  EXPECT_EQ(request_fields("A: \xc3\xa4\xff\x80\r\n"), "[A: \\xc3\\xa4\\xff\\x80]");
  EXPECT_EQ(request_fields("!#$%&'*+-.^_`|~09: x\r\n"), "[!#$%&'*+-.^_`|~09: x]");
  EXPECT_EQ(request_fields("A: b\r\nA: b\r\n"), "[A: b] [A: b]");
}

/// llhttp has rules of its own for these fields; here they are as any other, and the framing rules judge them.
TEST(RequestHead, GivesNoFieldASpecialTreatment) {
  EXPECT_EQ(request_fields("Content-Length: x\r\nContent-Length: -1\r\n"), "[Content-Length: x] [Content-Length: -1]");
  EXPECT_EQ(request_fields("Content-Length:\r\nA: b\r\n"), "[Content-Length: ] [A: b]");
  EXPECT_EQ(request_fields("Content-Length: 99999999999999999999999\r\n"), "[Content-Length: 99999999999999999999999]");
  EXPECT_EQ(request_fields("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
            "[Transfer-Encoding: chunked] [Content-Length: 5]");
  EXPECT_EQ(request_fields("Transfer-Encoding: chunked, gzip\r\nTransfer-Encoding:\r\nA: b\r\n"),
            "[Transfer-Encoding: chunked, gzip] [Transfer-Encoding: ] [A: b]");
  EXPECT_EQ(request_fields("Connection: Upgrade, close\r\nUpgrade: a\r\nProxy-Connection: keep-alive\r\nA: b\r\n"),
            "[Connection: Upgrade, close] [Upgrade: a] [Proxy-Connection: keep-alive] [A: b]");
}

TEST(RequestHead, RefusesOtherFieldLines) {
  for (const std::string_view lines : {"A\r\n"sv,
                                       "A b\r\n"sv,
                                       ": b\r\n"sv,
                                       ":\r\n"sv,
                                       "A : b\r\n"sv,
                                       "A\t: b\r\n"sv,
                                       "A B: c\r\n"sv,
                                       " A: b\r\n"sv,
                                       "\tA: b\r\n"sv,
                                       "A: b\r\n c\r\n"sv,
                                       "A: b\r\n\tc: d\r\n"sv,
                                       "A: b\r\n \r\n"sv,
                                       "A:\r\n b\r\n"sv,
                                       "A: b\nC: d\r\n"sv,
                                       "A: b\n"sv,
                                       "A: b\rC: d\r\n"sv,
                                       "A: b\r\r\n"sv,
                                       "A\r: b\r\n"sv,
                                       "\rA: b\r\n"sv,
                                       "A: b\0\r\n"sv,
                                       "A\0: b\r\n"sv,
                                       "\0: b\r\n"sv,
                                       "A: \x01\r\n"sv,
                                       "A: b\x7f\r\n"sv,
                                       "A: b\vc\r\n"sv,
                                       "A: b\fc\r\n"sv,
                                       "A: \x1b[0m\r\n"sv,
                                       "\x01: b\r\n"sv,
                                       "A\x7f: b\r\n"sv,
                                       "A\xc3\xa4: b\r\n"sv,
                                       "A(: b\r\n"sv,
                                       "A,: b\r\n"sv,
                                       "A/: b\r\n"sv,
                                       "A;: b\r\n"sv,
                                       "A=: b\r\n"sv,
                                       "A?: b\r\n"sv,
                                       "A@: b\r\n"sv,
                                       "[A]: b\r\n"sv,
                                       "\"A\": b\r\n"sv,
                                       "{A}: b\r\n"sv,
                                       "A\\: b\r\n"sv,
                                       "Content-Length : 5\r\n"sv,
                                       "Transfer-Encoding : x\r\n"sv,
                                       "Content Length: 5\r\n"sv,
                                       "Content-Length\xa0: 5\r\n"sv}) {
    EXPECT_EQ(request_fields(lines), "400") << test::printable(lines);
  }
}

TEST(RequestHead, CountsFields) {
  const HeadLimits limits{1'000, 2};
  EXPECT_EQ(request("GET / HTTP/1.1\r\nA:1\r\nB:2\r\n\r\n", limits), "GET / 1.1 [A: 1] [B: 2]");
  EXPECT_EQ(request("GET / HTTP/1.1\r\nA:1\r\nB:2\r\nC:3\r\n\r\n", limits), "431");
  EXPECT_EQ(request("GET / HTTP/1.1\r\nA:1\r\nB:2\r\n\r\n", {1'000, 0}), "431");
}

TEST(ResponseHead, ReadsStatusLines) {
  EXPECT_EQ(response("HTTP/1.1 200 OK\r\n\r\n"), "200 'OK'");
  EXPECT_EQ(response("HTTP/1.0 404 Not Found\r\n\r\n"), "404 'Not Found' 1.0");
  EXPECT_EQ(response("HTTP/1.1 200\r\n\r\n"), "200 ''");
  EXPECT_EQ(response("HTTP/1.1 200 \r\n\r\n"), "200 ''");
  EXPECT_EQ(response("HTTP/1.1 200\r\nA: b\r\n\r\n"), "200 '' [A: b]");
  EXPECT_EQ(response("HTTP/1.1 200  a\tb \r\n\r\n"), "200 ' a\\x09b '");
  EXPECT_EQ(response("HTTP/1.1 200 \xc3\xa4\xff\r\n\r\n"), "200 '\\xc3\\xa4\\xff'");
  EXPECT_EQ(response("HTTP/1.1 100 Continue\r\n\r\n"), "100 'Continue'");
  EXPECT_EQ(response("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
            "101 'Switching Protocols' [Upgrade: x] [Connection: upgrade]");
  EXPECT_EQ(response("HTTP/1.1 999 X: y\r\n\r\n"), "999 'X: y'");
}

TEST(ResponseHead, RefusesOtherStatusLines) {
  for (const std::string_view line :
       {"HTTP/1.1"sv,          "HTTP/1.1 "sv,         "HTTP/1.1 OK"sv,       "HTTP/1.1 99 OK"sv,
        "HTTP/1.1 099 OK"sv,   "HTTP/1.1 0200 OK"sv,  "HTTP/1.1 0100 OK"sv,  "HTTP/1.1 1000 OK"sv,
        "HTTP/1.1 000 OK"sv,   "HTTP/1.1 2000 OK"sv,  "HTTP/1.1 65736 OK"sv, "HTTP/1.1 4294967496 OK"sv,
        "HTTP/1.1 20"sv,       "HTTP/1.1 2"sv,        "HTTP/1.1 20x OK"sv,   "HTTP/1.1 200OK"sv,
        "HTTP/1.1  200 OK"sv,  "HTTP/1.1\t200 OK"sv,  "HTTP/1.1 200\tOK"sv,  "HTTP/1.1 -200 OK"sv,
        "HTTP/1.1 +20 OK"sv,   "HTTP/1.2 200 OK"sv,   "HTTP/2.0 200 OK"sv,   "HTTP/2 200"sv,
        "HTTP/0.9 200 OK"sv,   "http/1.1 200 OK"sv,   "ICY 200 OK"sv,        "200 OK"sv,
        " HTTP/1.1 200 OK"sv,  "GET / HTTP/1.1"sv,    "HTTP/1.1 200 O\0K"sv, "HTTP/1.1 200 O\rK"sv,
        "HTTP/1.1 200 \x1b"sv, "HTTP/1.1 200 \x7f"sv, "\x15\x03\x01"sv,      "garbage"sv}) {
    EXPECT_EQ(response(std::string(line) + "\r\n\r\n"), "502") << test::printable(line);
  }
}

TEST(ResponseHead, BringsTheTolerableToStrictSpelling) {
  EXPECT_EQ(response("HTTP/1.1 200 OK\n\n"), "200 'OK'");
  EXPECT_EQ(response("HTTP/1.1 200\n\n"), "200 ''");
  EXPECT_EQ(response("HTTP/1.1 200 OK\nA: b\nC: d\n\n"), "200 'OK' [A: b] [C: d]");
  EXPECT_EQ(response("HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\n"), "200 'OK' [A: b] [C: d]");
  EXPECT_EQ(response_fields("A : b\r\nC \t :d\r\n"), "[A: b] [C: d]");
  EXPECT_EQ(response_fields("A: b\r\n c\r\n"), "[A: b c]");
  EXPECT_EQ(response_fields("A: b \r\n\t \tc  d\r\n e \r\nF: g\r\n"), "[A: b  c  d e] [F: g]");
  EXPECT_EQ(response_fields("A:\r\n b\r\n"), "[A: b]");
  EXPECT_EQ(response_fields("A: b\r\n \r\nC: d\r\n"), "[A: b] [C: d]");
  EXPECT_EQ(response_fields("A: b\r\n c: d\r\n"), "[A: b c: d]");
  EXPECT_EQ(response_fields("A:\r\nB: c\r\n"), "[A: ] [B: c]");
  EXPECT_EQ(response_fields("A :\nB: c : d\n"), "[A: ] [B: c : d]");
  EXPECT_EQ(response("HTTP/1.1 200 a : b\nC : d\n\n"), "200 'a : b' [C: d]");
}

TEST(ResponseHead, RefusesWhatHasNoOneReading) {
  for (const std::string_view lines :
       {"A\r\n"sv, "A\n"sv, ": b\r\n"sv, " : b\r\n"sv, "A B: c\r\n"sv, "A B : c\r\n"sv, " A: b\r\n"sv, "\tA\n"sv,
        " \r\nA: b\r\n"sv, "A: b\rC: d\r\n"sv, "A: b\r\r\n"sv, "A: b\0\r\n"sv, "A\0: b\r\n"sv, "A: \x01\r\n"sv,
        "A: b\x7f\r\n"sv, "A\xc3\xa4: b\r\n"sv, "(A): b\r\n"sv, "A\r\n : b\r\n"sv, "<html>\n"sv}) {
    EXPECT_EQ(response_fields(lines), "502") << test::printable(lines);
  }
}

TEST(ResponseHead, CountsFields) {
  const HeadLimits limits{1'000, 2};
  EXPECT_EQ(response("HTTP/1.1 200 OK\r\nA:1\r\nB:2\r\n\r\n", limits), "200 'OK' [A: 1] [B: 2]");
  EXPECT_EQ(response("HTTP/1.1 200 OK\r\nA:1\r\nB:2\r\nC:3\r\n\r\n", limits), "502");
}

/// The scratch is reused: nothing of an earlier head may come through.
TEST(ResponseHead, ForgetsTheOneBefore) {
  HeadScratch scratch;
  ResponseHead out;
  EXPECT_FALSE(parse_response_head("HTTP/1.0 500 Broken\nA : a long value, longer than a short string\nB: c\n\n", {},
                                   scratch, out));
  EXPECT_EQ(test::to_text(test::copy_of(out.fields)), " [A: a long value, longer than a short string] [B: c]");
  EXPECT_FALSE(parse_response_head("HTTP/1.1 204\nD : e\n\n", {}, scratch, out));
  EXPECT_EQ(out.status, 204);
  EXPECT_EQ(out.reason, "");
  EXPECT_EQ(out.version, Version::http_1_1);
  EXPECT_EQ(test::to_text(test::copy_of(out.fields)), " [D: e]");
}

}  // namespace
}  // namespace sidecar::http
