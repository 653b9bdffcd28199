#include "tests/exchange/dialogue.hpp"

#include <algorithm>
#include <stdexcept>

namespace sidecar::test {

using exchange::Counted;
using exchange::kNever;
using exchange::LifecycleRecord;
using exchange::PolicySet;
using exchange::RoutePolicy;
using exchange::TimePoint;
using exchange::to_ms;
using exchange::UpstreamFailure;
using exchange::UpstreamPolicy;
using exchange::UpstreamWish;
using exchange::Workbench;

namespace {

Workbench& with_policies(Workbench& bench, const PolicySet& policies) {
  bench.policies = std::make_shared<const PolicySet>(policies);
  return bench;
}

/// The kernel takes from the front of `bytes`.
std::size_t take(std::string& bytes, std::size_t& room, std::string& out) {
  const std::size_t size = std::min(bytes.size(), room);
  out.append(bytes, 0, size);
  bytes.erase(0, size);
  if (room != Dialogue::kUnlimited) room -= size;
  return size;
}

}  // namespace

PolicySet one_upstream() {
  PolicySet policies;
  UpstreamPolicy upstream;
  upstream.name = "app";
  upstream.url = "http://app:8000";
  policies.upstreams.push_back(upstream);
  RoutePolicy route;
  route.name = "all";
  policies.routes.push_back(route);
  return policies;
}

Dialogue::Dialogue(const PolicySet& policies)
    : relay(codec, "192.0.2.7:51412", false, now, with_policies(bench, policies)) {}

void Dialogue::client(std::string_view bytes) {
  relay.on_downstream_bytes(bytes, now, bench);
  settle();
}

void Dialogue::client_eof() {
  relay.on_downstream_eof(now, bench);
  settle();
}

void Dialogue::client_reset() {
  relay.on_downstream_reset(now, bench);
  settle();
}

void Dialogue::connected(bool pooled) {
  relay.on_upstream_ready(attempt(), pooled, now, bench);
  settle();
}

void Dialogue::connect_failed(UpstreamFailure failure) {
  relay.on_upstream_failed(attempt(), failure, now, bench);
  settle();
}

void Dialogue::backend(std::string_view bytes) {
  relay.on_upstream_bytes(attempt(), bytes, now, bench);
  settle();
}

void Dialogue::backend_eof() {
  relay.on_upstream_eof(attempt(), now, bench);
  settle();
}

void Dialogue::backend_reset() {
  relay.on_upstream_reset(attempt(), now, bench);
  settle();
}

void Dialogue::drain(std::chrono::milliseconds streams_end_in) {
  bench.drain = {now + streams_end_in, std::chrono::milliseconds{1'000}, std::chrono::milliseconds{5'000}};
  relay.on_drain(now, bench);
  settle();
}

void Dialogue::force() {
  relay.on_forced(now, bench);
  settle();
}

void Dialogue::after(std::chrono::milliseconds span) {
  const TimePoint end = now + span;
  while (relay.next_deadline() <= end) {
    now = std::max(now, relay.next_deadline());
    relay.on_deadline(now, bench);
    settle();
  }
  now = end;
}

void Dialogue::client_room(std::size_t bytes) {
  client_room_ = bytes;
  if (client_pending_.empty()) return;
  const std::size_t sent = take(client_pending_, client_room_, to_client_);
  relay.on_downstream_progress(sent, client_pending_.size(), now, bench);
  settle();
}

void Dialogue::backend_room(std::size_t bytes) {
  backend_room_ = bytes;
  if (backend_pending_.empty()) return;
  const std::size_t sent = take(backend_pending_, backend_room_, to_backend_);
  relay.on_upstream_progress(sent, backend_pending_.size(), now, bench);
  settle();
}

LifecycleRecord Dialogue::end() const {
  const auto ends = recorder.ends();
  if (ends.size() != 1) throw std::logic_error(std::to_string(ends.size()) + " exchanges have ended, not one");
  return ends.front();
}

std::size_t Dialogue::counted(Counted what) const {
  const auto found = recorder.counted.find(what);
  return found == recorder.counted.end() ? 0 : found->second;
}

std::chrono::milliseconds Dialogue::until_deadline() const {
  const TimePoint deadline = relay.next_deadline();
  return deadline == kNever ? std::chrono::milliseconds{-1} : to_ms(deadline - now);
}

void Dialogue::settle() {
  do {
    while (flush()) {
    }
  } while (relay.proceed(now, bench));
  relay.tidy();
}

/// True when there is more to write.
bool Dialogue::flush() {
  if (!bench.to_upstream.empty()) {
    backend_pending_ += bench.to_upstream.joined();
    bench.to_upstream.clear();
    const std::size_t sent = take(backend_pending_, backend_room_, to_backend_);
    relay.on_upstream_progress(sent, backend_pending_.size(), now, bench);
  }
  const bool waiting = !client_pending_.empty();
  client_pending_ += bench.to_downstream.joined();
  bench.to_downstream.clear();
  const std::size_t sent = waiting ? 0 : take(client_pending_, client_room_, to_client_);
  relay.on_downstream_progress(sent, client_pending_.size(), now, bench);
  // A connection that was given up takes what was meant for it along.
  if (upstream_wish() != UpstreamWish::Kind::none) backend_pending_.clear();
  return !bench.to_downstream.empty() || !bench.to_upstream.empty();
}

}  // namespace sidecar::test
