#include <gtest/gtest.h>

#include <string>

#include "exchange/relay.hpp"
#include "tests/exchange/dialogue.hpp"

// Connections that authenticate themselves belong to one client.
namespace sidecar::exchange {
namespace {

using test::Dialogue;
using Kind = UpstreamWish::Kind;

constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

std::string get(const std::string& lines = "") {
  return "GET / HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n";
}

/// What becomes of the backend's connection behind this exchange.
Kind after(Dialogue& d, const std::string& request, const std::string& answer) {
  d.client(request);
  d.connected();
  // The wish of the exchange is gone once the relay has gone on to the next request: it is looked at before.
  d.client_room(0);
  d.backend(answer);
  const Kind kind = d.upstream_wish();
  d.client_room(Dialogue::kUnlimited);
  return kind;
}

TEST(RelayPinned, ChallengesAndCredentialsHoldTheConnection) {
  for (const char* line : {"Authorization: NTLM TlRMTVNTUAAB\r\n", "Authorization: Negotiate YII=\r\n",
                           "Proxy-Authorization: NTLM x\r\n"}) {
    Dialogue d;
    EXPECT_EQ(after(d, get(line), kOk), Kind::hold) << line;
  }
  for (const char* line : {"WWW-Authenticate: NTLM\r\n", "WWW-Authenticate: Basic realm=x, Negotiate\r\n"}) {
    Dialogue d;
    EXPECT_EQ(after(d, get(), "HTTP/1.1 401 No\r\nContent-Length: 0\r\n" + std::string(line) + "\r\n"), Kind::hold)
        << line;
  }
}

TEST(RelayPinned, OtherSchemesDoNot) {
  Dialogue d;
  EXPECT_EQ(after(d, get("Authorization: Basic eDp5\r\n"),
                  "HTTP/1.1 401 No\r\nContent-Length: 0\r\nWWW-Authenticate: Basic realm=\"NTLM\"\r\n\r\n"),
            Kind::release);
}

/// The backend knows the client by its connection: that later requests bring no credentials changes nothing.
TEST(RelayPinned, ForEveryLaterRequestToo) {
  Dialogue d;
  EXPECT_EQ(after(d, get("Authorization: NTLM x\r\n"), kOk), Kind::hold);
  EXPECT_EQ(after(d, get(), kOk), Kind::hold);
}

TEST(RelayPinned, NotBeyondTheClient) {
  Dialogue d;
  EXPECT_EQ(after(d, get("Authorization: NTLM x\r\nConnection: close\r\n"), kOk), Kind::hold);
  EXPECT_EQ(d.upstream_wish(), Kind::close);
}

TEST(RelayPinned, NotBehindAnAnswerThatEndsTheConnection) {
  Dialogue d;
  EXPECT_EQ(
      after(d, get("Authorization: NTLM x\r\n"), "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
      Kind::close);
}

}  // namespace
}  // namespace sidecar::exchange
