#include "benchmarks/driver/scenario.hpp"

#include <cmath>
#include <iostream>
#include <stdexcept>

namespace sidecar::bench {

namespace {

constexpr Nanoseconds kPatience = 60 * kSecond;
constexpr std::size_t kConnectWindow = 64;

Nanoseconds to_ns(double seconds) {
  return static_cast<Nanoseconds>(seconds * 1e9);
}

void open_all(const Bench& bench, std::size_t from, std::size_t to) {
  if (!bench.world.open_streams(from, to, kConnectWindow, now_ns() + kPatience)) {
    throw std::runtime_error("only " + std::to_string(bench.world.open) + " of " + std::to_string(to) +
                             " streams could be opened");
  }
}

/// Whoever was answered in this turn asks again behind it: the proxy is given work in batches and has always some.
class ClosedLoop : public Scene {
 public:
  void on_event(Client& client) override { due_.push_back(&client); }
  void on_response(Client& client) override { due_.push_back(&client); }

  void run(Nanoseconds until, bool ordinary, Slices* slices = nullptr) {
    while (now_ns() < until) {
      world->loop.turn(until);
      ask_again(ordinary);
      if (slices != nullptr) slices->look();
    }
  }
  /// What came while nobody asked again.
  void ask_again(bool ordinary) {
    for (Client* client : due_) {
      if (client->state() == Client::State::idle) continue;
      if (ordinary) client->request();
      if (!ordinary) world->origin.send_event(client->number());
    }
    due_.clear();
  }

 private:
  std::vector<Client*> due_;
};

/// Event after event at evenly spaced moments, the streams in turn; what is late is sent at once.
class Pacer {
 public:
  Pacer(World& world, std::size_t streams, double rate)
      : world_(world), streams_(streams), gap_(1e9 / (rate * static_cast<double>(streams))) {}

  void run(Nanoseconds until) {
    const Nanoseconds began = now_ns();
    std::uint64_t sent = 0;
    const auto due = [&] { return began + static_cast<Nanoseconds>(gap_ * static_cast<double>(sent)); };
    for (Nanoseconds now = began; now < until; now = now_ns()) {
      for (; due() <= now; ++sent) {
        world_.origin.send_event(static_cast<std::uint32_t>(next_));
        // A stride that is prime to the number of streams: neighbours in the connection table are none in time.
        next_ = (next_ + kStride) % streams_;
      }
      world_.loop.turn(std::min(until, due()));
    }
  }

 private:
  static constexpr std::size_t kStride = 7919;
  World& world_;
  std::size_t streams_;
  double gap_;
  std::size_t next_ = 0;
};

}  // namespace

Usage Bench::begin() const {
  if (options.hold) say(R"({"at": "begin"})"), static_cast<void>(hear());
  return meter.now();
}

Usage Bench::end() const {
  const Usage usage = meter.now();
  if (options.hold) say(R"({"at": "end"})"), static_cast<void>(hear());
  return usage;
}

void say(const std::string& line) {
  std::cout << line << '\n' << std::flush;
}

std::string hear() {
  std::string line;
  if (!std::getline(std::cin, line)) throw std::runtime_error("whoever started this is gone");
  return line;
}

void run_fanout(const Bench& bench) {
  World& world = bench.world;
  ClosedLoop scene;
  world.play(scene);
  open_all(bench, 0, bench.options.streams);
  scene.run(now_ns() + to_ns(bench.options.warm_up), false);
  const Usage begin = bench.begin();
  const std::uint64_t before = world.tally.received;
  world.tally.timing = true;
  Slices slices(bench.meter, world.tally.received);
  scene.run(now_ns() + to_ns(bench.options.seconds), false, &slices);
  world.tally.timing = false;
  const std::uint64_t events = world.tally.received - before;
  const Usage end = bench.end();
  world.settle();
  bench.report.set("events", events);
  bench.report.set_usage(begin, end);
  bench.report.set("cpu_quartile_us", slices.quartile_us());
  bench.report.set("latency", world.tally.latencies);
}

void run_rate(const Bench& bench) {
  World& world = bench.world;
  Scene scene;
  world.play(scene);
  open_all(bench, 0, bench.options.streams);
  Pacer pacer(world, bench.options.streams, bench.options.rate);
  pacer.run(now_ns() + to_ns(bench.options.warm_up));
  const Usage begin = bench.begin();
  const std::uint64_t before = world.tally.received;
  world.tally.timing = true;
  pacer.run(now_ns() + to_ns(bench.options.seconds));
  world.tally.timing = false;
  const std::uint64_t events = world.tally.received - before;
  const Usage end = bench.end();
  bench.report.set("pss_kib", bench.meter.pss_kib());
  world.settle();
  bench.report.set("events", events);
  bench.report.set_usage(begin, end);
  bench.report.set("latency", world.tally.latencies);
}

void run_requests(const Bench& bench) {
  World& world = bench.world;
  ClosedLoop scene;
  world.play(scene);
  for (const auto& client : world.clients) client->connect("/r/" + std::to_string(client->number()));
  scene.run(now_ns() + to_ns(bench.options.warm_up), true);
  const Usage begin = bench.begin();
  const std::uint64_t before = world.tally.responses;
  world.tally.timing = true;
  Slices slices(bench.meter, world.tally.responses);
  scene.run(now_ns() + to_ns(bench.options.seconds), true, &slices);
  world.tally.timing = false;
  const std::uint64_t responses = world.tally.responses - before;
  const Usage end = bench.end();
  if (responses < world.clients.size()) throw std::runtime_error("too few responses");
  bench.report.set("requests", responses);
  bench.report.set_usage(begin, end);
  bench.report.set("cpu_quartile_us", slices.quartile_us());
  bench.report.set("latency", world.tally.latencies);
}

void run_burst(const Bench& bench) {
  World& world = bench.world;
  Scene scene;
  world.play(scene);
  const std::uint64_t events = bench.options.events;
  const auto play = [&](std::uint64_t count) {
    std::size_t ended = 0;
    struct Ends final : Scene {
      explicit Ends(std::size_t& ended) : ended_(ended) {}
      void on_response(Client&) override { ++ended_; }
      void on_end(Client& client, bool whole) override {
        if (!whole) ++ended_;
        Scene::on_end(client, whole);
      }
      std::size_t& ended_;
    } ends(ended);
    world.play(ends);
    for (const auto& client : world.clients) {
      client->connect("/b/" + std::to_string(client->number()) + "/" + std::to_string(count));
    }
    const bool done = world.loop.run_until([&] { return ended >= world.clients.size(); }, now_ns() + 2 * kPatience);
    for (const auto& client : world.clients) world.tally.missing += count - std::min(count, client->expected());
    world.play(scene);
    if (!done) throw std::runtime_error("the bursts never ended");
  };
  play(events / 10);
  const Usage begin = bench.begin();
  const std::uint64_t before = world.tally.bytes;
  play(events);
  const Usage end = bench.end();
  bench.report.set("megabytes", static_cast<double>(world.tally.bytes - before) / 1e6);
  bench.report.set_usage(begin, end);
}

}  // namespace sidecar::bench
