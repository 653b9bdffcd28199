#include <gtest/gtest.h>

#include <string>

#include "exchange/client_address.hpp"
#include "exchange/relay.hpp"
#include "tests/exchange/dialogue.hpp"

// A connection that has to begin with a PROXY header: whose it is, and what becomes of one without.
namespace sidecar::exchange {
namespace {

using namespace std::chrono_literals;
using test::Dialogue;

constexpr const char* kLine = "PROXY TCP6 2001:db8::1 ::1 80 443\r\n";
constexpr const char* kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// The client's address is told to the backend.
PolicySet telling() {
  PolicySet policies = test::one_upstream();
  policies.x_forwarded = XForwarded::set;
  return policies;
}

struct Behind : Dialogue {
  explicit Behind(const PolicySet& policies = telling()) : Dialogue(policies) { relay.expect_proxy_header(now, bench); }

  /// What the backend gets of the next request, answered.
  std::string serve() {
    connected();
    backend(kOk);
    EXPECT_TRUE(to_client().ends_with("hello"));
    return to_backend();
  }
  bool refused() const {
    return manner() == DownstreamManner::abort && counted(Counted::proxy_header_refused) == 1U &&
           end().reason == Reason::protocol_error && end().status == 0;
  }
};

TEST(RelayProxy, TheClientIsWhoTheHeaderSays) {
  Behind d;
  d.client(std::string(kLine) + kGet);
  EXPECT_NE(d.serve().find("X-Forwarded-For: 2001:db8::1\r\n"), std::string::npos);
  EXPECT_EQ(d.end().client, "[2001:db8::1]:80");
  EXPECT_EQ(d.counted(Counted::proxy_header_refused), 0U);
}

TEST(RelayProxy, ForEveryRequestOfTheConnection) {
  Behind d;
  d.client(std::string(kLine) + kGet + kGet);
  EXPECT_NE(d.serve().find("2001:db8::1"), std::string::npos);
  EXPECT_NE(d.serve().find("2001:db8::1"), std::string::npos);
  d.client("PROXY UNKNOWN\r\n\r\n");  // The second one is no header any more.
  EXPECT_EQ(d.to_client().substr(0, 12), "HTTP/1.1 400");
  EXPECT_EQ(d.recorder.ends().back().client, "[2001:db8::1]:80");
}

TEST(RelayProxy, ByteByByte) {
  Behind d;
  for (const char c : std::string(kLine) + kGet) d.client({&c, 1});
  EXPECT_NE(d.serve().find("X-Forwarded-For: 2001:db8::1\r\n"), std::string::npos);
  EXPECT_EQ(d.relay.waiting(), 0U);
}

TEST(RelayProxy, NamingNobodyLeavesThePeer) {
  for (const std::string& header :
       {std::string("PROXY UNKNOWN ::1 ::1 1 2\r\n"), std::string("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16)}) {
    Behind d;
    d.client(header);
    d.client(kGet);
    EXPECT_NE(d.serve().find("X-Forwarded-For: 192.0.2.7\r\n"), std::string::npos);
    EXPECT_EQ(d.end().client, "192.0.2.7:51412");
  }
}

TEST(RelayProxy, WhomItNamesIsTrustedOrNot) {
  // The networks of client_address are asked about the source of the header, not about the proxy that sent it.
  for (const char* trusted : {"2001:db8::1", "192.0.2.7"}) {
    PolicySet policies = telling();
    policies.client_address = {"X-Real-IP", {{parse_ip(trusted).value(), 128}}};
    Behind d(policies);
    d.client(std::string(kLine) + "GET /a HTTP/1.1\r\nHost: h\r\nX-Real-IP: 198.51.100.9\r\n\r\n");
    static_cast<void>(d.serve());
    EXPECT_EQ(d.end().client, *trusted == '2' ? "198.51.100.9" : "[2001:db8::1]:80");
  }
}

TEST(RelayProxy, AnythingElseIsCutOffAtOnce) {
  for (const char* bytes : {"G", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n", "PROXY  ", "\x16"}) {
    Behind d;
    d.client(bytes);
    EXPECT_TRUE(d.refused()) << bytes;
    EXPECT_EQ(d.to_client(), "");
    EXPECT_EQ(d.end().client, "192.0.2.7:51412");
    EXPECT_NE(d.end().detail, "");
    EXPECT_EQ(d.counted(Counted::request_rejected), 0U);
    d.client(std::string(kLine) + kGet);  // Too late.
    EXPECT_EQ(d.recorder.records.size(), 1U);
  }
}

TEST(RelayProxy, HalfAHeaderIsWaitedForAsLongAsForAHead) {
  Behind d;
  EXPECT_EQ(d.until_deadline(), 10s);
  d.after(5s);
  d.client("PROXY TCP6 2001");
  EXPECT_EQ(d.until_deadline(), 5s);
  d.after(5s);
  EXPECT_TRUE(d.refused());
  EXPECT_EQ(d.end().detail, "the PROXY header did not come in time");
  EXPECT_EQ(d.to_client(), "");
}

TEST(RelayProxy, SilenceIsClosedWithoutAWord) {
  Behind silent;
  silent.after(10s);
  EXPECT_EQ(silent.manner(), DownstreamManner::close);
  EXPECT_TRUE(silent.recorder.records.empty());
  EXPECT_EQ(silent.counted(Counted::proxy_header_refused), 0U);
  Behind gone;
  gone.client("PROXY");
  gone.client_eof();
  EXPECT_EQ(gone.manner(), DownstreamManner::close);
  EXPECT_TRUE(gone.recorder.records.empty());
}

TEST(RelayProxy, BehindTheHeaderItIsAnyConnection) {
  Behind d;
  d.client(kLine);
  EXPECT_EQ(d.until_deadline(), 75s);
  d.after(20s);
  d.client("GET ");
  EXPECT_EQ(d.until_deadline(), 10s);
  d.after(10s);
  EXPECT_EQ(d.end().status, 408);
}

TEST(RelayProxy, DrainClosesWhatStillWaitsForOneSoon) {
  Behind d;
  d.drain();
  d.after(1s);
  EXPECT_EQ(d.manner(), DownstreamManner::close);
  EXPECT_TRUE(d.recorder.records.empty());
}

}  // namespace
}  // namespace sidecar::exchange
