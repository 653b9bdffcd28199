#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/http/h2_dialogue.hpp"

// What a client must not send: bytes in, what an exchange may see of it, and what the client gets. Most of these are
// ways to smuggle a second request past us once the first is written as HTTP/1.1.
namespace sidecar::test {
namespace {

using h2::List;

struct Case {
  const char* name;
  std::string bytes;
  std::string seen;
  std::string frames;
};

void check(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    H2Dialogue whole;
    whole.client(c.bytes);
    EXPECT_EQ(whole.to_client(), c.frames);
    EXPECT_EQ(whole.seen(), c.seen);
    H2Dialogue bytewise;
    bytewise.client_bytewise(c.bytes);
    EXPECT_EQ(bytewise.to_client(), c.frames);
    EXPECT_EQ(bytewise.seen(), c.seen);
  }
}

Case malformed(const char* name, const List& fields) {
  return {name, h2::headers(1, fields), "", "RST_STREAM 1 PROTOCOL_ERROR\n"};
}

Case with_field(const char* name, std::string_view field, std::string_view value) {
  return malformed(name, h2::request("GET", "/", {{std::string(field), std::string(value)}}));
}

Case refused(const char* name, const List& fields, const std::string& answer) {
  return {name, h2::headers(1, fields), "1 refused " + answer + "\n", ""};
}

TEST(H2Refusals, FieldValues) {
  using namespace std::string_view_literals;
  check({
      with_field("CR LF", "x", "a\r\nhost: evil"),
      with_field("LF", "x", "a\nb"),
      with_field("CR", "x", "a\rb"),
      with_field("NUL", "x", "a\0b"sv),
      with_field("BEL", "x", "a\ab"),
      with_field("DEL", "x", "a\x7f"),
      with_field("space before", "x", " a"),
      with_field("space behind", "x", "a "),
      with_field("tab before", "x", "\ta"),
      with_field("tab behind", "x", "a\t"),
      with_field("only space", "x", " "),
      with_field("LF in a cookie", "cookie", "a=1\nb"),
      with_field("CR in Host", "host", "h\r"),
  });
}

TEST(H2Refusals, FieldNames) {
  using namespace std::string_view_literals;
  check({
      with_field("empty", "", "a"),
      with_field("upper case", "X-a", "a"),
      with_field("upper case at the end", "x-A", "a"),
      with_field("colon", "x:y", "a"),
      with_field("space", "x y", "a"),
      with_field("space behind", "content-length ", "0"),
      with_field("LF", "x\ny", "a"),
      with_field("NUL", "x\0"sv, "a"),
      with_field("beyond ASCII", "x\xe9", "a"),
      with_field("another line", "x: a\r\ntransfer-encoding", "chunked"),
      with_field("unknown pseudo-header", ":x", "a"),
      with_field("pseudo-header of responses", ":status", "200"),
  });
}

TEST(H2Refusals, FieldsOfConnections) {
  check({
      with_field("Connection", "connection", "keep-alive"),
      with_field("Connection: close", "connection", "close"),
      with_field("Keep-Alive", "keep-alive", "timeout=5"),
      with_field("Proxy-Connection", "proxy-connection", "keep-alive"),
      with_field("Transfer-Encoding", "transfer-encoding", "chunked"),
      with_field("Transfer-Encoding: identity", "transfer-encoding", "identity"),
      with_field("Upgrade", "upgrade", "websocket"),
      with_field("TE: gzip", "te", "gzip"),
      with_field("TE: trailers and more", "te", "trailers, gzip"),
  });
}

TEST(H2Refusals, PseudoHeaders) {
  const auto get = [](const List& first, const List& more = {}) {
    List fields = first;
    fields.insert(fields.end(), more.begin(), more.end());
    return fields;
  };
  const List scheme_authority_path{{":scheme", "http"}, {":authority", "h"}, {":path", "/"}};
  check({
      malformed("no method", scheme_authority_path),
      malformed("empty method", get({{":method", ""}}, scheme_authority_path)),
      malformed("two methods", get({{":method", "GET"}, {":method", "PUT"}}, scheme_authority_path)),
      malformed("method with a line in it", h2::request("GET / HTTP/1.1\r\nx:y")),
      malformed("method with a space", h2::request("GET x")),
      malformed("no scheme", {{":method", "GET"}, {":authority", "h"}, {":path", "/"}}),
      malformed("scheme with a line in it",
                {{":method", "GET"}, {":scheme", "http\n"}, {":authority", "h"}, {":path", "/"}}),
      malformed("no path", {{":method", "GET"}, {":scheme", "http"}, {":authority", "h"}}),
      malformed("empty path", h2::request("GET", "")),
      malformed("two paths", h2::request("GET", "/", {{":path", "/b"}})),
      malformed("relative path", h2::request("GET", "a/b")),
      malformed("absolute form", h2::request("GET", "http://h/")),
      malformed("asterisk without OPTIONS", h2::request("GET", "*")),
      malformed("path with a space", h2::request("GET", "/ HTTP/1.1")),
      malformed("path with a line in it", h2::request("GET", "/ HTTP/1.1\r\nhost: evil")),
      malformed("path with a tab", h2::request("GET", "/\t")),
      malformed("neither :authority nor Host", {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}}),
      malformed("empty authority", {{":method", "GET"}, {":scheme", "http"}, {":authority", ""}, {":path", "/"}}),
      malformed("authority with a line in it",
                {{":method", "GET"}, {":scheme", "http"}, {":authority", "h\r\nx: y"}, {":path", "/"}}),
      malformed("two Hosts", h2::request("GET", "/", {{"host", "h"}, {"host", "h"}})),
      malformed("behind an ordinary field",
                {{":method", "GET"}, {":scheme", "http"}, {":authority", "h"}, {"x", "y"}, {":path", "/"}}),
      malformed("extended CONNECT", {{":method", "CONNECT"},
                                     {":protocol", "websocket"},
                                     {":scheme", "http"},
                                     {":authority", "h"},
                                     {":path", "/"}}),
      malformed(":protocol with GET", h2::request("GET", "/", {{":protocol", "websocket"}})),
      malformed("CONNECT with a path", h2::request("CONNECT", "/")),
  });
}

