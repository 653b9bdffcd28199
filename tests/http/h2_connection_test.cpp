#include "http/h2_connection.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tests/http/h2_dialogue.hpp"

// Requests and responses over HTTP/2, frame by frame, and how a connection ends. What is refused is in
// h2_refusals_test.cpp, what costs too much in h2_floods_test.cpp, how a stream ends in h2_stream_test.cpp.
namespace sidecar::test {
namespace {

using Size = http::BodySize::Kind;
using Settings = http::H2Connection::Settings;
using Mode = http::H2Connection::Mode;

constexpr http::BodySize kNone{Size::none, 0};
constexpr http::BodySize kUnknown{Size::unknown, 0};

http::BodySize length(std::uint64_t bytes) {
  return {Size::length, bytes};
}

TEST(H2Connection, SaysWhatItAllows) {
  Settings settings;
  settings.concurrent_streams = 7;
  settings.header_list = 5000;
  settings.stream_window = 100'000;
  settings.connection_window = 200'000;
  H2Dialogue d(settings, false);
  EXPECT_EQ(d.to_client(),
            "SETTINGS MAX_CONCURRENT_STREAMS=7 INITIAL_WINDOW_SIZE=100000 MAX_HEADER_LIST_SIZE=5000 "
            "NO_RFC7540_PRIORITIES=1\n"
            "WINDOW_UPDATE 0 134465\n");
  d.client(h2::hello());
  EXPECT_EQ(d.to_client(), "SETTINGS ack\n");
  EXPECT_FALSE(d.connection.over());
  EXPECT_FALSE(d.connection.has_output());
}

TEST(H2Connection, Get) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request("GET", "/a?b=%2B", {{"accept", "text/html"}})));
  EXPECT_EQ(d.seen(), "1 GET /a?b=%2B [Host: h] [accept: text/html] none\n1 end\n");
  EXPECT_TRUE(d.stream(1).request_complete());
  d.head(1, 200, length(3), {{"Content-Type", "text/plain"}, {"Content-Length", "3"}});
  EXPECT_EQ(d.stream(1).pending(), 1U);
  d.body(1, "abc");
  d.end(1);
  d.finish(1);
  EXPECT_EQ(d.to_client(),
            "HEADERS 1 [:status: 200] [content-type: text/plain] [content-length: 3]\nDATA 1 'abc' end\n");
  EXPECT_EQ(d.connection.next_progress(), &d.stream(1));
  EXPECT_EQ(d.connection.next_progress(), nullptr);
  EXPECT_EQ(d.stream(1).take_sent(), 5U);  // A head, three bytes and an end.
  EXPECT_EQ(d.stream(1).pending(), 0U);
  EXPECT_FALSE(d.stream(1).lost());
  d.release(1);
  EXPECT_EQ(d.connection.streams(), 0U);
  EXPECT_EQ(d.seen(), "");
  EXPECT_EQ(d.to_client(), "");
}

TEST(H2Connection, BodiesAreFramedByLengthOrByTheirEnd) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request("POST", "/", {{"content-length", "5"}}), h2::kEndHeaders));
  EXPECT_EQ(d.seen(), "1 POST / [Host: h] [content-length: 5] length 5\n");
  EXPECT_FALSE(d.stream(1).request_complete());
  d.client(h2::data(1, "ab") + h2::data(1, "cde", true));
  EXPECT_EQ(d.seen(), "1 'abcde'\n1 end\n");
  EXPECT_TRUE(d.stream(1).request_complete());

  d.client(h2::headers(3, h2::request("POST"), h2::kEndHeaders) + h2::data(3, "xy"));
  EXPECT_EQ(d.seen(), "3 POST / [Host: h] chunked\n3 'xy'\n");
  d.client(h2::data(3, "", true));
  EXPECT_EQ(d.seen(), "3 end\n");

  d.client(h2::headers(5, h2::request("POST", "/", {{"content-length", "0"}})));
  EXPECT_EQ(d.seen(), "5 POST / [Host: h] [content-length: 0] length 0\n5 end\n");
}

