#include "exchange/stream_delivery.hpp"

#include <algorithm>

namespace sidecar::exchange {

std::size_t StreamDelivery::pass(std::string_view bytes, http::ResponseSink& sink) {
  const sse::BomFilter::Passed passed = bom_.filter(bytes);
  if (!passed.held.empty()) sink.data(passed.held);
  if (!passed.rest.empty()) sink.data(passed.rest);
  return passed.held.size() + passed.rest.size();
}

std::size_t StreamDelivery::pass_end(http::ResponseSink& sink) {
  const std::string_view held = bom_.finish();
  if (!held.empty()) sink.data(held);
  return held.size();
}

std::size_t StreamDelivery::insert(std::string_view bytes, http::ResponseSink& sink) {
  if (bytes.empty()) return 0;
  bom_.on_insertion();
  sink.data(bytes);
  return bytes.size();
}

void StreamDelivery::on_progress(const HeartbeatPolicy& policy, std::size_t sent, std::size_t pending, TimePoint now,
                                 Random& random) {
  blocked_ = pending > 0;
  if (sent == 0) return;
  last_sent_ = now;
  postpone(policy, now, random);
}

StreamDelivery::Beat StreamDelivery::on_deadline(const HeartbeatPolicy& policy, const StreamSource& source,
                                                 TimePoint now, Random& random, http::ResponseSink& sink) {
  Beat beat;
  if (!is_due(due_, now)) return beat;
  postpone(policy, now, random);
  beat.idle = to_ms(now - last_sent_);
  if (blocked_) {
    beat.outcome = Outcome::blocked;
    return beat;
  }
  if (source.kind() != sse::StreamKind::insertable) {
    beat.outcome = Outcome::opaque;
    return beat;
  }
  const std::string_view bytes = policy.insertion.at(source.scanner().position(), source.scanner().insertion_ending());
  if (bytes.empty()) {
    beat.outcome = Outcome::mid_line;
    return beat;
  }
  beat.bytes = insert(bytes, sink);
  ++heartbeats_;
  beat.outcome = Outcome::sent;
  return beat;
}

/// Never later than the interval: somebody's patience is behind it.
void StreamDelivery::postpone(const HeartbeatPolicy& policy, TimePoint now, Random& random) {
  if (!policy.sends()) {
    due_ = kNever;
    return;
  }
  due_ = now + *policy.interval;
  const Milliseconds jitter = std::min(policy.jitter, *policy.interval);
  if (jitter.count() > 0) due_ -= between(Milliseconds{0}, jitter, random);
}

}  // namespace sidecar::exchange
