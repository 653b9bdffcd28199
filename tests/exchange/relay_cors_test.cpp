#include <gtest/gtest.h>

#include "exchange/relay.hpp"
#include "tests/exchange/rescue_dialogue.hpp"

// Pages of other origins, on behalf of a backend that knows nothing of them.
namespace sidecar::exchange {
namespace {

using namespace std::chrono_literals;
using test::Dialogue;

constexpr std::string_view kPage = "Origin: https://page\r\n";

PolicySet allowing(const std::vector<std::string>& origins, bool credentials = false) {
  PolicySet policies = test::one_upstream();
  policies.routes[0].cors.origins = origins;
  policies.routes[0].cors.credentials = credentials;
  return policies;
}

/// What comes of a request with `fields` when the backend answers with `answer`.
std::string answered(const PolicySet& policies, std::string_view fields, const std::string& answer) {
  Dialogue d(policies);
  d.client("GET /s HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n");
  d.connected();
  d.backend("HTTP/1.1 200 OK\r\n" + answer + "Content-Length: 0\r\n\r\n");
  return d.to_client();
}

TEST(RelayCors, APageThatIsKnownMayRead) {
  EXPECT_EQ(
      answered(allowing({"https://x", "https://page"}), kPage, ""),
      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nAccess-Control-Allow-Origin: https://page\r\nVary: Origin\r\n\r\n");
  EXPECT_EQ(answered(allowing({"https://page"}, true), kPage, ""),
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nAccess-Control-Allow-Origin: https://page\r\n"
            "Access-Control-Allow-Credentials: true\r\nVary: Origin\r\n\r\n");
  EXPECT_EQ(answered(allowing({"*"}), kPage, ""),
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nAccess-Control-Allow-Origin: *\r\n\r\n");
}

TEST(RelayCors, OthersMayNot) {
  const std::string plain = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nVary: Origin\r\n\r\n";
  EXPECT_EQ(answered(allowing({"https://page"}), "Origin: https://page.evil\r\n", ""), plain);
  EXPECT_EQ(answered(allowing({"https://page"}), "Origin: null\r\n", ""), plain);
  EXPECT_EQ(answered(allowing({"https://page"}), "", ""), plain) << "a cache must not give this to a page";
  EXPECT_EQ(answered(allowing({"https://page"}), std::string(kPage) + "Origin: https://evil\r\n", ""), plain);
  EXPECT_EQ(answered(test::one_upstream(), kPage, ""), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

TEST(RelayCors, WhatTheBackendSaysIsNotDoubled) {
  EXPECT_EQ(answered(allowing({"https://page"}), kPage, "access-control-allow-origin: *\r\n"),
            "HTTP/1.1 200 OK\r\naccess-control-allow-origin: *\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(answered(allowing({"https://page"}), kPage, "Vary: Accept, origin\r\n"),
            "HTTP/1.1 200 OK\r\nVary: Accept, origin\r\nContent-Length: 0\r\n"
            "Access-Control-Allow-Origin: https://page\r\n\r\n");
  EXPECT_EQ(answered(allowing({"https://page"}, true), kPage, "Access-Control-Allow-Credentials: true\r\n"),
            "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Credentials: true\r\nContent-Length: 0\r\n"
            "Access-Control-Allow-Origin: https://page\r\nVary: Origin\r\n\r\n");
  PolicySet set = allowing({"https://page"});
  set.routes[0].response_headers.set = {{"Access-Control-Allow-Origin", "https://fixed"}};
  EXPECT_EQ(answered(set, kPage, ""),
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nAccess-Control-Allow-Origin: https://fixed\r\n\r\n");
}

TEST(RelayCors, AStreamAndAnErrorOfOursAreReadToo) {
  Dialogue stream(allowing({"https://page"}));
  stream.client("GET /s HTTP/1.0\r\nHost: h\r\n" + std::string(kPage) + "\r\n");
  stream.connected();
  stream.backend("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
  EXPECT_NE(stream.to_client().find("Access-Control-Allow-Origin: https://page\r\n"), std::string::npos);
  Dialogue error(allowing({"https://page"}));
  error.client("GET /s HTTP/1.0\r\nHost: h\r\n" + std::string(kPage) + "\r\n");
  error.connect_failed(UpstreamFailure::refused);
  EXPECT_NE(error.to_client().find("Access-Control-Allow-Origin: https://page\r\nVary: Origin\r\n"), std::string::npos);
}

std::string preflight(std::string_view origin, std::string_view method = "POST") {
  return "OPTIONS /s HTTP/1.1\r\nHost: h\r\nOrigin: " + std::string(origin) +
         "\r\nAccess-Control-Request-Method: " + std::string(method) +
         "\r\nAccess-Control-Request-Headers: x-a\r\n\r\n";
}

TEST(RelayCors, PreflightsOfKnownPagesAreAnsweredHere) {
  PolicySet policies = allowing({"https://page"}, true);
  policies.routes[0].match.methods = {"POST"};
  policies.routes[0].cors.headers = {"X-A", "Last-Event-ID"};
  Dialogue d(policies);
  d.client(preflight("https://page"));
  EXPECT_EQ(d.to_client(),
            "HTTP/1.1 204 No Content\r\nAccess-Control-Allow-Origin: https://page\r\n"
            "Access-Control-Allow-Credentials: true\r\nVary: Origin\r\n"
            "Access-Control-Allow-Methods: POST\r\nAccess-Control-Allow-Headers: X-A, Last-Event-ID\r\n"
            "Access-Control-Max-Age: 600\r\n\r\n");
  EXPECT_EQ(d.upstream_wish(), UpstreamWish::Kind::none);
  EXPECT_EQ(d.end().status, 204);
  EXPECT_EQ(d.end().reason, Reason::complete);
  EXPECT_EQ(d.end().route, "all");
  d.client("POST /s HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(d.phase(), Phase::connecting) << "the connection goes on";
}

TEST(RelayCors, OtherPreflightsAreTheBackends) {
  Dialogue foreign(allowing({"https://page"}));
  foreign.client(preflight("https://evil"));
  EXPECT_EQ(foreign.phase(), Phase::connecting);
  Dialogue plain(allowing({"https://page"}));
  plain.client("OPTIONS /s HTTP/1.1\r\nHost: h\r\nOrigin: https://page\r\n\r\n");
  EXPECT_EQ(plain.phase(), Phase::connecting);
  PolicySet posts = allowing({"https://page"});
  posts.routes[0].match.methods = {"POST"};
  Dialogue another(posts);
  another.client(preflight("https://page", "DELETE"));
  EXPECT_TRUE(another.to_client().starts_with("HTTP/1.1 404 "));
}

TEST(RelayCors, AKnownPageMeansAnEventStream) {
  PolicySet policies = allowing({"https://page"});
  policies.routes[0].event_stream.early_open.after = 5s;
  Dialogue d(policies);
  d.client("GET /s HTTP/1.0\r\nHost: h\r\nAccept: text/event-stream\r\n" + std::string(kPage) + "\r\n");
  d.after(5s);
  EXPECT_NE(d.to_client().find("\r\nAccess-Control-Allow-Origin: https://page\r\nVary: Origin\r\n"), std::string::npos);
  Dialogue other(policies);
  other.client("GET /s HTTP/1.0\r\nHost: h\r\nAccept: text/event-stream\r\nOrigin: https://evil\r\n\r\n");
  other.after(4s);
  other.connected();
  other.after(5s);
  EXPECT_EQ(other.to_client(), "");
}

}  // namespace
}  // namespace sidecar::exchange
