#include "http/h1_downstream.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

// The client's side as dialogues: what was asked, and the bytes of the answer. How requests are read is in
// strict_requests_test.cpp.
namespace sidecar::http {
namespace {

using Size = BodySize::Kind;

constexpr BodySize kNone{Size::none, 0};
constexpr BodySize kUnknown{Size::unknown, 0};

BodySize length(std::uint64_t bytes) {
  return {Size::length, bytes};
}

/// A codec that has read `bytes`, and what it will answer.
struct Dialogue {
  H1Downstream codec;
  HeadScratch scratch;
  Output out;
  H1Downstream::Sink sink{codec, out};
  std::string rest;
  Refusal refusal;

  explicit Dialogue(std::string_view bytes) { ask(bytes); }

  void ask(std::string_view bytes) {
    rest.append(bytes);
    std::string_view input = rest;
    for (;;) {
      const H1Downstream::Parsed parsed = codec.next(input, {}, scratch);
      if (parsed.event == H1Downstream::Event::error) refusal = parsed.refusal;
      if (parsed.event == H1Downstream::Event::need_more || parsed.event == H1Downstream::Event::error) break;
      if (parsed.event == H1Downstream::Event::end) break;
    }
    rest = std::string(input);
  }

  void head(int status, BodySize size, const std::vector<Field>& fields = {}) {
    ResponseHead head;
    head.status = status;
    head.reason = status == 200 ? "OK" : "X";
    head.fields = fields;
    sink.head(head, size);
  }

