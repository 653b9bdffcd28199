#include "net/worker.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

namespace sidecar::net {

Worker::Worker(observe::Log& log, std::shared_ptr<const observe::QueryRedactor> redactor,
               exchange::PolicySetPtr policies, std::uint64_t first_id)
    : timer_(io_.get_executor()),
      wheel_(now()),
      log_(log),
      observer_(log, std::move(redactor)),
      bench_(observer_, first_id),
      receive_buffer_(std::make_unique<std::array<char, kReceiveBytes>>()) {
  // What one read brings, what waits unread and what waits unwritten share pending_bytes.
  read_size_ = std::min(kReceiveBytes, policies->limits.pending_bytes / 4);
  for (const exchange::UpstreamPolicy& upstream : policies->upstreams) {
    pools_.push_back(std::make_unique<UpstreamPool>(*this, upstream));
  }
  bench_.policies = std::move(policies);
}

Worker::~Worker() {
  // Handlers that never ran still hold what they would have deleted: let them run their course.
  for_each_session([](Session& session) { session.force(); });
  for (const auto& pool : pools_) pool->clear();
  for (const auto& listener : listeners_) listener->stop();
  io_.restart();
  io_.poll();
}

void Worker::listen(int fd, bool shared) {
  listeners_.push_back(std::make_unique<Listener>(*this, fd, shared));
}

void Worker::run() {
  for (const auto& listener : listeners_) listener->start();
  const auto work = boost::asio::make_work_guard(io_);
  io_.run();
}

void Worker::post_drain() {
  asio::post(io_, [this] {
    bench_.draining = true;
    for (const auto& listener : listeners_) listener->stop();
    for_each_session([](Session& session) { session.drain(); });
    on_timer();
  });
}

void Worker::post_force() {
  asio::post(io_, [this] {
    for_each_session([](Session& session) { session.force(); });
    io_.stop();
  });
}

template <class Visit>
void Worker::for_each_session(Visit&& visit) {
  // A session may unlink itself while it is visited.
  for (auto it = sessions_.begin(); it != sessions_.end();) visit(*it++);
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
  if (bench_.draining) wakeup = std::min(wakeup, now() + exchange::kDeadlineGrid);
  if (wakeup >= armed_at_) return;
  armed_at_ = wakeup;
  timer_.expires_at(wakeup);
  timer_.async_wait([this](const ErrorCode& error) {
    if (!error) on_timer();
  });
}

void Worker::on_timer() {
  armed_at_ = exchange::kNever;
  const TimePoint time = now();
  wheel_.advance(time, [&](exchange::DeadlineEntry& entry) { static_cast<TimedEntry&>(entry).on_deadline(time); });
  if (bench_.draining && sessions_.empty()) {
    io_.stop();
    return;
  }
  arm_timer();
}

void Worker::warn(std::string_view text) {
  log_.message(observe::Level::warn, text);
}

}  // namespace sidecar::net
