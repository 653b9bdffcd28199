#include <benchmark/benchmark.h>

#include <string>

#include "benchmarks/driver/event.hpp"
#include "sse/scanner.hpp"

// What an event costs on the pure shore: the scanner, by the shape of the events.
namespace {

/// About 64 KiB of events of `size` bytes with one long line each, as the load generator sends them.
std::string long_lines(std::size_t size) {
  const sidecar::bench::EventFormat format(size);
  std::string bytes(64 * 1024 / size * size, '\0');
  for (std::size_t at = 0; at < bytes.size(); at += size) format.write(bytes.data() + at, {1, at, 1});
  return bytes;
}

/// As a language model talks: many short lines.
std::string short_lines() {
  std::string bytes;
  while (bytes.size() < 64 * 1024) bytes += "event: delta\ndata: {\"t\":\" word\"}\n\n";
  return bytes;
}

void scan(benchmark::State& state, const std::string& bytes, std::size_t step) {
  for (auto _ : state) {
    sidecar::sse::Scanner scanner;
    for (std::size_t at = 0; at < bytes.size(); at += step) scanner.scan(std::string_view(bytes).substr(at, step));
    benchmark::DoNotOptimize(scanner.events());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}

void scan_events(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const std::string bytes = long_lines(size);
  scan(state, bytes, size);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size() / size));
}
BENCHMARK(scan_events)->Arg(64)->Arg(256)->Arg(4096);

void scan_bulk(benchmark::State& state) {
  scan(state, long_lines(256), 64 * 1024);
}
BENCHMARK(scan_bulk);

void scan_short_lines(benchmark::State& state) {
  scan(state, short_lines(), 64 * 1024);
}
BENCHMARK(scan_short_lines);

}  // namespace