/// What a person may have done gets an answer, as over HTTP/1.1.
TEST(H2Refusals, Answered) {
  check({
      refused("Host contradicts", h2::request("GET", "/", {{"host", "other"}}), "400 (Host contradicts :authority)"),
      refused("Host with a user", {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {"host", "u@h"}},
              "400 (Host is no host)"),
      refused("another scheme", {{":method", "GET"}, {":scheme", "ftp"}, {":authority", "h"}, {":path", "/"}},
              "400 (the scheme is neither http nor https)"),
      refused("fragment", h2::request("GET", "/#a"), "400 (the request target has a character that no target has)"),
      refused("CONNECT", {{":method", "CONNECT"}, {":authority", "h:443"}}, "405 (CONNECT is not served)"),
      refused("expectation", h2::request("GET", "/", {{"expect", "a-miracle"}}),
              "417 (an expectation other than 100-continue)"),
      refused("disguised length", h2::request("GET", "/", {{"content_length", "5"}}),
              "400 (a framing or forwarding field spelled with an underscore)"),
      refused("disguised coding", h2::request("GET", "/", {{"transfer_encoding", "chunked"}}),
              "400 (a framing or forwarding field spelled with an underscore)"),
      refused("long method", h2::request(std::string(256, 'A')), "501 (the method is too long)"),
  });
}

