#include <arpa/inet.h>

#include <array>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string_view>

#include "benchmarks/driver/scenario.hpp"

// Plays one scenario against one proxy that runs already, as its clients and its backend, and prints what happened as
// one line of JSON. Exit code 0: played; 1: it could not be, `error` says why; 2: wrong usage.
namespace sidecar::bench {

namespace {

using Run = void (*)(const Bench&);
constexpr std::array<std::pair<std::string_view, Run>, 8> kScenarios{{
    {"fanout", run_fanout},
    {"rate", run_rate},
    {"requests", run_requests},
    {"storm", run_storm},
    {"burst", run_burst},
    {"idle", run_idle},
    {"heartbeats", run_heartbeats},
    {"restart", run_restart},
}};

template <class Number>
std::vector<Number> to_numbers(const std::string& text) {
  std::vector<Number> numbers;
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ',');) numbers.push_back(static_cast<Number>(std::stoull(word)));
  return numbers;
}

Options parse(const std::vector<std::string>& words) {
  Options options;
  options.proxy.sin_family = AF_INET;
  options.proxy.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const std::map<std::string_view, std::function<void(const std::string&)>> known{
      {"--scenario", [&](const std::string& value) { options.scenario = value; }},
      {"--proxy",
       [&](const std::string& value) {
         options.proxy.sin_port = htons(static_cast<std::uint16_t>(std::stoul(value)));
       }},
      {"--origin", [&](const std::string& value) { options.origin = static_cast<std::uint16_t>(std::stoul(value)); }},
      {"--pids", [&](const std::string& value) { options.pids = to_numbers<pid_t>(value); }},
      {"--streams", [&](const std::string& value) { options.streams = std::stoul(value); }},
      {"--steps", [&](const std::string& value) { options.steps = to_numbers<std::size_t>(value); }},
      {"--events", [&](const std::string& value) { options.events = std::stoul(value); }},
      {"--cycles", [&](const std::string& value) { options.cycles = std::stoul(value); }},
      {"--event-bytes", [&](const std::string& value) { options.event_bytes = std::stoul(value); }},
      {"--rate", [&](const std::string& value) { options.rate = std::stod(value); }},
      {"--warm-up", [&](const std::string& value) { options.warm_up = std::stod(value); }},
      {"--seconds", [&](const std::string& value) { options.seconds = std::stod(value); }},
      {"--interval", [&](const std::string& value) { options.interval = std::stod(value); }},
  };
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--tls") {
      options.tls = true;
    } else if (words[i] == "--hold") {
      options.hold = true;
    } else if (const auto option = known.find(words[i]); option != known.end() && i + 1 < words.size()) {
      option->second(words[++i]);
    } else {
      throw std::invalid_argument(words[i]);
    }
  }
  if (!options.steps.empty()) options.streams = options.steps.back();
  return options;
}

int play(const Options& options) {
  Report report;
  report.set("scenario", options.scenario);
  try {
    World world(options.proxy, options.origin, options.event_bytes, options.streams, options.tls);
    Meter meter(options.pids);
    for (const auto& [name, run] : kScenarios) {
      if (name != options.scenario) continue;
      run({options, world, meter, report});
      report.set_losses(world.tally);
      say(report.line());
      return 0;
    }
    throw std::runtime_error("no such scenario");
  } catch (const std::exception& error) {
    report.set("error", error.what());
    say(report.line());
    return 1;
  }
}

}  // namespace

}  // namespace sidecar::bench

int main(int argc, char** argv) {
  try {
    return sidecar::bench::play(sidecar::bench::parse(std::vector<std::string>(argv + 1, argv + argc)));
  } catch (const std::exception& error) {
    std::cerr << "bench_driver: " << error.what() << '\n';
    return 2;
  }
}
