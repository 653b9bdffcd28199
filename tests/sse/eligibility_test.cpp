#include "sse/eligibility.hpp"

#include <gtest/gtest.h>

namespace sidecar::sse {
namespace {

constexpr ResponseFacts kStream{false, 200, "text/event-stream", "", false};

TEST(Eligibility, AnEventStreamIsKeptAlive) {
  EXPECT_EQ(classify(kStream), StreamKind::insertable);
  ResponseFacts facts = kStream;
  facts.content_type = "Text/Event-Stream; Charset=\"UTF-8\"";
  EXPECT_EQ(classify(facts), StreamKind::insertable);
}

TEST(Eligibility, NoOtherTypeIs) {
  for (const std::string_view type :
       {"", "text/html", "application/json", "application/x-ndjson", "text/event-streams"}) {
    ResponseFacts facts = kStream;
    facts.content_type = type;
    EXPECT_EQ(classify(facts), StreamKind::none) << type;
  }
}

TEST(Eligibility, NothingIsInsertedWhereNoBodyOfEventsIs) {
  ResponseFacts head = kStream;
  head.head_request = true;
  EXPECT_EQ(classify(head), StreamKind::none);

  for (int status = 100; status <= 599; ++status) {
    ResponseFacts facts = kStream;
    facts.status = status;
    const bool bodyless = status == 204 || status == 205 || status == 206;
    const auto expected = status / 100 == 2 && !bodyless ? StreamKind::insertable : StreamKind::none;
    EXPECT_EQ(classify(facts), expected) << status;
  }
}

TEST(Eligibility, AContentEncodingMakesItOpaque) {
  for (const std::string_view coding : {"", "identity", "Identity", " identity , IDENTITY", ",", " \t"}) {
    ResponseFacts facts = kStream;
    facts.content_encoding = coding;
    EXPECT_EQ(classify(facts), StreamKind::insertable) << coding;
  }
  for (const std::string_view coding : {"gzip", "br", "identity, gzip", "gzip,identity", "identityx", "x", "zstd "}) {
    ResponseFacts facts = kStream;
    facts.content_encoding = coding;
    EXPECT_EQ(classify(facts), StreamKind::opaque) << coding;
  }
}

TEST(Eligibility, AnotherCharsetOrADigestMakesItOpaque) {
  ResponseFacts charset = kStream;
  charset.content_type = "text/event-stream; charset=utf-16";
  EXPECT_EQ(classify(charset), StreamKind::opaque);

  ResponseFacts digest = kStream;
  digest.has_digest = true;
  EXPECT_EQ(classify(digest), StreamKind::opaque);
}

TEST(Eligibility, WhatIsNoStreamIsNotOpaqueEither) {
  EXPECT_EQ(classify({false, 200, "text/html", "gzip", true}), StreamKind::none);
  EXPECT_EQ(classify({false, 404, "text/event-stream", "gzip", true}), StreamKind::none);
  EXPECT_EQ(classify({true, 200, "text/event-stream", "gzip", true}), StreamKind::none);
}

}  // namespace
}  // namespace sidecar::sse