TEST(H2Refusals, Lengths) {
  const auto post = [](const List& more) { return h2::headers(1, h2::request("POST", "/", more), h2::kEndHeaders); };
  const std::string seen = "1 POST / [Host: h] [content-length: 3] length 3\n";
  const std::string reset = "RST_STREAM 1 PROTOCOL_ERROR\n";
  check({
      malformed("not a number", h2::request("POST", "/", {{"content-length", "x"}})),
      malformed("signed", h2::request("POST", "/", {{"content-length", "+0"}})),
      malformed("list", h2::request("POST", "/", {{"content-length", "0, 0"}})),
      malformed("twice the same", h2::request("POST", "/", {{"content-length", "0"}, {"content-length", "0"}})),
      malformed("empty", h2::request("POST", "/", {{"content-length", ""}})),
      malformed("hex", h2::request("POST", "/", {{"content-length", "0x0"}})),
      malformed("nothing behind it", h2::request("POST", "/", {{"content-length", "3"}})),
      {"absurd", post({{"content-length", "1000000000000000000"}}),
       "1 refused 413 (Content-Length is larger than any body)\n", ""},
      // Three bytes were promised and three are passed on. The end is not.
      {"more than that", post({{"content-length", "3"}}) + h2::data(1, "abc") + h2::data(1, "d", true),
       seen + "1 'abc'\n1 lost PROTOCOL_ERROR\n", reset},
      {"less than that", post({{"content-length", "3"}}) + h2::data(1, "", true), seen + "1 lost PROTOCOL_ERROR\n",
       reset},
      {"a body where there is none", post({{"content-length", "0"}}) + h2::data(1, "a", true),
       "1 POST / [Host: h] [content-length: 0] length 0\n1 lost PROTOCOL_ERROR\n", reset},
      {"trailers before it is there", post({{"content-length", "3"}}) + h2::headers(1, {{"x", "y"}}),
       seen + "1 lost PROTOCOL_ERROR\n", reset},
  });
}

TEST(H2Refusals, Trailers) {
  const auto after = [](const List& trailers, std::uint8_t flags = h2::kEndHeaders | h2::kEndStream) {
    return h2::headers(1, h2::request("POST"), h2::kEndHeaders) + h2::headers(1, trailers, flags);
  };
  const std::string seen = "1 POST / [Host: h] chunked\n";
  const std::string lost = seen + "1 lost PROTOCOL_ERROR\n";
  const std::string reset = "RST_STREAM 1 PROTOCOL_ERROR\n";
  const std::string refused = seen + "1 refused 400 (a trailer field that changes framing, routing or trust)\n";
  check({
      {"pseudo-header", after({{":path", "/b"}}), lost, reset},
      {"of connections", after({{"transfer-encoding", "chunked"}}), lost, reset},
      {"CR LF", after({{"x", "a\r\nb"}}), lost, reset},
      {"without an end", after({{"x", "y"}}, h2::kEndHeaders), lost, reset},
      {"Host", after({{"host", "other"}}), refused, ""},
      {"cookies", after({{"cookie", "a=1"}}), refused, ""},
      {"who the client is", after({{"x-forwarded-for", "10.0.0.1"}}), refused, ""},
      {"Content-Type", after({{"content-type", "a/b"}}), refused, ""},
  });
}