TEST(H2Connection, TheBodyMayBeThereBeforeItsHeadIsTaken) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request("POST"), h2::kEndHeaders) + h2::data(1, "all of it", true));
  EXPECT_EQ(d.seen(), "1 POST / [Host: h] chunked\n1 'all of it'\n1 end\n");
}

TEST(H2Connection, HeadHasNoBodyWhateverIsWritten) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request("HEAD")));
  d.head(1, 200, length(5), {{"Content-Length", "5"}});
  d.body(1, "abcde");
  d.end(1);
  d.finish(1);
  EXPECT_EQ(d.to_client(), "HEADERS 1 [:status: 200] [content-length: 5] end\n");
  EXPECT_EQ(d.stream(1).pending(), 0U);
}

TEST(H2Connection, ResponsesWithoutABody) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request()) + h2::headers(3, h2::request()) + h2::headers(5, h2::request()));
  d.head(1, 204, kNone, {{"Content-Length", "7"}});
  d.head(3, 304, kNone, {{"Content-Length", "7"}, {"ETag", "\"x\""}});
  d.head(5, 200, length(0));
  for (const int id : {1, 3, 5}) {
    d.end(id);
    d.finish(id);
  }
  EXPECT_EQ(d.to_client(),
            "HEADERS 1 [:status: 204] end\n"
            "HEADERS 3 [:status: 304] [content-length: 7] [etag: \"x\"] end\n"
            "HEADERS 5 [:status: 200] [content-length: 0] end\n");
}

TEST(H2Connection, OnlyATrueLengthGoesOut) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request()) + h2::headers(3, h2::request()));
  d.head(1, 200, kUnknown, {{"Content-Length", "7"}, {"A", "b"}});  // Something will be inserted.
  d.head(3, 200, length(4), {{"Content-Length", "4, 4"}});
  EXPECT_EQ(d.to_client(), "HEADERS 1 [:status: 200] [a: b]\nHEADERS 3 [:status: 200] [content-length: 4]\n");
}

TEST(H2Connection, FieldsOfConnectionsStayOut) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request()));
  d.head(1, 426, length(0),
         {{"Connection", "close"},
          {"Keep-Alive", "timeout=5"},
          {"Proxy-Connection", "close"},
          {"Transfer-Encoding", "chunked"},
          {"Upgrade", "TLS/1.2"},
          {"TE", "trailers"},
          {"X-Kept", "  yes\t"}});
  EXPECT_EQ(d.to_client(), "HEADERS 1 [:status: 426] [x-kept: yes] [content-length: 0] end\n");
}

TEST(H2Connection, InformationalResponses) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request("POST", "/", {{"expect", "100-continue"}}), h2::kEndHeaders));
  EXPECT_EQ(d.seen(), "1 POST / [Host: h] [expect: 100-continue] chunked\n");
  d.informational(1, 100);
  d.informational(1, 103, {{"Link", "</s.css>"}});
  EXPECT_EQ(d.stream(1).pending(), 2U);
  EXPECT_EQ(d.to_client(), "HEADERS 1 [:status: 100]\nHEADERS 1 [:status: 103] [link: </s.css>]\n");
  EXPECT_EQ(d.stream(1).pending(), 0U);
  d.client(h2::data(1, "x", true));
  d.informational(1, 102);
  d.answer(1, "ok");
  EXPECT_EQ(d.to_client(), "HEADERS 1 [:status: 102]\nHEADERS 1 [:status: 200] [content-length: 2]\nDATA 1 'ok' end\n");
}

TEST(H2Connection, TrailersBothWays) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request("POST", "/", {{"te", "trailers"}}), h2::kEndHeaders) + h2::data(1, "x") +
           h2::headers(1, {{"x-sum", "1"}}));
  EXPECT_EQ(d.seen(), "1 POST / [Host: h] [te: trailers] chunked\n1 'x'\n1 end [x-sum: 1]\n");
  d.head(1, 200, kUnknown);
  d.body(1, "abc");
  d.end(1, {{"X-Sum", "2"}, {"Content-Length", "3"}, {":status", "500"}, {"Transfer-Encoding", "chunked"}});
  d.finish(1);
  EXPECT_EQ(d.to_client(), "HEADERS 1 [:status: 200]\nDATA 1 'abc'\nHEADERS 1 [x-sum: 2] end\n");
  EXPECT_EQ(d.stream(1).pending(), 0U);
}

