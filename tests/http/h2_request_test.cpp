#include "http/h2_request.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tests/http/h2_frames.hpp"
#include "tests/http/reading.hpp"

// The judgement over requests without the library before it: it must not depend on what that one lets through.
namespace sidecar::test {
namespace {

struct Read {
  http::HeadScratch scratch;
  http::RequestHead head;
  http::Framing framing;
  http::Refusal refusal;

  explicit Read(const h2::List& fields, bool ends = true, const http::HeadLimits& limits = {}) {
    http::H2FieldList section;
    for (const auto& [name, value] : fields) section.add(name, value, 32 * 1024);
    refusal = http::to_request_head(section, ends, limits, scratch, head, framing);
  }
};

int status_of(const h2::List& fields, bool ends = true) {
  return Read(fields, ends).refusal.status;
}

int with(std::string_view name, std::string_view value) {
  return status_of(h2::request("GET", "/", {{std::string(name), std::string(value)}}));
}

TEST(H2Request, Becomes) {
  const Read read(h2::request("PUT", "/a", {{"cookie", "a"}, {"x", "y"}, {"cookie", "b"}, {"cookie", "c"}}), false);
  EXPECT_FALSE(read.refusal);
  EXPECT_EQ(read.head.method, "PUT");
  EXPECT_EQ(read.head.target, "/a");
  EXPECT_EQ(read.head.version, http::Version::http_1_1);
  EXPECT_EQ(to_text(copy_of(read.head.fields)), " [Host: h] [cookie: a; b; c] [x: y]");
  EXPECT_EQ(read.framing.kind, http::FramingKind::chunked);
}

TEST(H2Request, CookiesWithoutAnythingInThemLeaveNoTrace) {
  const auto joined = [](const h2::List& cookies) {
    return to_text(copy_of(Read(h2::request("GET", "/", cookies)).head.fields));
  };
  EXPECT_EQ(joined({{"cookie", ""}, {"cookie", "a"}, {"cookie", ""}}), " [Host: h] [cookie: a]");
  EXPECT_EQ(joined({{"cookie", ""}, {"cookie", ""}}), " [Host: h] [cookie: ]");
}

TEST(H2Request, NothingThatWouldBeAnotherMessageOverHttp1) {
  using namespace std::string_view_literals;
  EXPECT_EQ(with("x", "y"), 0);
  for (const std::string_view value : {"a\r\nb"sv, "a\nb"sv, "a\rb"sv, "a\0b"sv, "\x7f"sv, " a"sv, "a "sv, "\ta"sv}) {
    EXPECT_EQ(with("x", value), 400) << printable(value);
  }
  for (const std::string_view name : {""sv, "a b"sv, "a:"sv, ":a"sv, "a\r\nb"sv, "a\0"sv, "\xe9"sv, ":path"sv}) {
    EXPECT_EQ(status_of(h2::request("GET", "/", {{"x", "y"}, {std::string(name), "z"}})), 400) << printable(name);
  }
  for (const char* name : {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}) {
    EXPECT_EQ(with(name, "x"), 400) << name;
  }
  EXPECT_EQ(with("te", "trailers"), 0);
  EXPECT_EQ(with("te", "gzip"), 400);
}

TEST(H2Request, RequestLines) {
  for (const char* path : {"", "x", "http://h/", "?a", "*", "/ x", "/#a", "/\r\n", "/\x7f"}) {
    EXPECT_EQ(status_of(h2::request("GET", path)), 400) << printable(path);
  }
  for (const char* method : {"", "G T", "G\r\n", "G:"}) {
    EXPECT_EQ(status_of(h2::request(method)), 400) << printable(method);
  }
  EXPECT_EQ(status_of(h2::request("OPTIONS", "*")), 0);
  EXPECT_EQ(status_of(h2::request("PROPFIND", "/x")), 0);
  EXPECT_EQ(status_of({{":method", "GET"}, {":authority", "h"}, {":path", "/"}}), 400);  // No scheme.
  EXPECT_EQ(status_of({{":method", "GET"}, {":scheme", "file"}, {":authority", "h"}, {":path", "/"}}), 400);
  EXPECT_EQ(status_of({{":method", "GET"}, {":scheme", "HTTPS"}, {":authority", "h"}, {":path", "/"}}), 0);
  EXPECT_EQ(status_of({{":method", "CONNECT"}, {":authority", "h:1"}}), 405);
}

TEST(H2Request, Hosts) {
  const h2::List bare{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}};
  const auto and_fields = [&](const h2::List& more) {
    h2::List fields = bare;
    fields.insert(fields.end(), more.begin(), more.end());
    return fields;
  };
  EXPECT_EQ(status_of(bare), 400);
  EXPECT_EQ(status_of(and_fields({{":authority", "a b"}})), 400);
  EXPECT_EQ(status_of(and_fields({{":authority", "u@h"}})), 400);
  EXPECT_EQ(status_of(and_fields({{":authority", "h"}, {"host", "h2"}})), 400);
  EXPECT_EQ(status_of(and_fields({{"host", "a"}, {"host", "b"}})), 400);
  EXPECT_EQ(to_text(copy_of(Read(and_fields({{":authority", "h:80"}, {"x", "y"}, {"host", "H:80"}})).head.fields)),
            " [Host: h:80] [x: y]");
  EXPECT_EQ(to_text(copy_of(Read(and_fields({{"x", "y"}, {"host", "h"}})).head.fields)), " [Host: h] [x: y]");
}

TEST(H2Request, Framing) {
  EXPECT_EQ(to_text(Read(h2::request()).framing), "none");
  EXPECT_EQ(to_text(Read(h2::request(), false).framing), "chunked");
  EXPECT_EQ(to_text(Read(h2::request("POST", "/", {{"content-length", "7"}}), false).framing), "length 7");
  EXPECT_EQ(to_text(Read(h2::request("POST", "/", {{"content-length", "0"}})).framing), "length 0");
  EXPECT_EQ(status_of(h2::request("POST", "/", {{"content-length", "7"}})), 400);
  EXPECT_EQ(status_of(h2::request("POST", "/", {{"content-length", "7"}, {"content-length", "7"}}), false), 400);
}

TEST(H2Request, Limits) {
  EXPECT_EQ(Read(h2::request("GET", "/", {{"a", "b"}}), true, {1'000, 1}).refusal.status, 431);
  EXPECT_EQ(Read(h2::request("GET", "/", {{"a", "b"}}), true, {1'000, 2}).refusal.status, 0);
  EXPECT_EQ(Read(h2::request("GET", "/" + std::string(200, 'a')), true, {200, 9}).refusal.status, 414);
  // `GET / HTTP/1.1`, `Host: h`, `a: b` and an empty line.
  EXPECT_EQ(Read(h2::request("GET", "/", {{"a", "b"}}), true, {33, 9}).refusal.status, 0);
  EXPECT_EQ(Read(h2::request("GET", "/", {{"a", "b"}}), true, {32, 9}).refusal.status, 431);
}

}  // namespace
}  // namespace sidecar::test
