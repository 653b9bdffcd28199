#include "tests/sim/shell.hpp"

#include <algorithm>
#include <utility>

namespace sidecar::test {

using exchange::Counted;
using exchange::DownstreamManner;
using exchange::kDeadlineGrid;
using exchange::kNever;
using exchange::LifecycleEvent;
using exchange::Phase;
using exchange::PolicySet;
using exchange::Reason;
using exchange::TimePoint;
using exchange::UpstreamFailure;
using exchange::UpstreamWish;
using exchange::Wishes;
using exchange::Workbench;

namespace {

Workbench& with_policies(Workbench& bench, const PolicySet& policies) {
  bench.policies = std::make_shared<const PolicySet>(policies);
  return bench;
}

}  // namespace

Shell::Shell(const PolicySet& policies, Recorder& recorder, Surroundings& world)
    : policies_(policies),
      recorder_(recorder),
      world_(world),
      bench_(recorder, gate_, 1),
      relay_(codec_, "192.0.2.7:51412", false, now, with_policies(bench_, policies)) {
  last_taken_ = last_heard_ = last_deferred_ = now;
}

// ---- What happened
// ---------------------------------------------------------------------------------------------------

bool Shell::step() {
  if (closing_) return false;
  const Wishes wishes = relay_.wishes();
  std::vector<Act> possible;
  if (wishes.read_downstream && (!client.to_read.empty() || client.peer_fin || client.peer_reset))
    possible.push_back(Act::read_client);
  if (!client_pending_.empty() && (client.room() > 0 || client.peer_reset)) possible.push_back(Act::write_client);
  if (backend_ != nullptr) {
    Socket& backend = *backend_;
    if (wishes.read_upstream && (!backend.to_read.empty() || backend.peer_fin || backend.peer_reset))
      possible.push_back(Act::read_backend);
    if (!backend_pending_.empty() && (backend.room() > 0 || backend.peer_reset)) possible.push_back(Act::write_backend);
  }
  if (possible.empty()) return false;
  act(possible[world_.choose(possible.size())]);
  if (!closing_) settle();
  return true;
}

void Shell::act(Act what) {
  switch (what) {
    case Act::read_client:
      read_client();
      break;
    case Act::read_backend:
      read_backend();
      break;
    case Act::write_client:
      if (client.peer_reset) {
        relay_.on_downstream_reset(now, bench_);
      } else {
        const std::size_t sent = write(client, client_pending_, false);
        note_taken(sent);
        relay_.on_downstream_progress(sent, client_pending_.size(), now, bench_);
      }
      break;
    case Act::write_backend: {
      std::size_t sent = 0;
      if (backend_->peer_reset) {
        backend_deaf_ = true;
        backend_pending_.clear();
      } else {
        sent = write(*backend_, backend_pending_, false);
      }
      note_backend_took(sent);
      relay_.on_upstream_progress(sent, backend_pending_.size(), now, bench_);
      break;
    }
  }
}

void Shell::read_client() {
  if (client.peer_reset) {
    relay_.on_downstream_reset(now, bench_);
  } else if (!client.to_read.empty()) {
    const std::size_t size = 1 + world_.choose(std::min(client.to_read.size(), read_max));
    buffer_ = client.to_read.substr(0, size);
    client.to_read.erase(0, size);
    relay_.on_downstream_bytes(buffer_, now, bench_);
  } else {
    relay_.on_downstream_eof(now, bench_);
  }
}

void Shell::read_backend() {
  if (backend_->peer_reset) {
    relay_.on_upstream_reset(attempt_, now, bench_);
  } else if (!backend_->to_read.empty()) {
    const std::size_t size = 1 + world_.choose(std::min(backend_->to_read.size(), read_max));
    buffer_ = backend_->to_read.substr(0, size);
    backend_->to_read.erase(0, size);
    last_heard_ = now;
    relay_.on_upstream_bytes(attempt_, buffer_, now, bench_);
  } else {
    relay_.on_upstream_eof(attempt_, now, bench_);
  }
}

void Shell::on_dialed(Socket& socket) {
  if (!std::exchange(dialing_, false)) return;
  adopt(socket, false);
  settle();
}

void Shell::on_dial_failed(UpstreamFailure failure) {
  if (!std::exchange(dialing_, false)) return;
  relay_.on_upstream_failed(attempt_, failure, now, bench_);
  settle();
}

void Shell::on_deadline() {
  if (closing_) return;
  const std::uint64_t deferred_before = deferred();
  const std::size_t beats_before = recorder_.all(LifecycleEvent::heartbeat).size();
  note_backend_took(0);
  relay_.on_deadline(now, bench_);
  if (deferred() != deferred_before) last_deferred_ = now;
  if (recorder_.all(LifecycleEvent::heartbeat).size() != beats_before) check_heartbeat();
  settle();
}

void Shell::drain() {
  static constexpr std::chrono::seconds kSpread{6};
  bench_.drain = {now + kSpread, std::chrono::milliseconds{1'000}, std::chrono::milliseconds{5'000}};
  relay_.on_drain(now, bench_);
  if (!closing_) settle();
}

void Shell::force() {
  forced_ = true;
  relay_.on_forced(now, bench_);
  if (!closing_) settle();
}

TimePoint Shell::wakeup() const {
  if (closing_) return kNever;
  const TimePoint deadline = relay_.next_deadline();
  return poll_ ? std::min(deadline, now + kDeadlineGrid) : deadline;
}

// ---- Settling
// --------------------------------------------------------------------------------------------------------

void Shell::settle() {
  int rounds = 0;
  do {
    do {
      flush_backend();
      flush_client();
      if (++rounds > 1000) {
        world_.broken("settling never ends");
        closing_ = true;
        return;
      }
    } while (!bench_.to_downstream.empty() || !bench_.to_upstream.empty() || obey());
    if (closing_) return;
  } while (relay_.proceed(now, bench_));
  relay_.tidy();
  buffer_.assign(buffer_.size(), '\xDD');  // Nobody may point into it any more.
  check_memory();
  check_silence();
}

std::size_t Shell::write(Socket& socket, std::string& pending, bool fresh) {
  std::size_t size = std::min(pending.size(), socket.room());
  if (!fresh || world_.choose(4) == 0) size = world_.choose(size + 1);
  socket.taken.append(pending, 0, size);
  if (&socket == &client) to_client.append(pending, 0, size);
  pending.erase(0, size);
  return size;
}

void Shell::note_taken(std::size_t sent) {
  if (sent > 0) last_taken_ = now;
  if (client_pending_.empty()) {
    blocked_since_ = kNever;
  } else if (sent > 0 || blocked_since_ == kNever) {
    blocked_since_ = now;
  }
}

void Shell::note_backend_took(std::size_t sent) {
  if (backend_pending_.empty()) {
    backend_blocked_since_ = kNever;
  } else if (sent > 0 || backend_blocked_since_ == kNever) {
    backend_blocked_since_ = now;
  }
  if (backend_blocked_since_ != kNever &&
      now - backend_blocked_since_ + kDeadlineGrid >= policies_.limits.write_timeout)
    backend_stalled_ = true;
}

void Shell::flush_client() {
  std::string output = bench_.to_downstream.joined();
  bench_.to_downstream.clear();
  if (client.shut) {
    if (!output.empty()) world_.broken("output behind the FIN");
    return;
  }
  if (client.peer_reset && !output.empty() && client_pending_.empty()) {
    relay_.on_downstream_reset(now, bench_);
    return;
  }
  const bool waiting = !client_pending_.empty();
  client_pending_ += output;
  const std::size_t sent = waiting ? 0 : write(client, client_pending_, true);
  note_taken(sent);
  relay_.on_downstream_progress(sent, client_pending_.size(), now, bench_);
}

void Shell::flush_backend() {
  if (bench_.to_upstream.empty()) return;
  std::size_t sent = 0;
  if (backend_ != nullptr && !backend_deaf_) {
    if (backend_->peer_reset && backend_pending_.empty()) {
      backend_deaf_ = true;
    } else {
      const bool waiting = !backend_pending_.empty();
      backend_pending_ += bench_.to_upstream.joined();
      if (!waiting) sent = write(*backend_, backend_pending_, true);
    }
  }
  bench_.to_upstream.clear();
  note_backend_took(sent);
  relay_.on_upstream_progress(sent, backend_pending_.size(), now, bench_);
}

bool Shell::obey() {
  const Wishes wishes = relay_.wishes();
  const bool more = obey_upstream(wishes);
  if (!more) obey_client(wishes);
  return more;
}

bool Shell::obey_upstream(const Wishes& wishes) {
  using Kind = UpstreamWish::Kind;
  switch (wishes.upstream.kind) {
    case Kind::pooled_ok:
    case Kind::fresh:
      if (wishes.upstream.attempt == attempt_) return false;
      drop_backend(false);
      attempt_ = wishes.upstream.attempt;
      if (Socket* idle = wishes.upstream.kind == Kind::pooled_ok ? world_.take_idle() : nullptr; idle != nullptr) {
        adopt(*idle, true);
        return true;
      }
      dialing_ = true;
      world_.dial(attempt_);
      return false;
    case Kind::release:
      if (backend_ == nullptr) return false;
      if (!backend_pending_.empty() || backend_deaf_ || backend_->shut) {
        drop_backend(false);
      } else {
        world_.put_idle(*std::exchange(backend_, nullptr));
      }
      return false;
    case Kind::hold:  // Nobody authenticates here; not to hold it is always right.
    case Kind::close:
      drop_backend(false);
      return false;
    case Kind::abort:
      drop_backend(true);
      return false;
    case Kind::none:
      break;
  }
  if (backend_ != nullptr && backend_pending_.empty() && wishes.half_close_upstream) backend_->shut = true;
  return false;
}

void Shell::obey_client(const Wishes& wishes) {
  const bool flushed = client_pending_.empty();
  poll_ = false;
  switch (wishes.downstream) {
    case DownstreamManner::close:
      if (!flushed) world_.broken("closed before everything was delivered");
      close(false);
      return;
    case DownstreamManner::abort:
      close(true);
      return;
    case DownstreamManner::abort_after_flush:
      if (truncating_since_ == kNever) truncating_since_ = now;
      if (!flushed) world_.broken("truncating with bytes to write");
      if (client.taken.empty()) {
        close(true);
        return;
      }
      poll_ = true;
      break;
    case DownstreamManner::hand_over:
      world_.broken("handed over what nobody expects to be HTTP/2");
      return;
    case DownstreamManner::keep:
    case DownstreamManner::finish:
      break;
  }
  const bool finish = wishes.downstream == DownstreamManner::finish || wishes.half_close_downstream;
  if (finish && flushed) client.shut = true;
}

void Shell::adopt(Socket& socket, bool pooled) {
  backend_ = &socket;
  used.push_back(&socket);
  backend_deaf_ = false;
  relay_.on_upstream_ready(attempt_, pooled, now, bench_);
}

void Shell::drop_backend(bool reset) {
  backend_blocked_since_ = kNever;
  if (std::exchange(dialing_, false)) world_.cancel_dial();
  backend_pending_.clear();
  if (backend_ == nullptr) return;
  backend_->closed = true;
  backend_->reset = reset;
  if (reset) backend_->taken.clear();
  backend_ = nullptr;
}

void Shell::close(bool reset) {
  closing_ = true;
  drop_backend(reset);
  client.closed = true;
  client.reset = reset;
  if (!reset) return;
  // A reset destroys what is under way. Where something broke off behind the client's back, that must not happen.
  const auto ends = recorder_.ends();
  const Reason reason = ends.empty() ? Reason::complete : ends.back().reason.value_or(Reason::complete);
  const bool ours = reason == Reason::upstream_truncated || reason == Reason::upstream_reset;
  const auto long_ago = [&](TimePoint since) {
    return since != kNever && now - since + kDeadlineGrid >= policies_.limits.write_timeout;
  };
  const bool waited = forced_ || long_ago(truncating_since_) || long_ago(blocked_since_);
  const bool tunnel = !ends.empty() && ends.back().status == 101;
  if (ours && !waited && !tunnel && !client.peer_reset && !client.taken.empty())
    world_.broken("the reset destroyed what had arrived");
  client.taken.clear();
}

// ---- Judging
// ---------------------------------------------------------------------------------------------------------

void Shell::check_memory() {
  static constexpr std::size_t kHeads = 4096;
  const std::size_t held = relay_.waiting() + client_pending_.size() + backend_pending_.size();
  if (held > policies_.limits.pending_bytes + read_max + kHeads)
    world_.broken("holds " + std::to_string(held) + " bytes");
}

std::uint64_t Shell::deferred() const {
  std::uint64_t sum = 0;
  for (const Counted what : {Counted::heartbeat_deferred_blocked, Counted::heartbeat_deferred_mid_line,
                             Counted::heartbeat_deferred_opaque}) {
    const auto found = recorder_.counted.find(what);
    if (found != recorder_.counted.end()) sum += found->second;
  }
  return sum;
}

void Shell::check_heartbeat() {
  ++heartbeats;
  const exchange::HeartbeatPolicy& policy = policies_.routes[0].event_stream.heartbeat;
  if (!policy.sends() || now - last_taken_ < *policy.interval - policy.jitter - kDeadlineGrid)
    world_.broken("a heartbeat without silence");
  if (!client_pending_.empty()) world_.broken("a heartbeat behind unsent bytes");
}

void Shell::check_silence() {
  const exchange::HeartbeatPolicy& policy = policies_.routes[0].event_stream.heartbeat;
  const bool open = relay_.phase() == Phase::streaming || relay_.phase() == Phase::holding;
  if (!open || !policy.sends() || !client_pending_.empty()) return;
  const TimePoint since = std::max({last_taken_, last_heard_, last_deferred_});
  if (now - since > *policy.interval + kDeadlineGrid) world_.broken("silence without a heartbeat");
}

}  // namespace sidecar::test