TEST(H2Connection, TrailersBehindABodyThatIsOutAlready) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request()));
  d.head(1, 200, kUnknown);
  d.body(1, "abc");
  EXPECT_EQ(d.to_client(), "HEADERS 1 [:status: 200]\nDATA 1 'abc'\n");
  d.end(1, {{"X-Sum", "2"}});
  EXPECT_EQ(d.stream(1).pending(), 1U);
  EXPECT_EQ(d.to_client(), "HEADERS 1 [x-sum: 2] end\n");
  EXPECT_EQ(d.stream(1).pending(), 0U);
}

TEST(H2Connection, TrailersArePendingUntilTheyAreFramed) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request()));
  d.head(1, 200, kUnknown);
  static_cast<void>(d.to_client());
  d.body(1, "abc");
  d.end(1, {{"X-Sum", "2"}});
  EXPECT_EQ(d.to_client(1), "DATA 1 'abc'\n");
  EXPECT_EQ(d.stream(1).pending(), 2U);  // A section and the end.
  EXPECT_EQ(d.to_client(1), "HEADERS 1 [x-sum: 2] end\n");
  EXPECT_EQ(d.stream(1).take_sent(), 1U + 3 + 2);
}

TEST(H2Connection, HeadsOfAnyLengthThatABackendMaySend) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request()) + h2::headers(3, h2::request()));
  const std::string part(60'000, '~');  // One value may not be longer than 64 KiB, says whoever decodes it.
  d.head(1, 200, kUnknown, {{"X-Long", part}, {"X-2", part}, {"X-3", part}, {"X-4", part}, {"X-5", part}});
  const std::string text = d.to_client();
  EXPECT_TRUE(text.starts_with("HEADERS 1 [:status: 200] [x-long: ~~~~")) << text.substr(0, 80);
  EXPECT_GT(text.size(), 300'000U);
  // One that cannot be sent at all is no head that never comes.
  static_cast<void>(d.seen());
  d.head(3, 200, kUnknown, {{"X-Long", std::string(2'000'000, '~')}});
  EXPECT_EQ(d.to_client(), "RST_STREAM 3 INTERNAL_ERROR\n");
  EXPECT_EQ(d.seen(), "3 lost INTERNAL_ERROR\n");
  d.body(1, "x");
  EXPECT_EQ(d.to_client(), "DATA 1 'x'\n");
}

TEST(H2Connection, AnEventStreamWithPauses) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request("GET", "/events", {{"accept", "text/event-stream"}})));
  d.head(1, 200, kUnknown, {{"Content-Type", "text/event-stream"}});
  EXPECT_EQ(d.to_client(), "HEADERS 1 [:status: 200] [content-type: text/event-stream]\n");
  EXPECT_EQ(d.to_client(), "");
  d.body(1, "data: 1\n\n");
  EXPECT_EQ(d.to_client(), "DATA 1 'data: 1\\n\\n'\n");
  EXPECT_EQ(d.connection.has_output(), false);
  d.body(1, ": heartbeat\n\n");
  d.body(1, "data: 2\n\n");
  EXPECT_EQ(d.stream(1).pending(), 22U);
  EXPECT_EQ(d.to_client(), "DATA 1 ': heartbeat\\n\\ndata: 2\\n\\n'\n");
  d.end(1);
  d.finish(1);
  EXPECT_EQ(d.stream(1).pending(), 1U);
  EXPECT_EQ(d.to_client(), "DATA 1 end\n");
}

