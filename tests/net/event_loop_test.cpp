// A worker's loop, with real descriptors and without a worker.
#include "net/event_loop.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace sidecar::net {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Watch = EventLoop::Watch;
using Way = Watch::Way;

/// A watched end of a socket pair, and the other end.
struct Pair {
  explicit Pair(EventLoop& loop) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0) std::abort();
    watch = Watch::make(loop, ends[0]);
    peer = ends[1];
  }
  ~Pair() {
    if (peer >= 0) ::close(peer);
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  void say(std::string_view bytes) const {
    ASSERT_EQ(::send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  /// Reads up to `size` bytes and says so when there are no more.
  std::string hear(std::size_t size) const {
    std::string bytes(size, '\0');
    const ssize_t got = ::recv(watch->fd(), bytes.data(), size, 0);
    if (got < static_cast<ssize_t>(size)) watch->set_unreadable();
    return bytes.substr(0, static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  }

  Watch::Owner watch;
  int peer = -1;
};

TEST(EventLoop, TasksOfOtherThreadsWakeIt) {
  EventLoop loop;
  std::vector<int> done;
  std::jthread other([&] {
    std::this_thread::sleep_for(10ms);  // It sleeps by now.
    for (int i = 0; i < 3; ++i) loop.post([&, i] { done.push_back(i); });
    std::this_thread::sleep_for(10ms);
    loop.post([&] { loop.stop(); });
  });
  loop.run([] {});
  EXPECT_EQ(done, (std::vector<int>{0, 1, 2}));
}

TEST(EventLoop, ATaskOfItsOwnRunsBehindTheCallThatPostedIt) {
  EventLoop loop;
  std::string order;
  loop.post([&] {
    loop.post([&] {
      order += "second";
      loop.stop();
    });
    order += "first ";
  });
  loop.run([] {});
  EXPECT_EQ(order, "first second");
}

TEST(EventLoop, TasksOfManyThreadsAreAllDone) {
  constexpr int kThreads = 4;
  constexpr int kTasks = 2'000;
  EventLoop loop;
  int done = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int task = 0; task < kTasks; ++task) {
        loop.post([&] {
          if (++done == kThreads * kTasks) loop.stop();
        });
      }
    });
  }
  loop.run([] {});
  EXPECT_EQ(done, kThreads * kTasks);
}

TEST(EventLoop, TasksAndTheTimeAreToldWhenItIs) {
  EventLoop loop;
  Clock::time_point task;
  Clock::time_point time;
  const Clock::time_point due = Clock::now() + 5ms;
  loop.wake_at(due);
  loop.post([&] { task = loop.now(); });
  const Clock::time_point before = Clock::now();
  loop.run([&] {
    time = loop.now();
    loop.stop();
  });
  EXPECT_GE(task, before);
  EXPECT_LE(task, Clock::now());
  EXPECT_GE(time, due);
}

TEST(EventLoop, TellsTheTimeOnceAndNotEarly) {
  EventLoop loop;
  const auto start = Clock::now();
  std::vector<Clock::duration> told;
  std::jthread other([&] {
    for (int i = 0; i < 10; ++i) {
      std::this_thread::sleep_for(5ms);
      loop.post([] {});
    }
    loop.post([&] { loop.stop(); });
  });
  loop.wake_at(start + 15ms);
  loop.run([&] {
    told.push_back(Clock::now() - start);
    if (told.size() == 1) loop.wake_at(start + 30ms);
  });
  ASSERT_EQ(told.size(), 2U);
  EXPECT_GE(told[0], 15ms);
  EXPECT_GE(told[1], 30ms);
}

TEST(EventLoop, AnEarlierTimeReplacesALaterOne) {
  EventLoop loop;
  const auto start = Clock::now();
  loop.wake_at(start + 1h);
  loop.post([&] { loop.wake_at(start + 5ms); });
  loop.run([&] { loop.stop(); });
  EXPECT_LT(Clock::now() - start, 1min);
}

