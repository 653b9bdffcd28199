#include "observe/line_queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

namespace sidecar::observe {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

std::string take(LineQueue& queue) {
  std::string lines;
  EXPECT_TRUE(queue.take(lines));
  return lines;
}

TEST(LineQueue, GivesAllThatIsThereInOrder) {
  LineQueue queue(4);
  queue.push("one");
  queue.push("");
  queue.push("three");
  EXPECT_EQ(take(queue), "one\n\nthree\n");
  queue.push("four");
  EXPECT_EQ(take(queue), "four\n");
  EXPECT_EQ(queue.displaced(), 0u);
}

TEST(LineQueue, TheOldestGiveWay) {
  LineQueue queue(3);
  for (int at = 0; at < 1000; ++at) queue.push(std::to_string(at));
  EXPECT_EQ(queue.displaced(), 997u);
  EXPECT_EQ(take(queue), "997\n998\n999\n");
  queue.push("1000");
  EXPECT_EQ(take(queue), "1000\n");
  EXPECT_EQ(queue.displaced(), 997u);
}

TEST(LineQueue, LongLinesThatGiveWayLeaveNoPartBehind) {
  LineQueue queue(2);
  for (const std::size_t size : {1'000'000u, 3u, 500'000u, 0u, 1u}) queue.push(std::string(size, 'x'));
  EXPECT_EQ(take(queue), "\nx\n");
  EXPECT_EQ(queue.displaced(), 3u);
}

TEST(LineQueue, AQueueOfNothingHoldsALine) {
  LineQueue queue(0);
  queue.push("one");
  queue.push("two");
  EXPECT_EQ(take(queue), "two\n");
  EXPECT_EQ(queue.displaced(), 1u);
}

TEST(LineQueue, AtTheEndTheRestIsTakenAndThenNothingTakenIn) {
  LineQueue queue(4);
  queue.end();
  queue.push("late");  // Still in time: the thread that takes has not seen the end.
  EXPECT_EQ(take(queue), "late\n");
  std::string lines = "before";
  EXPECT_FALSE(queue.take(lines));
  EXPECT_EQ(lines, "");
  queue.push("too late");
  EXPECT_EQ(queue.displaced(), 1u);
  EXPECT_FALSE(queue.take(lines));
}

TEST(LineQueue, RestsBehindWhatWasTakenSoThatLinesComeTogether) {
  LineQueue queue(1000);
  queue.push("first");
  EXPECT_EQ(take(queue), "first\n");
  queue.push("second");
  std::string lines;
  const Clock::time_point begin = Clock::now();
  EXPECT_TRUE(queue.take(lines));
  EXPECT_GE(Clock::now() - begin, 5ms);
  EXPECT_EQ(lines, "second\n");
}

TEST(LineQueue, DoesNotRestWhileManyAreThere) {
  LineQueue queue(8);
  std::string lines;
  Clock::duration least = 1h;
  for (int round = 0; round < 21; ++round) {
    for (int at = 0; at < 4; ++at) queue.push("line");
    const Clock::time_point before = Clock::now();
    EXPECT_TRUE(queue.take(lines));
    if (round > 0) least = std::min(least, Clock::now() - before);  // Nothing was taken before the first one.
  }
  EXPECT_LT(least, 5ms);
}

TEST(LineQueue, WakesForTheFirstLineAndForTheEnd) {
  LineQueue queue(8);
  std::string lines;
  std::thread pusher([&] {
    std::this_thread::sleep_for(20ms);
    queue.push("woken");
  });
  EXPECT_TRUE(queue.take(lines));
  pusher.join();
  EXPECT_EQ(lines, "woken\n");
  std::thread ender([&] {
    std::this_thread::sleep_for(20ms);
    queue.end();
  });
  EXPECT_FALSE(queue.take(lines));
  ender.join();
}

TEST(LineQueue, NothingIsLostOrMixedBetweenThreads) {
  constexpr int kThreads = 3;
  constexpr int kLines = 20'000;
  LineQueue queue(kThreads * kLines);
  std::string all;
  std::thread taker([&] {
    for (std::string lines; queue.take(lines);) all += lines;
  });
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&queue, thread] {
      for (int at = 0; at < kLines; ++at) queue.push(std::to_string(thread) + " " + std::to_string(at));
    });
  }
  for (std::thread& thread : threads) thread.join();
  queue.end();
  taker.join();
  std::vector<int> next(kThreads, 0);
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = all.find('\n', at);
    const std::string line = all.substr(at, end - at);
    const auto thread = static_cast<std::size_t>(line.at(0) - '0');
    ASSERT_LT(thread, next.size());
    EXPECT_EQ(line.substr(2), std::to_string(next[thread]++));
    at = end + 1;
  }
  EXPECT_EQ(next, std::vector<int>(kThreads, kLines));
  EXPECT_EQ(queue.displaced(), 0u);
}

}  // namespace
}  // namespace sidecar::observe
