#include "http/own_answer.hpp"

#include <gtest/gtest.h>

#include <cctype>
#include <string>
#include <string_view>

#include "http/h1_downstream.hpp"
#include "tests/http/reading.hpp"

namespace sidecar::http {
namespace {

/// The answer as its client reads it.
test::ResponseSeen answer(const OwnAnswer& answer, std::string_view request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n") {
  H1Downstream codec;
  HeadScratch scratch;
  EXPECT_EQ(codec.next(request, {}, scratch).event, H1Downstream::Event::head);
  Output out;
  H1Downstream::Sink sink(codec, out);
  std::string body = "what was there before";
  write_own_answer(answer, body, sink);
  const std::string bytes = out.joined();
  const auto seen = test::read_response({bytes}, {}, test::AtEnd::open);
  EXPECT_TRUE(seen.ended);
  EXPECT_TRUE(seen.unread.empty());
  return seen.heads.empty() ? test::ResponseSeen{} : seen.heads.front();
}

/// A JSON string's value behind `"key":"`, undone; fails the test where it is not well-formed (RFC 8259 §7).
std::string member(const std::string& json, const std::string& key) {
  std::string value;
  auto at = json.find("\"" + key + "\":\"");
  if (at == std::string::npos) return "missing";
  for (at += key.size() + 4; at < json.size() && json[at] != '"'; ++at) {
    EXPECT_GE(static_cast<unsigned char>(json[at]), 0x20) << "an unescaped control character";
    if (json[at] != '\\') {
      value += json[at];
    } else if (json[++at] == 'u') {
      value += static_cast<char>(std::stoi(json.substr(at + 1, 4), nullptr, 16));
      at += 4;
    } else {
      EXPECT_TRUE(json[at] == '"' || json[at] == '\\');
      value += json[at];
    }
  }
  EXPECT_LT(at, json.size()) << "not closed";
  return value;
}

TEST(OwnAnswer, IsShortText) {
  const auto seen = answer({502, "connection refused", "app", false});
  EXPECT_EQ(seen.status, 502);
  EXPECT_EQ(seen.reason, "Bad Gateway");
  EXPECT_EQ(test::to_text(seen.fields),
            " [Content-Type: text/plain; charset=utf-8] [Cache-Control: no-store] [Content-Length: 64]");
  EXPECT_EQ(seen.body, "502 Bad Gateway\nsse-sidecar: upstream 'app': connection refused\n");
}

TEST(OwnAnswer, NamesNoUpstreamWhereNoneIsInvolved) {
  EXPECT_EQ(answer({404, "no route matches", "", false}).body, "404 Not Found\nsse-sidecar: no route matches\n");
  EXPECT_EQ(answer({404, "no route matches", "", true}).body,
            "{\"status\":404,\"error\":\"Not Found\",\"source\":\"sse-sidecar\",\"reason\":\"no route matches\"}\n");
}

TEST(OwnAnswer, IsJsonWhereThatIsPreferred) {
  const auto seen = answer({504, "no response head in time", "app", true});
  EXPECT_EQ(seen.status, 504);
  EXPECT_EQ(seen.fields.front().second, "application/json");
  EXPECT_EQ(seen.body,
            "{\"status\":504,\"error\":\"Gateway Timeout\",\"source\":\"sse-sidecar\",\"upstream\":\"app\","
            "\"reason\":\"no response head in time\"}\n");
}

TEST(OwnAnswer, IsValidJsonWhateverTheNames) {
  std::string controls;
  for (char c = 0; c < 0x20; ++c) controls.push_back(c);
  for (const std::string& name : {std::string("a\"b"), std::string("\\"), std::string("\",\"x\":\""), controls,
                                  std::string("\xc3\xa4\xe2\x82\xac\x7f"), std::string("</script>\r\n")}) {
    const std::string body = answer({502, name, name, true}).body;
    EXPECT_EQ(member(body, "upstream"), name);
    EXPECT_EQ(member(body, "reason"), name);
    EXPECT_EQ(member(body, "source"), "sse-sidecar");
    EXPECT_TRUE(body.ends_with("\"}\n"));
  }
}

TEST(OwnAnswer, HasNoBodyForHead) {
  H1Downstream codec;
  HeadScratch scratch;
  std::string_view request = "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n";
  EXPECT_EQ(codec.next(request, {}, scratch).event, H1Downstream::Event::head);
  Output out;
  H1Downstream::Sink sink(codec, out);
  std::string body;
  write_own_answer({502, "connection refused", "app", false}, body, sink);
  EXPECT_TRUE(out.joined().starts_with("HTTP/1.1 502 Bad Gateway\r\n"));
  EXPECT_TRUE(out.joined().ends_with("\r\n\r\n"));
}

TEST(OwnAnswer, HasAReasonForEveryStatusOfOurs) {
  for (const int status : {400, 404, 405, 408, 413, 414, 417, 431, 501, 502, 503, 504, 505}) {
    const std::string_view phrase = reason_phrase(status);
    EXPECT_NE(phrase, "Error") << status;
    EXPECT_TRUE(std::isupper(static_cast<unsigned char>(phrase.front()))) << status;
  }
  EXPECT_EQ(reason_phrase(299), "Error");
}

}  // namespace
}  // namespace sidecar::http