  std::string take() {
    std::string bytes = out.joined();
    out.clear();
    return bytes;
  }
};

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view kGetClose = "GET / HTTP/1.1\r\nHost: h\r\nConnection: x, CLOSE\r\n\r\n";
constexpr std::string_view kGet10 = "GET / HTTP/1.0\r\n\r\n";
constexpr std::string_view kGet10KeepAlive = "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n";
constexpr std::string_view kHead = "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n";

TEST(H1Downstream, WritesALengthAndKeepsTheConnection) {
  Dialogue d(kGet);
  d.head(200, length(5), {{"A", "b"}, {"c", ""}});
  d.sink.data("abc");
  d.sink.data("");
  d.sink.data("de");
  d.sink.end({});
  EXPECT_EQ(d.take(), "HTTP/1.1 200 OK\r\nA: b\r\nc: \r\nContent-Length: 5\r\n\r\nabcde");
  EXPECT_TRUE(d.codec.persistent());
  EXPECT_FALSE(d.codec.only_reset_tells_truncation());
}

/// In the place where the backend wrote it, with the value that frames the body; not beside another framing.
TEST(H1Downstream, WritesOneContentLength) {
  const auto answer = [](std::string_view request, int status, BodySize size) {
    Dialogue d(request);
    d.head(status, size, {{"A", "b"}, {"content-length", "5, 5"}, {"C", "d"}});
    return d.take();
  };
  EXPECT_EQ(answer(kGet, 200, length(5)), "HTTP/1.1 200 OK\r\nA: b\r\ncontent-length: 5\r\nC: d\r\n\r\n");
  EXPECT_EQ(answer(kGet, 200, length(7)), "HTTP/1.1 200 OK\r\nA: b\r\ncontent-length: 7\r\nC: d\r\n\r\n");
  EXPECT_EQ(answer(kGet, 200, kUnknown), "HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(answer(kGet10, 200, kUnknown), "HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(answer(kGet, 204, kNone), "HTTP/1.1 204 X\r\nA: b\r\nC: d\r\n\r\n");
  EXPECT_EQ(answer(kGet, 304, kNone), "HTTP/1.1 304 X\r\nA: b\r\ncontent-length: 5\r\nC: d\r\n\r\n");
  EXPECT_EQ(answer(kHead, 200, kNone), "HTTP/1.1 200 OK\r\nA: b\r\ncontent-length: 5\r\nC: d\r\n\r\n");
}

TEST(H1Downstream, WritesChunks) {
  Dialogue d(kGet);
  d.head(200, kUnknown);
  d.sink.data("abc");
  d.sink.data(std::string_view("0123456789abcdef"));
  EXPECT_EQ(d.take(), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n10\r\n0123456789abcdef\r\n");
  EXPECT_TRUE(d.codec.persistent());
  EXPECT_FALSE(d.codec.only_reset_tells_truncation());
  d.sink.end({});
  EXPECT_EQ(d.take(), "0\r\n\r\n");
}

/// An empty chunk would be the end of the body.
TEST(H1Downstream, WritesNothingForEmptyData) {
  Dialogue d(kGet);
  d.head(200, kUnknown);
  (void)d.take();
  d.sink.data("");
  d.sink.data({});
  EXPECT_TRUE(d.out.empty());
  d.sink.data("a");
  d.sink.data("");
  EXPECT_EQ(d.take(), "1\r\na\r\n");
}

TEST(H1Downstream, LendsTheBodysBytes) {
  Dialogue d(kGet);
  d.head(200, kUnknown);
  d.out.clear();
  const std::string event = "data: " + std::string(1000, 'x') + "\n\n";
  d.sink.data(event);
  ASSERT_EQ(d.out.pieces(), 3U);
  EXPECT_EQ(d.out.piece(1).data(), event.data());
}

TEST(H1Downstream, WritesTrailersBehindChunksOnly) {
  const std::vector<Field> trailers = {{"Digest", "x"}, {"B", ""}};
  Dialogue chunked(kGet);
  chunked.head(200, kUnknown);
  (void)chunked.take();
  chunked.sink.end(trailers);
  EXPECT_EQ(chunked.take(), "0\r\nDigest: x\r\nB: \r\n\r\n");
  Dialogue by_length(kGet);
  by_length.head(200, length(0));
  (void)by_length.take();
  by_length.sink.end(trailers);
  EXPECT_EQ(by_length.take(), "");
  Dialogue by_close(kGet10);
  by_close.head(200, kUnknown);
  (void)by_close.take();
  by_close.sink.end(trailers);
  EXPECT_EQ(by_close.take(), "");
}

TEST(H1Downstream, EndsTheBodyWithTheConnectionForHttp10) {
  for (const std::string_view request : {kGet10, kGet10KeepAlive}) {
    Dialogue d(request);
    d.head(200, kUnknown);
    d.sink.data("abc");
    d.sink.data("");
    d.sink.end({});
    EXPECT_EQ(d.take(), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc");
    EXPECT_FALSE(d.codec.persistent());
    EXPECT_TRUE(d.codec.only_reset_tells_truncation());
  }
}

TEST(H1Downstream, KeepsAliveOverHttp10OnlyWhenAskedAndWithALength) {
  Dialogue asked(kGet10KeepAlive);
  asked.head(200, length(1));
  EXPECT_EQ(asked.take(), "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_TRUE(asked.codec.persistent());
  Dialogue bodiless(kGet10KeepAlive);
  bodiless.head(304, kNone);
  EXPECT_EQ(bodiless.take(), "HTTP/1.1 304 X\r\nConnection: keep-alive\r\n\r\n");
  Dialogue unasked(kGet10);
  unasked.head(200, length(1));
  EXPECT_EQ(unasked.take(), "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n");
  EXPECT_FALSE(unasked.codec.persistent());
  Dialogue both("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n");
  both.head(200, length(1));
  EXPECT_FALSE(both.codec.persistent());
}

TEST(H1Downstream, ClosesWhenTheClientSaysSo) {
  Dialogue d(kGetClose);
  d.head(200, length(0));
  EXPECT_EQ(d.take(), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  EXPECT_FALSE(d.codec.persistent());
}

TEST(H1Downstream, ClosesWhenTheRequestIsIncomplete) {
  for (const char* request : {"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab",
                              "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
                              "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"}) {
    Dialogue d(request);
    EXPECT_FALSE(d.codec.request_complete());
    d.head(200, length(0));
    EXPECT_EQ(d.take(), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    EXPECT_FALSE(d.codec.persistent());
  }
}

TEST(H1Downstream, KnowsACompleteRequestBeforeItsEndWasRead) {
  H1Downstream codec;
  HeadScratch scratch;
  EXPECT_FALSE(codec.request_complete());
  std::string_view input = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n";
  EXPECT_EQ(codec.next(input, {}, scratch).event, H1Downstream::Event::head);
  EXPECT_TRUE(codec.request_complete());
  EXPECT_EQ(codec.next(input, {}, scratch).event, H1Downstream::Event::end);
  EXPECT_TRUE(codec.request_complete());
  EXPECT_EQ(codec.next(input, {}, scratch).event, H1Downstream::Event::need_more);
}

TEST(H1Downstream, ClosesWhenPersistenceIsRefused) {
  Dialogue d(kGet);
  d.codec.refuse_persistence();
  d.head(200, length(0));
  EXPECT_EQ(d.take(), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  EXPECT_FALSE(d.codec.persistent());
}

TEST(H1Downstream, AnswersHeadWithoutABody) {
  Dialogue d(kHead);
  d.head(200, kNone, {{"Content-Length", "5"}});
  d.sink.data("abcde");
  d.sink.end({});
  EXPECT_EQ(d.take(), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  EXPECT_TRUE(d.codec.persistent());
  Dialogue unknown(kHead);
  unknown.head(200, kUnknown);
  unknown.sink.data("abcde");
  unknown.sink.end({});
  EXPECT_EQ(unknown.take(), "HTTP/1.1 200 OK\r\n\r\n");
  Dialogue own(kHead);
  own.head(502, length(10), {{"A", "b"}});
  own.sink.data("0123456789");
  EXPECT_EQ(own.take(), "HTTP/1.1 502 X\r\nA: b\r\n\r\n");
}

TEST(H1Downstream, AnswersARefusedHeadWithoutABody) {
  for (const char* request :
       {"HEAD / HTTP/1.1\r\n\r\n", "HEAD / HTTP/2.0\r\n\r\n", "HEAD / HTTP/1.1\r\nA : b\r\n\r\n"}) {
    Dialogue d(request);
    EXPECT_NE(d.refusal.status, 0);
    d.head(400, length(3));
    d.sink.data("why");
    d.sink.end({});
    EXPECT_EQ(d.take(), "HTTP/1.1 400 X\r\nConnection: close\r\n\r\n");
  }
}

TEST(H1Downstream, ClosesBehindARefusal) {
  for (const char* request : {"GET / HTTP/1.1\r\n\r\n", "GET\n", "GET / HTTP/2.0\r\n\r\n"}) {
    Dialogue d(request);
    EXPECT_NE(d.refusal.status, 0);
    d.ask(kGet);
    d.head(400, length(3));
    d.sink.data("why");
    EXPECT_EQ(d.take(), "HTTP/1.1 400 X\r\nContent-Length: 3\r\nConnection: close\r\n\r\nwhy");
    EXPECT_FALSE(d.codec.persistent());
  }
  Dialogue body("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx");
  while (body.refusal.status == 0) body.ask("x");
  body.head(400, length(0));
  EXPECT_FALSE(body.codec.persistent());
}

/// RFC 9110 §7.8: whoever sends Upgrade says so in Connection.
TEST(H1Downstream, NamesTheUpgradeOfA426) {
  Dialogue d(kGet);
  d.head(426, length(0), {{"Upgrade", "websocket"}});
  EXPECT_EQ(d.take(), "HTTP/1.1 426 X\r\nUpgrade: websocket\r\nContent-Length: 0\r\nConnection: Upgrade\r\n\r\n");
  Dialogue last("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  last.head(426, length(0), {{"Upgrade", "websocket"}});
  EXPECT_TRUE(last.take().ends_with("Connection: close, Upgrade\r\n\r\n"));
  Dialogue old(kGet10KeepAlive);
  old.head(426, length(0), {{"Upgrade", "websocket"}});
  EXPECT_TRUE(old.take().ends_with("Connection: keep-alive, Upgrade\r\n\r\n"));
}

TEST(H1Downstream, PassesInformationalAnswersOnButNotToHttp10) {
  ResponseHead hints;
  hints.status = 103;
  hints.reason = "Early Hints";
  const std::vector<Field> fields = {{"Link", "</a>"}, {"Content-Length", "5"}};
  hints.fields = fields;
  Dialogue d(kGet);
  d.sink.informational(hints);
  EXPECT_EQ(d.take(), "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  d.head(200, length(0));
  EXPECT_EQ(d.take(), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  Dialogue old(kGet10);
  old.sink.informational(hints);
  EXPECT_EQ(old.take(), "");
}

TEST(H1Downstream, SwitchesProtocols) {
  Dialogue d("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  ResponseHead head;
  head.status = 101;
  head.reason = "Switching Protocols";
  const std::vector<Field> fields = {{"Content-Length", "5"}, {"Upgrade", "websocket"}};
  head.fields = fields;
  d.sink.switching(head);
  d.codec.start_tunnel();
  d.sink.data("\x81\x01x");
  EXPECT_EQ(d.take(), "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x01x");
  EXPECT_FALSE(d.codec.persistent());
  EXPECT_FALSE(d.codec.request_complete());
  std::string_view input = kGet;
  const H1Downstream::Parsed parsed = d.codec.next(input, {}, d.scratch);
  EXPECT_EQ(parsed.event, H1Downstream::Event::body);
  EXPECT_EQ(parsed.body, kGet);
}

TEST(H1Downstream, EachRequestStartsAfresh) {
  Dialogue d(kHead);
  d.head(200, kNone);
  (void)d.take();
  EXPECT_FALSE(d.codec.at_head());
  d.codec.next_request();
  EXPECT_TRUE(d.codec.at_head());
  EXPECT_FALSE(d.codec.request_complete());
  d.ask(kGet10KeepAlive);
  d.head(200, length(1));
  d.sink.data("a");
  EXPECT_EQ(d.take(), "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\na");
  d.codec.next_request();
  d.ask(kGet);
  d.head(200, kUnknown);
  d.sink.end({});
  EXPECT_EQ(d.take(), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
}

TEST(H1Downstream, LargeNumbersAreWrittenWhole) {
  Dialogue d(kGet);
  d.head(999, length(18'446'744'073'709'551'615U));
  EXPECT_EQ(d.take(), "HTTP/1.1 999 X\r\nContent-Length: 18446744073709551615\r\n\r\n");
}

/// The first bytes are enough: nobody has to wait for the end of a head that never comes.
TEST(H1Downstream, SaysWhatCameToTheWrongPort) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"\x16", "this is TLS"},
      {"\x16\x03\x01\x02\n", "this is TLS"},
      {"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "a PROXY header"},
      {"PROXY UNKNOWN\r\n", "a PROXY header"},
      {std::string_view("\r\n\r\n\0\r\nQUIT\n", 12), "a PROXY header"},
  };
  for (const auto& [bytes, why] : cases) {
    H1Downstream codec;
    HeadScratch scratch;
    std::string_view input = bytes;
    const H1Downstream::Parsed parsed = codec.next(input, {}, scratch);
    EXPECT_EQ(parsed.event, H1Downstream::Event::error) << why;
    EXPECT_EQ(parsed.refusal.status, 400);
    EXPECT_TRUE(std::string_view(parsed.refusal.why).starts_with(why)) << parsed.refusal.why;
  }
}

}  // namespace
}  // namespace sidecar::http