TEST(Watch, TellsOnceForEachWait) {
  EventLoop loop;
  const Pair pair(loop);
  int told = 0;
  const auto note = [&told] { ++told; };
  pair.watch->wait(Way::read, Way::read, note);
  loop.poll();
  EXPECT_EQ(told, 0);
  pair.say("a");
  loop.poll();
  EXPECT_EQ(told, 1);
  pair.say("b");
  loop.poll();
  EXPECT_EQ(told, 1);  // Nobody waits.
  EXPECT_EQ(pair.hear(10), "ab");
  pair.watch->wait(Way::read, Way::read, note);
  loop.poll();
  EXPECT_EQ(told, 1);  // Nothing new.
  pair.say("c");
  loop.poll();
  EXPECT_EQ(told, 2);
}

TEST(Watch, WhatWasLeftUnreadIsToldAgain) {
  EventLoop loop;
  const Pair pair(loop);
  std::string heard;
  struct Reader {
    const Pair& pair;
    std::string& heard;
    void wait() const {
      pair.watch->wait(Way::read, Way::read, [this] { read(); });
    }
    void read() const {
      heard += pair.hear(2) + '|';
      if (heard.size() < 20) wait();
    }
  };
  pair.say("abcde");
  const Reader reader{pair, heard};
  reader.wait();
  loop.poll();
  EXPECT_EQ(heard, "ab|cd|e|");
  pair.say("fg");
  loop.poll();
  EXPECT_EQ(heard, "ab|cd|e|fg||");
}

TEST(Watch, NobodyIsServedTwiceBeforeTheOthers) {
  EventLoop loop;
  const Pair first(loop);
  const Pair second(loop);
  std::string order;
  struct Reader {
    const Pair& pair;
    std::string& order;
    void wait() const {
      pair.watch->wait(Way::read, Way::read, [this] { read(); });
    }
    void read() const {
      const std::string heard = pair.hear(1);
      if (heard.empty()) return;
      order += heard;
      wait();
    }
  };
  first.say("aaaa");
  second.say("bbbb");
  const std::array<Reader, 2> readers{Reader{first, order}, Reader{second, order}};
  for (const Reader& reader : readers) reader.wait();
  loop.poll();
  EXPECT_EQ(order.size(), 8U);
  EXPECT_TRUE(order == "abababab" || order == "babababa") << order;
}

/// Sockets that are always ready, and what is done with them: each turn takes a fifth of a millisecond.
struct Crowd {
  Crowd(EventLoop& loop, std::size_t count, bool moves_much) : bulk(moves_much), turns(count) {
    for (std::size_t i = 0; i < count; ++i) {
      pairs.push_back(std::make_unique<Pair>(loop));
      members.push_back(Member{this, i});
    }
  }
  void start() {
    for (std::size_t i = 0; i < pairs.size(); ++i) serve_again(i);
  }
  void serve_again(std::size_t i) {
    if (bulk) pairs[i]->watch->set_bulk();
    pairs[i]->watch->wait(Way::write, Way::write, [member = &members[i]] { member->crowd->serve(member->i); });
  }
  void serve(std::size_t i) {
    const Clock::time_point began = Clock::now();
    while (Clock::now() < began + 200us) continue;
    ++turns[i];
    ++all;
    if (on_turn && on_turn()) serve_again(i);
  }

  struct Member {
    Crowd* crowd;
    std::size_t i;
  };

  bool bulk;
  std::vector<std::unique_ptr<Pair>> pairs;
  std::vector<Member> members;
  std::vector<int> turns;
  int all = 0;
  std::function<bool()> on_turn;  ///< Whether it goes on.
};

TEST(Watch, WhoMovesMuchDoesNotKeepOthersWaiting) {
  EventLoop loop;
  Crowd bulk(loop, 200, true);
  const Pair modest(loop);
  bulk.on_turn = [&] {
    if (bulk.all == 300) modest.say("x");
    return bulk.all < 1'000;
  };
  int told_behind = 0;
  const auto note = [&] { told_behind = bulk.all; };
  modest.watch->wait(Way::read, Way::read, [&note] { note(); });
  bulk.start();
  loop.poll();
  EXPECT_GE(told_behind, 300);
  EXPECT_LE(told_behind, 310) << "it waits for no more than a slice";
}

