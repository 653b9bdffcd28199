#include "exchange/lifecycle.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace sidecar::exchange {
namespace {

// The names are a contract with whoever reads the log.

TEST(Lifecycle, ReasonNames) {
  EXPECT_EQ(to_string(Reason::complete), "complete");
  EXPECT_EQ(to_string(Reason::client_gone), "client_gone");
  EXPECT_EQ(to_string(Reason::client_stalled), "client_stalled");
  EXPECT_EQ(to_string(Reason::upstream_reset), "upstream_reset");
  EXPECT_EQ(to_string(Reason::upstream_truncated), "upstream_truncated");
  EXPECT_EQ(to_string(Reason::upstream_idle), "upstream_idle");
  EXPECT_EQ(to_string(Reason::upstream_unreachable), "upstream_unreachable");
  EXPECT_EQ(to_string(Reason::upstream_error), "upstream_error");
  EXPECT_EQ(to_string(Reason::upstream_timeout), "upstream_timeout");
  EXPECT_EQ(to_string(Reason::max_age), "max_age");
  EXPECT_EQ(to_string(Reason::drain), "drain");
  EXPECT_EQ(to_string(Reason::forced), "forced");
  EXPECT_EQ(to_string(Reason::limit), "limit");
  EXPECT_EQ(to_string(Reason::protocol_error), "protocol_error");
}

TEST(Lifecycle, ReasonNamesDiffer) {
  std::set<std::string_view> names;
  for (int at = 0; at <= static_cast<int>(Reason::protocol_error); ++at)
    names.insert(to_string(static_cast<Reason>(at)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(Reason::protocol_error) + 1);
  EXPECT_FALSE(names.contains("unknown"));
}

TEST(Lifecycle, ClosedByNames) {
  EXPECT_EQ(to_string(ClosedBy::client), "client");
  EXPECT_EQ(to_string(ClosedBy::upstream), "upstream");
  EXPECT_EQ(to_string(ClosedBy::sidecar), "sidecar");
}

TEST(Lifecycle, EventNames) {
  EXPECT_EQ(to_string(LifecycleEvent::request), "request");
  EXPECT_EQ(to_string(LifecycleEvent::stream_open), "stream_open");
  EXPECT_EQ(to_string(LifecycleEvent::stream_first_event), "stream_first_event");
  EXPECT_EQ(to_string(LifecycleEvent::heartbeat), "heartbeat");
  EXPECT_EQ(to_string(LifecycleEvent::stream_close), "stream_close");
  EXPECT_EQ(to_string(LifecycleEvent::downgrade), "downgrade");
}

}  // namespace
}  // namespace sidecar::exchange
