// How many are inside: counted right whoever counts at the same time.
#include "net/census.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace sidecar::net {
namespace {

using Admission = Census::Admission;
using Verdict = exchange::StreamGate::Verdict;

exchange::Limits limits(std::optional<std::size_t> streams, std::optional<std::size_t> streams_per_client) {
  exchange::Limits all;
  all.streams = streams;
  all.streams_per_client = streams_per_client;
  return all;
}

TEST(Census, connections_are_admitted_then_refused_then_not_taken) {
  Census census;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(census.enter_connection(3), Admission::admitted);
  for (int i = 0; i < 128; ++i) EXPECT_EQ(census.enter_connection(3), Admission::refused);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(census.enter_connection(3), Admission::full);
  EXPECT_EQ(census.connections(), 131U) << "who is not taken is not counted";
  for (int i = 0; i < 129; ++i) census.leave_connection();
  EXPECT_EQ(census.enter_connection(3), Admission::admitted);
  EXPECT_EQ(census.enter_connection(3), Admission::refused);
}

TEST(Census, a_limit_that_was_lowered_is_met_at_once) {
  Census census;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(census.enter_connection(3), Admission::admitted);
  EXPECT_EQ(census.enter_connection(2), Admission::refused);
}

TEST(Census, streams_in_all) {
  Census census;
  const exchange::Limits two = limits(2, std::nullopt);
  EXPECT_EQ(census.enter("a", two), Verdict::admitted);
  EXPECT_EQ(census.enter("b", two), Verdict::admitted);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(census.enter("c", two), Verdict::too_many);
  census.leave("a", two);
  EXPECT_EQ(census.enter("c", two), Verdict::admitted);
}

TEST(Census, streams_of_one_client) {
  Census census;
  const exchange::Limits one_each = limits(3, 1);
  EXPECT_EQ(census.enter("a", one_each), Verdict::admitted);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(census.enter("a", one_each), Verdict::too_many_of_client);
  EXPECT_EQ(census.enter("b", one_each), Verdict::admitted) << "the refused count nowhere";
  EXPECT_EQ(census.enter("c", one_each), Verdict::admitted);
  EXPECT_EQ(census.enter("d", one_each), Verdict::too_many);
  census.leave("a", one_each);
  EXPECT_EQ(census.enter("a", one_each), Verdict::admitted);
}

TEST(Census, nobody_is_a_limit_too) {
  Census census;
  EXPECT_EQ(census.enter("a", limits(0, std::nullopt)), Verdict::too_many);
  EXPECT_EQ(census.enter("a", limits(std::nullopt, 0)), Verdict::too_many_of_client);
  EXPECT_EQ(census.enter("a", limits(1, std::nullopt)), Verdict::admitted);
}

/// A reload brings or takes away a limit; a stream leaves as it came.
TEST(Census, limits_that_change_meanwhile) {
  Census census;
  const exchange::Limits without = limits(std::nullopt, std::nullopt);
  const exchange::Limits with = limits(std::nullopt, 1);
  EXPECT_EQ(census.enter("a", without), Verdict::admitted);
  EXPECT_EQ(census.enter("a", with), Verdict::admitted) << "older ones were not counted";
  EXPECT_EQ(census.enter("a", with), Verdict::too_many_of_client);
  census.leave("a", without);
  EXPECT_EQ(census.enter("a", with), Verdict::too_many_of_client);
  census.leave("a", with);
  EXPECT_EQ(census.enter("a", with), Verdict::admitted);
}

// From several workers.

template <class Work>
void on_threads(Work work) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([work, i] { work(i); });
}

TEST(CensusOfWorkers, never_has_more_inside_than_allowed) {
  constexpr int kRounds = 20'000;
  Census census;
  const exchange::Limits few = limits(2, 2);
  std::atomic<int> inside = 0;
  std::atomic<int> admitted = 0;
  on_threads([&](int) {
    for (int i = 0; i < kRounds; ++i) {
      if (census.enter("client", few) != Verdict::admitted) continue;
      EXPECT_LE(++inside, 2);
      ++admitted;
      --inside;
      census.leave("client", few);
    }
  });
  EXPECT_GT(admitted, 100);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(census.enter("client", few), Verdict::admitted) << "all have left";
}

TEST(CensusOfWorkers, connections_come_out_even) {
  Census census;
  std::atomic<int> admitted = 0;
  on_threads([&](int) {
    for (int i = 0; i < 20'000; ++i) {
      const Admission admission = census.enter_connection(2);
      if (admission == Admission::full) continue;
      if (admission == Admission::admitted) ++admitted;
      census.leave_connection();
    }
  });
  EXPECT_GT(admitted, 0);
  EXPECT_EQ(census.connections(), 0U);
}

TEST(CensusOfWorkers, clients_come_and_go) {
  Census census;
  const exchange::Limits one_each = limits(std::nullopt, 1);
  on_threads([&](int thread) {
    for (int i = 0; i < 5'000; ++i) {
      const std::string client = std::to_string(thread) + "/" + std::to_string(i % 7);
      EXPECT_EQ(census.enter(client, one_each), Verdict::admitted);
      EXPECT_EQ(census.enter(client, one_each), Verdict::too_many_of_client);
      census.leave(client, one_each);
    }
  });
}

}  // namespace
}  // namespace sidecar::net
