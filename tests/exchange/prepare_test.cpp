#include "exchange/prepare.hpp"

#include <gtest/gtest.h>

namespace sidecar::exchange {
namespace {

EventStreamPolicy stripping(StripAcceptEncoding strip) {
  EventStreamPolicy policy;
  policy.strip_accept_encoding = strip;
  return policy;
}

using http::FramingKind;
using Fields = std::vector<http::Field>;

TEST(Prepare, IdempotentMethods) {
  for (const char* method : {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"}) EXPECT_TRUE(is_idempotent(method));
  for (const char* method : {"POST", "PATCH", "get", "X", ""}) EXPECT_FALSE(is_idempotent(method)) << method;
}

TEST(Prepare, Repeatable) {
  http::RequestHead head;
  head.method = "PUT";
  EXPECT_TRUE(is_repeatable(head, {FramingKind::none, 0}, false));
  EXPECT_TRUE(is_repeatable(head, {FramingKind::length, 0}, false));
  EXPECT_FALSE(is_repeatable(head, {FramingKind::length, 1}, false));
  EXPECT_FALSE(is_repeatable(head, {FramingKind::chunked, 0}, false));
  EXPECT_FALSE(is_repeatable(head, {FramingKind::none, 0}, true)) << "an upgrade";
  head.method = "POST";
  EXPECT_FALSE(is_repeatable(head, {FramingKind::none, 0}, false));
}

TEST(Prepare, StripsAcceptEncoding) {
  const Fields browser = {{"Accept", "text/event-stream"}};
  const Fields sdk = {{"accept", "application/json"}};
  const Fields second = {{"Accept", "application/json"}, {"accept", "text/event-stream"}};
  EXPECT_TRUE(strips_accept_encoding(stripping(StripAcceptEncoding::automatic), browser));
  EXPECT_TRUE(strips_accept_encoding(stripping(StripAcceptEncoding::automatic), second));
  EXPECT_FALSE(strips_accept_encoding(stripping(StripAcceptEncoding::automatic), sdk));
  EXPECT_FALSE(strips_accept_encoding(stripping(StripAcceptEncoding::automatic), {}));
  EXPECT_TRUE(strips_accept_encoding(stripping(StripAcceptEncoding::always), sdk));
  EventStreamPolicy always = stripping(StripAcceptEncoding::automatic);
  always.early_open = {Milliseconds{1}, true};
  EXPECT_TRUE(strips_accept_encoding(always, sdk)) << "once the head is out, no coding can be told";
  EXPECT_FALSE(strips_accept_encoding(stripping(StripAcceptEncoding::never), browser));
}

class PrepareRequest : public testing::Test {
 protected:
  PrepareRequest() {
    policies.upstreams.emplace_back().url = "http://app:8000";
    policies.routes.emplace_back();
  }
  std::string encode(const Fields& fields, Peer peer = {"192.0.2.7:51412", false}) {
    http::RequestHead head{"GET", "/", version, fields};
    encoded.clear();
    prepared = prepare_request(head, {}, policies, policies.routes[0], peer, scratch, encoded);
    return encoded;
  }
  PolicySet policies;
  http::Version version = http::Version::http_1_1;
  http::HeadScratch scratch;
  std::string encoded;
  PreparedRequest prepared;
};

TEST_F(PrepareRequest, UsesThePoolWhereItMayBeRepeated) {
  EXPECT_EQ(encode({{"Host", "h"}}), "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(prepared.pooled_ok);
  EXPECT_TRUE(prepared.repeatable);
  EXPECT_FALSE(prepared.upgrade_offered);
}

TEST_F(PrepareRequest, AnUpgradeHasTheConnectionFieldForItself) {
  const std::string head = encode({{"Host", "h"}, {"Connection", "TE, Upgrade"}, {"TE", "trailers"}, {"Upgrade", "x"}});
  EXPECT_EQ(head, "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
}

TEST_F(PrepareRequest, AnUpgradeStartsFreshEvenWhereUnsafeMethodsDoNot) {
  policies.upstreams[0].keepalive.unsafe_methods = UnsafeMethods::reuse;
  encode({{"Host", "h"}, {"Connection", "Upgrade"}, {"Upgrade", "websocket"}});
  EXPECT_TRUE(prepared.upgrade_offered);
  EXPECT_FALSE(prepared.pooled_ok);
  EXPECT_FALSE(prepared.repeatable);
}

TEST_F(PrepareRequest, AnOfferOfH2cIsNone) {
  const std::string head = encode({{"Host", "h"}, {"Connection", "Upgrade, HTTP2-Settings"}, {"Upgrade", "h2c"}});
  EXPECT_EQ(head, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(prepared.repeatable);
}

TEST_F(PrepareRequest, AcceptEncodingGoesWhereAnEventStreamIsAskedFor) {
  EXPECT_EQ(encode({{"Host", "h"}, {"Accept", "text/event-stream"}, {"Accept-Encoding", "gzip"}}),
            "GET / HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\n\r\n");
}

TEST_F(PrepareRequest, Http10WithoutHostGetsTheBackendsOwn) {
  version = http::Version::http_1_0;
  EXPECT_EQ(encode({}), "GET / HTTP/1.1\r\nHost: app:8000\r\n\r\n");
  policies.upstreams[0].url = "unix:/run/app.sock";
  EXPECT_EQ(encode({}), "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
}

TEST_F(PrepareRequest, TheClientsAddressGoesWithoutItsPort) {
  policies.x_forwarded = XForwarded::set;
  EXPECT_NE(encode({{"Host", "h"}}).find("X-Forwarded-For: 192.0.2.7\r\n"), std::string::npos);
  EXPECT_NE(encode({{"Host", "h"}}, {"[2001:db8::1]:80", false}).find("X-Forwarded-For: 2001:db8::1\r\n"),
            std::string::npos);
}

// ---- stream_kind
// ------------------------------------------------------------------------------------------------------

sse::StreamKind kind(const Fields& fields, int status = 200, FramingKind framing = FramingKind::chunked,
                     bool to_head = false) {
  http::ResponseHead head;
  head.status = status;
  head.fields = fields;
  std::string scratch;
  return stream_kind(head, {framing, 0}, to_head, true, scratch);
}

TEST(StreamKind, ByMediaTypeAndPlace) {
  const Fields stream = {{"Content-Type", "text/event-stream"}};
  EXPECT_EQ(kind(stream), sse::StreamKind::insertable);
  EXPECT_EQ(kind({{"content-type", "Text/Event-Stream; charset=UTF-8"}}), sse::StreamKind::insertable);
  EXPECT_EQ(kind({{"Content-Type", "text/event-streamx"}}), sse::StreamKind::none);
  EXPECT_EQ(kind({}), sse::StreamKind::none);
  EXPECT_EQ(kind(stream, 200, FramingKind::none), sse::StreamKind::none);
  EXPECT_EQ(kind(stream, 200, FramingKind::chunked, true), sse::StreamKind::none);
  for (const int status : {204, 206, 304, 404, 500}) {
    EXPECT_NE(kind(stream, status), sse::StreamKind::insertable) << status;
  }
}

TEST(StreamKind, TwoMediaTypesAreNone) {
  EXPECT_EQ(kind({{"Content-Type", "text/event-stream"}, {"Content-Type", "text/html"}}), sse::StreamKind::none);
}

TEST(StreamKind, EncodedOrDigestedIsOpaque) {
  const http::Field type{"Content-Type", "text/event-stream"};
  EXPECT_EQ(kind({type, {"Content-Encoding", "gzip"}}), sse::StreamKind::opaque);
  EXPECT_EQ(kind({type, {"Content-Encoding", "identity"}, {"Content-Encoding", "br"}}), sse::StreamKind::opaque);
  EXPECT_EQ(kind({type, {"Content-Encoding", "identity"}}), sse::StreamKind::insertable);
  EXPECT_EQ(kind({type, {"content-digest", "sha-256=:x:"}}), sse::StreamKind::opaque);
  EXPECT_EQ(kind({type, {"Content-MD5", "x"}}), sse::StreamKind::opaque);
  EXPECT_EQ(kind({{"Content-Type", "text/event-stream; charset=utf-16"}}), sse::StreamKind::opaque);
}

}  // namespace
}  // namespace sidecar::exchange