TEST(Watch, WhoMovesMuchHasHalfOfTheTime) {
  EventLoop loop;
  Crowd bulk(loop, 50, true);
  Crowd modest(loop, 20, false);
  const auto goes_on = [&] { return bulk.all + modest.all < 1'000; };
  bulk.on_turn = goes_on;
  modest.on_turn = goes_on;
  bulk.start();
  modest.start();
  loop.poll();
  EXPECT_GE(bulk.all, modest.all / 2);
  EXPECT_GE(modest.all, bulk.all / 2);
  const auto [fewest, most] = std::minmax_element(bulk.turns.begin(), bulk.turns.end());
  EXPECT_LE(*most - *fewest, 2) << "and each of them has its turn";
}

TEST(Watch, WhoHasMovedMuchOnceIsOneOfTheOthersAgain) {
  EventLoop loop;
  Crowd bulk(loop, 50, true);
  Crowd once(loop, 1, false);
  bulk.on_turn = [&] { return bulk.all < 300; };
  once.on_turn = bulk.on_turn;
  bulk.start();
  once.pairs[0]->watch->set_unwritable();
  once.pairs[0]->watch->wake();
  once.start();
  loop.poll();
  EXPECT_GT(once.all, 3 * 300 / 50) << "more often than those who move much all the time";
}

TEST(Watch, WhoIsCalledHasTheTimeOfTheCall) {
  EventLoop loop;
  const Pair first(loop);
  const Pair second(loop);
  std::vector<Clock::time_point> seen;
  const auto slow = [&] {
    const Clock::time_point began = Clock::now();
    seen.push_back(loop.now());
    while (Clock::now() < began + 3ms) continue;
    seen.push_back(loop.now());
  };
  const Clock::time_point before = Clock::now();
  first.watch->wait(Way::write, Way::write, [&slow] { slow(); });
  second.watch->wait(Way::write, Way::write, [&slow] { slow(); });
  loop.poll();
  ASSERT_EQ(seen.size(), 4U);
  EXPECT_GE(seen[0], before);
  EXPECT_EQ(seen[1], seen[0]) << "it stands still meanwhile";
  EXPECT_GE(seen[2], seen[0] + 3ms);
  EXPECT_EQ(seen[3], seen[2]);
}

TEST(Watch, TheEndOfThePeerIsReadableAndStaysSo) {
  EventLoop loop;
  Pair pair(loop);
  int told = 0;
  const auto note = [&told] { ++told; };
  pair.say("last");
  ::close(std::exchange(pair.peer, -1));
  pair.watch->wait(Way::read, Way::read, note);
  loop.poll();
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(pair.watch->ended());
  EXPECT_TRUE(pair.watch->readable());
}

TEST(Watch, AFullSocketIsToldWhenItTakesBytesAgain) {
  EventLoop loop;
  const Pair pair(loop);
  loop.poll();
  const std::string bytes(64 * 1024, 'x');
  while (::send(pair.watch->fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0) {
  }
  pair.watch->set_unwritable();
  int told = 0;
  pair.watch->wait(Way::write, Way::write, [&told] { ++told; });
  loop.poll();
  EXPECT_EQ(told, 0);
  std::string sink(bytes.size(), '\0');
  while (::recv(pair.peer, sink.data(), sink.size(), 0) > 0) {
  }
  loop.poll();
  EXPECT_EQ(told, 1);
}

/// TLS has to read before it can write, sometimes: who wants to write waits for bytes.
TEST(Watch, WhatIsWantedAndWhatItTakesMayDiffer) {
  EventLoop loop;
  const Pair pair(loop);
  std::string order;
  std::string* log = &order;
  pair.watch->wait_anew(Way::write, Way::read, [log] { *log += "writer "; });
  loop.poll();
  EXPECT_EQ(order, "");
  pair.watch->wait_anew(Way::read, Way::write, [log] { *log += "reader "; });
  loop.poll();
  EXPECT_EQ(order, "reader ");
  pair.say("x");
  loop.poll();
  EXPECT_EQ(order, "reader writer ");
}

TEST(Watch, WhoAsksTheKernelIsToldWhatWasThereBefore) {
  EventLoop loop;
  const Pair pair(loop);
  int told = 0;
  pair.say("x");
  loop.poll();
  pair.watch->set_unreadable();  // A mistake.
  pair.watch->wait_anew(Way::read, Way::read, [&told] { ++told; });
  loop.poll();
  EXPECT_EQ(told, 1);
}

TEST(Watch, WakingCallsWhoWaitsThoughNothingCame) {
  EventLoop loop;
  const Pair pair(loop);
  std::string order;
  std::string* log = &order;
  pair.watch->wait(Way::read, Way::read, [log] { *log += "reader "; });
  pair.watch->wake();
  EXPECT_EQ(order, "");  // Never from within.
  pair.watch->wait_anew(Way::write, Way::read, [log] { *log += "writer "; });
  loop.poll();
  EXPECT_EQ(order, "writer reader ");
  pair.watch->wait(Way::read, Way::read, [log] { *log += "again "; });
  loop.poll();
  EXPECT_EQ(order, "writer reader ");
}

TEST(Watch, ClosingCallsWhoWaitsAndWhoWaitsLater) {
  EventLoop loop;
  const Pair pair(loop);
  int told = 0;
  const auto note = [&told] { ++told; };
  pair.watch->wait(Way::read, Way::read, note);
  pair.watch->set_unwritable();
  pair.watch->wait(Way::write, Way::write, note);
  pair.watch->close();
  EXPECT_EQ(told, 0);
  EXPECT_LT(pair.watch->fd(), 0);
  loop.poll();
  EXPECT_EQ(told, 2);
  pair.watch->wait(Way::read, Way::read, note);
  loop.poll();
  EXPECT_EQ(told, 3);
}

/// Whoever is told may do away with anybody, himself included.
TEST(Watch, MayGoWhileOthersAreServed) {
  EventLoop loop;
  std::vector<std::unique_ptr<Pair>> pairs;
  int told = 0;
  for (int i = 0; i < 10; ++i) pairs.push_back(std::make_unique<Pair>(loop));
  const auto end_all = [&] {
    ++told;
    pairs.clear();
  };
  for (const auto& pair : pairs) {
    pair->say("x");
    pair->watch->wait(Way::read, Way::read, [&end_all] { end_all(); });
  }
  loop.poll();
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(pairs.empty());
}

TEST(Watch, AClosedNumberOfASharedFileTellsNothingMore) {
  EventLoop loop;
  const Pair other(loop);
  const int copy = ::fcntl(other.peer, F_DUPFD_CLOEXEC, 3);
  Watch::Owner watch = Watch::make(loop, copy, true);
  int told = 0;
  watch->wait(Way::read, Way::read, [&told] { ++told; });
  watch.reset();
  const Pair next(loop);  // In the memory of the one that is gone, as a rule.
  next.watch->wait(Way::read, Way::read, [&told] { ++told; });
  ASSERT_EQ(::send(other.watch->fd(), "x", 1, MSG_NOSIGNAL), 1);
  loop.poll();
  EXPECT_EQ(told, 0);
}

TEST(Watch, WhatCannotBeWatchedStaysTheCallers) {
  EventLoop loop;
  const int file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);  // EPERM: it is always ready.
  EXPECT_THROW((void)Watch::make(loop, file), std::system_error);
  EXPECT_EQ(::fcntl(file, F_GETFD), FD_CLOEXEC);
  ::close(file);
}

}  // namespace
}  // namespace sidecar::net
