#include "exchange/deadline_wheel.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "tests/support/random_stream.hpp"

namespace sidecar::exchange {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart = TimePoint{} + 1000h + 13ms;
constexpr auto kRound = kDeadlineGrid * static_cast<long>(DeadlineWheel::kSlots);

struct Entry : DeadlineEntry {
  int fired = 0;
};

int fire(DeadlineWheel& wheel, TimePoint now) {
  int fired = 0;
  wheel.advance(now, [&](DeadlineEntry& entry) {
    ++static_cast<Entry&>(entry).fired;
    ++fired;
  });
  return fired;
}

TEST(DeadlineWheel, EmptyNeedsNoWaking) {
  DeadlineWheel wheel(kStart);
  EXPECT_EQ(wheel.next_wakeup(), kNever);
  EXPECT_EQ(fire(wheel, kStart + 1h), 0);
  EXPECT_TRUE(wheel.empty());
}

TEST(DeadlineWheel, ComesUpALittleEarly) {
  for (auto offset = 0ms; offset < 50ms; offset += 7ms) {
    DeadlineWheel wheel(kStart);
    Entry entry;
    const TimePoint due = kStart + 1s + offset;
    wheel.schedule(entry, due);
    const TimePoint wakeup = wheel.next_wakeup();
    EXPECT_LE(wakeup, due);
    EXPECT_GT(wakeup, due - kDeadlineGrid);
    EXPECT_EQ(fire(wheel, wakeup - 1ns), 0);
    EXPECT_EQ(fire(wheel, wakeup), 1);
    EXPECT_FALSE(entry.scheduled());
    EXPECT_EQ(wheel.next_wakeup(), kNever);
    EXPECT_TRUE(is_due(due, wakeup)) << "so its owner acts at once";
  }
}

TEST(DeadlineWheel, WhatIsOverdueComesUpAtTheNextStep) {
  DeadlineWheel wheel(kStart);
  Entry entry;
  wheel.schedule(entry, kStart - 1h);
  EXPECT_LE(wheel.next_wakeup(), kStart + kDeadlineGrid);
  EXPECT_EQ(fire(wheel, wheel.next_wakeup()), 1);
}

TEST(DeadlineWheel, NeverTakesNoPlace) {
  DeadlineWheel wheel(kStart);
  Entry entry;
  wheel.schedule(entry, kNever);
  EXPECT_FALSE(entry.scheduled());
  EXPECT_TRUE(wheel.empty());
}

TEST(DeadlineWheel, FurtherAwayIsLazyAndSoonerIsNot) {
  DeadlineWheel wheel(kStart);
  Entry entry;
  wheel.schedule(entry, kStart + 1s);
  const TimePoint first = wheel.next_wakeup();
  wheel.schedule(entry, kStart + 10s);
  EXPECT_EQ(wheel.next_wakeup(), first) << "it comes up at its old time";
  wheel.schedule(entry, kStart + 500ms);
  EXPECT_LE(wheel.next_wakeup(), kStart + 500ms);
  EXPECT_EQ(fire(wheel, kStart + 500ms), 1);
  EXPECT_EQ(fire(wheel, kStart + 20s), 0) << "once";
}

TEST(DeadlineWheel, BeyondOneRound) {
  DeadlineWheel wheel(kStart);
  Entry entry;
  const TimePoint due = kStart + 3 * kRound + 1s;
  wheel.schedule(entry, due);
  int looks = 0;
  TimePoint now = kStart;
  while (entry.fired == 0) {
    now = wheel.next_wakeup();
    ASSERT_LE(now, due);
    fire(wheel, now);
    ASSERT_LE(++looks, 5);
  }
  EXPECT_GT(now, due - kDeadlineGrid);
}

TEST(DeadlineWheel, ALongSleep) {
  DeadlineWheel wheel(kStart);
  std::vector<std::unique_ptr<Entry>> entries;
  for (int i = 0; i < 300; ++i) {
    entries.push_back(std::make_unique<Entry>());
    wheel.schedule(*entries.back(), kStart + i * 1s);
  }
  EXPECT_EQ(fire(wheel, kStart + 1h), 300);
  EXPECT_EQ(wheel.next_wakeup(), kNever);
  Entry late;
  wheel.schedule(late, kStart + 1h + 1s);
  EXPECT_EQ(fire(wheel, kStart + 1h + 1s), 1);
}

TEST(DeadlineWheel, TimeThatStandsStillOrRunsBackwards) {
  DeadlineWheel wheel(kStart);
  Entry entry;
  wheel.schedule(entry, kStart + 1s);
  EXPECT_EQ(fire(wheel, kStart), 0);
  EXPECT_EQ(fire(wheel, kStart - 1h), 0);
  EXPECT_EQ(fire(wheel, kStart + 1s), 1);
}

TEST(DeadlineWheel, EntriesLeaveWhenTheyAreDestroyed) {
  DeadlineWheel wheel(kStart);
  auto entry = std::make_unique<Entry>();
  wheel.schedule(*entry, kStart + 1s);
  entry.reset();
  EXPECT_EQ(wheel.next_wakeup(), kNever);
  EXPECT_EQ(fire(wheel, kStart + 2s), 0);
}

TEST(DeadlineWheel, AVisitorMayDestroyOrScheduleAnyEntry) {
  DeadlineWheel wheel(kStart);
  std::vector<std::unique_ptr<Entry>> entries(4);
  for (auto& entry : entries) {
    entry = std::make_unique<Entry>();
    wheel.schedule(*entry, kStart + 1s);
  }
  int visits = 0;
  wheel.advance(kStart + 1s, [&](DeadlineEntry& entry) {
    ++visits;
    if (&entry == entries[0].get()) {
      entries[1].reset();
      entries[0].reset();
      wheel.schedule(*entries[2], kStart + 5s);
    } else if (&entry == entries[3].get()) {
      wheel.schedule(entry, kStart);  // Overdue: not in this round again.
    }
  });
  EXPECT_EQ(visits, 3) << "what came up is visited although its owner moved it";
  EXPECT_TRUE(entries[3]->scheduled());
  EXPECT_EQ(fire(wheel, kStart + 2s), 1);
}

TEST(DeadlineWheel, WhatIsARoundAwayIsNotTouchedByWhatIsDueInItsSlot) {
  DeadlineWheel wheel(kStart);
  std::vector<std::unique_ptr<Entry>> entries(5);
  for (auto& entry : entries) entry = std::make_unique<Entry>();
  wheel.schedule(*entries[0], kStart + 1s);
  for (std::size_t i = 1; i < entries.size(); ++i) wheel.schedule(*entries[i], kStart + 1s + kRound);
  wheel.advance(kStart + 1s, [&](DeadlineEntry& entry) {
    ++static_cast<Entry&>(entry).fired;
    entries[1].reset();
    wheel.schedule(*entries[2], kStart + 3s);
    wheel.schedule(*entries[3], kStart + 3s + kRound);
  });
  EXPECT_EQ(entries[0]->fired, 1);
  EXPECT_EQ(fire(wheel, kStart + 2s), 0);
  EXPECT_EQ(fire(wheel, kStart + 3s), 1);
  EXPECT_EQ(entries[2]->fired, 1);
  EXPECT_EQ(wheel.next_wakeup(),
            TimePoint(std::chrono::floor<std::chrono::milliseconds>((kStart + 1s + kRound).time_since_epoch()) /
                      kDeadlineGrid * kDeadlineGrid));
  EXPECT_EQ(fire(wheel, kStart + 1s + kRound), 2);
}

TEST(DeadlineWheel, EntriesMayOutliveTheirWheel) {
  Entry entry;
  {
    DeadlineWheel wheel(kStart);
    wheel.schedule(entry, kStart + 1s);
  }
  EXPECT_FALSE(entry.scheduled());
  DeadlineWheel another(kStart);
  another.schedule(entry, kStart + 1s);
  EXPECT_TRUE(entry.scheduled());
}

/// Against a list that is searched: nothing comes up before its step or later than the wakeup that was promised.
TEST(DeadlineWheel, Randomised) {
  test::Random random(7);
  for (int run = 0; run < 200; ++run) {
    DeadlineWheel wheel(kStart);
    std::vector<std::unique_ptr<Entry>> entries(20);
    std::vector<TimePoint> due(20, kNever);
    for (auto& entry : entries) entry = std::make_unique<Entry>();
    TimePoint now = kStart;
    for (int step = 0; step < 400; ++step) {
      const std::size_t i = random.below(entries.size());
      if (random.one_in(2)) {
        const auto span = std::chrono::milliseconds(random.below(random.one_in(10) ? 400'000 : 3'000));
        wheel.schedule(*entries[i], now + span);
        due[i] = std::min(due[i], now + span);
      } else if (random.one_in(6)) {
        entries[i] = std::make_unique<Entry>();
        due[i] = kNever;
      } else {
        now += std::chrono::milliseconds(random.below(random.one_in(20) ? 200'000 : 300));
        wheel.advance(now, [&](DeadlineEntry& entry) {
          const auto at =
              std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return e.get() == &entry; });
          TimePoint& its = due[static_cast<std::size_t>(at - entries.begin())];
          ASSERT_NE(its, kNever);
          ASSERT_LT(its - kDeadlineGrid, now) << "too early";
          its = kNever;
        });
        for (const TimePoint its : due) ASSERT_TRUE(its == kNever || its > now - kDeadlineGrid) << "left behind";
      }
      const TimePoint earliest = *std::min_element(due.begin(), due.end());
      ASSERT_LE(wheel.next_wakeup(), earliest == kNever ? kNever : std::max(earliest, now + kDeadlineGrid));
      ASSERT_EQ(wheel.next_wakeup() == kNever, earliest == kNever);
    }
  }
}

}  // namespace
}  // namespace sidecar::exchange
