// Names are looked up on threads: none waits for another, and nobody waits at the end. What the resolver does is this
// program's own getaddrinfo().
#include "net/lookup.hpp"

#include <gtest/gtest.h>
#include <netdb.h>
#include <netinet/in.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;

/// Where slow names wait, and how many have come back from there.
struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  int waiting = 0;
  int passed = 0;

  void pass() {
    std::unique_lock lock(mutex);
    ++waiting;
    changed.notify_all();
    changed.wait(lock, [this] { return open; });
    ++passed;
    changed.notify_all();
  }
  void wait_for(int& counter, int count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return counter == count; });
  }
  void set_open(bool to) {
    const std::lock_guard lock(mutex);
    open = to;
    changed.notify_all();
  }
};

Gate& gate() {
  static Gate the_gate;
  return the_gate;
}

}  // namespace

/// `slow.*` waits at the gate, `unknown.*` does not resolve, everything else is 192.0.2.1.
extern "C" int getaddrinfo(const char* name, const char*, const addrinfo*, addrinfo** found) {
  if (std::strncmp(name, "slow.", 5) == 0) gate().pass();
  if (std::strncmp(name, "unknown.", 8) == 0) return EAI_NONAME;
  struct Answer {
    addrinfo info;
    sockaddr_in address;
  };
  auto* answer = static_cast<Answer*>(std::calloc(1, sizeof(Answer)));
  answer->address.sin_family = AF_INET;
  answer->address.sin_addr.s_addr = htonl(0xC0000201);
  answer->address.sin_port = htons(80);
  answer->info.ai_addr = reinterpret_cast<sockaddr*>(&answer->address);
  answer->info.ai_addrlen = sizeof answer->address;
  *found = &answer->info;
  return 0;
}

extern "C" void freeaddrinfo(addrinfo* found) {
  std::free(found);
}

namespace sidecar::net {
namespace {

class LookupTest : public ::testing::Test {
 protected:
  LookupTest() { gate().set_open(false); }

  void ask(Lookup& lookup, const std::string& host, std::optional<std::size_t>& answers) {
    lookup.ask(host, 80, [&answers](const std::vector<Endpoint>& found) { answers = found.size(); });
  }
  /// Until `answers` is there.
  void run_for(const std::optional<std::size_t>& answers) {
    for (const auto begin = std::chrono::steady_clock::now(); !answers; std::this_thread::sleep_for(1ms)) {
      ASSERT_LT(std::chrono::steady_clock::now() - begin, 10s) << "no answer";
      loop_.poll();
    }
  }

  EventLoop loop_;
};

TEST_F(LookupTest, answers_from_the_loop) {
  Lookup lookup(loop_);
  std::optional<std::size_t> known;
  std::optional<std::size_t> unknown;
  ask(lookup, "quick.test", known);
  run_for(known);
  ask(lookup, "unknown.test", unknown);
  run_for(unknown);
  EXPECT_EQ(known, 1U);
  EXPECT_EQ(unknown, 0U);
}

TEST_F(LookupTest, a_slow_name_holds_up_no_other) {
  Lookup lookup(loop_);
  std::optional<std::size_t> slow;
  std::optional<std::size_t> quick;
  const int passed = gate().passed;
  const int waiting = gate().waiting;
  ask(lookup, "slow.test", slow);
  gate().wait_for(gate().waiting, waiting + 1);
  ask(lookup, "quick.test", quick);
  run_for(quick);
  EXPECT_FALSE(slow);
  gate().set_open(true);
  run_for(slow);
  EXPECT_EQ(slow, 1U);
  EXPECT_EQ(gate().passed, passed + 1);
}

TEST_F(LookupTest, may_go_while_somebody_is_asked) {
  std::optional<std::size_t> answer;
  const int passed = gate().passed;
  const int waiting = gate().waiting;
  {
    EventLoop loop;
    Lookup lookup(loop);
    for (int i = 0; i < 3; ++i) ask(lookup, "slow.test", answer);
    gate().wait_for(gate().waiting, waiting + 3);
  }
  gate().set_open(true);  // Both the lookup and the loop are gone: what comes back finds neither.
  gate().wait_for(gate().passed, passed + 3);
  std::this_thread::sleep_for(50ms);  // For the sanitizers: the threads' last steps.
  EXPECT_FALSE(answer);
}

TEST_F(LookupTest, may_go_before_its_answer_is_heard) {
  std::optional<std::size_t> answer;
  {
    EventLoop loop;
    Lookup lookup(loop);
    ask(lookup, "quick.test", answer);
    std::this_thread::sleep_for(20ms);
  }
  EXPECT_FALSE(answer);
}

TEST_F(LookupTest, many_at_once) {
  Lookup lookup(loop_);
  std::vector<std::optional<std::size_t>> answers(50);
  for (auto& answer : answers) ask(lookup, "quick.test", answer);
  for (const auto& answer : answers) run_for(answer);
  for (const auto& answer : answers) EXPECT_EQ(answer, 1U);
}

}  // namespace
}  // namespace sidecar::net
