#include "exchange/opening.hpp"

#include <gtest/gtest.h>

namespace sidecar::exchange {
namespace {

using Outcome = Opening::Outcome;

constexpr std::string_view kHeader = "PROXY TCP4 192.0.2.1 192.0.2.2 80 443\r\n";
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

struct Look {
  Outcome outcome;
  std::string left;
  std::string peer;

  bool operator==(const Look&) const = default;
};

Look look(Opening& opening, std::string_view input) {
  PeerText peer = "peer";
  const Outcome outcome = opening.look(input, peer).outcome;
  return {outcome, std::string(input), peer.c_str()};
}

TEST(Opening, ExpectsNothingUnlessItIsTold) {
  Opening opening;
  EXPECT_TRUE(opening.over());
  EXPECT_EQ(look(opening, kPreface), (Look{Outcome::http1, std::string(kPreface), "peer"}));
  EXPECT_EQ(look(opening, kHeader), (Look{Outcome::http1, std::string(kHeader), "peer"}));
}

TEST(Opening, TakesAProxyHeader) {
  Opening opening;
  opening.expect_proxy_header();
  EXPECT_FALSE(opening.over());
  EXPECT_TRUE(opening.awaits_proxy_header());
  EXPECT_EQ(look(opening, kHeader.substr(0, 9)), (Look{Outcome::need_more, "PROXY TCP", "peer"}));
  EXPECT_EQ(look(opening, std::string(kHeader) + "GET"), (Look{Outcome::http1, "GET", "192.0.2.1:80"}));
  EXPECT_FALSE(opening.awaits_proxy_header());
  EXPECT_TRUE(opening.over());
}

TEST(Opening, SaysWhyThereIsNone) {
  Opening opening;
  opening.expect_proxy_header();
  std::string_view input = "GET / HTTP/1.1\r\n";
  PeerText peer;
  const Opening::Result result = opening.look(input, peer);
  EXPECT_EQ(result.outcome, Outcome::wrong_header);
  EXPECT_STRNE(result.why, "");
}

TEST(Opening, KnowsThePrefaceFromARequest) {
  Opening opening;
  opening.expect_http2();
  EXPECT_FALSE(opening.over());
  EXPECT_FALSE(opening.awaits_proxy_header());
  EXPECT_EQ(look(opening, "").outcome, Outcome::need_more);
  EXPECT_EQ(look(opening, "P").outcome, Outcome::need_more);
  EXPECT_FALSE(opening.over());
  Opening other = opening;
  EXPECT_EQ(look(opening, std::string(kPreface) + "x"), (Look{Outcome::http2, std::string(kPreface) + "x", "peer"}));
  EXPECT_EQ(look(other, "POST"), (Look{Outcome::http1, "POST", "peer"}));
  EXPECT_TRUE(opening.over());
  EXPECT_TRUE(other.over());
}

TEST(Opening, ExpectsThePrefaceBehindTheHeader) {
  Opening opening;
  opening.expect_proxy_header();
  opening.expect_http2();
  EXPECT_EQ(look(opening, kHeader), (Look{Outcome::need_more, "", "192.0.2.1:80"}));
  EXPECT_FALSE(opening.awaits_proxy_header());
  EXPECT_EQ(look(opening, kPreface), (Look{Outcome::http2, std::string(kPreface), "peer"}));
}

}  // namespace
}  // namespace sidecar::exchange
