#include <benchmark/benchmark.h>

#include <chrono>
#include <deque>

#include "exchange/deadline_wheel.hpp"

// What silence costs: `n` entries come up once a second and are scheduled again, on the grid of the wheel.
namespace {

using sidecar::exchange::DeadlineEntry;
using sidecar::exchange::DeadlineWheel;
using sidecar::exchange::TimePoint;

void come_up_and_schedule(benchmark::State& state) {
  using std::chrono::milliseconds;
  const auto count = state.range(0);
  TimePoint now{std::chrono::hours(1)};
  DeadlineWheel wheel(now);
  std::deque<DeadlineEntry> entries(static_cast<std::size_t>(count));
  int offset = 0;
  for (DeadlineEntry& entry : entries) wheel.schedule(entry, now + milliseconds(1000 + offset++ % 1000));
  std::int64_t fired = 0;
  for (auto _ : state) {
    now += milliseconds(50);
    wheel.advance(now, [&](DeadlineEntry& entry) {
      wheel.schedule(entry, now + milliseconds(1000));
      ++fired;
    });
  }
  state.SetItemsProcessed(fired);
}
BENCHMARK(come_up_and_schedule)->Arg(1000)->Arg(9000);

}  // namespace
