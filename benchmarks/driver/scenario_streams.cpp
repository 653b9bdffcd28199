#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>
#include <stdexcept>

#include "benchmarks/driver/scenario.hpp"

// The scenarios in which streams come and go, or are silent.
namespace sidecar::bench {

namespace {

constexpr Nanoseconds kPatience = 60 * kSecond;
constexpr std::size_t kConnectWindow = 64;
constexpr Nanoseconds kReconnect = 3 * kSecond;  ///< EventSource's own, unless the stream says otherwise.

Nanoseconds to_ns(double seconds) {
  return static_cast<Nanoseconds>(seconds * 1e9);
}

/// Opens all streams at evenly spaced moments; nobody waits for the one before.
void open_evenly(World& world, double seconds) {
  const Nanoseconds began = now_ns();
  const double gap = seconds * 1e9 / static_cast<double>(world.clients.size());
  for (std::size_t i = 0; i < world.clients.size(); ++i) {
    const Nanoseconds due = began + static_cast<Nanoseconds>(gap * static_cast<double>(i));
    world.loop.run_until([] { return false; }, due);
    world.clients[i]->connect("/e/" + std::to_string(i));
  }
  const auto all = [&world] { return world.open + world.tally.refused >= world.clients.size(); };
  world.loop.run_until(all, now_ns() + kPatience);
}

/// Clients that come back as an EventSource does.
class Returning final : public Scene {
 public:
  void on_open(Client& client) override {
    const auto left = left_.find(&client);
    if (left == left_.end()) return;
    returns.add(now_ns() - left->second);
    left_.erase(left);
    ++returned;
  }

  void on_end(Client& client, bool whole) override {
    if (client.was_open()) {
      left_.emplace(&client, now_ns());
      ++(whole ? ended : broken);
    } else {
      ++failed_attempts;
    }
    if (client.retry() > 0) retries_[&client] = client.retry();
    const auto retry = retries_.find(&client);
    due_.emplace(now_ns() + (retry == retries_.end() ? kReconnect : retry->second), &client);
  }

  void connect_due() {
    while (!due_.empty() && due_.begin()->first <= now_ns()) {
      Client* client = due_.begin()->second;
      due_.erase(due_.begin());
      client->connect("/e/" + std::to_string(client->number()));
    }
  }

  Latencies returns;
  std::uint64_t ended = 0;     ///< Streams with a proper end.
  std::uint64_t broken = 0;    ///< Streams without one.
  std::uint64_t returned = 0;  ///< Clients that were back with a first event.
  std::uint64_t failed_attempts = 0;

 private:
  std::multimap<Nanoseconds, Client*> due_;
  std::map<Client*, Nanoseconds> left_;
  std::map<Client*, Nanoseconds> retries_;
};

/// The answer of whoever restarts the proxy: the new processes' ids.
class Answer final : public Watcher {
 public:
  void on_ready(std::uint32_t) override {
    std::istringstream words(hear());
    for (pid_t pid = 0; words >> pid;) pids.push_back(pid);
  }
  std::vector<pid_t> pids;
};

}  // namespace

void run_storm(const Bench& bench) {
  World& world = bench.world;
  Scene scene;
  world.play(scene);
  const std::size_t streams = bench.options.streams;
  if (!world.open_streams(0, std::max<std::size_t>(streams / 20, 1), kConnectWindow, now_ns() + kPatience)) {
    throw std::runtime_error("not even a few streams could be opened");
  }
  world.close_all();
  world.tally.connects.clear();
  const Usage begin = bench.begin();
  std::uint64_t opened = 0;
  std::size_t kept = 0;
  for (std::size_t cycle = 0; cycle < bench.options.cycles; ++cycle) {
    static_cast<void>(world.open_streams(0, streams, streams, now_ns() + kPatience));
    opened += world.open;
    kept += world.close_all();
  }
  const Usage end = bench.end();
  bench.report.set("streams", opened);
  bench.report.set("attempts", streams * bench.options.cycles);
  bench.report.set("kept_upstream", kept);  // the proxy did not notice that the client was gone
  bench.report.set_usage(begin, end);
  bench.report.set("connect", world.tally.connects);
}

void run_idle(const Bench& bench) {
  World& world = bench.world;
  Scene scene;
  world.play(scene);
  bench.report.set("pss_empty_kib", bench.meter.pss_kib());
  std::size_t before = 0;
  for (const std::size_t step : bench.options.steps) {
    if (!world.open_streams(before, step, kConnectWindow, now_ns() + kPatience)) {
      throw std::runtime_error("only " + std::to_string(world.open) + " streams could be opened");
    }
    before = step;
    world.loop.run_until([] { return false; }, now_ns() + to_ns(bench.options.warm_up));
    bench.report.set("pss_" + std::to_string(step) + "_kib", bench.meter.pss_kib());
  }
  if (world.open != before) throw std::runtime_error("streams did not stay open");
  world.settle();
}

void run_heartbeats(const Bench& bench) {
  World& world = bench.world;
  Scene scene;
  world.play(scene);
  // Whole intervals, and no more than 2,000 connections a second: this is not the storm.
  const double interval = bench.options.interval;
  const double spread = interval * std::ceil(static_cast<double>(world.clients.size()) / 2000 / interval);
  open_evenly(world, spread);
  world.loop.run_until([] { return false; }, now_ns() + to_ns(bench.options.warm_up));
  world.tally.gaps.clear();
  const Usage begin = bench.begin();
  const std::uint64_t before = world.tally.heartbeats;
  world.loop.run_until([] { return false; }, now_ns() + to_ns(bench.options.seconds));
  const std::uint64_t heartbeats = world.tally.heartbeats - before;
  const Usage end = bench.end();
  bench.report.set("heartbeats", heartbeats);
  bench.report.set("interval", interval);
  bench.report.set("open", world.open);
  bench.report.set("attempts", world.clients.size());
  bench.report.set_usage(begin, end);
  bench.report.set("gap", world.tally.gaps);
  bench.report.set("connect", world.tally.connects);
  if (world.open != world.clients.size()) world.tally.cut += world.clients.size() - world.open - world.tally.refused;
}

void run_restart(const Bench& bench) {
  World& world = bench.world;
  Returning scene;
  world.play(scene);
  if (!world.open_streams(0, world.clients.size(), kConnectWindow, now_ns() + kPatience)) {
    throw std::runtime_error("the streams could not be opened");
  }
  Answer answer;
  world.loop.watch(STDIN_FILENO, EPOLLIN, answer);
  say(R"({"at": "restart"})");
  const Nanoseconds began = now_ns();
  const auto all_back = [&] {
    scene.connect_due();
    return !answer.pids.empty() && world.open == world.clients.size();
  };
  while (!all_back() && now_ns() < began + kPatience) world.loop.turn(now_ns() + 5 * kMillisecond);
  world.loop.forget(STDIN_FILENO, answer);
  bench.report.set("streams", world.clients.size());
  bench.report.set("open", world.open);
  bench.report.set("ended", scene.ended);
  bench.report.set("broken", scene.broken);
  bench.report.set("returned", scene.returned);
  bench.report.set("failed_attempts", scene.failed_attempts);
  bench.report.set("seconds", static_cast<double>(now_ns() - began) / 1e9);
  bench.report.set("return", scene.returns);
  if (answer.pids.empty()) throw std::runtime_error("the proxy did not come back");
  bench.meter.replace(answer.pids);
}

}  // namespace sidecar::bench
