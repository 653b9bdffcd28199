#include "observe/counters.hpp"

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <vector>

namespace sidecar::observe {
namespace {

using exchange::Counted;
using exchange::LifecycleEvent;
using exchange::LifecycleRecord;
using exchange::Reason;

LifecycleRecord record(LifecycleEvent event, int status = 0, std::optional<Reason> reason = {}) {
  LifecycleRecord made;
  made.event = event;
  made.status = status;
  made.reason = reason;
  return made;
}

CounterTotals totals_of(const Counters& counters) {
  const Counters* const workers[] = {&counters};
  return sum(workers, 0);
}

TEST(Counters, StartAtZero) {
  const Counters counters;
  const CounterTotals totals = totals_of(counters);
  EXPECT_EQ(totals.streams_opened, 0u);
  EXPECT_EQ(totals.streams_active(), 0u);
  EXPECT_EQ(totals.streams_closed_sum(), 0u);
  EXPECT_EQ(sum({}, 5).log_dropped, 5u);
}

TEST(Counters, ALifeOfAStream) {
  Counters counters;
  count(counters, record(LifecycleEvent::stream_open, 200));
  count(counters, record(LifecycleEvent::stream_open, 200));
  count(counters, record(LifecycleEvent::stream_first_event));
  count(counters, record(LifecycleEvent::heartbeat));
  count(counters, record(LifecycleEvent::heartbeat));
  EXPECT_EQ(totals_of(counters).streams_active(), 2u);
  EXPECT_EQ(totals_of(counters).heartbeats, 2u);

  LifecycleRecord close = record(LifecycleEvent::stream_close, 200, Reason::client_gone);
  close.bytes_in = 3;
  close.bytes_out = 70;
  close.events = 5;
  close.heartbeats = 2;
  count(counters, close);
  const CounterTotals totals = totals_of(counters);
  EXPECT_EQ(totals.streams_active(), 1u);
  EXPECT_EQ(totals.closed(Reason::client_gone), 1u);
  EXPECT_EQ(totals.closed(Reason::complete), 0u);
  EXPECT_EQ(totals.events, 5u);
  EXPECT_EQ(totals.heartbeats, 2u);  // counted when they were sent, not again at the close
  EXPECT_EQ(totals.bytes_in, 3u);
  EXPECT_EQ(totals.bytes_out, 70u);
  EXPECT_EQ(totals.requests[2], 0u);  // a stream is not an ordinary request
}

TEST(Counters, RequestsByStatusClass) {
  Counters counters;
  for (const int status : {0, 99, 100, 200, 204, 302, 404, 404, 599, 600, -1}) {
    LifecycleRecord request = record(LifecycleEvent::request, status);
    request.bytes_in = 1;
    request.bytes_out = 2;
    count(counters, request);
  }
  const CounterTotals totals = totals_of(counters);
  EXPECT_EQ(totals.requests, (std::array<std::uint64_t, kStatusClasses>{4, 1, 2, 1, 2, 1}));
  EXPECT_EQ(totals.bytes_in, 11u);
  EXPECT_EQ(totals.bytes_out, 22u);
  EXPECT_EQ(totals.streams_active(), 0u);
  EXPECT_EQ(totals.requests_ended[static_cast<std::size_t>(Reason::complete)], 11u);
}

TEST(Counters, EveryReasonHasItsOwnCount) {
  Counters counters;
  for (std::size_t at = 0; at < kReasons; ++at) {
    for (std::size_t times = 0; times <= at; ++times) {
      count(counters, record(LifecycleEvent::stream_close, 0, static_cast<Reason>(at)));
      count(counters, record(LifecycleEvent::request, 0, static_cast<Reason>(at)));
    }
  }
  const CounterTotals totals = totals_of(counters);
  for (std::size_t at = 0; at < kReasons; ++at) {
    EXPECT_EQ(totals.closed(static_cast<Reason>(at)), at + 1);
    EXPECT_EQ(totals.requests_ended[at], at + 1);
  }
  EXPECT_EQ(totals.streams_active(), 0u);  // never below zero
}

TEST(Counters, EveryCountedThingHasItsOwnCount) {
  Counters counters;
  for (std::size_t at = 0; at < kCountedKinds; ++at) count(counters, static_cast<Counted>(at), at + 10);
  count(counters, Counted::count_, 1000);  // ignored
  const CounterTotals totals = totals_of(counters);
  for (std::size_t at = 0; at < kCountedKinds; ++at) EXPECT_EQ(totals.times(static_cast<Counted>(at)), at + 10);
}

TEST(Counters, SumOverWorkers) {
  std::vector<Counters> workers(3);
  for (std::size_t at = 0; at < workers.size(); ++at) {
    for (std::size_t times = 0; times <= at; ++times) {
      count(workers[at], record(LifecycleEvent::stream_open));
      count(workers[at], record(LifecycleEvent::downgrade));
    }
    LifecycleRecord close = record(LifecycleEvent::stream_close, 200, Reason::drain);
    close.events = 7;
    count(workers[at], close);
    count(workers[at], record(LifecycleEvent::request, 502));
    count(workers[at], Counted::upstream_connect_error, 2);
  }
  const Counters* const pointers[] = {&workers[0], &workers[1], &workers[2]};
  const CounterTotals totals = sum(pointers, 9);
  EXPECT_EQ(totals.streams_opened, 6u);
  EXPECT_EQ(totals.streams_active(), 3u);
  EXPECT_EQ(totals.closed(Reason::drain), 3u);
  EXPECT_EQ(totals.events, 21u);
  EXPECT_EQ(totals.requests[5], 3u);
  EXPECT_EQ(totals.times(Counted::upstream_connect_error), 6u);
  EXPECT_EQ(totals.downgrades, 6u);
  EXPECT_EQ(totals.log_dropped, 9u);
}

TEST(Counters, WorkersShareNoCacheLine) {
  EXPECT_EQ(alignof(Counters), 64u);
  EXPECT_EQ(sizeof(Counters) % 64, 0u);
}

}  // namespace
}  // namespace sidecar::observe