/// A broken frame is the end of the connection.
TEST(H2Refusals, Frames) {
  const std::string get = h2::headers(1, h2::request());
  const std::string seen = "1 GET / [Host: h] none\n1 end\n";
  const auto bad = [&](const char* name, const std::string& bytes, const char* code, int last = 1) {
    return Case{name, get + bytes, seen + "1 lost INTERNAL_ERROR\n",
                "GOAWAY " + std::to_string(last) + " " + code + "\n"};
  };
  const std::string block = h2::hpack(h2::request());
  check({
      bad("DATA on no stream", h2::data(0, "x"), "PROTOCOL_ERROR"),
      bad("DATA on a stream that is idle", h2::data(5, "x"), "PROTOCOL_ERROR"),
      bad("DATA behind the end", h2::data(1, "x"), "STREAM_CLOSED"),
      bad("HEADERS behind the end", h2::headers(1, {{"x", "y"}}), "STREAM_CLOSED"),
      bad("HEADERS on no stream", h2::headers(0, h2::request()), "PROTOCOL_ERROR"),
      bad("HEADERS on a stream of ours", h2::headers(2, h2::request()), "PROTOCOL_ERROR"),
      bad("padding longer than its frame", h2::frame(h2::kHeaders, 0xd, 3, "\xff" + block), "PROTOCOL_ERROR"),
      bad("CONTINUATION of nothing", h2::frame(h2::kContinuation, 4, 1, block), "PROTOCOL_ERROR"),
      bad("something between HEADERS and CONTINUATION", h2::frame(h2::kHeaders, 1, 3, block) + h2::ping(),
          "PROTOCOL_ERROR", 3),
      bad("PUSH_PROMISE", h2::frame(h2::kPushPromise, 4, 1, h2::u32(2) + block), "PROTOCOL_ERROR"),
      bad("RST_STREAM of an idle stream", h2::reset(5), "PROTOCOL_ERROR"),
      bad("PING of seven bytes", h2::frame(h2::kPing, 0, 0, "1234567"), "FRAME_SIZE_ERROR"),
      bad("PING on a stream", h2::frame(h2::kPing, 0, 1, "12345678"), "PROTOCOL_ERROR"),
      bad("SETTINGS on a stream", h2::frame(h2::kSettings, 0, 1, {}), "PROTOCOL_ERROR"),
      bad("SETTINGS of five bytes", h2::frame(h2::kSettings, 0, 0, "12345"), "FRAME_SIZE_ERROR"),
      bad("an ACK of nothing", h2::settings_ack(), "PROTOCOL_ERROR"),
      bad("a window of 2^31", h2::settings({{4, 0x80000000U}}), "FLOW_CONTROL_ERROR"),
      bad("WINDOW_UPDATE of nothing", h2::window_update(0, 0), "PROTOCOL_ERROR"),
      bad("WINDOW_UPDATE beyond 2^31", h2::window_update(0, 0x7fffffff), "FLOW_CONTROL_ERROR"),
      bad("a field that no table has", h2::frame(h2::kHeaders, 5, 3, "\xff\x7f"), "COMPRESSION_ERROR", 3),
      bad("a block that breaks off", h2::frame(h2::kHeaders, 5, 3, std::string_view("\0\x05x", 3)), "COMPRESSION_ERROR",
          3),
  });
}

/// RFC 9113 §4.2: before its payload has come.
TEST(H2Refusals, AFrameLongerThanAllowed) {
  H2Dialogue d;
  d.client(h2::frame(h2::kData, 0, 1, std::string(16'385, 'x')).substr(0, 9));
  EXPECT_EQ(d.to_client(), "GOAWAY 0 FRAME_SIZE_ERROR\n");
  EXPECT_TRUE(d.connection.over());
  EXPECT_STREQ(d.connection.broken(), "FRAME_SIZE_ERROR");
}

TEST(H2Refusals, NoHttp2AtAll) {
  H2Dialogue d({}, false);
  static_cast<void>(d.to_client());
  d.client("GET / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(d.connection.over());
  EXPECT_EQ(d.to_client(), "");
  EXPECT_STREQ(d.connection.broken(), "the connection does not begin like HTTP/2");
}

TEST(H2Refusals, NoSettingsBehindThePreface) {
  H2Dialogue d({}, false);
  static_cast<void>(d.to_client());
  d.client(std::string(http::kH2Preface) + h2::headers(1, h2::request()));
  EXPECT_EQ(d.to_client(), "GOAWAY 0 PROTOCOL_ERROR\n");
  EXPECT_TRUE(d.connection.over());
  EXPECT_EQ(d.seen(), "");
}

}  // namespace
}  // namespace sidecar::test
