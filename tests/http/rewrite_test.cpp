#include "http/rewrite.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/http/reading.hpp"

namespace sidecar::http {
namespace {

using List = std::vector<Field>;

/// ` /x [Host: h]`: the target, then the fields.
std::string rewritten(const List& fields, const RequestChanges& changes = {}, std::string_view target = "/",
                      Version version = Version::http_1_1) {
  HeadScratch scratch;
  scratch.parsed = fields;
  RequestHead head;
  head.method = "GET";
  head.target = target;
  head.version = version;
  head.fields = scratch.parsed;
  RequestHead out;
  rewrite_request(head, changes, scratch, out);
  EXPECT_EQ(out.method, "GET");
  EXPECT_EQ(out.version, Version::http_1_1);
  return " " + std::string(out.target) + test::to_text(test::copy_of(out.fields));
}

/// The fields of a response.
std::string rewritten_response(const List& fields, const ResponseChanges& changes = {}, int status = 200) {
  HeadScratch scratch;
  scratch.parsed = fields;
  ResponseHead head;
  head.status = status;
  head.reason = "R";
  head.version = Version::http_1_0;
  head.fields = scratch.parsed;
  ResponseHead out;
  rewrite_response(head, changes, scratch, out);
  EXPECT_EQ(out.status, status);
  EXPECT_EQ(out.reason, "R");
  return test::to_text(test::copy_of(out.fields));
}

std::string offer(const List& fields, Version version = Version::http_1_1) {
  HeadScratch scratch;
  scratch.upgrade = "what was there before";
  RequestHead head;
  head.version = version;
  head.fields = fields;
  return std::string(upgrade_offer(head, scratch));
}

// ---- Requests ----------------------------------------------------------------------------------------------------

TEST(RewriteRequest, LeavesEverythingElse) {
  EXPECT_EQ(rewritten({{"Host", "h"}, {"A", "b"}, {"a", ""}, {"Cookie", "x=y; z"}, {"Expect", "100-continue"}}, {},
                      "/%2B?a=+&b=%zz\xc3\xa4"),
            " /%2B?a=+&b=%zz\xc3\xa4 [Host: h] [A: b] [a: ] [Cookie: x=y; z] [Expect: 100-continue]");
  EXPECT_EQ(rewritten({{"Accept-Encoding", "gzip"}, {"Last-Event-ID", "7"}, {"hOsT", "h"}, {"Trailer", "X"}}),
            " / [Accept-Encoding: gzip] [Last-Event-ID: 7] [hOsT: h] [Trailer: X]");
}

TEST(RewriteRequest, RemovesWhatIsOfOneConnection) {
  EXPECT_EQ(rewritten({{"Host", "h"},
                       {"Connection", "keep-alive"},
                       {"Keep-Alive", "timeout=5"},
                       {"proxy-connection", "keep-alive"},
                       {"TE", "gzip"},
                       {"Transfer-Encoding", "chunked"},
                       {"Content-Length", "5"},
                       {"UPGRADE", "websocket"},
                       {"HTTP2-Settings", "x"},
                       {"A", "b"}}),
            " / [Host: h] [Content-Length: 5] [A: b]");
}

TEST(RewriteRequest, RemovesWhatConnectionNames) {
  EXPECT_EQ(rewritten({{"X-A", "1"},
                       {"Host", "h"},
                       {"Connection", "x-a , close,X-B"},
                       {"x-b", "2"},
                       {"X-C", "3"},
                       {"connection", "x-d"},
                       {"X-D", "4"},
                       {"X-B", "5"}}),
            " / [Host: h] [X-C: 3]");
  EXPECT_EQ(
      rewritten({{"Host", "h"}, {"Connection", "Host, Content-Length, Transfer-Encoding, close"}, {"Close", "x"}}),
      " / [Host: h]");
  EXPECT_EQ(rewritten({{"Connection", "Content-Length"}, {"Content-Length", "5"}, {"Host", "h"}}),
            " / [Content-Length: 5] [Host: h]");
  EXPECT_EQ(rewritten({{"Host", "h"}, {"Connection", ""}, {"A", "b"}}), " / [Host: h] [A: b]");
  // What proxies in front of us said about the client is not the client's to take out.
  EXPECT_EQ(
      rewritten({{"Host", "h"}, {"Connection", "X-Forwarded-For, Cookie"}, {"X-Forwarded-For", "a"}, {"Cookie", "c"}}),
      " / [Host: h] [X-Forwarded-For: a]");
}

TEST(RewriteRequest, SaysThatTrailersAreWelcome) {
  EXPECT_EQ(rewritten({{"TE", "gzip;q=0.5, Trailers"}, {"Connection", "TE"}, {"Host", "h"}}),
            " / [Host: h] [TE: trailers] [Connection: TE]");
  EXPECT_EQ(rewritten({{"Host", "h"}, {"TE", "trailers"}}), " / [Host: h] [TE: trailers] [Connection: TE]");
}

TEST(RewriteRequest, BringsAUrlToAPathAndItsHost) {
  EXPECT_EQ(rewritten({{"A", "b"}, {"Host", "H"}}, {}, "http://h/x?y"), " /x?y [A: b] [Host: h]");
  EXPECT_EQ(rewritten({{"A", "b"}}, {}, "http://h:80", Version::http_1_0), " / [A: b] [Host: h:80]");
  EXPECT_EQ(rewritten({{"Host", "h"}}, {}, "*"), " * [Host: h]");
  EXPECT_EQ(rewritten({{"Host", "h"}}, {}, "/http://i/"), " /http://i/ [Host: h]");
}

TEST(RewriteRequest, FillsInAHost) {
  RequestChanges changes;
  changes.default_host = "backend:8000";
  EXPECT_EQ(rewritten({{"A", "b"}}, changes, "/", Version::http_1_0), " / [A: b] [Host: backend:8000]");
  EXPECT_EQ(rewritten({{"Host", ""}}, changes, "/"), " / [Host: ]");
  EXPECT_EQ(rewritten({{"Host", "h"}}, changes, "/"), " / [Host: h]");
}

TEST(RewriteRequest, AsksForNoEncodingWhereToldSo) {
  RequestChanges changes;
  changes.strip_accept_encoding = true;
  EXPECT_EQ(
      rewritten({{"Host", "h"}, {"accept-encoding", "gzip"}, {"Accept", "x"}, {"Accept-Encoding", "br"}}, changes),
      " / [Host: h] [Accept: x]");
}

TEST(RewriteRequest, KeepsForwardingFields) {
  RequestChanges changes;
  changes.client_address = "192.0.2.1";
  EXPECT_EQ(rewritten({{"Host", "h"}, {"X-Forwarded-For", "a"}, {"Forwarded", "for=b"}}, changes),
            " / [Host: h] [X-Forwarded-For: a] [Forwarded: for=b]");
}

TEST(RewriteRequest, AppendsToForwardingFields) {
  RequestChanges changes;
  changes.x_forwarded = XForwarded::append;
  changes.client_address = "192.0.2.1";
  EXPECT_EQ(rewritten({{"Host", "h"}}, changes),
            " / [Host: h] [X-Forwarded-For: 192.0.2.1] [X-Forwarded-Proto: http] [X-Forwarded-Host: h]");
  EXPECT_EQ(rewritten({{"x-forwarded-for", "a, b"},
                       {"Host", "h"},
                       {"X-Forwarded-Proto", "https"},
                       {"X-Forwarded-For", ""},
                       {"X-Forwarded-Host", "public"},
                       {"X-Forwarded-For", "c"},
                       {"Forwarded", "for=d"}},
                      changes),
            " / [Host: h] [X-Forwarded-Proto: https] [X-Forwarded-Host: public] [Forwarded: for=d]"
            " [X-Forwarded-For: a, b, c, 192.0.2.1]");
  changes.tls = true;
  EXPECT_EQ(rewritten({{"Host", ""}}, changes), " / [Host: ] [X-Forwarded-For: 192.0.2.1] [X-Forwarded-Proto: https]");
}

TEST(RewriteRequest, SaysNothingAboutAClientWithoutAnAddress) {
  RequestChanges changes;
  changes.x_forwarded = XForwarded::append;
  const std::string others = " [X-Forwarded-Proto: http] [X-Forwarded-Host: h]";
  EXPECT_EQ(rewritten({{"Host", "h"}, {"X-Forwarded-For", "a"}}, changes),
            " / [Host: h] [X-Forwarded-For: a]" + others);
  EXPECT_EQ(rewritten({{"Host", "h"}}, changes), " / [Host: h]" + others);
  changes.x_forwarded = XForwarded::set;
  EXPECT_EQ(rewritten({{"Host", "h"}, {"X-Forwarded-For", "forged"}}, changes), " / [Host: h]" + others);
}

/// What is set or removed would come back by another spelling, for a backend that reads fields as variables.
TEST(RewriteRequest, TakesOtherSpellingsOfWhatItSetsAlong) {
  const FieldChanges route{{{"X-User", "known"}}, {"X-Internal"}};
  RequestChanges changes;
  changes.route = &route;
  EXPECT_EQ(rewritten({{"Host", "h"}, {"X_User", "forged"}, {"x_internal", "1"}, {"X_Other", "2"}}, changes),
            " / [Host: h] [X-User: known] [X_Other: 2]");
}

TEST(RewriteRequest, WhatTheClientSaysOfItselfGoesWhereItIsSet) {
  RequestChanges changes;
  changes.x_forwarded = XForwarded::set;
  changes.client_address = "192.0.2.7";
  EXPECT_EQ(
      rewritten({{"Host", "h"}, {"X-Real-IP", "6.6.6.6"}, {"X-Forwarded-Prefix", "//evil"}, {"X-Forwarded-Port", "1"}},
                changes),
      " / [Host: h] [X-Forwarded-For: 192.0.2.7] [X-Forwarded-Proto: http] [X-Forwarded-Host: h]");
}

TEST(RewriteRequest, ConnectionDoesNotRemoveWhatTellsTheClient) {
  RequestChanges changes;
  changes.client_header = "X-Client-IP";
  EXPECT_EQ(rewritten({{"Host", "h"}, {"Connection", "close, X-Client-IP"}, {"X-Client-IP", "1"}, {"X_Client_IP", "2"}},
                      changes),
            " / [Host: h] [X-Client-IP: 1]");
}

TEST(RewriteRequest, SetsForwardingFields) {
  RequestChanges changes;
  changes.x_forwarded = XForwarded::set;
  changes.client_address = "2001:db8::1";
  changes.tls = true;
  EXPECT_EQ(rewritten({{"X-Forwarded-For", "forged"},
                       {"Host", "h"},
                       {"Forwarded", "for=forged"},
                       {"x-forwarded-proto", "ftp"},
                       {"X-Forwarded-Host", "forged"},
                       {"X-Forwarded-For", "forged too"}},
                      changes),
            " / [Host: h] [X-Forwarded-For: 2001:db8::1] [X-Forwarded-Proto: https] [X-Forwarded-Host: h]");
  EXPECT_EQ(rewritten({{"Host", ""}, {"X-Forwarded-Host", "forged"}}, changes),
            " / [Host: ] [X-Forwarded-For: 2001:db8::1] [X-Forwarded-Proto: https]");
  EXPECT_EQ(rewritten({{"Host", "h"}}, changes, "http://h/"),
            " / [Host: h] [X-Forwarded-For: 2001:db8::1] [X-Forwarded-Proto: https] [X-Forwarded-Host: h]");
}

TEST(RewriteRequest, AppliesTheRoutesChangesLast) {
  const FieldChanges route{{{"X-New", "n"}, {"a", "set"}, {"Host", "inner"}, {"X-Forwarded-For", "none"}},
                           {"COOKIE", "X-New"}};
  RequestChanges changes;
  changes.x_forwarded = XForwarded::append;
  changes.client_address = "c";
  changes.route = &route;
  EXPECT_EQ(rewritten({{"Host", "h"}, {"Cookie", "1"}, {"A", "1"}, {"cookie", "2"}, {"A", "2"}}, changes),
            " / [Host: inner] [A: set] [X-Forwarded-For: none] [X-Forwarded-Proto: http] [X-Forwarded-Host: h]"
            " [X-New: n]");
}

/// Values are composed in a string that must not move while views into it are handed out. The values lie on the heap,
/// each in memory of its own, so that a sanitizer sees a view into what was given up.
TEST(RewriteRequest, ComposedValuesStayWhereTheyAre) {
  for (const std::size_t size : {0U, 1U, 15U, 16U, 255U, 256U, 257U, 5'000U, 100'000U}) {
    const auto address = std::make_unique<std::string>(size, 'c');
    HeadScratch scratch;
    std::vector<std::unique_ptr<std::string>> values;
    for (int i = 0; i < 100; ++i) {
      values.push_back(std::make_unique<std::string>(size, static_cast<char>('a' + i % 26)));
      scratch.parsed.push_back({"X-Forwarded-For", *values.back()});
    }
    scratch.parsed.push_back({"Host", "h"});
    RequestHead head;
    head.method = "GET";
    head.target = "/";
    head.fields = scratch.parsed;
    RequestChanges changes;
    changes.x_forwarded = XForwarded::append;
    changes.client_address = *address;
    RequestHead out;
    rewrite_request(head, changes, scratch, out);
    if (size == 0) continue;
    const std::string_view all = out.fields[1].value;
    EXPECT_EQ(all.size(), 101 * size + 100 * 2);
    EXPECT_EQ(all.substr(0, size + 2), *values[0] + ", ");
    EXPECT_EQ(scratch.composed.data(), all.data());
  }
}

// ---- Offers to switch protocols ----------------------------------------------------------------------------------

TEST(UpgradeOffer, IsPassedOnWhenConnectionNamesIt) {
  EXPECT_EQ(offer({{"Connection", "Upgrade"}, {"Upgrade", "websocket"}}), "websocket");
  EXPECT_EQ(offer({{"connection", "keep-alive, UPGRADE"}, {"upgrade", "WebSocket"}}), "WebSocket");
  EXPECT_EQ(offer({{"Connection", "upgrade"}, {"Upgrade", "a/1, b"}, {"Upgrade", ",c ,"}}), "a/1, b, c");
  EXPECT_EQ(offer({{"Upgrade", "websocket"}}), "");
  EXPECT_EQ(offer({{"Connection", "keep-alive"}, {"Upgrade", "websocket"}}), "");
  EXPECT_EQ(offer({{"Connection", "upgrade"}}), "");
  EXPECT_EQ(offer({{"Connection", "upgrade"}, {"Upgrade", ""}}), "");
  EXPECT_EQ(offer({{"Connection", "upgrade"}, {"Upgrade", "websocket"}}, Version::http_1_0), "");
  EXPECT_EQ(offer({}), "");
}

TEST(UpgradeOffer, NeverNamesHttp2) {
  for (const char* http2 : {"h2c", "H2C", "h2", "HTTP/2.0", "http/2", "h2c,h2c", " , h2c"}) {
    EXPECT_EQ(offer({{"Connection", "Upgrade, HTTP2-Settings"}, {"Upgrade", http2}}), "") << http2;
    EXPECT_EQ(offer({{"Connection", "Upgrade"}, {"Upgrade", "websocket, " + std::string(http2)}}), "websocket")
        << http2;
    EXPECT_EQ(offer({{"Connection", "Upgrade"}, {"Upgrade", http2}, {"Upgrade", "websocket"}}), "websocket") << http2;
  }
}

/// What is no protocol's name could hide one from us that the backend finds.
TEST(UpgradeOffer, NamesProtocolsOnly) {
  for (const char* junk :
       {"\"x, h2c", "\"x, h2c\"", "h2c;q=1", "h2c x", "h2c/", "/h2c", "a/b/c", "h2c\\", "\xc3\xa4"}) {
    EXPECT_EQ(offer({{"Connection", "Upgrade"}, {"Upgrade", junk}}), "") << junk;
    EXPECT_EQ(offer({{"Connection", "Upgrade"}, {"Upgrade", "websocket"}, {"Upgrade", junk}}), "websocket") << junk;
  }
}

// ---- Responses ---------------------------------------------------------------------------------------------------

TEST(RewriteResponse, LeavesEverythingElse) {
  EXPECT_EQ(rewritten_response({{"Server", "s"},
                                {"Set-Cookie", "a"},
                                {"set-cookie", "b"},
                                {"X-Accel-Buffering", "yes"},
                                {"Cache-Control", "public"},
                                {"WWW-Authenticate", "Basic"},
                                {"Trailer", "X"},
                                {"A", ""}}),
            " [Server: s] [Set-Cookie: a] [set-cookie: b] [X-Accel-Buffering: yes] [Cache-Control: public]"
            " [WWW-Authenticate: Basic] [Trailer: X] [A: ]");
}

TEST(RewriteResponse, RemovesWhatIsOfOneConnection) {
  EXPECT_EQ(rewritten_response({{"Connection", "x-a, keep-alive"},
                                {"X-A", "1"},
                                {"Keep-Alive", "timeout=5"},
                                {"Transfer-Encoding", "chunked"},
                                {"Content-Length", "5"},
                                {"Upgrade", "h2,h2c"},
                                {"Proxy-Connection", "x"},
                                {"B", "c"},
                                {"x-a", "2"}}),
            " [Content-Length: 5] [B: c]");
}

/// Whether it goes out, and with which value, is the codec's to say.
TEST(RewriteResponse, KeepsThePlaceOfContentLengthOnce) {
  EXPECT_EQ(rewritten_response({{"content-length", "5"}, {"Transfer-Encoding", "chunked"}, {"A", "b"}}),
            " [content-length: 5] [A: b]");
  EXPECT_EQ(rewritten_response({{"Connection", "Content-Length"}, {"Content-Length", "5"}}), " [Content-Length: 5]");
  EXPECT_EQ(rewritten_response({{"A", "b"}, {"content-length", "5"}, {"Content-Length", "5"}, {"C", "d"}}),
            " [A: b] [content-length: 5] [C: d]");
}

TEST(RewriteResponse, KeepsUpgradeWhereItMeansSomething) {
  const List fields = {{"Connection", "Upgrade"}, {"Upgrade", "websocket"}, {"Sec-WebSocket-Accept", "x"}};
  EXPECT_EQ(rewritten_response(fields, {}, 101), " [Upgrade: websocket] [Sec-WebSocket-Accept: x]");
  EXPECT_EQ(rewritten_response(fields, {}, 426), " [Upgrade: websocket] [Sec-WebSocket-Accept: x]");
  EXPECT_EQ(rewritten_response(fields, {}, 200), " [Sec-WebSocket-Accept: x]");
}

TEST(RewriteResponse, ForbidsBufferingAndCachingOfAStream) {
  ResponseChanges changes;
  changes.event_stream = true;
  const auto stream = [&](const List& fields) { return rewritten_response(fields, changes); };
  const std::string no_buffering = " [X-Accel-Buffering: no]";
  EXPECT_EQ(stream({{"A", "b"}}), " [A: b] [Cache-Control: no-cache, no-transform]" + no_buffering);
  EXPECT_EQ(stream({{"x-accel-buffering", "yes"}, {"Cache-Control", "no-cache, no-transform"}, {"A", "b"}}),
            " [Cache-Control: no-cache, no-transform] [A: b]" + no_buffering);
  const auto merged = [&](std::string_view value) {
    const std::string text = stream({{"cache-control", value}});
    return text.substr(17, text.size() - no_buffering.size() - 18);
  };
  EXPECT_EQ(merged("private, max-age=0"), "private, max-age=0, no-cache, no-transform");
  EXPECT_EQ(merged("No-Cache"), "No-Cache, no-transform");
  EXPECT_EQ(merged("no-transform"), "no-transform, no-cache");
  EXPECT_EQ(merged(""), "no-cache, no-transform");
  EXPECT_EQ(merged("no-cache=\"Set-Cookie\""), "no-cache=\"Set-Cookie\", no-cache, no-transform");
  EXPECT_EQ(merged("x=\"no-cache, no-transform\""), "x=\"no-cache, no-transform\", no-cache, no-transform");
  EXPECT_EQ(merged("no-caches, xno-transform"), "no-caches, xno-transform, no-cache, no-transform");
  EXPECT_EQ(stream({{"Cache-Control", "no-cache"}, {"A", "b"}, {"Cache-Control", "no-transform"}}),
            " [Cache-Control: no-cache] [A: b] [Cache-Control: no-transform]" + no_buffering);
  EXPECT_EQ(stream({{"Cache-Control", "no-cache"}, {"Cache-Control", "private"}, {"A", "b"}}),
            " [Cache-Control: no-cache] [Cache-Control: private, no-transform] [A: b]" + no_buffering);
}

TEST(RewriteResponse, AppliesTheRoutesChangesLast) {
  const FieldChanges route{{{"X-Accel-Buffering", "yes"}, {"Access-Control-Allow-Origin", "*"}},
                           {"server", "Cache-Control"}};
  ResponseChanges changes;
  changes.event_stream = true;
  changes.route = &route;
  EXPECT_EQ(rewritten_response({{"Server", "s"}, {"Cache-Control", "x"}}, changes),
            " [X-Accel-Buffering: yes] [Access-Control-Allow-Origin: *]");
}

TEST(RewriteResponse, ComposedValuesStayWhereTheyAre) {
  for (const std::size_t size : {0U, 1U, 16U, 256U, 257U, 100'000U}) {
    const auto value = std::make_unique<std::string>(size, 'c');
    HeadScratch scratch;
    scratch.parsed.push_back({"Cache-Control", *value});
    ResponseHead head;
    head.status = 200;
    head.fields = scratch.parsed;
    ResponseChanges changes;
    changes.event_stream = true;
    ResponseHead out;
    rewrite_response(head, changes, scratch, out);
    EXPECT_EQ(out.fields[0].value, *value + (size == 0 ? "" : ", ") + "no-cache, no-transform");
    EXPECT_EQ(scratch.composed.data(), out.fields[0].value.data());
  }
}

}  // namespace
}  // namespace sidecar::http