TEST(H2Connection, CookiesAreOneAndHostIsFirst) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request("GET", "/", {{"cookie", "a=1"}, {"x", "y"}, {"cookie", "b=2"}, {"host", "H"}})));
  EXPECT_EQ(d.seen(), "1 GET / [Host: h] [cookie: a=1; b=2] [x: y] none\n1 end\n");
  d.client(
      h2::headers(3, {{":method", "OPTIONS"}, {":scheme", "https"}, {":path", "*"}, {"x", "y"}, {"host", "only"}}));
  EXPECT_EQ(d.seen(), "3 OPTIONS * [Host: only] [x: y] none\n3 end\n");
}

TEST(H2Connection, WhatIsBeyondAsciiPassesLikeOverHttp1) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request("GET", "/\xc3\xa4", {{"x", "\xe9\t!"}})));
  EXPECT_EQ(d.seen(), "1 GET /\\xc3\\xa4 [Host: h] [x: \\xe9\\x09!] none\n1 end\n");
}

TEST(H2Connection, StreamsTakeTurnsWhateverTheirPriority) {
  H2Dialogue d;
  d.client(h2::window_update(0, 1'000'000) + h2::headers(1, h2::request("GET", "/", {{"priority", "u=0"}})) +
           h2::headers(3, h2::request("GET", "/", {{"priority", "u=7"}})));
  d.head(1, 200, kUnknown);
  d.head(3, 200, kUnknown);
  d.body(1, std::string(60'000, 'a'));
  d.body(3, "data: x\n\n");
  const std::string sent = d.to_client(20'000);
  EXPECT_NE(sent.find("DATA 3 'data: x"), std::string::npos) << sent.substr(0, 100);
}

TEST(H2Connection, ProducesAboutAsMuchAsAskedFor) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request()));
  d.head(1, 200, kUnknown);
  d.body(1, std::string(60'000, 'a'));
  std::size_t all = 0;
  while (d.connection.has_output()) {
    const std::size_t size = d.bytes_to_client(1'000).size();
    EXPECT_LE(size, 1'000U + 16'384U + 9U);
    all += size;
  }
  EXPECT_GT(all, 60'000U);
  EXPECT_EQ(d.stream(1).pending(), 0U);
}

TEST(H2Connection, EveryClientHelloMayComeBytewise) {
  const std::string bytes = h2::hello({{4, 70'000}}) + h2::settings_ack() +
                            h2::headers(1, h2::request("POST"), h2::kEndHeaders) + h2::data(1, "abc") +
                            h2::frame(h2::kHeaders, h2::kEndStream, 3, h2::hpack(h2::request())) +
                            h2::frame(h2::kContinuation, 0, 3, h2::hpack({{"a", "b"}})) +
                            h2::frame(h2::kContinuation, h2::kEndHeaders, 3, h2::hpack({{"c", "d"}})) + h2::ping() +
                            h2::headers(1, {{"x-sum", "1"}}) + h2::headers(5, h2::request()) + h2::reset(5);
  H2Dialogue whole({}, false);
  whole.client(bytes);
  H2Dialogue bytewise({}, false);
  bytewise.client_bytewise(bytes);
  // Read at once the body is one piece, and a request that was cancelled in the same read was never there.
  EXPECT_EQ(whole.seen(),
            "1 POST / [Host: h] chunked\n1 'abc'\n1 end [x-sum: 1]\n3 GET / [Host: h] [a: b] [c: d] none\n3 end\n");
  EXPECT_EQ(bytewise.seen(),
            "1 POST / [Host: h] chunked\n1 'abc'\n3 GET / [Host: h] [a: b] [c: d] none\n3 end\n"
            "1 end [x-sum: 1]\n5 GET / [Host: h] none\n5 end\n5 lost CANCEL\n");
  EXPECT_EQ(whole.to_client(), bytewise.to_client());
  EXPECT_FALSE(whole.connection.over());
}

TEST(H2Connection, TheConnectionsEndLosesWhatIsNotDone) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request()) + h2::headers(3, h2::request()) + h2::headers(5, h2::request(), 1));
  d.answer(3, "done");
  static_cast<void>(d.to_client());
  static_cast<void>(d.seen());
  d.connection.on_connection_lost();
  d.client("nobody reads this");
  EXPECT_EQ(d.seen(), "1 lost INTERNAL_ERROR\n");
  EXPECT_FALSE(d.stream(3).lost());
  EXPECT_TRUE(d.connection.over());
  EXPECT_FALSE(d.connection.has_output());
  d.release(1);
  d.release(3);
  EXPECT_EQ(d.connection.streams(), 0U);
}

TEST(H2Connection, ADrainServesWhatWasUnderWay) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request()));
  d.connection.go_away();
  EXPECT_EQ(d.to_client(), "PING\nGOAWAY any NO_ERROR\n");
  d.client(h2::headers(3, h2::request()));  // Sent before the client heard of it.
  EXPECT_EQ(d.seen(), "1 GET / [Host: h] none\n1 end\n3 GET / [Host: h] none\n3 end\n");
  d.client(h2::ping(true, std::string(8, '\0')));
  EXPECT_EQ(d.to_client(), "GOAWAY 3 NO_ERROR\n");
  d.client(h2::headers(5, h2::request()));  // It should have known.
  EXPECT_EQ(d.seen(), "");
  EXPECT_FALSE(d.connection.over());
  d.answer(1, "a");
  d.answer(3, "b");
  EXPECT_EQ(d.to_client(),
            "HEADERS 1 [:status: 200] [content-length: 1]\nHEADERS 3 [:status: 200] [content-length: 1]\n"
            "DATA 1 'a' end\nDATA 3 'b' end\n");
  EXPECT_TRUE(d.connection.over());
  EXPECT_EQ(d.connection.broken(), nullptr);
}

TEST(H2Connection, ADrainThatNobodyAnswersIsMadeFinalByTheSecondCall) {
  H2Dialogue d;
  d.connection.go_away();
  EXPECT_EQ(d.to_client(), "PING\nGOAWAY any NO_ERROR\n");
  EXPECT_FALSE(d.connection.over());
  d.connection.go_away();
  d.connection.go_away();
  EXPECT_EQ(d.to_client(), "GOAWAY 0 NO_ERROR\n");
  EXPECT_TRUE(d.connection.over());
}

TEST(H2Connection, AClientThatLeavesLetsItsStreamsEnd) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request()) + h2::goaway());
  EXPECT_FALSE(d.connection.over());
  d.answer(1, "a");
  static_cast<void>(d.to_client());
  EXPECT_TRUE(d.connection.over());
}

