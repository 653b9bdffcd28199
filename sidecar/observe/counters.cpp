#include "observe/counters.hpp"

#include <algorithm>
#include <numeric>

namespace sidecar::observe {
namespace {

using exchange::LifecycleEvent;
using exchange::LifecycleRecord;
using exchange::Reason;

std::size_t index_of(Reason reason) {
  return static_cast<std::size_t>(reason);
}

std::size_t status_class(int status) {
  return status >= 100 && status < 600 ? static_cast<std::size_t>(status) / 100 : 0;
}

void add_cell(std::uint64_t& total, const RelaxedCounter& cell) {
  total += cell.load();
}

template <std::size_t Size>
void add_cell(std::array<std::uint64_t, Size>& totals, const std::array<RelaxedCounter, Size>& cells) {
  for (std::size_t at = 0; at < Size; ++at) totals[at] += cells[at].load();
}

void add(CounterTotals& totals, const Counters& worker) {
  // Closed before opened: a stream that lives shortly in between must not count as closed only.
  add_cell(totals.streams_closed, worker.streams_closed);
  add_cell(totals.streams_opened, worker.streams_opened);
  add_cell(totals.events, worker.events);
  add_cell(totals.heartbeats, worker.heartbeats);
  add_cell(totals.requests, worker.requests);
  add_cell(totals.requests_ended, worker.requests_ended);
  add_cell(totals.counted, worker.counted);
  add_cell(totals.bytes_in, worker.bytes_in);
  add_cell(totals.bytes_out, worker.bytes_out);
  add_cell(totals.downgrades, worker.downgrades);
}

}  // namespace

std::uint64_t CounterTotals::streams_closed_sum() const {
  return std::accumulate(streams_closed.begin(), streams_closed.end(), std::uint64_t{0});
}

std::uint64_t CounterTotals::streams_active() const {
  return streams_opened - std::min(streams_opened, streams_closed_sum());
}

void count(Counters& counters, const LifecycleRecord& record) {
  const std::size_t reason = index_of(record.reason.value_or(Reason::complete));
  switch (record.event) {
    case LifecycleEvent::request:
      counters.requests[status_class(record.status)].add();
      counters.requests_ended[reason].add();
      counters.bytes_in.add(record.bytes_in);
      counters.bytes_out.add(record.bytes_out);
      return;
    case LifecycleEvent::stream_open:
      return counters.streams_opened.add();
    case LifecycleEvent::stream_first_event:
      return;
    case LifecycleEvent::heartbeat:
      return counters.heartbeats.add();  // Here, not at the close: streams live long.
    case LifecycleEvent::stream_close:
      counters.streams_closed[reason].add();
      counters.events.add(record.events);
      counters.bytes_in.add(record.bytes_in);
      counters.bytes_out.add(record.bytes_out);
      return;
    case LifecycleEvent::downgrade:
      return counters.downgrades.add();
  }
}

void count(Counters& counters, exchange::Counted what, std::uint64_t times) {
  const auto at = static_cast<std::size_t>(what);
  if (at < kCountedKinds) counters.counted[at].add(times);
}

CounterTotals sum(std::span<const Counters* const> workers, std::uint64_t log_dropped) {
  CounterTotals totals;
  for (const Counters* worker : workers) add(totals, *worker);
  totals.log_dropped = log_dropped;
  return totals;
}

}  // namespace sidecar::observe
