#include "net/worker.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <system_error>
#include <utility>

#include "net/handshake.hpp"
#include "net/session.hpp"

namespace sidecar::net {

Worker::Worker(const Common& common, Settings settings, std::uint64_t first_id, std::size_t place)
    : wheel_(now()),
      common_(common),
      observer_(common.log, settings.redactor),
      bench_(observer_, common.census, first_id),
      receive_buffer_(std::make_unique_for_overwrite<std::array<char, kReceiveBytes>>()),
      place_(place) {
  apply(std::move(settings));
  if (common_.crew != nullptr) common_.crew->join(place_, *this);
}

Worker::~Worker() {
  // Handlers that never ran still hold what they would have deleted: let them run their course.
  for_each_client([](ClientConnection& client) { client.force(); });
  for (const Generation& generation : generations_) {
    for (const auto& entry : generation.entries) entry.pool->clear();
  }
  for (const auto& listener : listeners_) listener->stop();
  for_each_client([](ClientConnection& client) { client.force(); });
  loop_.poll();
  // Perhaps somebody was passed on to us behind our last round.
  for_each_client([](ClientConnection& client) { client.force(); });
  loop_.poll();
}

void Worker::apply(Settings settings) {
  const exchange::Limits& limits = settings.policies->limits;
  // A quarter of pending_bytes may wait unread: with what one read brings it may all have to wait unwritten.
  read_size_ = std::min(kReceiveBytes, limits.pending_bytes / 2);
  memory_max_ = limits.pooled_memory / common_.workers;
  std::erase_if(generations_, [](const Generation& generation) { return generation.in_use.expired(); });
  Generation next{settings.policies, {}};
  std::vector<Generation::Entry> before;
  if (bench_.policies != nullptr) before = generations_.back().entries;
  const auto& upstreams = settings.policies->upstreams;
  settings.upstream_tls.resize(upstreams.size());
  for (std::size_t i = 0; i < upstreams.size(); ++i) {
    const exchange::UpstreamPolicy& upstream = upstreams[i];
    auto& tls = settings.upstream_tls[i];
    const auto same =
        std::ranges::find_if(before, [&](const auto& entry) { return entry.pool->serves(upstream, tls.get()); });
    if (same == before.end()) {
      auto pool = std::make_shared<UpstreamPool>(*this, upstream, std::move(tls), ++pools_made_);
      next.entries.push_back({&upstream, std::move(pool)});
    } else {
      next.entries.push_back({&upstream, std::move(same->pool)});
      before.erase(same);
    }
  }
  for (const auto& entry : before) entry.pool->retire();
  generations_.push_back(std::move(next));
  bench_.policies = std::move(settings.policies);
  observer_.set_redactor(std::move(settings.redactor));
}

std::span<char> Worker::receive_buffer() {
  // When memory becomes short, a read brings no more than one chunk holds: so a slow peer costs one chunk.
  static constexpr std::size_t kThrifty = 15 * 1024;
  const std::size_t size = memory_ > memory_max_ / 2 ? std::min(read_size_, kThrifty) : read_size_;
  return std::span(*receive_buffer_).first(size);
}

bool Worker::change_memory(std::size_t before, std::size_t after) {
  // Who holds no more than this is no reason for a shortage, and is served in one.
  static constexpr std::size_t kModest = 8 * 1024;
  memory_ += after - before;
  return after <= before || after <= kModest || memory_ <= memory_max_;
}

UpstreamPool& Worker::pool(const exchange::UpstreamPolicy& upstream) {
  for (auto generation = generations_.rbegin(); generation != generations_.rend(); ++generation) {
    for (const auto& entry : generation->entries) {
      if (entry.upstream == &upstream) return *entry.pool;
    }
  }
  std::abort();  // An exchange keeps its policy set, and the set its pools.
}

void Worker::listen(const ListeningSocket& socket) {
  std::erase_if(listeners_, [](const auto& listener) { return !listener->is_open(); });
  listeners_.push_back(std::make_unique<Listener>(*this, socket, common_.workers > 1));
}

void Worker::run() {
  for (const auto& listener : listeners_) listener->start();
  loop_.run([this] { on_timer(); });
}

void Worker::post_listen(const ListeningSocket& socket) {
  loop_.post([this, socket] {
    listen(socket);
    listeners_.back()->start();
  });
}

void Worker::post_change(const ListeningSocket& socket) {
  loop_.post([this, socket] {
    for (const auto& listener : listeners_) {
      if (listener->id() == socket.id) listener->change(socket);
    }
  });
}

void Worker::post_unlisten(unsigned id) {
  loop_.post([this, id] {
    for (const auto& listener : listeners_) {
      if (listener->id() == id) listener->finish();
    }
  });
}

Worker& Worker::choose_taker() {
  if (common_.crew == nullptr) return *this;
  const std::size_t place = common_.crew->choose(place_);
  common_.crew->enter(place);
  return common_.crew->worker(place);
}

void Worker::post_connection(Newcomer newcomer) {
  loop_.post([this, newcomer = std::move(newcomer)]() mutable {
    const int fd = newcomer.fd;
    if (take_in(std::move(newcomer))) return;
    ::close(fd);
    leave_connection();
    warn("the kernel cannot watch one more connection: it is closed");
  });
}

bool Worker::take_in(Newcomer newcomer) {
  std::optional<Stream> stream;
  try {
    stream.emplace(loop_, newcomer.fd);
  } catch (const std::system_error&) {
    return false;
  }
  const Session::Arrival arrival{newcomer.refused, newcomer.at.proxy_protocol, newcomer.at.translates_http2};
  if (newcomer.at.tls != nullptr) {
    Handshake::start(*this, std::move(*stream), std::move(newcomer.peer), arrival, std::move(newcomer.at.tls));
  } else {
    Session::start(*this, std::move(*stream), newcomer.peer, arrival);
  }
  return true;
}

void Worker::leave_connection() {
  common_.census.leave_connection();
  if (common_.crew != nullptr) common_.crew->leave(place_);
}

void Worker::post_settings(Settings settings) {
  loop_.post([this, settings = std::move(settings)]() mutable { apply(std::move(settings)); });
}

void Worker::post_drain(const exchange::DrainPolicy& policy) {
  loop_.post([this, policy] {
    // Behind the last planned end there is time left for streams in the middle of an event.
    bench_.drain = {now() + policy.grace * 3 / 4, policy.retry_min, policy.retry_max};
    for (const auto& listener : listeners_) listener->finish();
    for_each_client([](ClientConnection& client) { client.drain(); });
    on_timer();
  });
}

void Worker::post_force() {
  loop_.post([this] {
    for_each_client([](ClientConnection& client) { client.force(); });
    loop_.stop();
  });
}

template <class Visit>
void Worker::for_each_client(Visit&& visit) {
  // A connection may unlink itself while it is visited.
  for (auto it = clients_.begin(); it != clients_.end();) visit(*it++);
}

std::uint32_t Worker::user_timeout_ms() const {
  return user_timeout(bench_.policies->limits.write_timeout);
}

void Worker::schedule(TimedEntry& entry, TimePoint due) {
  wheel_.schedule(entry, due);
  if (due < armed_at_) arm_timer();
}

void Worker::arm_timer() {
  TimePoint wakeup = wheel_.next_wakeup();
  // While draining, the last session may end between two deadlines.
  if (bench_.drain) wakeup = std::min(wakeup, now() + exchange::kDeadlineGrid);
  if (wakeup >= armed_at_) return;
  armed_at_ = wakeup;
  loop_.wake_at(wakeup);
}

void Worker::on_timer() {
  armed_at_ = exchange::kNever;
  const TimePoint time = now();
  wheel_.advance(time, [&](exchange::DeadlineEntry& entry) { static_cast<TimedEntry&>(entry).on_deadline(time); });
  if (bench_.drain && is_done()) {
    loop_.stop();
    return;
  }
  arm_timer();
}

bool Worker::is_done() const {
  const auto open = [](const auto& listener) { return listener->is_open(); };
  return clients_.empty() && std::none_of(listeners_.begin(), listeners_.end(), open);
}

void Worker::warn(std::string_view text) {
  common_.log.message(observe::Level::warn, text);
}

}  // namespace sidecar::net
