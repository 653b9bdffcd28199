#include "exchange/account.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sidecar::exchange {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart = TimePoint{} + 1h;

TEST(Account, KeepsTheHeadBehindWhatIsWrittenDown) {
  Account account;
  account.begin(7, kStart, "192.0.2.1:80", "GET", "/a", 100);
  EXPECT_EQ(account.kept_head(), "");
  account.text() += "GET /a HTTP/1.1\r\n\r\n";
  EXPECT_EQ(account.kept_head(), "GET /a HTTP/1.1\r\n\r\n");
  EXPECT_EQ(account.client(), "192.0.2.1:80");
  EXPECT_EQ(account.method(), "GET");
  account.drop_head();
  EXPECT_EQ(account.kept_head(), "");
  EXPECT_EQ(account.method(), "GET");
  account.drop_head();
  EXPECT_EQ(account.client(), "192.0.2.1:80") << "twice is a no-op";
}

TEST(Account, GivesTheHeadsMemoryBack) {
  Account account;
  account.begin(1, kStart, "c", "GET", "/", 8000);
  account.text() += std::string(8000, 'x');
  EXPECT_GE(account.memory(), 8000U);
  account.drop_head();
  EXPECT_LT(account.memory(), 100U);
}

TEST(Account, KeepsNoMoreThanIsEverWrittenDown) {
  Account account;
  account.begin(1, kStart, "c", std::string(300, 'M'), std::string(5000, 't'), 0);
  EXPECT_EQ(account.method(), std::string(255, 'M'));
  EXPECT_EQ(account.text().size(), 1U + 255 + 4096);
}

TEST(Account, TellsTheEnd) {
  Account account;
  account.begin(1, kStart, "c", "GET", "/", 0);
  account.answered(200, kStart + 30ms);
  account.bytes_in = 3;
  account.bytes_out = 4;
  account.detail = "why";
  const LifecycleRecord end = account.end(Reason::upstream_reset, ClosedBy::upstream, kStart + 2s);
  EXPECT_EQ(account.ttfb(), 30ms);
  EXPECT_EQ(end.duration, 2s);
  EXPECT_EQ(end.bytes_in, 3U);
  EXPECT_EQ(end.bytes_out, 4U);
  EXPECT_EQ(end.reason, Reason::upstream_reset);
  EXPECT_EQ(end.closed_by, ClosedBy::upstream);
  EXPECT_EQ(end.detail, "why");
}

}  // namespace
}  // namespace sidecar::exchange