TEST(H2Connection, ModeRefuseSendsEveryRequestBackToHttp1) {
  Settings settings;
  settings.mode = Mode::refuse;
  H2Dialogue d(settings, false);
  d.client(h2::hello() + h2::headers(1, h2::request()));
  const std::string first = d.to_client();
  EXPECT_EQ(first.substr(0, 9), "SETTINGS ");
  EXPECT_NE(first.find("\nSETTINGS ack\n"), std::string::npos) << first;
  EXPECT_TRUE(first.ends_with("\nRST_STREAM 1 HTTP_1_1_REQUIRED\n")) << first;
  EXPECT_EQ(d.connection.refused(), 1U);
  EXPECT_FALSE(d.connection.over());  // A GOAWAY now would keep curl from trying again.
  d.client(h2::settings_ack() + h2::headers(3, h2::request("POST"), h2::kEndHeaders) + h2::data(3, "body") +
           h2::data(3, "", true) + h2::window_update(0, 5) + h2::data(1, "late"));
  EXPECT_EQ(d.to_client(), "RST_STREAM 3 HTTP_1_1_REQUIRED\n");
  EXPECT_EQ(d.connection.refused(), 2U);
  d.connection.go_away();
  EXPECT_EQ(d.to_client(), "GOAWAY 3 NO_ERROR\n");
  EXPECT_TRUE(d.connection.over());
  EXPECT_EQ(d.seen(), "");
  EXPECT_EQ(d.connection.streams(), 0U);
}

}  // namespace
}  // namespace sidecar::test
